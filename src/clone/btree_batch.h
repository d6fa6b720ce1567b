/*
 * btree_batch.h
 *		Rows of an index that go to their pages together.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BTREE_BATCH_H
#define TENANT_MGR_BTREE_BATCH_H

#include "nodes/execnodes.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

typedef struct BtreeBatch BtreeBatch;

/*
 * A batch of so many rows for an index of the table, both open.  It is palloc'd
 * in the current context, and so are the rows that are added; an index that is
 * not fit for it gets its rows one by one.
 */
extern BtreeBatch *tm_btree_batch_begin(Relation index, Relation table,
										IndexInfo *info, int maxrows);
extern void tm_btree_batch_add(BtreeBatch *batch, Datum *values, bool *isnull,
							   ItemPointer tid);

/* Insert them. */
extern void tm_btree_batch_end(BtreeBatch *batch);

#endif							/* TENANT_MGR_BTREE_BATCH_H */
