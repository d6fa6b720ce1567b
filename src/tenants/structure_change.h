/*
 * structure_change.h
 *		Which schemas have changed since somebody has looked at them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_STRUCTURE_CHANGE_H
#define TENANT_MGR_STRUCTURE_CHANGE_H

#include "catalog/objectaddress.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

/*
 * The transaction changes, or is about to change, what is in the schema, or what
 * may be in any.  Waits for nobody.  Nothing happens where the extension is not
 * installed.
 */
extern void tm_structure_changed(Oid nspid);
extern void tm_structure_changed_everywhere(void);

/*
 * The transaction has changed this object of the schema, and nothing else in it, as is
 * said in touched_objects.h.
 */
extern void tm_structure_changed_object(Oid nspid,
										const ObjectAddress *object);

/*
 * The same for a command that must be the first to write: just before the present
 * transaction is committed.
 */
extern void tm_structure_changes_at_commit(Oid nspid);

/* Has somebody changed the schema, as far as that is committed or ours? */
extern bool tm_structure_is_changed(Oid nspid);

/* All schemas of which that is so, a palloc'd list of OIDs with doubles. */
extern List *tm_structure_changed_schemas(void);

/* What is known of changes that nobody has looked at */
typedef struct StructureNews
{
	TimestampTz changed_at;		/* when the first one was, or DT_NOEND */
	bool		by_others;		/* not all are this transaction's own */
} StructureNews;

/*
 * Take away what says that the schema has changed, before looking at it.  False if
 * somebody is changing it just now: then what is seen must not be kept.
 */
extern bool tm_structure_take(Oid nspid, StructureNews *news);

/* Append what is another text after each change that may be anywhere. */
extern void tm_structure_append_everywhere(StringInfo buf);

#endif							/* TENANT_MGR_STRUCTURE_CHANGE_H */
