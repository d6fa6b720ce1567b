/*
 * encrypt_column.c
 *		A column of texts becomes one of secrets, in every tenant.
 *
 * The table of each tenant goes through three steps.  First it gets a second
 * column and a trigger that seals into it whatever is written to the first one
 * (sealed_column.c).  Then the rows that were there before are sealed, in
 * batches, each a transaction of its own, past all triggers and rules.  Nobody
 * is kept from reading or writing meanwhile.  At last,
 * with nobody else in the table, every row is looked at once more: only if each
 * secret opens to the very text beside it, the table is written anew without
 * the texts.
 *
 * All that is known is what the catalogs and the rows say.  So the procedure
 * can be interrupted at any point and called again, or run by two sessions at
 * once; what has been done is found to be done.
 *
 * What evaluates expressions of the tenant's, of indexes for one, runs as the
 * owner of the table (run_as.c), whoever has called the procedure.
 *
 * Locks are those of a bound session: the tenant's schema (AccessShareLock),
 * then the table; both are looked up again once they are locked.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/progress.h"
#include "base/tenant_mgr.h"
#include "guard/guard.h"
#include "guard/run_as.h"
#include "secrets/column_users.h"
#include "secrets/sealed_column.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

#define MAX_BATCH		100000

/* Rows that are looked at in one transaction, for each that may be changed */
#define ROWS_PER_CHANGE	100

/* How often rows may turn out not to be sealed after all */
#define MAX_ATTEMPTS	10

/* What to do in every tenant */
typedef struct ColumnJob
{
	char	   *relation;		/* name of the table */
	char	   *column;			/* name of the column */
	int			batch_size;		/* most rows changed in one transaction */
	int			ntables;		/* tables that were found */
} ColumnJob;

/* Rows of a table, one batch after another */
typedef struct RowCursor
{
	ItemPointerData next;		/* where to go on */
	ItemPointerData last;		/* where to end */
} RowCursor;

static void check_tables(ColumnJob *job, List *tenants);
static void encrypt_table(const ColumnJob *job, const TenantInfo *tenant);
static bool prepare_table(const ColumnJob *job, const TenantInfo *tenant);
static void seal_rows(const ColumnJob *job, const TenantInfo *tenant);
static bool seal_batch(const ColumnJob *job, const TenantInfo *tenant,
					   RowCursor *cursor);
static bool replace_column(const ColumnJob *job, const TenantInfo *tenant);
static Relation open_table(const ColumnJob *job, const TenantInfo *tenant,
						   LOCKMODE lockmode);
static void refuse_table(const ColumnJob *job, Relation rel,
						 const SealedColumn *column);
static bool has_trigger(Relation rel, const char *name);
static bool collect_rows(Relation rel, const SealedColumn *column,
						 RowCursor *cursor, int batch_size, List **rows);
static void seal_found_rows(Relation rel, const SealedColumn *column,
							List *rows);
static void seal_one_row(ResultRelInfo *info, EState *estate,
						 const SealedColumn *column, ItemPointer tid);
static char *qualified_name(Relation rel);
static void execute(Oid nspid, const char *command);
static void execute_as(Oid owner, Oid nspid, const char *command);

PG_FUNCTION_INFO_V1(tenant_encrypt_column);

/* encrypt_column(relation, column, batch_size): texts become secrets. */
Datum
tenant_encrypt_column(PG_FUNCTION_ARGS)
{
	bool		nonatomic = fcinfo->context != NULL &&
		IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic;
	ColumnJob	job = {0};
	List	   *tenants;
	ListCell   *lc;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation, column and batch size must not be null")));
	job.batch_size = PG_GETARG_INT32(2);
	if (job.batch_size < 1 || job.batch_size > MAX_BATCH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch size must be between 1 and %d", MAX_BATCH)));
	if (!nonatomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot run inside a transaction block",
						"CALL tenant.encrypt_column()")));
	tm_tenant_lock_begin("tenant.encrypt_column()");

	/* From here on we are in a memory context that outlives transactions. */
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	job.relation = text_to_cstring(PG_GETARG_TEXT_PP(0));
	job.column = text_to_cstring(PG_GETARG_TEXT_PP(1));
	tenants = tm_registry_list();
	check_tables(&job, tenants);
	foreach(lc, tenants)
		encrypt_table(&job, lfirst(lc));
	SPI_finish();

	PG_RETURN_VOID();
}

