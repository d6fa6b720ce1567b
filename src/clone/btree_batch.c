/*
 * btree_batch.c
 *		Rows of an index that go to their pages together.
 *
 * The server inserts rows into an index one by one: it makes a key of the row,
 * searches its way down from the root, adds the row to a page and logs that.
 * Rows of a clone's catalogs are mostly neighbours in their indexes, because new
 * OIDs come one after the other.  So they are sorted here, and once the page for
 * the first of them is found and locked, as many of the next as belong there and
 * have room are added to it at once.
 *
 * Whatever is not the plain case is left to the server, row by row: a page that
 * has to be split, a key that is there already, be it of a dead row, a list of
 * rows with the same key that would have to be taken apart, an index in the
 * format of before PostgreSQL 12.  The plain case is what _bt_doinsert() and
 * _bt_insertonpg() do there, in the same order:
 *
 * - The page is the one that _bt_search() finds for the first row, and has been
 *   locked exclusively.  Another row belongs to it if it is smaller than the high
 *   key.
 * - A unique index is searched without the row's place in the table, as then
 *   the page is the first that an equal key could be on, and who inserts the same
 *   key has to lock it as well.  There is no equal key if there is none where
 *   the row is to go and the high key is another one.
 * - Nothing is changed before all places on the page are known, so that an error
 *   leaves nothing behind.
 * - Rows are logged as the server logs them, or with an image of the page if
 *   that is less.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/itup.h"
#include "access/nbtree.h"
#include "access/nbtxlog.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "clone/btree_batch.h"

/* Bytes of a WAL record about one row, beside the row */
#define ROW_RECORD_SIZE		52

/* A row on its way */
typedef struct BatchRow
{
	uint64		prefix;			/* of the key, in its order */
	IndexTuple	tuple;
	OffsetNumber place;			/* where on its page, before any is added */
} BatchRow;

struct BtreeBatch
{
	Relation	index;
	Relation	table;			/* whose index it is */
	IndexInfo  *info;
	bool		fit;			/* or row by row? */
	int			nprefix;		/* columns that the prefix stands for */
	BatchRow   *rows;
	int			nrows;
};

static bool is_fit(Relation index);
static void insert_one(BtreeBatch *batch, Datum *values, bool *isnull,
					   ItemPointer tid);
static int	columns_of_prefix(Relation index);
static bool fits_prefix(Oid type);
static uint64 prefix_of_column(Oid type, Datum value);
static int	compare_rows(const void *a, const void *b, void *arg);
static int	compare_keys(const BtreeBatch *batch, const BatchRow *a,
						 const BatchRow *b);
static int	insert_page(BtreeBatch *batch, BatchRow *rows, int nrows);
static int	find_places(BtreeBatch *batch, BatchRow *rows, int nrows,
						BTScanInsert key, Buffer buffer);
static void set_key(BtreeBatch *batch, BTScanInsert key, IndexTuple tuple);
static OffsetNumber find_place(BtreeBatch *batch, BTScanInsert key,
							   Buffer buffer, IndexTuple tuple,
							   OffsetNumber start);
static OffsetNumber search_page(BtreeBatch *batch, BTScanInsert key,
								Buffer buffer, IndexTuple tuple);
static void add_rows(BtreeBatch *batch, BatchRow *rows, int nrows,
					 Buffer buffer);
static bool image_is_smaller(Page page, int nrows);
static void add_row(BtreeBatch *batch, IndexTuple tuple, OffsetNumber place,
					Buffer buffer);
static void log_row(IndexTuple tuple, OffsetNumber place, Buffer buffer);

BtreeBatch *
tm_btree_batch_begin(Relation index, Relation table, IndexInfo *info,
					 int maxrows)
{
	BtreeBatch *batch = palloc(sizeof(BtreeBatch));

	batch->index = index;
	batch->table = table;
	batch->info = info;
	batch->fit = is_fit(index);
	batch->nprefix = batch->fit ? columns_of_prefix(index) : 0;
	batch->rows = palloc(sizeof(BatchRow) * maxrows);
	batch->nrows = 0;
	return batch;
}

void
tm_btree_batch_add(BtreeBatch *batch, Datum *values, bool *isnull,
				   ItemPointer tid)
{
	TupleDesc	tupdesc = RelationGetDescr(batch->index);
	BatchRow   *row = &batch->rows[batch->nrows];

	/* Null is never equal to null, and there is hardly any in an index. */
	for (int i = 0; i < tupdesc->natts; i++)
	{
		if (!batch->fit || isnull[i])
		{
			insert_one(batch, values, isnull, tid);
			return;
		}
	}
	row->prefix = 0;
	for (int i = 0; i < batch->nprefix; i++)
		row->prefix = row->prefix << 32 |
			prefix_of_column(TupleDescAttr(tupdesc, i)->atttypid, values[i]);
	row->tuple = index_form_tuple(tupdesc, values, isnull);
	row->tuple->t_tid = *tid;
	batch->nrows++;
}

