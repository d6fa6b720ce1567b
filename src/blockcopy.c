/*
 * blockcopy.c
 *		Relation contents, block by block.
 *
 * The source is read through the buffer pool, so what others have not written
 * yet is seen; the clone's files are written past it (file_writer.c).  The
 * source's length is taken once: what is appended later cannot be visible to
 * the snapshot.
 *
 * A table goes with its visibility map, which is made anew, for the copied
 * pages are in a better state than the source's, and with its free space map,
 * which is a hint and copied as it is.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/visibilitymapdefs.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "blockcopy.h"
#include "file_writer.h"
#include "guc.h"
#include "page_copy.h"

/* Heap blocks that a byte, and a page, of the visibility map stand for */
#define BLOCKS_PER_MAP_BYTE (BITS_PER_BYTE / BITS_PER_HEAPBLOCK)
#define MAP_PAGE_BYTES		(BLCKSZ - MAXALIGN(SizeOfPageHeaderData))

static void choose_for_table(CloneState *state, CloneRelation *relation);
static void choose_for_index(CloneState *state, CloneRelation *relation);
static void copy_table(CloneState *state, CloneRelation *relation);
static void copy_heap(CloneState *state, const CloneRelation *relation,
					  Relation source, BlockNumber nblocks, uint8 *map);
static void write_visibility_map(const CloneRelation *relation,
								 const uint8 *map, BlockNumber nblocks);
static void copy_index(const CloneRelation *relation);
static void copy_fork(const CloneRelation *relation, Relation source,
					  ForkNumber fork);

void
tm_blockcopy_choose(CloneState *state)
{
	/* tables first: what becomes of an index depends on its table */
	for (int i = 0; i < state->nrelations; i++)
	{
		CloneRelation *relation = &state->relations[i];

		CHECK_FOR_INTERRUPTS();
		if (relation->with_rows && relation->relkind != RELKIND_INDEX &&
			relation->relkind != RELKIND_SEQUENCE)
			choose_for_table(state, relation);
	}
	for (int i = 0; i < state->nrelations; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (state->relations[i].relkind == RELKIND_INDEX)
			choose_for_index(state, &state->relations[i]);
	}
}

void
tm_blockcopy_relations(CloneState *state)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr block copy",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);

	for (int i = 0; i < state->nrelations; i++)
	{
		CloneRelation *relation = &state->relations[i];

		if (relation->method != COPY_BLOCKS && relation->method != COPY_PATCHED)
			continue;
		if (relation->relkind == RELKIND_INDEX)
			copy_index(relation);
		else
			copy_table(state, relation);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

/* A TOAST table goes the way of its table. */
static void
choose_for_table(CloneState *state, CloneRelation *relation)
{
	Relation	source = table_open(relation->source, AccessShareLock);

	if (relation->relkind == RELKIND_TOASTVALUE)
	{
		const ClosureMember *member = tm_closure_find(state->closure,
													  RelationRelationId,
													  relation->source);
		CloneRelation *owner = tm_relabel_relation(state, member->owner_seed);

		relation->method = owner->method == COPY_PATCHED ?
			tm_plan_table(source, state->map).method : COPY_EMPTY;
	}
	else
		relation->method = tm_plan_table(source, state->map).method;
	table_close(source, NoLock);
}

static void
choose_for_index(CloneState *state, CloneRelation *relation)
{
	CloneRelation *table = tm_relabel_relation(state, relation->heap);
	Relation	source;

	if (table->method == COPY_EMPTY)
		return;
	source = index_open(relation->source, AccessShareLock);
	relation->method = tm_plan_index(source, table->method, state->map).method;
	if (relation->method == COPY_BLOCKS)
		table->keep_pointers = true;
	index_close(source, NoLock);
}

/* All forks of a table. */
static void
copy_table(CloneState *state, CloneRelation *relation)
{
	Relation	source = table_open(relation->source, AccessShareLock);
	BlockNumber nblocks = RelationGetNumberOfBlocks(source);
	XLogRecPtr	start = tm_file_sync_start();
	uint8	   *map = palloc0(nblocks / BLOCKS_PER_MAP_BYTE + 1);

	copy_heap(state, relation, source, nblocks, map);
	tm_file_sync_finish(relation->clone_file, MAIN_FORKNUM, start);
	write_visibility_map(relation, map, nblocks);
	copy_fork(relation, source, FSM_FORKNUM);
	table_close(source, NoLock);
}

/* The main fork; notes in map which pages are visible to all. */
static void
copy_heap(CloneState *state, const CloneRelation *relation, Relation source,
		  BlockNumber nblocks, uint8 *map)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	FileWriter *writer;
	PageCopy	copy;

	copy.source = source;
	copy.snapshot = state->snapshot;
	copy.patch = tm_page_patch(source, state->map);
	copy.keep_pointers = relation->keep_pointers;
	copy.verbatim = !tm_clone_scrub && relation->keep_pointers;

	writer = tm_file_writer_open(relation->clone_file, MAIN_FORKNUM,
								 relation->relpersistence, true, nblocks);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		Page		page = tm_file_writer_next(writer, block);

		CHECK_FOR_INTERRUPTS();
		if (tm_page_copy(&copy, block, strategy, page))
			map[block / BLOCKS_PER_MAP_BYTE] |=
				(copy.verbatim ? VISIBILITYMAP_ALL_VISIBLE : VISIBILITYMAP_VALID_BITS)
				<< (block % BLOCKS_PER_MAP_BYTE * BITS_PER_HEAPBLOCK);
	}
	tm_file_writer_close(writer);
	FreeAccessStrategy(strategy);
}

