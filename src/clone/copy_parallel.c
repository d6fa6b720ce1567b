/*
 * copy_parallel.c
 *		Block copies with PostgreSQL's parallel workers.
 *
 * The tasks lie in shared memory, and everybody takes the next one until none
 * is left, the leader included.  Workers only read the source and write the
 * clone's files and WAL; what belongs to the transaction (creating files,
 * registering them for removal, syncing them) stays with the leader.  If any
 * of them fails, the server ends the others before the leader's abort removes
 * the files.
 *
 * Values that hold OIDs need the whole map, which stays with the leader, too:
 * it runs those tasks first.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/shm_toc.h"
#include "utils/snapmgr.h"

#include "base/progress.h"
#include "clone/copy_task.h"

/* Keys in the table of contents of the shared memory */
#define KEY_SHARED		UINT64CONST(0x7E4A4D0000000001)
#define KEY_TASKS		UINT64CONST(0x7E4A4D0000000002)
#define KEY_VISIBILITY	UINT64CONST(0x7E4A4D0000000003)

typedef struct CopyShared
{
	int			ntasks;			/* number of tasks */
	int			progress;		/* the leader's, see tm_progress_join() */
	pg_atomic_uint32 next;		/* first task that nobody has taken */
} CopyShared;

/* the setting; written by the GUC machinery only */
int			tm_clone_workers = 2;

extern PGDLLEXPORT void tm_copy_worker_main(dsm_segment *segment, shm_toc *toc);

static void run_shared_tasks(CopyShared *shared, const CopyTask *tasks,
							 Snapshot snapshot, uint8 *visibility);

void
tm_copy_tasks_in_parallel(const CopyTask *tasks, int ntasks, Snapshot snapshot,
						  const OidMap *map, uint8 *visibility,
						  Size nvisibility, int nworkers)
{
	Size		tasks_size = mul_size(sizeof(CopyTask), ntasks);
	ParallelContext *pcxt;
	CopyShared *shared;
	CopyTask   *shared_tasks;
	uint8	   *shared_visibility;

	/* workers see rows through the leader's active snapshot */
	PushActiveSnapshot(snapshot);
	EnterParallelMode();
	pcxt = CreateParallelContext("tenant_mgr", "tm_copy_worker_main", nworkers);
	shm_toc_estimate_chunk(&pcxt->estimator, sizeof(CopyShared));
	shm_toc_estimate_chunk(&pcxt->estimator, tasks_size);
	shm_toc_estimate_chunk(&pcxt->estimator, nvisibility);
	shm_toc_estimate_keys(&pcxt->estimator, 3);
	InitializeParallelDSM(pcxt);

	shared = shm_toc_allocate(pcxt->toc, sizeof(CopyShared));
	shared->ntasks = ntasks;
	shared->progress = tm_progress_number();
	pg_atomic_init_u32(&shared->next, 0);
	shm_toc_insert(pcxt->toc, KEY_SHARED, shared);
	shared_tasks = shm_toc_allocate(pcxt->toc, tasks_size);
	memcpy(shared_tasks, tasks, tasks_size);
	shm_toc_insert(pcxt->toc, KEY_TASKS, shared_tasks);
	shared_visibility = shm_toc_allocate(pcxt->toc, nvisibility);
	memset(shared_visibility, 0, nvisibility);
	shm_toc_insert(pcxt->toc, KEY_VISIBILITY, shared_visibility);

	LaunchParallelWorkers(pcxt);
	for (int i = 0; i < ntasks; i++)
	{
		if (tasks[i].needs_map)
			tm_copy_task_run(&tasks[i], snapshot, map, shared_visibility);
	}
	run_shared_tasks(shared, shared_tasks, snapshot, shared_visibility);
	WaitForParallelWorkersToFinish(pcxt);
	memcpy(visibility, shared_visibility, nvisibility);

	DestroyParallelContext(pcxt);
	ExitParallelMode();
	PopActiveSnapshot();
}

void
tm_copy_worker_main(dsm_segment *segment, shm_toc *toc)
{
	CopyShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);

	tm_progress_join(shared->progress);
	run_shared_tasks(shared,
					 shm_toc_lookup(toc, KEY_TASKS, false),
					 GetActiveSnapshot(),
					 shm_toc_lookup(toc, KEY_VISIBILITY, false));
}

/* Take tasks until none is left. */
static void
run_shared_tasks(CopyShared *shared, const CopyTask *tasks, Snapshot snapshot,
				 uint8 *visibility)
{
	for (;;)
	{
		uint32		next = pg_atomic_fetch_add_u32(&shared->next, 1);

		if (next >= (uint32) shared->ntasks)
			break;
		if (!tasks[next].needs_map)
			tm_copy_task_run(&tasks[next], snapshot, NULL, visibility);
	}
}
