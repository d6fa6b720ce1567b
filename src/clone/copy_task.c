/*
 * copy_task.c
 *		A piece of a block copy: some blocks of one file.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/progress.h"
#include "clone/copy_task.h"
#include "clone/file_writer.h"
#include "clone/page_copy.h"

static void copy_table_blocks(const CopyTask *task, Relation source,
							  Snapshot snapshot, const OidMap *map,
							  uint8 *visibility, FileWriter *writer,
							  BufferAccessStrategy strategy);
static const OidMap *toast_map(const CopyTask *task);

void
tm_copy_task_run(const CopyTask *task, Snapshot snapshot, const OidMap *map,
				 uint8 *visibility)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr copy task",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Relation	source = relation_open(task->source, AccessShareLock);
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	bool		is_index = task->relkind == RELKIND_INDEX;
	FileWriter *writer;

	/*
	 * Free space in a page is not logged where it is known; not every access
	 * method tells where it is.
	 */
	writer = tm_file_writer_open(task->file, MAIN_FORKNUM,
								 task->relpersistence,
								 !is_index ||
								 source->rd_rel->relam == BTREE_AM_OID);
	if (is_index)
		tm_copy_verbatim(source, MAIN_FORKNUM, task->first, task->end, strategy,
						 writer);
	else
		copy_table_blocks(task, source, snapshot,
						  task->needs_map ? map : toast_map(task),
						  visibility + task->visibility, writer, strategy);
	tm_file_writer_close(writer);
	relation_close(source, NoLock);
	tm_progress_add(task->first == 0 ? 1 : 0,
					(uint64) (task->end - task->first) * BLCKSZ);

	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

void
tm_copy_verbatim(Relation source, ForkNumber fork, BlockNumber first,
				 BlockNumber end, BufferAccessStrategy strategy,
				 FileWriter *writer)
{
	/* a free space map need not survive a crash undamaged */
	ReadBufferMode mode = fork == FSM_FORKNUM ? RBM_ZERO_ON_ERROR : RBM_NORMAL;

	for (BlockNumber block = first; block < end; block++)
	{
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		buffer = ReadBufferExtended(source, fork, block, mode, strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		memcpy(tm_file_writer_next(writer, block), BufferGetPage(buffer), BLCKSZ);
		UnlockReleaseBuffer(buffer);
	}
}

/* Copy pages with their rows, and note which ones are visible to all. */
static void
copy_table_blocks(const CopyTask *task, Relation source, Snapshot snapshot,
				  const OidMap *map, uint8 *visibility, FileWriter *writer,
				  BufferAccessStrategy strategy)
{
	uint8		bits = task->verbatim ? VISIBILITYMAP_ALL_VISIBLE :
		VISIBILITYMAP_VALID_BITS;
	PageCopy	copy;

	copy.source = source;
	copy.snapshot = snapshot;
	copy.patch = tm_page_patch(source, map);
	copy.keep_pointers = task->keep_pointers;
	copy.verbatim = task->verbatim;

	for (BlockNumber block = task->first; block < task->end; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (tm_page_copy(&copy, block, strategy,
						 tm_file_writer_next(writer, block)))
			visibility[block / BLOCKS_PER_MAP_BYTE] |= bits
				<< (block % BLOCKS_PER_MAP_BYTE * BITS_PER_HEAPBLOCK);
	}
}

/* All that most tables need of the map. */
static const OidMap *
toast_map(const CopyTask *task)
{
	OidMap	   *map = tm_oidmap_create();

	if (OidIsValid(task->toast_source))
		tm_oidmap_add(map, RelationRelationId, task->toast_source,
					  task->toast_clone);
	return map;
}
