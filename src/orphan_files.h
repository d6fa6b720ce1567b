/*
 * orphan_files.h
 *		Files of this database that belong to no relation.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ORPHAN_FILES_H
#define TENANT_MGR_ORPHAN_FILES_H

#include "nodes/pg_list.h"

/* All files of one number: the forks and segments of what was a relation */
typedef struct OrphanFile
{
	char	   *path;			/* of the first one, from the data directory */
	int			nfiles;			/* how many there are */
	uint64		nbytes;			/* how long they are together */
} OrphanFile;

/*
 * Look for them; a palloc'd list of OrphanFile.  Takes a moment, and reads
 * the directories of the database and an index of pg_class.
 */
extern List *tm_orphan_files(void);

#endif							/* TENANT_MGR_ORPHAN_FILES_H */
