/*
 * own_table_write.c
 *		Rows of the extension's tables are written as any table's are.
 *
 * People hang things on these tables: indexes, also on expressions and with
 * predicates, foreign keys in both directions, checks, triggers, columns.  So
 * the executor's own routines write the rows, as they do for a subscription:
 * defaults, generated columns, constraints, indexes and triggers are served.
 * What is left out are privileges and row security, for the functions of the
 * extension decide who may do what, and rules, which are refused when somebody
 * makes one (own_table_ddl.c).
 *
 * What has been hung on a table runs as whoever calls our function, as it does
 * for anybody who writes to a table.
 *
 * A row is locked in its latest version before it is changed or deleted: we
 * have found it by what was committed then, and somebody who edits the table
 * by hand may have been faster.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"

/* One row being written */
typedef struct RowWrite
{
	Relation	rel;			/* the table, open and locked */
	EState	   *estate;			/* owns everything below */
	ResultRelInfo *info;		/* rel as the executor sees it */
	EPQState	epq;			/* never used, for rows are locked before */
	TransitionCaptureState *capture;	/* for triggers that see all rows */
	MemoryContext caller_context;	/* to go back to */
} RowWrite;

static void begin_write(RowWrite *write, Relation rel, CmdType operation,
						Bitmapset *columns);
static void end_write(RowWrite *write);
static bool insert_row(RowWrite *write, TupleTableSlot *slot);
static bool update_row(RowWrite *write, ItemPointer tid,
					   TupleTableSlot *slot);
static bool delete_row(RowWrite *write, ItemPointer tid);
static void check_row(RowWrite *write, TupleTableSlot *slot,
					  CmdType operation);
static void fill_defaults(RowWrite *write, TupleTableSlot *slot, int natts);
static TupleTableSlot *new_slot(RowWrite *write);
static TupleTableSlot *lock_latest(RowWrite *write, ItemPointer tid,
								   LockTupleMode lockmode);
static bool lock_at_once(RowWrite *write, ItemPointer tid);
static void refuse_suppression(Relation rel);

bool
tm_own_table_try_insert(Relation rel, int natts, const Datum *values,
						const bool *nulls)
{
	RowWrite	write;
	TupleTableSlot *slot;
	bool		inserted;

	begin_write(&write, rel, CMD_INSERT, NULL);
	slot = new_slot(&write);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, natts * sizeof(bool));
	fill_defaults(&write, slot, natts);
	ExecStoreVirtualTuple(slot);

	ExecBSInsertTriggers(write.estate, write.info);
	inserted = insert_row(&write, slot);
	ExecASInsertTriggers(write.estate, write.info, write.capture);
	end_write(&write);

	return inserted;
}

void
tm_own_table_insert(Relation rel, int natts, const Datum *values,
					const bool *nulls)
{
	if (!tm_own_table_try_insert(rel, natts, values, nulls))
		refuse_suppression(rel);
}

void
tm_own_table_copy_row(Relation rel, HeapTuple tuple, int natts,
					  const Datum *values, const bool *nulls,
					  const bool *replace)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Datum	   *all_values = palloc(desc->natts * sizeof(Datum));
	bool	   *all_nulls = palloc(desc->natts * sizeof(bool));

	heap_deform_tuple(tuple, desc, all_values, all_nulls);
	for (int i = 0; i < natts; i++)
	{
		if (!replace[i])
			continue;
		all_values[i] = values[i];
		all_nulls[i] = nulls[i];
	}
	tm_own_table_insert(rel, desc->natts, all_values, all_nulls);
}

void
tm_own_table_update(Relation rel, ItemPointer tid, int natts,
					const Datum *values, const bool *nulls,
					const bool *replace)
{
	Bitmapset  *columns = NULL;
	RowWrite	write;
	TupleTableSlot *old;
	TupleTableSlot *slot;
	bool		updated;

	for (int i = 0; i < natts; i++)
	{
		if (replace[i])
			columns = bms_add_member(columns, i + 1 -
									 FirstLowInvalidHeapAttributeNumber);
	}
	begin_write(&write, rel, CMD_UPDATE, columns);
	ExecBSUpdateTriggers(write.estate, write.info);

	old = lock_latest(&write, tid,
					  ExecUpdateLockMode(write.estate, write.info));
	slot_getallattrs(old);
	slot = new_slot(&write);
	ExecClearTuple(slot);
	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		bool		is_new = i < natts && replace[i];

		slot->tts_values[i] = is_new ? values[i] : old->tts_values[i];
		slot->tts_isnull[i] = is_new ? nulls[i] : old->tts_isnull[i];
	}
	ExecStoreVirtualTuple(slot);

	updated = update_row(&write, &old->tts_tid, slot);
	ExecASUpdateTriggers(write.estate, write.info, write.capture);
	end_write(&write);
	if (!updated)
		refuse_suppression(rel);
}

