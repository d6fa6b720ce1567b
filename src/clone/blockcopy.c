/*
 * blockcopy.c
 *		Relation contents, block by block.
 *
 * The source is read through the buffer pool, so what others have not written
 * yet is seen; the clone's files are written past it (file_writer.c).  The
 * source's length is taken once: what is appended later cannot be visible to
 * the snapshot.
 *
 * The work is cut into tasks, so that parallel workers can share it.
 *
 * A table goes with its visibility map, which is made anew, for the copied
 * pages are in a better state than the source's, and with its free space map,
 * which is a hint and copied as it is, unless the source keeps growing.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/progress.h"
#include "clone/blockcopy.h"
#include "clone/clone_lock.h"
#include "clone/copy_task.h"
#include "clone/derived_value.h"
#include "clone/file_writer.h"
#include "clone/page_copy.h"
#include "clone/remap.h"

/* Bytes of a page of the visibility map that hold bits */
#define MAP_PAGE_BYTES		(BLCKSZ - MAXALIGN(SizeOfPageHeaderData))

/* A worker is worth its start when it has this much to do (32 MB) */
#define BLOCKS_PER_WORKER	4096

/* A file whose main fork is copied */
typedef struct CopiedFile
{
	const CloneRelation *relation;	/* whose file it is */
	BlockNumber nblocks;		/* its length */
	Size		visibility;		/* where its visibility bits begin */
	int			first_task;		/* its tasks: the first ... */
	int			ntasks;			/* ... and how many */
} CopiedFile;

/* All block copies of a clone */
typedef struct BlockCopy
{
	XLogRecPtr	start;			/* see tm_file_sync_start() */
	CopiedFile *files;			/* array of nfiles */
	int			nfiles;
	int			maxfiles;
	CopyTask   *tasks;			/* array of ntasks */
	int			ntasks;
	int			maxtasks;
	uint64		nblocks;		/* blocks of all tasks */
	uint64		nnotempty;		/* files that have blocks */
	uint8	   *visibility;		/* bits of all tables, one after the other */
	Size		nvisibility;	/* bytes of that */
} BlockCopy;

static bool is_block_method(CopyMethod method);
static void choose_for_table(CloneState *state, CloneRelation *relation);
static void choose_for_index(CloneState *state, CloneRelation *relation);
static void add_relation(BlockCopy *copy, CloneState *state,
						 const CloneRelation *relation);
static void add_task(BlockCopy *copy, const CopyTask *task);
static void stretch_file(const CloneRelation *relation, BlockNumber nblocks);
static CopyTask *deal_tasks(const BlockCopy *copy);
static void run_tasks(BlockCopy *copy, CloneState *state);
static void finish_file(BlockCopy *copy, const CopiedFile *file);
static void write_visibility_map(const CloneRelation *relation,
								 const uint8 *map, BlockNumber nblocks);
static void copy_free_space_map(const CloneRelation *relation,
								Relation source);

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
	BlockCopy	copy = {0};

	copy.start = tm_file_sync_start();
	for (int i = 0; i < state->nrelations; i++)
	{
		if (is_block_method(state->relations[i].method))
			add_relation(&copy, state, &state->relations[i]);
	}
	if (copy.ntasks > 0)
	{
		run_tasks(&copy, state);
		for (int i = 0; i < copy.nfiles; i++)
			finish_file(&copy, &copy.files[i]);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

static bool
is_block_method(CopyMethod method)
{
	return method == COPY_BLOCKS || method == COPY_PATCHED;
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
		CloneRelation *owner = tm_remap_relation(state, member->owner_seed);

		relation->method = owner->method == COPY_PATCHED ?
			tm_copy_plan_table(source, state->map).method : COPY_EMPTY;
	}
	else
	{
		relation->method = tm_copy_plan_table(source, state->map).method;
		relation->suspect = relation->method != COPY_EMPTY &&
			tm_derived_checks(source, state->map);
	}
	table_close(source, NoLock);
}

static void
choose_for_index(CloneState *state, CloneRelation *relation)
{
	CloneRelation *table = tm_remap_relation(state, relation->heap);
	Relation	source;

	if (table->method == COPY_EMPTY)
		return;
	source = index_open(relation->source, AccessShareLock);
	relation->method = tm_copy_plan_index(source, table->method, state->map).method;
	if (relation->method == COPY_BLOCKS)
	{
		table->keep_pointers = true;
		/* emptying a pending list takes no lock on the table */
		if (relation->relam == GIN_AM_OID)
			LockRelationOid(relation->source, ShareLock);
	}
	index_close(source, NoLock);
}

