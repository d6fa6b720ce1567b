/*
 * catalog_reader.c
 *		Rows of a catalog about one object after the other.
 *
 * Copying a schema asks the same few questions about each of its thousands of
 * objects: the row, its columns, what it depends on, its comment.  Most have
 * no rows to answer with, and one index scan for each question would be most
 * of the time.  A schema's OIDs lie close together, so a reader keeps one scan
 * open and walks from the rows of one object to those of the next, looking at
 * index entries only; objects without rows are passed without a look at the
 * index at all.  If the way is long because other objects lie between, the
 * scan descends from the root of the index instead, so the cost stays that of
 * a scan for each object at worst.
 *
 * Entries of rows that the snapshot does not see are passed like others; rows
 * that the same command inserts do no harm.  The page of the index that a
 * reader stands on stays pinned, so a reader should be closed soon.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/itup.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "clone/catalog_reader.h"

/* Most columns that a reader looks for */
#define MAX_KEYS	3

/*
 * Index entries that are passed before descending costs less: that reads a page of
 * the index, which has several hundred, whether they are asked for or not.
 */
#define MAX_STEPS	128

struct CatalogReader
{
	MemoryContext context;		/* of all that is kept while it is open */
	Relation	index;			/* open, AccessShareLock */
	IndexScanDesc scan;			/* at or before the rows sought */
	TupleTableSlot *slot;		/* the row handed out last */
	int			nkeys;			/* columns of the index that are sought */
	Oid			sought[MAX_KEYS];	/* what they shall be */
	Oid			entry[MAX_KEYS];	/* keys of the entry we stand on */
	bool		started;		/* is there a scan to continue? */
	bool		pending;		/* is there an entry not handed out yet? */
};

static bool can_continue(const CatalogReader *reader, const Oid *keys);
static void descend(CatalogReader *reader);
static void step(CatalogReader *reader);
static int	compare_keys(const Oid *a, const Oid *b, int nkeys);

CatalogReader *
tm_catalog_reader_open(Relation catalog, Oid index, int nkeys,
					   Snapshot snapshot)
{
	CatalogReader *reader = palloc0(sizeof(CatalogReader));

	Assert(nkeys > 0 && nkeys <= MAX_KEYS);
	reader->context = CurrentMemoryContext;
	reader->index = index_open(index, AccessShareLock);
	reader->scan = tm_index_beginscan(catalog, reader->index, snapshot, nkeys);
	reader->scan->xs_want_itup = true;
	reader->slot = table_slot_create(catalog, NULL);
	reader->nkeys = nkeys;
	return reader;
}

void
tm_catalog_reader_seek(CatalogReader *reader, const Oid *keys)
{
	bool		near = can_continue(reader, keys);

	memcpy(reader->sought, keys, sizeof(Oid) * reader->nkeys);
	if (near)
	{
		for (int i = 0; i < MAX_STEPS; i++)
		{
			if (!reader->pending ||
				compare_keys(reader->entry, keys, reader->nkeys) >= 0)
				return;
			step(reader);
		}
	}
	descend(reader);
}

HeapTuple
tm_catalog_reader_next(CatalogReader *reader)
{
	while (reader->pending &&
		   compare_keys(reader->entry, reader->sought, reader->nkeys) == 0)
	{
		bool		visible = index_fetch_heap(reader->scan, reader->slot);

		/*
		 * The row stays valid while the index is read on, for the slot has a
		 * pin of its own.
		 */
		step(reader);
		if (visible)
			return ExecFetchSlotHeapTuple(reader->slot, false, NULL);
	}
	return NULL;
}

void
tm_catalog_reader_close(CatalogReader *reader)
{
	ExecDropSingleTupleTableSlot(reader->slot);
	index_endscan(reader->scan);
	index_close(reader->index, AccessShareLock);
	pfree(reader);
}

/* Do the rows with these keys lie ahead, in the part that is being scanned? */
static bool
can_continue(const CatalogReader *reader, const Oid *keys)
{
	int			nprefix = reader->nkeys - 1;

	return reader->started &&
		compare_keys(reader->sought, keys, nprefix) == 0 &&
		reader->sought[nprefix] < keys[nprefix];
}

/* Start at the first entry that is not below the keys sought. */
static void
descend(CatalogReader *reader)
{
	MemoryContext old_context = MemoryContextSwitchTo(reader->context);
	ScanKeyData keys[MAX_KEYS];

	for (int i = 0; i < reader->nkeys; i++)
	{
		bool		last = i == reader->nkeys - 1;

		ScanKeyInit(&keys[i], i + 1,
					last ? BTGreaterEqualStrategyNumber : BTEqualStrategyNumber,
					last ? F_OIDGE : F_OIDEQ,
					ObjectIdGetDatum(reader->sought[i]));
	}
	index_rescan(reader->scan, keys, reader->nkeys, NULL, 0);
	MemoryContextSwitchTo(old_context);
	reader->started = true;
	step(reader);
}

/* To the next entry of the index. */
static void
step(CatalogReader *reader)
{
	MemoryContext old_context = MemoryContextSwitchTo(reader->context);
	IndexTuple	itup;

	/* an index allocates what it keeps when it comes to it */
	reader->pending =
		index_getnext_tid(reader->scan, ForwardScanDirection) != NULL;
	MemoryContextSwitchTo(old_context);
	if (!reader->pending)
		return;
	itup = reader->scan->xs_itup;
	for (int i = 0; i < reader->nkeys; i++)
	{
		bool		isnull;

		reader->entry[i] =
			DatumGetObjectId(index_getattr(itup, i + 1,
										   reader->scan->xs_itupdesc, &isnull));
	}
}

static int
compare_keys(const Oid *a, const Oid *b, int nkeys)
{
	for (int i = 0; i < nkeys; i++)
	{
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return 0;
}