void
tm_btree_batch_end(BtreeBatch *batch)
{
	int			done = 0;

	qsort_arg(batch->rows, batch->nrows, sizeof(BatchRow), compare_rows,
			  batch);
	while (done < batch->nrows)
	{
		CHECK_FOR_INTERRUPTS();
		done += insert_page(batch, batch->rows + done, batch->nrows - done);
	}
}

/* A plain btree in ascending order, each of whose columns is of the key? */
static bool
is_fit(Relation index)
{
	if (index->rd_rel->relam != BTREE_AM_OID ||
		!index->rd_index->indimmediate ||
		IndexRelationGetNumberOfAttributes(index) !=
		IndexRelationGetNumberOfKeyAttributes(index))
		return false;
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		if (index->rd_indoption[i] != 0)
			return false;
	}
	return true;
}

static void
insert_one(BtreeBatch *batch, Datum *values, bool *isnull, ItemPointer tid)
{
	index_insert(batch->index, values, isnull, tid, batch->table,
				 batch->index->rd_index->indisunique ?
				 UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
				 false, batch->info);
}

/* The first one or two columns of nearly all keys are OIDs and small numbers. */
static int
columns_of_prefix(Relation index)
{
	TupleDesc	tupdesc = RelationGetDescr(index);
	int			ncolumns = 0;

	while (ncolumns < Min(tupdesc->natts, 2) &&
		   fits_prefix(TupleDescAttr(tupdesc, ncolumns)->atttypid))
		ncolumns++;
	return ncolumns;
}

static bool
fits_prefix(Oid type)
{
	return type == OIDOID || type == INT4OID || type == INT2OID;
}

/* 32 bits that compare as the values do */
static uint64
prefix_of_column(Oid type, Datum value)
{
	switch (type)
	{
		case OIDOID:
			return DatumGetObjectId(value);
		case INT4OID:
			return (uint32) DatumGetInt32(value) ^ 0x80000000;
		default:
			Assert(type == INT2OID);
			return (uint32) DatumGetInt16(value) ^ 0x80000000;
	}
}

/* Equal keys are in the order of the rows in the table. */
static int
compare_rows(const void *a, const void *b, void *arg)
{
	const BatchRow *row_a = a;
	const BatchRow *row_b = b;
	int			result = compare_keys(arg, row_a, row_b);

	return result != 0 ? result :
		ItemPointerCompare(&row_a->tuple->t_tid, &row_b->tuple->t_tid);
}

static int
compare_keys(const BtreeBatch *batch, const BatchRow *a, const BatchRow *b)
{
	Relation	index = batch->index;
	TupleDesc	tupdesc = RelationGetDescr(index);

	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	for (int i = batch->nprefix; i < tupdesc->natts; i++)
	{
		FmgrInfo   *comparison = index_getprocinfo(index, i + 1, BTORDER_PROC);
		bool		isnull;
		Datum		value_a = index_getattr(a->tuple, i + 1, tupdesc, &isnull);
		Datum		value_b = index_getattr(b->tuple, i + 1, tupdesc, &isnull);
		int			result;

		result = DatumGetInt32(FunctionCall2Coll(comparison,
												 index->rd_indcollation[i],
												 value_a, value_b));
		if (result != 0)
			return result;
	}
	return 0;
}

/*
 * Insert the first row, and those after it that belong to the same page.
 * Returns how many there were.
 */
static int
insert_page(BtreeBatch *batch, BatchRow *rows, int nrows)
{
	BTScanInsert key = _bt_mkscankey(batch->index, rows[0].tuple);
	int			nadded = 0;

	if (key->heapkeyspace)
	{
		Buffer		buffer;

		if (batch->index->rd_index->indisunique)
			key->scantid = NULL;
		_bt_freestack(tm_bt_search(batch->index, batch->table, key, &buffer));
		CheckForSerializableConflictIn(batch->index, NULL,
									   BufferGetBlockNumber(buffer));
		nadded = find_places(batch, rows, nrows, key, buffer);
		if (nadded > 0)
			add_rows(batch, rows, nadded, buffer);
		_bt_relbuf(batch->index, buffer);
	}
	pfree(key);
	if (nadded == 0)
	{
		Datum		values[INDEX_MAX_KEYS];
		bool		isnull[INDEX_MAX_KEYS];

		index_deform_tuple(rows[0].tuple, RelationGetDescr(batch->index),
						   values, isnull);
		insert_one(batch, values, isnull, &rows[0].tuple->t_tid);
		nadded = 1;
	}
	return nadded;
}

