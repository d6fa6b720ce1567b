/*
 * rowcopy.c
 *		The rows of a clone's tables, one by one.
 *
 * The clone's table has the very same columns as the source's, dropped ones
 * included, so a row can be taken as it is, once its out-of-line values have
 * been fetched.  It must be taken apart only if a column holds OIDs of the
 * schema (valuemap.c), or if a dropped column still has a value, which must
 * not get into somebody else's table.
 *
 * Nobody can see the table before commit, so rows are written frozen, as
 * COPY FREEZE does, and indexes are built afterwards.  No trigger fires and
 * no constraint is checked: what holds for the source's rows holds for these.
 * The few exceptions are looked at later (derived_check.c).  Columns that are
 * generated from OIDs are generated anew, by code of the tenant that runs as
 * expressions of indexes do.
 *
 * Subscribers do not hear of the rows, as they do not of those in blocks: they
 * have no such table yet, and applying changes would stop there.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/storage.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/progress.h"
#include "clone/derived_value.h"
#include "clone/handover.h"
#include "clone/rowcopy.h"
#include "clone/valuemap.h"
#include "guard/run_as.h"

/* A batch is written when it has this many rows or bytes */
#define BATCH_ROWS	500
#define BATCH_BYTES	65536

/* The copying of one table */
typedef struct RowCopy
{
	const OidMap *map;			/* what became of OIDs */
	Relation	source;			/* where rows come from */
	Relation	clone;			/* where they go */
	bool		take_apart;		/* do columns have to change? */
	bool	   *holds_oids;		/* for each column: does it hold OIDs? */
	ExprState **generated;		/* for each column: what it is computed by, or
								 * NULL; NULL if no column is */
	EState	   *estate;			/* for these */
	TupleTableSlot *computed;	/* the row that they are computed from */
	BulkInsertState bistate;	/* for table_multi_insert */
	MemoryContext context;		/* holds the rows of one batch */
	TupleTableSlot *slots[BATCH_ROWS];	/* the batch; made when needed */
	int			nslots;			/* rows in it */
	BlockNumber nblocks;		/* blocks that have been written so far */
	Size		nbytes;			/* their size */
	uint64		announced;		/* bytes that the table was said to have */
	uint64		reported;		/* of these, bytes that were said to be done */
} RowCopy;

static void announce_work(const CloneState *state);
static uint64 table_bytes(const CloneRelation *relation);
static void copy_table(CloneState *state, const CloneRelation *relation);
static void inspect_columns(RowCopy *copy);
static void prepare_generated(RowCopy *copy, const Bitmapset *columns);
static void generate_columns(RowCopy *copy, Datum *values, bool *nulls);
static HeapTuple row_for_clone(RowCopy *copy, TupleTableSlot *slot);
static HeapTuple changed_row(RowCopy *copy, TupleTableSlot *slot);
static void add_to_batch(RowCopy *copy, HeapTuple row);
static void write_batch(RowCopy *copy);
static void insert_rows(RowCopy *copy);
static void cut_off_rest(RowCopy *copy);

void
tm_rowcopy_tables(CloneState *state)
{
	announce_work(state);
	for (int i = 0; i < state->nrelations; i++)
	{
		const CloneRelation *relation = &state->relations[i];

		if (relation->method == COPY_ROWS)
			copy_table(state, relation);
	}
}

/* Say how much there is to do, if there is anything. */
static void
announce_work(const CloneState *state)
{
	uint64		ntables = 0;
	uint64		nbytes = 0;

	for (int i = 0; i < state->nrelations; i++)
	{
		if (state->relations[i].method != COPY_ROWS)
			continue;
		ntables++;
		nbytes += table_bytes(&state->relations[i]);
	}
	if (ntables > 0)
		tm_progress_phase(PROGRESS_COPYING_ROWS, ntables, nbytes);
}

/* A table's size, out-of-line values not counted. */
static uint64
table_bytes(const CloneRelation *relation)
{
	Relation	source = table_open(relation->source, AccessShareLock);
	uint64		nbytes = table_relation_size(source, MAIN_FORKNUM);

	table_close(source, NoLock);
	return nbytes;
}

