/*
 * maintained.h
 *		The relation that the server works on just now.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MAINTAINED_H
#define TENANT_MGR_MAINTAINED_H

#include "access/parallel.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"

/* What the backend said about its progress */
typedef struct Maintained
{
	ProgressCommandType command;	/* or PROGRESS_COMMAND_INVALID */
	Oid			relid;			/* the relation it works on */
	int64		params[PGSTAT_NUM_PROGRESS_PARAM];	/* how far it is */
} Maintained;

/* The relation, where there is progress to tell of, or in a parallel worker */
extern Oid	tm_maintained_look(void);

/* May there be one?  Costs next to nothing. */
static inline bool
tm_maintained_any(void)
{
	return IsParallelWorker() ||
		(MyBEEntry != NULL &&
		 MyBEEntry->st_progress_command != PROGRESS_COMMAND_INVALID);
}

/* The relation, or InvalidOid if there is none.  Cheap if there is none. */
static inline Oid
tm_maintained_relation(void)
{
	return tm_maintained_any() ? tm_maintained_look() : InvalidOid;
}

/* Before something that may take the entry away, and after it */
extern void tm_maintained_note(Maintained *entry);
extern void tm_maintained_restore(const Maintained *entry);

/* The same for subtransactions, to be called by their callback */
extern void tm_maintained_begin_subtransaction(SubTransactionId subid);
extern void tm_maintained_end_subtransaction(SubTransactionId subid,
											 bool aborted);
extern void tm_maintained_end_of_transaction(void);

#endif							/* TENANT_MGR_MAINTAINED_H */
