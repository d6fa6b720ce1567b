/*
 * copy_task.h
 *		A piece of a block copy: some blocks of one file.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_COPY_TASK_H
#define TENANT_MGR_COPY_TASK_H

#include "access/visibilitymapdefs.h"
#include "base/compat.h"
#include "clone/file_writer.h"
#include "clone/oidmap.h"
#include "storage/bufmgr.h"
#include "utils/snapshot.h"

/* Blocks of a task; a multiple of what a byte of a visibility map covers */
#define COPY_TASK_BLOCKS	1024

/* Heap blocks that a byte of the visibility map stands for */
#define BLOCKS_PER_MAP_BYTE (BITS_PER_BYTE / BITS_PER_HEAPBLOCK)

/* Plain data: tasks are handed to parallel workers as they are */
typedef struct CopyTask
{
	Oid			source;			/* relation that is copied */
	char		relkind;		/* its kind: an index or some table */
	char		relpersistence; /* its persistence */
	RelFileLocator file;		/* where the blocks go */
	BlockNumber first;			/* blocks from here ... */
	BlockNumber end;			/* ... to before here are the task */
	Oid			toast_source;	/* TOAST tables, for a table that has one */
	Oid			toast_clone;
	bool		needs_map;		/* do rows hold OIDs of all kinds? */
	bool		keep_pointers;	/* see PageCopy */
	bool		verbatim;		/* see PageCopy */
	Size		visibility;		/* where in the shared visibility bits those
								 * of the file begin */
} CopyTask;

/*
 * Copy the blocks.  Rows are kept that the snapshot sees.  The map may be
 * NULL unless the task needs one.  visibility is where the bits of all files
 * are collected.  The source is locked by the caller, or by its leader.
 */
extern void tm_copy_task_run(const CopyTask *task, Snapshot snapshot,
							 const OidMap *map, uint8 *visibility);

/* Copy blocks from first to before end as they are. */
extern void tm_copy_verbatim(Relation source, ForkNumber fork,
							 BlockNumber first, BlockNumber end,
							 BufferAccessStrategy strategy,
							 FileWriter *writer);

extern int	tm_clone_workers;	/* parallel workers of a clone, at most */

/*
 * Run all tasks with the help of parallel workers, up to the given number;
 * those that need the map are run by the caller's own process.
 */
extern void tm_copy_tasks_in_parallel(const CopyTask *tasks, int ntasks,
									  Snapshot snapshot, const OidMap *map,
									  uint8 *visibility, Size nvisibility,
									  int nworkers);

#endif							/* TENANT_MGR_COPY_TASK_H */