/* How many of the rows can be added to the page? */
static int
find_places(BtreeBatch *batch, BatchRow *rows, int nrows, BTScanInsert key,
			Buffer buffer)
{
	Size		space = PageGetExactFreeSpace(BufferGetPage(buffer));
	int			found;

	for (found = 0; found < nrows; found++)
	{
		BatchRow   *row = &rows[found];
		Size		size = MAXALIGN(IndexTupleSize(row->tuple)) +
			sizeof(ItemIdData);

		if (size > space)
			break;
		if (found > 0)
		{
			if (batch->index->rd_index->indisunique &&
				compare_keys(batch, row - 1, row) == 0)
				break;
			set_key(batch, key, row->tuple);
		}
		row->place = find_place(batch, key, buffer, row->tuple,
								found > 0 ? row[-1].place : InvalidOffsetNumber);
		if (row->place == InvalidOffsetNumber)
			break;
		space -= size;
	}
	return found;
}

/* Make a key that of another row. */
static void
set_key(BtreeBatch *batch, BTScanInsert key, IndexTuple tuple)
{
	TupleDesc	tupdesc = RelationGetDescr(batch->index);

	Assert(!key->anynullkeys);
	for (int i = 0; i < key->keysz; i++)
	{
		bool		isnull;

		key->scankeys[i].sk_argument = index_getattr(tuple, i + 1, tupdesc,
													 &isnull);
		Assert(!isnull);
	}
	if (key->scantid != NULL)
		key->scantid = &tuple->t_tid;
}

/*
 * The first row on the page that is greater than the key, or InvalidOffsetNumber
 * if the key does not belong there or an equal one is there already.  No row
 * before "start", if it is given, is greater.
 */
static OffsetNumber
find_place(BtreeBatch *batch, BTScanInsert key, Buffer buffer,
		   IndexTuple tuple, OffsetNumber start)
{
	Page		page = BufferGetPage(buffer);
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	OffsetNumber place = start;
	int32		order = 1;

	/* Mostly the next row goes to the same place. */
	if (place != InvalidOffsetNumber && place <= last)
		order = _bt_compare(batch->index, key, page, place);
	if (place == InvalidOffsetNumber || (place <= last && order > 0))
	{
		place = search_page(batch, key, buffer, tuple);
		if (place != InvalidOffsetNumber && place <= last)
			order = _bt_compare(batch->index, key, page, place);
	}

	/* The last one on its page is still to be compared with the high key. */
	if (place != InvalidOffsetNumber && place > last)
		order = P_RIGHTMOST(BTPageGetOpaque(page)) ? -1 :
			_bt_compare(batch->index, key, page, P_HIKEY);
	return order < 0 ? place : InvalidOffsetNumber;
}

/* The first place on the page whose row is not smaller than the key */
static OffsetNumber
search_page(BtreeBatch *batch, BTScanInsert key, Buffer buffer,
			IndexTuple tuple)
{
	BTInsertStateData search = {
		.itup = tuple,
		.itemsz = MAXALIGN(IndexTupleSize(tuple)),
		.itup_key = key,
		.buf = buffer
	};
	OffsetNumber place = _bt_binsrch_insert(batch->index, &search);

	/* Within a list of rows that have the same key? */
	return search.postingoff == 0 ? place : InvalidOffsetNumber;
}

/* Each row comes behind those that have been added before it. */
static void
add_rows(BtreeBatch *batch, BatchRow *rows, int nrows, Buffer buffer)
{
	bool		logged = RelationNeedsWAL(batch->index);
	bool		by_image = logged &&
		image_is_smaller(BufferGetPage(buffer), nrows);

	/* No ereport(ERROR) until changes are logged */
	START_CRIT_SECTION();
	MarkBufferDirty(buffer);
	for (int i = 0; i < nrows; i++)
	{
		OffsetNumber place = rows[i].place + i;

		add_row(batch, rows[i].tuple, place, buffer);
		if (logged && !by_image)
			log_row(rows[i].tuple, place, buffer);
	}
	if (by_image)
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
}

/* The rows themselves are logged either way. */
static bool
image_is_smaller(Page page, int nrows)
{
	return BLCKSZ - PageGetExactFreeSpace(page) < nrows * ROW_RECORD_SIZE;
}

static void
add_row(BtreeBatch *batch, IndexTuple tuple, OffsetNumber place,
		Buffer buffer)
{
	if (PageAddItem(BufferGetPage(buffer), (Item) tuple,
					MAXALIGN(IndexTupleSize(tuple)), place,
					false, false) == InvalidOffsetNumber)
		elog(PANIC, "failed to add new item to block %u in index \"%s\"",
			 BufferGetBlockNumber(buffer),
			 RelationGetRelationName(batch->index));
}

/* As _bt_insertonpg() does */
static void
log_row(IndexTuple tuple, OffsetNumber place, Buffer buffer)
{
	xl_btree_insert record = {.offnum = place};
	XLogRecPtr	lsn;

	XLogBeginInsert();
	XLogRegisterData((char *) &record, SizeOfBtreeInsert);
	XLogRegisterBuffer(0, buffer, REGBUF_STANDARD);
	XLogRegisterBufData(0, (char *) tuple, IndexTupleSize(tuple));
	lsn = XLogInsert(RM_BTREE_ID, XLOG_BTREE_INSERT_LEAF);
	PageSetLSN(BufferGetPage(buffer), lsn);
}
