/*
 * health_launcher.c
 *		The worker that has databases looked at when it is time.
 *
 * The launcher is in no database.  It sleeps until a database of the schedule
 * is due and has a worker started there, which looks at the connections of
 * that database once and goes (health_worker.c).  A worker that stayed would
 * keep the database from being dropped.  With no connections anywhere, the
 * launcher sleeps until somebody announces some.
 *
 * Shared memory, and so the schedule, is empty when the server starts.  Then
 * each database is visited once, to see whether there are connections.
 *
 * The launcher ends with an error like any background worker, and is started
 * again.  What its predecessor has started goes on: a round too many does no
 * harm.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/database_list.h"
#include "base/worker.h"
#include "connections/health.h"
#include "connections/health_memory.h"
#include "connections/health_policy.h"
#include "connections/health_schedule.h"
#include "connections/health_worker.h"

#define RESTART_SECONDS		5
#define MIN_PAUSE_MS		1000	/* before a round that failed is repeated */
#define MAX_SLEEP_MS		(60 * 60 * 1000)

/* A worker that was started */
typedef struct Round
{
	Oid			dbid;			/* its database */
	BackgroundWorkerHandle *handle; /* itself */
} Round;

/* the setting; written by the GUC machinery only */
int			tm_health_workers = 2;

/* workers that may be running; written by the launcher, in its own context */
static List *rounds = NIL;
static List *busy_databases = NIL;

/* databases to visit once, and whether it was told that no worker is free */
static List *unvisited = NIL;
static bool told_no_worker = false;

static void launcher_exit(int code, Datum arg);
static long run_what_is_due(void);
static void forget_ended_rounds(void);
static Oid	next_database(TimestampTz now, TimestampTz *when);
static bool start_round(Oid dbid);
static void sleep_until_needed(long timeout_ms);

void
tm_health_launcher_register(void)
{
	static const WorkerType launcher = {
		.name = "tenant_mgr health launcher",
		.function = TM_HEALTH_LAUNCHER_MAIN,
		.restart_seconds = RESTART_SECONDS
	};

	if (tm_health_slots > 0)
		tm_worker_register(&launcher);
}

void
tm_health_launcher_main(Datum arg)
{
	MemoryContext context;

	before_shmem_exit(launcher_exit, (Datum) 0);
	tm_worker_begin();
	context = AllocSetContextCreate(TopMemoryContext,
									"tenant_mgr health launcher",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	tm_health_schedule_set_launcher(MyLatch);
	unvisited = tm_database_list();

	for (;;)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			/* Intervals may have changed, also those of single databases. */
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			tm_health_schedule_announce_all();
		}
		sleep_until_needed(run_what_is_due());
	}
}

static void
launcher_exit(int code, Datum arg)
{
	tm_health_schedule_set_launcher(NULL);
}

/* Returns for how many milliseconds there is nothing to do, or -1. */
static long
run_what_is_due(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz when = DT_NOEND;
	List	   *databases = NIL;
	bool		refused = false;
	Oid			dbid;

	forget_ended_rounds();
	while (!refused && list_length(rounds) < tm_health_workers &&
		   OidIsValid(dbid = next_database(now, &when)))
	{
		if (databases == NIL)
			databases = tm_database_list();
		if (!list_member_oid(databases, dbid))
		{
			/* It is gone, or nobody is let in any more. */
			tm_health_schedule_forget(dbid, tm_health_schedule_begin(dbid));
			tm_health_forget_database(dbid);
		}
		else
			refused = !start_round(dbid);
	}
	list_free(databases);

	if (refused)
		return MIN_PAUSE_MS;

	/* Whoever ends will wake us up. */
	if (list_length(rounds) >= tm_health_workers || when == DT_NOEND)
		return -1;
	return TimestampDifferenceMilliseconds(now, when);
}

static void
forget_ended_rounds(void)
{
	ListCell   *lc;

	foreach(lc, rounds)
	{
		Round	   *round = lfirst(lc);
		pid_t		pid;

		if (GetBackgroundWorkerPid(round->handle, &pid) != BGWH_STOPPED)
			continue;
		busy_databases = list_delete_oid(busy_databases, round->dbid);
		pfree(round->handle);
		pfree(round);
		rounds = foreach_delete_current(rounds, lc);
	}
}

/* InvalidOid, and when to ask again, if none is due. */
static Oid
next_database(TimestampTz now, TimestampTz *when)
{
	static bool visit = true;
	Oid			dbid = tm_health_schedule_next(busy_databases, now, when);

	/* Neither waits for the end of the others. */
	if (unvisited != NIL && (visit || !OidIsValid(dbid)))
	{
		dbid = linitial_oid(unvisited);
		visit = false;
	}
	else
		visit = true;
	unvisited = list_delete_oid(unvisited, dbid);
	return dbid;
}

/* False if no background worker is free. */
static bool
start_round(Oid dbid)
{
	static const WorkerType visitor = {
		.name = "tenant_mgr health worker",
		.function = TM_HEALTH_WORKER_MAIN,
		.none_free = gettext_noop("no background worker is free to look at connections")
	};
	Round	   *round = palloc(sizeof(Round));
	TimestampTz until;

	/* The worker will say better; this is in case that it fails. */
	until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										Max(tm_health_interval, MIN_PAUSE_MS));
	tm_health_schedule_postpone(dbid, until);

	if (!tm_worker_start(&visitor, dbid, InvalidOid, (Datum) 0,
						 &round->handle))
	{
		if (!told_no_worker)
			tm_worker_report_none_free(&visitor, LOG);
		told_no_worker = true;
		unvisited = list_append_unique_oid(unvisited, dbid);
		pfree(round);
		return false;
	}
	told_no_worker = false;
	round->dbid = dbid;
	rounds = lappend(rounds, round);
	busy_databases = lappend_oid(busy_databases, dbid);
	return true;
}

/* -1 means for as long as it takes. */
static void
sleep_until_needed(long timeout_ms)
{
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

	if (timeout_ms >= 0)
		events |= WL_TIMEOUT;
	(void) WaitLatch(MyLatch, events, Min(timeout_ms, MAX_SLEEP_MS),
					 tm_wait_event("TenantMgrHealthLauncher"));
}
