/*
 * page_copy.h
 *		One heap page for the clone.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PAGE_COPY_H
#define TENANT_MGR_PAGE_COPY_H

#include "access/tupdesc.h"
#include "clone/oidmap.h"
#include "storage/block.h"
#include "storage/bufpage.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* What has to change in the rows of a table while its pages are copied */
typedef struct PagePatch
{
	const OidMap *map;			/* what became of OIDs */
	Oid			toast_source;	/* TOAST table of the source, or InvalidOid */
	Oid			toast_clone;	/* and of the clone */
	TupleDesc	tupdesc;		/* the columns */
	int			last_column;	/* columns up to here are of interest, always */
	int			last_varlena;	/* and up to here if the row has external
								 * values */
	bool	   *holds_oid;		/* for each column: is it an OID to replace? */
	bool		any_oid;		/* is any? */
} PagePatch;

typedef struct PageCopy
{
	Relation	source;			/* what is copied */
	Snapshot	snapshot;		/* rows that it sees are kept */
	PagePatch  *patch;			/* or NULL if rows stay as they are */
	bool		keep_pointers;	/* will index entries keep pointing here? */
	bool		verbatim;		/* keep all rows, dead ones too */
} PageCopy;

/*
 * Bring a page of the source into shape for the clone.  Returns true if all
 * rows on it are visible to everybody, which the page then says, too.
 */
extern bool tm_page_copy(const PageCopy *copy, BlockNumber block,
						 BufferAccessStrategy strategy, Page page);

/*
 * What has to be changed in rows of this table; NULL for nothing.  Meant for
 * tables whose columns allow it, see tm_column_patchable().
 */
extern PagePatch *tm_page_patch(Relation source, const OidMap *map);

/*
 * Can the values of this type, which hold OIDs, be changed where they are?
 * That is so if they are OIDs.
 */
extern bool tm_column_patchable(Oid typid);

#endif							/* TENANT_MGR_PAGE_COPY_H */