/* What cannot be done in one tenant should not be begun in others. */
static void
check_tables(ColumnJob *job, List *tenants)
{
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);
		Relation	rel;
		SealedColumn column;

		CHECK_FOR_INTERRUPTS();
		rel = open_table(job, tenant, AccessShareLock);
		if (rel == NULL)
			continue;
		job->ntables++;
		if (tm_sealed_column_find(rel, job->column, &tenant->id, &column))
			refuse_table(job, rel, &column);
		table_close(rel, AccessShareLock);
	}
	if (job->ntables == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("no tenant has a table \"%s\"",
						tm_tenant_name_printable(job->relation)),
				 errhint("Give the exact name, without a schema.")));
	SPI_commit();
}

static void
encrypt_table(const ColumnJob *job, const TenantInfo *tenant)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr column encryption",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	int			attempt = 0;

	tm_progress_begin(PROGRESS_ENCRYPT, tenant->name);
	if (prepare_table(job, tenant))
	{
		do
		{
			if (attempt++ == MAX_ATTEMPTS)
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("rows of table \"%s\" of tenant \"%s\" are written without being sealed",
								job->relation, tenant->name),
						 errhint("Enable all triggers of the table, and call tenant.encrypt_column() again.")));
			seal_rows(job, tenant);
		} while (!replace_column(job, tenant));
	}
	tm_progress_end();
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

/* From here on whatever is written is sealed.  False if nothing is to do. */
static bool
prepare_table(const ColumnJob *job, const TenantInfo *tenant)
{
	SealedColumn column;
	bool		needed = false;
	Relation	rel;

	PushActiveSnapshot(GetTransactionSnapshot());
	tm_progress_phase(PROGRESS_LOCKING, 0, 0);
	rel = open_table(job, tenant, AccessExclusiveLock);
	if (rel != NULL)
	{
		needed = tm_sealed_column_find(rel, job->column, &tenant->id, &column);
		if (needed)
		{
			Oid			nspid = RelationGetNamespace(rel);
			char	   *table = qualified_name(rel);
			char	   *trigger = tm_sealed_column_trigger(column.plain);
			bool		trigger_exists = has_trigger(rel, trigger);

			refuse_table(job, rel, &column);
			table_close(rel, NoLock);
			if (column.sealed == 0)
				execute(nspid,
						psprintf("ALTER TABLE %s ADD COLUMN %s tenant.secret",
								 table,
								 tm_sealed_column_name(column.plain)));
			if (!trigger_exists)
				execute(nspid,
						psprintf("CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s"
								 " FOR EACH ROW EXECUTE FUNCTION tenant.seal_column(%s)",
								 quote_identifier(trigger), table,
								 quote_literal_cstr(job->column)));
			execute(nspid,
					psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s",
							 table, quote_identifier(trigger)));
		}
		else
			table_close(rel, NoLock);
	}
	PopActiveSnapshot();
	SPI_commit();

	return needed;
}

/*
 * Seal the rows that were there when the trigger came.  Later ones, wherever
 * they are put, need not be looked at.
 */
static void
seal_rows(const ColumnJob *job, const TenantInfo *tenant)
{
	RowCursor	cursor;
	bool		more = true;

	ItemPointerSetInvalid(&cursor.next);
	while (more)
	{
		CHECK_FOR_INTERRUPTS();
		PushActiveSnapshot(GetTransactionSnapshot());
		more = seal_batch(job, tenant, &cursor);
		PopActiveSnapshot();
		SPI_commit();
	}
}

/* False when there are no more rows. */
static bool
seal_batch(const ColumnJob *job, const TenantInfo *tenant, RowCursor *cursor)
{
	Relation	rel = open_table(job, tenant, RowExclusiveLock);
	SealedColumn column;
	BlockNumber first_block;
	BlockNumber last_block;
	List	   *rows = NIL;
	bool		more = false;

	if (rel == NULL)
		return false;
	if (tm_sealed_column_find(rel, job->column, &tenant->id, &column) &&
		column.sealed > 0 && RelationGetNumberOfBlocks(rel) > 0)
	{
		if (!ItemPointerIsValid(&cursor->next))
		{
			last_block = RelationGetNumberOfBlocks(rel) - 1;
			ItemPointerSet(&cursor->next, 0, FirstOffsetNumber);
			ItemPointerSet(&cursor->last, last_block, MaxOffsetNumber);
			tm_progress_phase(PROGRESS_SEALING_ROWS, 0,
							  (uint64) (last_block + 1) * BLCKSZ);
		}
		first_block = ItemPointerGetBlockNumber(&cursor->next);
		more = collect_rows(rel, &column, cursor, job->batch_size, &rows);
		if (rows != NIL)
			seal_found_rows(rel, &column, rows);
		tm_progress_add(0, (uint64) (ItemPointerGetBlockNumber(&cursor->next) -
									 first_block) * BLCKSZ);
	}
	table_close(rel, NoLock);

	return more;
}

