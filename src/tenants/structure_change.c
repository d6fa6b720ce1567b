/*
 * structure_change.c
 *		Which schemas have changed since somebody has looked at them.
 *
 * This is the only file that knows the columns of tenant.structure_change.  What
 * is known of a schema is true as long as there is no row about it.  The row is
 * written by the transaction that changes the schema, so nobody sees one without
 * the other; and whoever looks takes away the rows that were there before, no
 * others.
 *
 * Sessions that change the same schema do not wait for each other: each has a row
 * of its own, or shares one that is there already by locking it against being
 * taken away.  Such a row does, because whoever takes it away has to do so before
 * looking at the schema, and cannot while it is locked.  So there are never more
 * rows than sessions, however many statements have been executed.
 *
 * A change that may be anywhere has a row without a schema.  Many have to notice
 * it, so it is not taken away, but replaced by the next one; each has a token by
 * which it is told from the others.
 *
 * The table is not in dumps: it is about catalogs that are not restored as such.
 *
 * Rows are looked for with SnapshotSelf, which is about what is committed now, and
 * leaves no predicate locks that would make transactions fail.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/own_table.h"
#include "tenants/structure_change.h"
#include "tenants/touched_objects.h"

/* Columns of tenant.structure_change */
#define Anum_change_schema_oid	1
#define Anum_change_token		2
#define Anum_change_changed_at	3
#define Natts_change			3

#define CHANGE_TABLE		"structure_change"
#define CHANGE_BY_SCHEMA	"structure_change_pkey"

/* A schema that has a row of, or locked by, the current transaction */
typedef struct NotedSchema
{
	Oid			nspid;			/* the schema; InvalidOid for all of them */
	SubTransactionId subid;		/* the row goes if this one is rolled back */
	bool		noted;			/* false: taken away meanwhile */
} NotedSchema;

/*
 * In the order of subtransactions; written here only, in TopTransactionContext,
 * forgotten at its end.
 */
static NotedSchema *noted_schemas = NULL;
static int	nnoted = 0;
static int	max_noted = 0;

/* To be noted at the end of the transaction, or InvalidOid */
static Oid	changes_at_commit = InvalidOid;

static Relation open_changes(LOCKMODE lockmode);
static SysScanDesc scan_changes(Relation rel, Oid nspid);
static bool is_noted(Oid nspid);
static void note_schema(Oid nspid);
static void register_callbacks(void);
static void note(Oid nspid);
static void forget_noted(Oid nspid);
static bool share_row(Relation rel, Oid nspid);
static void insert_row(Relation rel, Oid nspid);
static bool delete_rows(Relation rel, Oid nspid, StructureNews *news);
static void end_transaction(XactEvent event, void *arg);
static void end_subtransaction(SubXactEvent event, SubTransactionId subid,
							   SubTransactionId parent, void *arg);
static int	compare_texts(const ListCell *a, const ListCell *b);

void
tm_structure_changed(Oid nspid)
{
	if (OidIsValid(nspid))
		tm_touched_anything(nspid);
	note_schema(nspid);
}

void
tm_structure_changed_object(Oid nspid, const ObjectAddress *object)
{
	tm_touched_object(nspid, object);
	note_schema(nspid);
}

/* Others are to know when it is committed. */
static void
note_schema(Oid nspid)
{
	Relation	rel;

	if (!OidIsValid(nspid) || is_noted(nspid))
		return;
	rel = open_changes(RowExclusiveLock);
	if (rel == NULL)
		return;
	if (!share_row(rel, nspid))
		insert_row(rel, nspid);
	table_close(rel, NoLock);
	note(nspid);
}

void
tm_structure_changes_at_commit(Oid nspid)
{
	register_callbacks();
	tm_touched_anything(nspid);
	changes_at_commit = nspid;
}

/* The rows from before have told everybody whom they have to tell. */
void
tm_structure_changed_everywhere(void)
{
	Relation	rel;
	StructureNews news;

	tm_touched_anything(InvalidOid);
	if (is_noted(InvalidOid))
		return;
	rel = open_changes(RowExclusiveLock);
	if (rel == NULL)
		return;
	(void) delete_rows(rel, InvalidOid, &news);
	insert_row(rel, InvalidOid);
	table_close(rel, NoLock);
	note(InvalidOid);
}

bool
tm_structure_is_changed(Oid nspid)
{
	Relation	rel = open_changes(AccessShareLock);
	SysScanDesc scan;
	bool		changed;

	if (rel == NULL)
		return true;
	scan = scan_changes(rel, nspid);
	changed = systable_getnext(scan) != NULL;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return changed;
}