/* Cut a relation into tasks. */
static void
add_relation(BlockCopy *copy, CloneState *state, const CloneRelation *relation)
{
	Relation	source = relation_open(relation->source, AccessShareLock);
	BlockNumber nblocks = RelationGetNumberOfBlocks(source);
	CopyTask	task = {0};
	CopiedFile *file;

	task.source = relation->source;
	task.relkind = relation->relkind;
	task.relpersistence = relation->relpersistence;
	task.file = relation->clone_file;
	task.visibility = copy->nvisibility;
	if (relation->relkind != RELKIND_INDEX)
	{
		PagePatch  *patch = tm_page_patch(source, state->map);

		task.needs_map = patch != NULL && patch->any_oid;
		task.toast_source = source->rd_rel->reltoastrelid;
		task.toast_clone = tm_oidmap_translate(state->map, RelationRelationId,
											   task.toast_source);
		task.keep_pointers = relation->keep_pointers;
		task.verbatim = state->verbatim;
		copy->nvisibility += nblocks / BLOCKS_PER_MAP_BYTE + 1;
	}
	relation_close(source, NoLock);

	if (copy->nfiles == copy->maxfiles)
	{
		copy->maxfiles = Max(64, copy->maxfiles * 2);
		copy->files = copy->files == NULL ?
			palloc(sizeof(CopiedFile) * copy->maxfiles) :
			repalloc_huge(copy->files, sizeof(CopiedFile) * copy->maxfiles);
	}
	file = &copy->files[copy->nfiles++];
	file->relation = relation;
	file->nblocks = nblocks;
	file->visibility = task.visibility;
	file->first_task = copy->ntasks;

	if (nblocks > COPY_TASK_BLOCKS)
		stretch_file(relation, nblocks);
	for (task.first = 0; task.first < nblocks; task.first = task.end)
	{
		task.end = Min(nblocks, task.first + COPY_TASK_BLOCKS);
		add_task(copy, &task);
	}
	file->ntasks = copy->ntasks - file->first_task;
}

static void
add_task(BlockCopy *copy, const CopyTask *task)
{
	if (copy->ntasks == copy->maxtasks)
	{
		copy->maxtasks = Max(64, copy->maxtasks * 2);
		copy->tasks = copy->tasks == NULL ?
			palloc(sizeof(CopyTask) * copy->maxtasks) :
			repalloc_huge(copy->tasks, sizeof(CopyTask) * copy->maxtasks);
	}
	copy->tasks[copy->ntasks++] = *task;
	copy->nblocks += task->end - task->first;
	if (task->first == 0)
		copy->nnotempty++;
}

/*
 * Give a file its final length before several processes write to it.  Only
 * the last page of each segment is written; the rest is a hole until then.
 */
static void
stretch_file(const CloneRelation *relation, BlockNumber nblocks)
{
	SMgrRelation smgr = tm_smgropen(relation->clone_file);
	PGIOAlignedBlock page;
	BlockNumber last = 0;

	memset(page.data, 0, BLCKSZ);
	while (last < nblocks - 1)
	{
		last = Min(nblocks - 1, last / RELSEG_SIZE * RELSEG_SIZE + RELSEG_SIZE - 1);
		smgrextend(smgr, MAIN_FORKNUM, last, page.data, true);
		last++;
	}
	smgrclose(smgr);
}

/*
 * The tasks, a round of one from each file after the other: processes that
 * write to one file at the same time would wait for each other.
 */
static CopyTask *
deal_tasks(const BlockCopy *copy)
{
	CopyTask   *dealt = palloc_extended(sizeof(CopyTask) * copy->ntasks,
										MCXT_ALLOC_HUGE);
	int			ndealt = 0;

	for (int round = 0; ndealt < copy->ntasks; round++)
	{
		for (int i = 0; i < copy->nfiles; i++)
		{
			const CopiedFile *file = &copy->files[i];

			if (round < file->ntasks)
				dealt[ndealt++] = copy->tasks[file->first_task + round];
		}
	}
	return dealt;
}

static void
run_tasks(BlockCopy *copy, CloneState *state)
{
	int			nworkers = Min(tm_clone_workers,
							   copy->nblocks / BLOCKS_PER_WORKER);

	tm_progress_phase(PROGRESS_COPYING_BLOCKS, copy->nnotempty,
					  copy->nblocks * BLCKSZ);
	copy->visibility = palloc0(copy->nvisibility + 1);
	if (nworkers > 0 && !IsInParallelMode())
	{
		tm_copy_tasks_in_parallel(deal_tasks(copy), copy->ntasks, state->snapshot,
								  state->map, copy->visibility,
								  copy->nvisibility + 1, nworkers);
		return;
	}
	for (int i = 0; i < copy->ntasks; i++)
		tm_copy_task_run(&copy->tasks[i], state->snapshot, state->map,
						 copy->visibility);
}

/* What remains to be done when all pages of a main fork are there. */
static void
finish_file(BlockCopy *copy, const CopiedFile *file)
{
	const CloneRelation *relation = file->relation;
	Relation	source;

	tm_file_sync_finish(relation->clone_file, MAIN_FORKNUM, copy->start);
	if (relation->relkind != RELKIND_INDEX)
		write_visibility_map(relation, copy->visibility + file->visibility,
							 file->nblocks);
	source = relation_open(relation->source, AccessShareLock);
	copy_free_space_map(relation, source);
	relation_close(source, NoLock);
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
								 relation->relpersistence, false);
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
copy_free_space_map(const CloneRelation *relation, Relation source)
{
	BufferAccessStrategy strategy;
	FileWriter *writer;
	XLogRecPtr	start = tm_file_sync_start();
	BlockNumber nblocks;

	/* it must not name pages that the source has got since */
	if (tm_clone_lock == CLONE_LOCK_NONE ||
		!smgrexists(RelationGetSmgr(source), FSM_FORKNUM))
		return;
	nblocks = RelationGetNumberOfBlocksInFork(source, FSM_FORKNUM);
	strategy = GetAccessStrategy(BAS_BULKREAD);
	writer = tm_file_writer_open(relation->clone_file, FSM_FORKNUM,
								 relation->relpersistence, false);
	tm_copy_verbatim(source, FSM_FORKNUM, 0, nblocks, strategy, writer);
	tm_file_writer_close(writer);
	tm_file_sync_finish(relation->clone_file, FSM_FORKNUM, start);
	FreeAccessStrategy(strategy);
}