/* Copy one table. */
static void
copy_table(CloneState *state, const CloneRelation *relation)
{
	RowCopy		copy = {0};
	TableScanDesc scan;
	TupleTableSlot *slot;
	MemoryContext old_context;
	Bitmapset  *columns;
	RunAs		before = {0};

	copy.source = table_open(relation->source, AccessShareLock);
	copy.clone = table_open(relation->clone, AccessExclusiveLock);
	copy.map = state->map;
	copy.bistate = GetBulkInsertState();
	copy.context = AllocSetContextCreate(CurrentMemoryContext,
										 "tenant_mgr row copy",
										 ALLOCSET_DEFAULT_SIZES);
	inspect_columns(&copy);
	copy.announced = table_relation_size(copy.source, MAIN_FORKNUM);
	columns = tm_derived_columns(copy.source, state->map);
	if (columns != NULL)
	{
		tm_run_as_begin(&before, tm_handover_evaluator(relation->source),
						state->namespace);
		prepare_generated(&copy, columns);
	}

	slot = table_slot_create(copy.source, NULL);
	scan = table_beginscan(copy.source, state->snapshot, 0, NULL);
	old_context = MemoryContextSwitchTo(copy.context);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		add_to_batch(&copy, row_for_clone(&copy, slot));
	}
	write_batch(&copy);
	MemoryContextSwitchTo(old_context);
	if (columns != NULL)
	{
		tm_run_as_end(&before);
		ExecDropSingleTupleTableSlot(copy.computed);
		FreeExecutorState(copy.estate);
	}
	table_endscan(scan);
	tm_progress_add(1, copy.announced - copy.reported);
	ExecDropSingleTupleTableSlot(slot);

	for (int i = 0; i < BATCH_ROWS && copy.slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(copy.slots[i]);
	FreeBulkInsertState(copy.bistate);
	cut_off_rest(&copy);
	MemoryContextDelete(copy.context);
	pfree(copy.holds_oids);
	table_close(copy.clone, NoLock);
	table_close(copy.source, NoLock);
}

/* Which columns have to change, if any. */
static void
inspect_columns(RowCopy *copy)
{
	TupleDesc	tupdesc = RelationGetDescr(copy->source);

	copy->holds_oids = palloc0(sizeof(bool) * (tupdesc->natts + 1));
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attisdropped)
			copy->take_apart = true;
		else if (tm_valuemap_holds_oids(copy->map, att->atttypid))
		{
			copy->holds_oids[i] = true;
			copy->take_apart = true;
		}
	}
}

/* The clone's expressions, ready to be evaluated for each row. */
static void
prepare_generated(RowCopy *copy, const Bitmapset *columns)
{
	TupleDesc	tupdesc = RelationGetDescr(copy->clone);
	int			column = -1;

	copy->take_apart = true;
	copy->estate = CreateExecutorState();
	copy->computed = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
	copy->generated = palloc0(sizeof(ExprState *) * tupdesc->natts);
	while ((column = bms_next_member(columns, column)) > 0)
	{
		Node	   *expression = build_column_default(copy->clone, column);

		if (expression == NULL)
			elog(ERROR, "no generation expression found for column number %d of table \"%s\"",
				 column, RelationGetRelationName(copy->clone));
		copy->generated[column - 1] = ExecPrepareExpr((Expr *) expression,
													  copy->estate);
	}
}

static HeapTuple
row_for_clone(RowCopy *copy, TupleTableSlot *slot)
{
	HeapTuple	row;

	if (copy->take_apart)
		return changed_row(copy, slot);

	row = ExecCopySlotHeapTuple(slot);
	if (HeapTupleHasExternal(row))
		row = toast_flatten_tuple(row, RelationGetDescr(copy->source));
	return row;
}

