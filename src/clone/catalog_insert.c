/*
 * catalog_insert.c
 *		Many rows into a catalog and its indexes.
 *
 * What CatalogTuplesMultiInsertWithInfo does, but for the indexes: it goes
 * through them row by row, and each time from the root of the index down to a
 * page.  That was half of what a clone of a structure took.  Here the rows of an
 * index are put into its order first, so that those that belong on the same page
 * can go there together (btree_batch.c).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/tuptable.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "clone/btree_batch.h"
#include "clone/catalog_insert.h"

static void insert_into_index(Relation index, IndexInfo *info,
							  Relation catalog, TupleTableSlot **slots,
							  int nslots);

void
tm_catalog_insert(Relation catalog, CatalogIndexState indstate,
				  TupleTableSlot **slots, int nslots)
{
	MemoryContext context;
	MemoryContext old_context;

	if (nslots == 0)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext,
									"tenant_mgr catalog insert",
									ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);
	heap_multi_insert(catalog, slots, nslots, GetCurrentCommandId(true), 0,
					  NULL);
	for (int i = 0; i < indstate->ri_NumIndices; i++)
	{
		IndexInfo  *info = indstate->ri_IndexRelationInfo[i];

		if (info->ii_ReadyForInserts)
			insert_into_index(indstate->ri_IndexRelationDescs[i], info,
							  catalog, slots, nslots);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

/* Indexes of catalogs have neither expressions nor conditions. */
static void
insert_into_index(Relation index, IndexInfo *info, Relation catalog,
				  TupleTableSlot **slots, int nslots)
{
	BtreeBatch *batch = tm_btree_batch_begin(index, catalog, info, nslots);
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];

	Assert(info->ii_Expressions == NIL && info->ii_Predicate == NIL);
	for (int i = 0; i < nslots; i++)
	{
		FormIndexDatum(info, slots[i], NULL, values, isnull);
		tm_btree_batch_add(batch, values, isnull, &slots[i]->tts_tid);
	}
	tm_btree_batch_end(batch);
}