void
tm_own_table_delete(Relation rel, ItemPointer tid)
{
	RowWrite	write;
	TupleTableSlot *old;
	bool		deleted;

	begin_write(&write, rel, CMD_DELETE, NULL);
	ExecBSDeleteTriggers(write.estate, write.info);
	old = lock_latest(&write, tid, LockTupleExclusive);
	deleted = delete_row(&write, &old->tts_tid);
	ExecASDeleteTriggers(write.estate, write.info, write.capture);
	end_write(&write);
	if (!deleted)
		refuse_suppression(rel);
}

bool
tm_own_table_try_delete(Relation rel, ItemPointer tid)
{
	RowWrite	write;
	bool		locked;

	begin_write(&write, rel, CMD_DELETE, NULL);
	locked = lock_at_once(&write, tid);
	if (locked)
	{
		ExecBSDeleteTriggers(write.estate, write.info);
		if (!delete_row(&write, tid))
			refuse_suppression(rel);
		ExecASDeleteTriggers(write.estate, write.info, write.capture);
	}
	end_write(&write);
	return locked;
}

void
tm_own_table_delete_found(Relation rel, SysScanDesc scan)
{
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		tm_own_table_delete(rel, &tuple->t_self);
	}
	systable_endscan(scan);
}

/* What follows happens in the memory of the executor's state. */
static void
begin_write(RowWrite *write, Relation rel, CmdType operation,
			Bitmapset *columns)
{
	EState	   *estate = CreateExecutorState();

	write->rel = rel;
	write->estate = estate;
	write->caller_context = MemoryContextSwitchTo(estate->es_query_cxt);
	PushActiveSnapshot(GetTransactionSnapshot());

	tm_init_range_table(estate, rel, columns);
	write->info = makeNode(ResultRelInfo);
	InitResultRelInfo(write->info, rel, 1, NULL, 0);
	ExecOpenIndices(write->info, false);

	/* Triggers that run at the end find the table there. */
	estate->es_opened_result_relations =
		lappend(estate->es_opened_result_relations, write->info);
	estate->es_output_cid = GetCurrentCommandId(true);
	tm_init_epq(&write->epq, estate);

	AfterTriggerBeginQuery();
	write->capture = MakeTransitionCaptureState(rel->trigdesc,
												RelationGetRelid(rel),
												operation);
}

/* The caller's next look shows the row. */
static void
end_write(RowWrite *write)
{
	AfterTriggerEndQuery(write->estate);
	EvalPlanQualEnd(&write->epq);
	ExecCloseIndices(write->info);
	ExecResetTupleTable(write->estate->es_tupleTable, false);
	PopActiveSnapshot();
	MemoryContextSwitchTo(write->caller_context);
	FreeExecutorState(write->estate);
	CommandCounterIncrement();
}

/* False if a trigger does not want the row; so with the next two. */
static bool
insert_row(RowWrite *write, TupleTableSlot *slot)
{
	ResultRelInfo *info = write->info;
	List	   *recheck = NIL;

	if (info->ri_TrigDesc != NULL &&
		info->ri_TrigDesc->trig_insert_before_row &&
		!ExecBRInsertTriggers(write->estate, info, slot))
		return false;

	check_row(write, slot, CMD_INSERT);
	simple_table_tuple_insert(write->rel, slot);
	if (info->ri_NumIndices > 0)
		recheck = tm_insert_index_tuples(info, slot, write->estate,
										 TM_INDEX_INSERT);
	ExecARInsertTriggers(write->estate, info, slot, recheck, write->capture);
	return true;
}