List *
tm_structure_changed_schemas(void)
{
	Relation	rel = open_changes(AccessShareLock);
	List	   *schemas = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)
		return NIL;
	scan = systable_beginscan(rel, InvalidOid, false, SnapshotSelf, 0, NULL);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		schemas = lappend_oid(schemas,
							  DatumGetObjectId(heap_getattr(tuple, Anum_change_schema_oid,
															RelationGetDescr(rel),
															&isnull)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return schemas;
}

/* From here on, what this transaction changes is news again. */
bool
tm_structure_take(Oid nspid, StructureNews *news)
{
	Relation	rel = open_changes(RowExclusiveLock);
	bool		taken;

	news->changed_at = DT_NOEND;
	news->by_others = true;
	if (rel == NULL)
		return false;
	taken = delete_rows(rel, nspid, news);
	table_close(rel, NoLock);
	forget_noted(nspid);
	forget_noted(InvalidOid);
	return taken;
}

void
tm_structure_append_everywhere(StringInfo buf)
{
	Relation	rel = open_changes(AccessShareLock);
	List	   *tokens = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;
	ListCell   *lc;

	if (rel == NULL)
		return;
	scan = scan_changes(rel, InvalidOid);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		Datum		token = heap_getattr(tuple, Anum_change_token,
										 RelationGetDescr(rel), &isnull);

		tokens = lappend(tokens,
						 DatumGetCString(DirectFunctionCall1(uuid_out, token)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(tokens, compare_texts);
	foreach(lc, tokens)
		appendStringInfo(buf, " %s", (char *) lfirst(lc));
}

/* NULL where there is no such table, or not yet. */
static Relation
open_changes(LOCKMODE lockmode)
{
	if (!OidIsValid(tm_own_table_find(CHANGE_TABLE)))
		return NULL;
	return tm_own_table_open(CHANGE_TABLE, Natts_change, lockmode);
}

static SysScanDesc
scan_changes(Relation rel, Oid nspid)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_change_schema_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(nspid));
	return tm_own_table_scan_as_of(rel, CHANGE_BY_SCHEMA, SnapshotSelf, 1,
								   &key);
}

/* Has this transaction seen to it that there is a row? */
static bool
is_noted(Oid nspid)
{
	for (int i = nnoted - 1; i >= 0; i--)
	{
		if (noted_schemas[i].noted && noted_schemas[i].nspid == nspid)
			return true;
	}
	return false;
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(end_transaction, NULL);
	RegisterSubXactCallback(end_subtransaction, NULL);
	registered = true;
}

static void
note(Oid nspid)
{
	register_callbacks();
	if (nnoted == max_noted)
	{
		int			room = Max(16, max_noted * 2);

		if (noted_schemas == NULL)
			noted_schemas = MemoryContextAlloc(TopTransactionContext,
											   room * sizeof(NotedSchema));
		else
			noted_schemas = repalloc(noted_schemas, room * sizeof(NotedSchema));
		max_noted = room;
	}
	noted_schemas[nnoted].nspid = nspid;
	noted_schemas[nnoted].subid = GetCurrentSubTransactionId();
	noted_schemas[nnoted].noted = true;
	nnoted++;
}

/*
 * If what took the row away is rolled back, the row is there again, and another
 * one does no harm.
 */
static void
forget_noted(Oid nspid)
{
	for (int i = 0; i < nnoted; i++)
	{
		if (noted_schemas[i].nspid == nspid)
			noted_schemas[i].noted = false;
	}
}

/* Keep a row from being taken away before the end of the transaction. */
static bool
share_row(Relation rel, Oid nspid)
{
	SysScanDesc scan = scan_changes(rel, nspid);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	bool		shared = false;
	HeapTuple	tuple;

	while (!shared && (tuple = systable_getnext(scan)) != NULL)
	{
		TM_FailureData failure;

		CHECK_FOR_INTERRUPTS();
		shared = table_tuple_lock(rel, &tuple->t_self, SnapshotSelf, slot,
								  GetCurrentCommandId(true),
								  LockTupleKeyShare, LockWaitSkip, 0,
								  &failure) == TM_Ok;
	}
	ExecDropSingleTupleTableSlot(slot);
	systable_endscan(scan);
	return shared;
}

static void
insert_row(Relation rel, Oid nspid)
{
	Datum		values[Natts_change];
	bool		nulls[Natts_change] = {false};

	values[Anum_change_schema_oid - 1] = ObjectIdGetDatum(nspid);
	values[Anum_change_token - 1] = OidFunctionCall0(F_GEN_RANDOM_UUID);
	values[Anum_change_changed_at - 1] =
		TimestampTzGetDatum(GetCurrentTimestamp());
	tm_own_table_insert(rel, Natts_change, values, nulls);
}

/* False if one of them is in somebody's use. */
static bool
delete_rows(Relation rel, Oid nspid, StructureNews *news)
{
	SysScanDesc scan = scan_changes(rel, nspid);
	bool		all = true;
	HeapTuple	tuple;

	news->changed_at = DT_NOEND;
	news->by_others = false;
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		Datum		at = heap_getattr(tuple, Anum_change_changed_at,
									  RelationGetDescr(rel), &isnull);

		CHECK_FOR_INTERRUPTS();
		news->changed_at = Min(news->changed_at, DatumGetTimestampTz(at));
		if (!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)))
			news->by_others = true;
		if (!tm_own_table_try_delete(rel, &tuple->t_self))
			all = false;
	}
	systable_endscan(scan);
	return all;
}

static void
end_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			noted_schemas = NULL;
			nnoted = 0;
			max_noted = 0;
			changes_at_commit = InvalidOid;
			break;
		case XACT_EVENT_PRE_COMMIT:
			tm_structure_changed(changes_at_commit);
			break;
		default:
			break;
	}
}

static void
end_subtransaction(SubXactEvent event, SubTransactionId subid,
				   SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		while (nnoted > 0 && noted_schemas[nnoted - 1].subid >= subid)
			nnoted--;
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		for (int i = nnoted - 1; i >= 0 && noted_schemas[i].subid >= subid; i--)
			noted_schemas[i].subid = parent;
	}
}

static int
compare_texts(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}