static void
write_visibility_map(const CloneRelation *relation, const uint8 *map,
					 BlockNumber nblocks)
{
	BlockNumber nbytes = nblocks / BLOCKS_PER_MAP_BYTE + 1;
	BlockNumber npages = (nbytes + MAP_PAGE_BYTES - 1) / MAP_PAGE_BYTES;
	XLogRecPtr	start = tm_file_sync_start();
	FileWriter *writer;

	writer = tm_file_writer_open(relation->clone_file, VISIBILITYMAP_FORKNUM,
								 relation->relpersistence, false, npages);
	for (BlockNumber block = 0; block < npages; block++)
	{
		Page		page = tm_file_writer_next(writer, block);
		BlockNumber first = block * MAP_PAGE_BYTES;

		PageInit(page, BLCKSZ, 0);
		memcpy(PageGetContents(page), map + first,
			   Min(MAP_PAGE_BYTES, nbytes - first));
	}
	tm_file_writer_close(writer);
	tm_file_sync_finish(relation->clone_file, VISIBILITYMAP_FORKNUM, start);
}

static void
copy_index(const CloneRelation *relation)
{
	Relation	source = index_open(relation->source, AccessShareLock);

	copy_fork(relation, source, MAIN_FORKNUM);
	copy_fork(relation, source, FSM_FORKNUM);
	index_close(source, NoLock);
}

/*
 * A fork as it is.  Its pages are logged without regard to their layout,
 * because not every access method tells where a page's free space is.
 */
static void
copy_fork(const CloneRelation *relation, Relation source, ForkNumber fork)
{
	BufferAccessStrategy strategy;
	FileWriter *writer;
	XLogRecPtr	start = tm_file_sync_start();
	BlockNumber nblocks;

	if (!smgrexists(RelationGetSmgr(source), fork))
		return;
	nblocks = RelationGetNumberOfBlocksInFork(source, fork);
	strategy = GetAccessStrategy(BAS_BULKREAD);
	writer = tm_file_writer_open(relation->clone_file, fork,
								 relation->relpersistence, false, nblocks);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		buffer = ReadBufferExtended(source, fork, block, RBM_NORMAL, strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		memcpy(tm_file_writer_next(writer, block), BufferGetPage(buffer), BLCKSZ);
		UnlockReleaseBuffer(buffer);
	}
	tm_file_writer_close(writer);
	tm_file_sync_finish(relation->clone_file, fork, start);
	FreeAccessStrategy(strategy);
}
