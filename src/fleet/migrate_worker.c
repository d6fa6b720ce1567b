/*
 * migrate_worker.c
 *		Background workers that give tenants what they lack.
 *
 * A worker belongs to one run.  It connects as the role with which the caller has
 * logged in, and works as the caller's current role.  It takes tenants from the
 * queue in shared memory until none is left, and ends.
 *
 * It is ended with SIGTERM, by whoever directs the run or by anybody who may,
 * and whatever it was at is rolled back.  The director finds out, and hands the
 * tenant on.
 *
 * The director may end, too, by whatever kills only this one session.  Its part
 * of the shared memory is given up then, and that stops the queue.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/compat.h"
#include "base/worker.h"
#include "fleet/migrate_worker.h"
#include "fleet/recording.h"

/* However long there is nothing to do, a worker looks so often */
#define LONGEST_SLEEP_MS	1000

static const WorkerType migrate_worker = {
	.name = "tenant_mgr migrate worker",
	.function = TM_MIGRATE_WORKER_MAIN,
	.none_free = gettext_noop("not all background workers that shall migrate tenants can be started")
};

static void record_nothing(void);
static void work(MigrateQueue *queue);
static void wait_for_work(MigrateQueue *queue, long wait);

int
tm_migrate_workers_start(MigrateWorkers *workers)
{
	int			nrunning = 0;

	for (int i = 0; i < workers->nworkers; i++)
	{
		if (workers->handles[i] == NULL)
		{
			if (!tm_worker_start(&migrate_worker, MyDatabaseId,
								 GetAuthenticatedUserId(),
								 UInt32GetDatum(dsm_segment_handle(workers->segment)),
								 &workers->handles[i]))
			{
				workers->handles[i] = NULL;
				continue;
			}
			workers->nstarted++;
		}
		nrunning++;
	}
	if (nrunning < workers->nworkers && !workers->told)
		tm_worker_report_none_free(&migrate_worker, NOTICE);
	workers->told = nrunning < workers->nworkers;
	return nrunning;
}

int
tm_migrate_workers_check(MigrateWorkers *workers, MigrateDeath death, void *arg)
{
	int			nrunning = 0;

	for (int i = 0; i < workers->nworkers; i++)
	{
		pid_t		pid;
		int			item;

		if (workers->handles[i] == NULL)
			continue;
		if (GetBackgroundWorkerPid(workers->handles[i], &pid) != BGWH_STOPPED)
		{
			nrunning++;
			continue;
		}
		pfree(workers->handles[i]);
		workers->handles[i] = NULL;
		while ((item = tm_migrate_queue_orphan(workers->queue)) >= 0)
			death(item, arg);
	}
	return nrunning;
}

void
tm_migrate_workers_wait(MigrateWorkers *workers)
{
	for (int i = 0; i < workers->nworkers; i++)
	{
		if (workers->handles[i] != NULL)
			(void) WaitForBackgroundWorkerShutdown(workers->handles[i]);
		workers->handles[i] = NULL;
	}
}

void
tm_migrate_workers_end(MigrateWorkers *workers, bool wait)
{
	tm_migrate_queue_stop(workers->queue);
	for (int i = 0; i < workers->nworkers; i++)
	{
		if (workers->handles[i] != NULL)
			TerminateBackgroundWorker(workers->handles[i]);
	}
	if (wait)
		tm_migrate_workers_wait(workers);
}

void
tm_migrate_worker_main(Datum arg)
{
	dsm_segment *segment;
	MigrateQueue *queue;

	tm_worker_begin();

	/* The director may have gone before we came. */
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "tenant_mgr migrate");
	segment = dsm_attach(DatumGetUInt32(arg));
	if (segment == NULL)
		return;
	dsm_pin_mapping(segment);
	queue = dsm_segment_address(segment);

	SetUserIdAndSecContext(queue->run.roleid, 0);
	record_nothing();
	work(queue);
	dsm_detach(segment);
}

/* The role may have the setting by default. */
static void
record_nothing(void)
{
	if (tm_recording_is_on())
		(void) set_config_option(TM_RECORD_SETTING, "", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SET, true, 0,
								 false);
}

/* Take tenants until none is left. */
static void
work(MigrateQueue *queue)
{
	MigrateSession *session;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	session = tm_migrate_session_begin(&queue->run, TopMemoryContext, true,
									   false);
	while (!tm_migrate_queue_is_over(queue))
	{
		MigrateOutcome outcome;
		long		wait;
		int			item;

		/* Whoever changes something from here on wakes us up. */
		CHECK_FOR_INTERRUPTS();
		ConditionVariablePrepareToSleep(&queue->changed);
		item = tm_migrate_queue_take(queue, MyProcPid, &wait);
		if (item < 0)
			wait_for_work(queue, wait);
		ConditionVariableCancelSleep();
		if (item < 0)
			continue;
		pgstat_report_activity(STATE_RUNNING, "tenant_mgr migrate");
		tm_migrate_tenant(session, &queue->items[item].id, &outcome);
		tm_migrate_queue_put(queue, item, &outcome);
	}
	SPI_finish();
	CommitTransactionCommand();
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* Until something changes, or a pause is over */
static void
wait_for_work(MigrateQueue *queue, long wait)
{
	if (tm_migrate_queue_is_over(queue))
		return;
	pgstat_report_activity(STATE_IDLE, NULL);
	(void) ConditionVariableTimedSleep(&queue->changed,
									   wait >= 0 ? wait : LONGEST_SLEEP_MS,
									   tm_wait_event("TenantMgrMigrateWorker"));
}