static bool
update_row(RowWrite *write, ItemPointer tid, TupleTableSlot *slot)
{
	ResultRelInfo *info = write->info;
	TmIndexUpdate update;
	List	   *recheck = NIL;

	if (info->ri_TrigDesc != NULL &&
		info->ri_TrigDesc->trig_update_before_row &&
		!tm_before_update(write->estate, &write->epq, info, tid, slot))
		return false;

	check_row(write, slot, CMD_UPDATE);
	update = tm_simple_update(write->rel, tid, slot, GetActiveSnapshot());
	if (info->ri_NumIndices > 0 && update != TM_INDEX_NONE)
		recheck = tm_insert_index_tuples(info, slot, write->estate, update);
	ExecARUpdateTriggers(write->estate, info, NULL, NULL, tid, NULL, slot,
						 recheck, write->capture, false);
	return true;
}

static bool
delete_row(RowWrite *write, ItemPointer tid)
{
	ResultRelInfo *info = write->info;

	if (info->ri_TrigDesc != NULL &&
		info->ri_TrigDesc->trig_delete_before_row &&
		!tm_before_delete(write->estate, &write->epq, info, tid))
		return false;

	simple_table_tuple_delete(write->rel, tid, GetActiveSnapshot());
	ExecARDeleteTriggers(write->estate, info, tid, NULL, write->capture,
						 false);
	return true;
}

/* Compute what is generated, and raise the errors that INSERT would. */
static void
check_row(RowWrite *write, TupleTableSlot *slot, CmdType operation)
{
	TupleConstr *constr = RelationGetDescr(write->rel)->constr;

	slot->tts_tableOid = RelationGetRelid(write->rel);
	if (constr == NULL)
		return;
	if (constr->has_generated_stored)
		ExecComputeStoredGenerated(write->info, write->estate, slot,
								   operation);
	ExecConstraints(write->info, slot, write->estate);
}

/* Columns that somebody has added get what INSERT would give them. */
static void
fill_defaults(RowWrite *write, TupleTableSlot *slot, int natts)
{
	TupleDesc	desc = RelationGetDescr(write->rel);

	for (int i = natts; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Node	   *value = NULL;

		slot->tts_values[i] = (Datum) 0;
		slot->tts_isnull[i] = true;
		if (!att->attisdropped && att->attgenerated == '\0')
			value = build_column_default(write->rel, i + 1);
		if (value != NULL)
			slot->tts_values[i] =
				ExecEvalExpr(ExecInitExpr(expression_planner((Expr *) value),
										  NULL),
							 GetPerTupleExprContext(write->estate),
							 &slot->tts_isnull[i]);
	}
}

static TupleTableSlot *
new_slot(RowWrite *write)
{
	return table_slot_create(write->rel, &write->estate->es_tupleTable);
}

/* Wait for whoever is changing the row, and take what comes of it. */
static TupleTableSlot *
lock_latest(RowWrite *write, ItemPointer tid, LockTupleMode lockmode)
{
	TupleTableSlot *slot = new_slot(write);
	TM_FailureData failure;

	switch (table_tuple_lock(write->rel, tid, GetActiveSnapshot(), slot,
							 GetCurrentCommandId(false), lockmode,
							 LockWaitBlock,
							 TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure))
	{
		case TM_Ok:
			break;
		case TM_SelfModified:
			ereport(ERROR,
					(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
					 errmsg("row of table \"%s.%s\" is being changed by the current command already",
							TM_SCHEMA_NAME,
							RelationGetRelationName(write->rel))));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not write to table \"%s.%s\" due to concurrent delete",
							TM_SCHEMA_NAME,
							RelationGetRelationName(write->rel))));
			break;
	}
	return slot;
}

/* False if somebody else has locked, changed or deleted the row. */
static bool
lock_at_once(RowWrite *write, ItemPointer tid)
{
	TM_FailureData failure;

	return table_tuple_lock(write->rel, tid, GetActiveSnapshot(),
							new_slot(write), GetCurrentCommandId(false),
							LockTupleExclusive, LockWaitSkip, 0,
							&failure) == TM_Ok;
}

/* Half of what was to be done would be done. */
static void
refuse_suppression(Relation rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
			 errmsg("a trigger of table \"%s.%s\" has kept a row from being written",
					TM_SCHEMA_NAME, RelationGetRelationName(rel))));
}