static HeapTuple
changed_row(RowCopy *copy, TupleTableSlot *slot)
{
	TupleDesc	tupdesc = RelationGetDescr(copy->source);
	Datum	   *values = palloc(sizeof(Datum) * tupdesc->natts);
	bool	   *nulls = palloc(sizeof(bool) * tupdesc->natts);
	HeapTuple	row;

	slot_getallattrs(slot);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		values[i] = slot->tts_values[i];
		nulls[i] = slot->tts_isnull[i] || att->attisdropped;
		if (!nulls[i] && copy->holds_oids[i])
			values[i] = tm_valuemap_value(copy->map, values[i], att->atttypid);
	}
	if (copy->generated != NULL)
		generate_columns(copy, values, nulls);

	/* the values are of the clone's types now, and so is the row */
	tupdesc = RelationGetDescr(copy->clone);
	row = heap_form_tuple(tupdesc, values, nulls);
	if (HeapTupleHasExternal(row))
		row = toast_flatten_tuple(row, tupdesc);
	return row;
}

/* A generated column depends on none that is generated as well. */
static void
generate_columns(RowCopy *copy, Datum *values, bool *nulls)
{
	TupleTableSlot *slot = copy->computed;
	int			natts = slot->tts_tupleDescriptor->natts;
	ExprContext *econtext = GetPerTupleExprContext(copy->estate);

	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, sizeof(Datum) * natts);
	memcpy(slot->tts_isnull, nulls, sizeof(bool) * natts);
	slot->tts_tableOid = RelationGetRelid(copy->clone);
	ExecStoreVirtualTuple(slot);

	econtext->ecxt_scantuple = slot;
	for (int i = 0; i < natts; i++)
	{
		if (copy->generated[i] != NULL)
			values[i] = ExecEvalExpr(copy->generated[i], econtext, &nulls[i]);
	}
}

static void
add_to_batch(RowCopy *copy, HeapTuple row)
{
	TupleTableSlot *slot = copy->slots[copy->nslots];

	if (slot == NULL)
	{
		MemoryContext old_context;

		old_context = MemoryContextSwitchTo(GetMemoryChunkContext(copy->holds_oids));
		slot = MakeSingleTupleTableSlot(RelationGetDescr(copy->clone),
										&TTSOpsHeapTuple);
		copy->slots[copy->nslots] = slot;
		MemoryContextSwitchTo(old_context);
	}
	ExecStoreHeapTuple(row, slot, false);
	copy->nslots++;
	copy->nbytes += row->t_len;
	if (copy->nslots == BATCH_ROWS || copy->nbytes >= BATCH_BYTES)
		write_batch(copy);
}

static void
write_batch(RowCopy *copy)
{
	uint64		progress = Min(copy->nbytes, copy->announced - copy->reported);

	insert_rows(copy);
	for (int i = 0; i < copy->nslots; i++)
	{
		BlockNumber block = ItemPointerGetBlockNumberNoCheck(&copy->slots[i]->tts_tid);

		copy->nblocks = Max(copy->nblocks, block + 1);
		ExecClearTuple(copy->slots[i]);
	}
	copy->nslots = 0;
	copy->nbytes = 0;
	copy->reported += progress;
	tm_progress_add(0, progress);
	MemoryContextReset(copy->context);
}

/*
 * Rows that are inserted many at a time cannot be kept from logical decoding,
 * so they are inserted one at a time where that matters.
 */
static void
insert_rows(RowCopy *copy)
{
	CommandId	cid = GetCurrentCommandId(true);
	int			options = TABLE_INSERT_SKIP_FSM | TABLE_INSERT_FROZEN;

	if (copy->nslots == 0)
		return;
	if (!RelationIsLogicallyLogged(copy->clone))
	{
		table_multi_insert(copy->clone, copy->slots, copy->nslots, cid,
						   options, copy->bistate);
		return;
	}
	for (int i = 0; i < copy->nslots; i++)
		table_tuple_insert(copy->clone, copy->slots[i], cid,
						   options | TABLE_INSERT_NO_LOGICAL, copy->bistate);
}

/*
 * From PostgreSQL 16 on, tables are extended by many pages at once, and those
 * that have not been used are left behind.
 */
static void
cut_off_rest(RowCopy *copy)
{
	if (copy->clone->rd_rel->relam == HEAP_TABLE_AM_OID &&
		RelationGetNumberOfBlocks(copy->clone) > copy->nblocks)
		RelationTruncate(copy->clone, copy->nblocks);
}
