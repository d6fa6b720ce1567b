/*
 * migrate_worker.h
 *		Background workers that give tenants what they lack.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_WORKER_H
#define TENANT_MGR_MIGRATE_WORKER_H

#include "postmaster/bgworker.h"
#include "storage/dsm.h"

#include "fleet/migrate_queue.h"

#define TM_MIGRATE_WORKER_MAIN	"tm_migrate_worker_main"

/* The workers of a run */
typedef struct MigrateWorkers
{
	dsm_segment *segment;		/* where the queue is */
	MigrateQueue *queue;		/* itself */
	int			nworkers;		/* how many there shall be */
	int			nstarted;		/* how many have been started */
	bool		told;			/* has it been said that some could not? */
	BackgroundWorkerHandle **handles;	/* of each, or NULL */
} MigrateWorkers;

/*
 * Start as many workers as can be had of those that there shall be.  Returns
 * how many are running or about to.
 */
extern int	tm_migrate_workers_start(MigrateWorkers *workers);

/*
 * Look for workers that have ended; calls back with the tenant that one of them
 * has died of, if it was working on one.  Returns how many there still are.
 */
typedef void (*MigrateDeath) (int item, void *arg);
extern int	tm_migrate_workers_check(MigrateWorkers *workers,
									 MigrateDeath death, void *arg);

/* Wait until they have ended, once the queue is over. */
extern void tm_migrate_workers_wait(MigrateWorkers *workers);

/* End them at once, and wait until they have ended if told so. */
extern void tm_migrate_workers_end(MigrateWorkers *workers, bool wait);

extern PGDLLEXPORT void tm_migrate_worker_main(Datum arg);

#endif							/* TENANT_MGR_MIGRATE_WORKER_H */