/*
 * Put the secrets in the place of the texts, unless some are missing; then
 * false.  The table is written anew, so that the texts are not left in it.
 */
static bool
replace_column(const ColumnJob *job, const TenantInfo *tenant)
{
	Relation	rel;
	SealedColumn column;
	RowCursor	cursor;
	List	   *rows = NIL;

	PushActiveSnapshot(GetTransactionSnapshot());
	tm_progress_phase(PROGRESS_LOCKING, 0, 0);
	rel = open_table(job, tenant, AccessExclusiveLock);
	if (rel != NULL &&
		tm_sealed_column_find(rel, job->column, &tenant->id, &column) &&
		column.sealed > 0)
	{
		Oid			nspid = RelationGetNamespace(rel);
		char	   *table = qualified_name(rel);
		char	   *sealed = tm_sealed_column_name(column.plain);
		Oid			owner = rel->rd_rel->relowner;

		/* Rows may have come until we got the lock. */
		PopActiveSnapshot();
		PushActiveSnapshot(GetTransactionSnapshot());
		refuse_table(job, rel, &column);
		ItemPointerSet(&cursor.next, 0, FirstOffsetNumber);
		ItemPointerSet(&cursor.last, MaxBlockNumber, MaxOffsetNumber);
		while (collect_rows(rel, &column, &cursor, 1, &rows) && rows == NIL)
			CHECK_FOR_INTERRUPTS();
		table_close(rel, NoLock);
		if (rows == NIL)
		{
			tm_progress_phase(PROGRESS_COPYING_ROWS, 0, 0);
			execute(nspid,
					psprintf("DROP TRIGGER %s ON %s",
							 quote_identifier(tm_sealed_column_trigger(column.plain)),
							 table));
			execute_as(owner, nspid,
					   psprintf("ALTER TABLE %s ALTER COLUMN %s TYPE tenant.secret"
								" USING %s, DROP COLUMN %s", table,
								quote_identifier(job->column), sealed,
								sealed));
			tm_event_record("encrypt_column", tenant, column.context, NULL);
		}
	}
	else if (rel != NULL)
		table_close(rel, NoLock);
	PopActiveSnapshot();
	SPI_commit();

	return rows == NIL;
}

/*
 * The tenant's table, locked and found to be the current user's, or NULL if
 * there is none, or no such tenant any more.
 */
static Relation
open_table(const ColumnJob *job, const TenantInfo *tenant, LOCKMODE lockmode)
{
	const TenantInfo *present = tm_registry_lookup_id(&tenant->id);
	Oid			nspid;
	Oid			relid;

	if (present == NULL || present->state == TENANT_TRASHED ||
		!OidIsValid(present->nspid))
		return NULL;
	nspid = present->nspid;
	relid = get_relname_relid(job->relation, nspid);
	if (!OidIsValid(relid))
		return NULL;
	if (!tm_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, job->relation);

	LockDatabaseObject(NamespaceRelationId, nspid, 0, AccessShareLock);
	LockRelationOid(relid, lockmode);
	present = tm_registry_lookup_id(&tenant->id);
	if (present == NULL || present->state == TENANT_TRASHED ||
		present->nspid != nspid ||
		get_relname_relid(job->relation, nspid) != relid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("tenant \"%s\" was changed by another session",
						tenant->name),
				 errhint("Call tenant.encrypt_column() again.")));
	if (!tm_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, job->relation);
	return table_open(relid, NoLock);
}

/* Raise an error if the column is not one that can be replaced. */
static void
refuse_table(const ColumnJob *job, Relation rel, const SealedColumn *column)
{
	const char *reason = NULL;

	if (rel->rd_rel->relkind != RELKIND_RELATION)
		reason = _("It is not an ordinary table.");
	else if (has_superclass(RelationGetRelid(rel)) ||
			 find_inheritance_children(RelationGetRelid(rel), NoLock) != NIL)
		reason = _("It takes part in inheritance or partitioning.");
	else if (rel->rd_rel->relforcerowsecurity)
		reason = _("Row security is forced upon its owner, who would not see all rows.");
	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot encrypt a column of relation \"%s\"",
						qualified_name(rel)),
				 errdetail_internal("%s", reason)));
	tm_column_refuse_users(rel, column->plain);
}

static bool
has_trigger(Relation rel, const char *name)
{
	int			i;

	for (i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		if (strcmp(rel->trigdesc->triggers[i].tgname, name) == 0)
			return true;
	}
	return false;
}

/*
 * Rows that are not sealed, at most as many as a batch; a List of palloc'd
 * ItemPointers.  False when the end has been reached.
 */
static bool
collect_rows(Relation rel, const SealedColumn *column, RowCursor *cursor,
			 int batch_size, List **rows)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "tenant_mgr row",
													  ALLOCSET_SMALL_SIZES);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan_tidrange(rel, GetActiveSnapshot(),
												  &cursor->next,
												  &cursor->last);
	int64		nlooked = 0;
	bool		more = false;

	while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		MemoryContext old_context = MemoryContextSwitchTo(row_context);
		bool		done = tm_sealed_column_is_done(column, slot);

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(row_context);
		if (!done)
		{
			ItemPointer row = palloc(sizeof(ItemPointerData));

			ItemPointerCopy(&slot->tts_tid, row);
			*rows = lappend(*rows, row);
		}
		ItemPointerCopy(&slot->tts_tid, &cursor->next);
		ItemPointerInc(&cursor->next);
		more = list_length(*rows) >= batch_size ||
			++nlooked >= (int64) batch_size * ROWS_PER_CHANGE;
		if (more)
			break;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);

	return more;
}

/*
 * Seal the rows.  No trigger fires and no constraint is checked, for nothing
 * that anybody else can see is changed; but an index may want an entry for the
 * new version of a row, which its expressions are evaluated for.
 */
static void
seal_found_rows(Relation rel, const SealedColumn *column, List *rows)
{
	MemoryContext old_context;
	EState	   *estate = CreateExecutorState();
	ResultRelInfo *info = makeNode(ResultRelInfo);
	RunAs		before;
	ListCell   *lc;

	tm_run_as_owner(&before, rel);
	old_context = MemoryContextSwitchTo(estate->es_query_cxt);
	tm_init_range_table(estate, rel,
						bms_make_singleton(column->sealed -
										   FirstLowInvalidHeapAttributeNumber));
	InitResultRelInfo(info, rel, 1, NULL, 0);
	ExecOpenIndices(info, false);
	estate->es_output_cid = GetCurrentCommandId(true);
	foreach(lc, rows)
	{
		CHECK_FOR_INTERRUPTS();
		seal_one_row(info, estate, column, lfirst(lc));
		ResetPerTupleExprContext(estate);
	}
	ExecCloseIndices(info);
	ExecResetTupleTable(estate->es_tupleTable, false);
	MemoryContextSwitchTo(old_context);
	FreeExecutorState(estate);
	tm_run_as_end(&before);
	CommandCounterIncrement();
}

/* A row that has changed since we looked at it has been sealed then. */
static void
seal_one_row(ResultRelInfo *info, EState *estate, const SealedColumn *column,
			 ItemPointer tid)
{
	Relation	rel = info->ri_RelationDesc;
	TupleTableSlot *old = table_slot_create(rel, NULL);
	TupleTableSlot *sealed = table_slot_create(rel, NULL);
	int			natts = RelationGetNumberOfAttributes(rel);
	int			attno = column->sealed - 1;
	TM_FailureData failure;
	TmIndexUpdate update;
	MemoryContext old_context;

	if (table_tuple_lock(rel, tid, GetActiveSnapshot(), old,
						 estate->es_output_cid, LockTupleNoKeyExclusive,
						 LockWaitBlock, 0, &failure) == TM_Ok)
	{
		old_context = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
		slot_getallattrs(old);
		ExecClearTuple(sealed);
		memcpy(sealed->tts_values, old->tts_values, natts * sizeof(Datum));
		memcpy(sealed->tts_isnull, old->tts_isnull, natts * sizeof(bool));
		sealed->tts_values[attno] = tm_sealed_column_value(column, old,
														   &sealed->tts_isnull[attno]);
		ExecStoreVirtualTuple(sealed);
		sealed->tts_tableOid = RelationGetRelid(rel);
		update = tm_simple_update(rel, tid, sealed, GetActiveSnapshot());
		if (info->ri_NumIndices > 0 && update != TM_INDEX_NONE)
			(void) tm_insert_index_tuples(info, sealed, estate, update);
		MemoryContextSwitchTo(old_context);
	}
	ExecDropSingleTupleTableSlot(sealed);
	ExecDropSingleTupleTableSlot(old);
}

static char *
qualified_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

/*
 * A statement that evaluates nothing of the tenant's.  One is not bound to each
 * tenant in turn.
 */
static void
execute(Oid nspid, const char *command)
{
	int			guard = tm_guard_enter_own(nspid);

	if (SPI_execute(command, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not execute \"%s\"", command);
	tm_guard_leave_own(guard);
}

/* One that may, by writing the table anew. */
static void
execute_as(Oid owner, Oid nspid, const char *command)
{
	RunAs		before;

	tm_run_as_begin(&before, owner, nspid);
	if (SPI_execute(command, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not execute \"%s\"", command);
	tm_run_as_end(&before);
}
