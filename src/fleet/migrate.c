/*
 * migrate.c
 *		tenant.migrate(): the fleet gets what it lacks.
 *
 * A run looks once which tenants lack what, and works through them: templates,
 * canaries, the rest.  Then it looks again, for tenants can have appeared
 * meanwhile.  What happens to one tenant is in migrate_tenant.c.
 *
 * Transactions of tenants need not wait for the disk (tenant_mgr.migrate_
 * synchronous_commit): what a crash takes away it takes with its row of the ledger,
 * and another run gives it again.  The last commit of the run, that of its own row,
 * waits for all of them.
 *
 * The work is done by background workers, directed by the session of the caller,
 * or by that session itself.  The director holds a lock on the row of its run,
 * so that the next one can tell a run that goes on from one that was killed; the
 * ledger does not depend on it.  Two runs at a time share the tenants: a tenant
 * is locked by one, and has nothing left to get when the other comes to it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "base/cancellation.h"
#include "base/compat.h"
#include "base/preload.h"
#include "base/progress.h"
#include "fleet/migrate_choice.h"
#include "fleet/migrate_options.h"
#include "fleet/migrate_report.h"
#include "fleet/migrate_worker.h"
#include "fleet/migration.h"
#include "fleet/migration_ledger.h"
#include "fleet/migration_run.h"

/* How long the director sleeps while workers work */
#define WATCH_MS	100

/* How often the row of the run is brought up to date */
#define NOTE_EVERY_MS	5000

/* A run, as its director knows it */
typedef struct Director
{
	MigrateOptions options;		/* what is to be done */
	MigrateRun	run;			/* the same for those who do it */
	bool		nested;			/* called by a procedure or DO block? */
	int			nestlevel;		/* savepoints that it was called in */
	MemoryContext context;		/* of all of this; outlives transactions */
	bool		begun;			/* has the run a row that is committed? */
	HTAB	   *chosen;			/* ids of tenants that have had their turn */
	QueueCounts counts;			/* what earlier rounds have come to */
	MigrateFailure failure;		/* the first */
	MigrateFailure difference;	/* from a template, the first */
	MigrateQueue *queue;		/* of the present round */
	MigrateReport report;		/* what was told about it */
	TimestampTz noted_at;		/* when the row of the run was written */
	MigrateWorkers workers;		/* of the present round, if it has any */
	MigrateSession *session;	/* for what the director does itself */
} Director;

static void direct(Director *director);
static void note_deserted_runs(void);
static List *choose(Director *director);
static void begin_run(Director *director, int ntenants);
static void run_round(Director *director, List *tenants, int ncanaries);
static void fill_queue(MigrateQueue *queue, List *tenants, int ncanaries);
static bool wants_workers(const Director *director, int ntenants);
static void run_with_workers(Director *director, List *tenants,
							 int ncanaries);
static void watch_workers(Director *director);
static void note_death(int item, void *arg);
static void end_workers(int code, Datum arg);
static void run_in_session(Director *director);
static void report(Director *director);
static void add_up(Director *director);
static void finish(Director *director);
static void finish_after_error(Director *director, ErrorData *error);
static void tell_result(const Director *director);

PG_FUNCTION_INFO_V1(tenant_migrate);

/* migrate(to_version, tenants, jobs, on_error, canary, dry_run, verify) */
Datum
tenant_migrate(PG_FUNCTION_ARGS)
{
	MemoryContext old_context = CurrentMemoryContext;
	Director	director = {0};
	ErrorData  *volatile error = NULL;

	tm_migrate_check_caller(fcinfo);
	director.nestlevel = GetCurrentTransactionNestLevel();
	director.nested = SPI_inside_nonatomic_context();
	director.context = AllocSetContextCreate(PortalContext,
											 "tenant_mgr migrate run",
											 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(director.context);
	tm_migrate_read_options(fcinfo, &director.options);
	tm_migrate_fill_run(&director.options, &director.run);

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(director.context);
	PG_TRY();
	{
		direct(&director);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(director.context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (error != NULL)
		finish_after_error(&director, error);
	SPI_finish();
	tell_result(&director);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(director.context);
	PG_RETURN_VOID();
}

/* Rounds, until no tenant lacks anything that has not had its turn */
static void
direct(Director *director)
{
	int			ncanaries = director->options.canary;
	List	   *tenants;

	director->chosen = tm_migrate_chosen_init();
	if (!director->run.trial)
		note_deserted_runs();
	tm_progress_begin(PROGRESS_MIGRATE, "");
	while ((tenants = choose(director)) != NIL)
	{
		if (!director->run.trial && director->run.run == 0)
			begin_run(director, list_length(tenants));
		SPI_commit();
		director->begun = director->run.run != 0;
		run_round(director, tenants, ncanaries);
		if (director->counts.stopped || director->options.named)
			break;
		ncanaries = 0;
	}
	tm_progress_end();
	finish(director);
}

/* The rows of those that were killed do not know it. */
static void
note_deserted_runs(void)
{
	ListCell   *lc;

	foreach(lc, tm_run_running())
	{
		int64		run = *(int64 *) lfirst(lc);

		if (!tm_run_is_held(run))
			tm_run_update(run, RUN_INTERRUPTED, -1, -1);
	}
}

static List *
choose(Director *director)
{
	List	   *tenants;

	PushActiveSnapshot(GetTransactionSnapshot());
	if (director->run.bounded)
		(void) tm_migration_lookup(director->run.to_version, false);
	tenants = tm_migrate_choose(&director->options, director->chosen);
	PopActiveSnapshot();
	return tenants;
}

static void
begin_run(Director *director, int ntenants)
{
	Jsonb	   *options = tm_migrate_options_to_jsonb(&director->options);

	PushActiveSnapshot(GetTransactionSnapshot());
	director->run.run = tm_run_begin(options, ntenants);
	PopActiveSnapshot();
	tm_run_hold(director->run.run);
	director->noted_at = GetCurrentTimestamp();
}

static void
run_round(Director *director, List *tenants, int ncanaries)
{
	int			ntenants = list_length(tenants);

	tm_migrate_report_begin(&director->report);
	director->session = tm_migrate_session_begin(&director->run,
												 director->context, false,
												 director->nested);
	if (wants_workers(director, ntenants))
		run_with_workers(director, tenants, ncanaries);
	else
	{
		director->queue = palloc(tm_migrate_queue_size(ntenants));
		tm_migrate_queue_init(director->queue, &director->run, ntenants,
							  false);
		fill_queue(director->queue, tenants, ncanaries);
		run_in_session(director);
		add_up(director);
	}
	tm_migrate_session_end(director->session);
}

static void
fill_queue(MigrateQueue *queue, List *tenants, int ncanaries)
{
	int			ntemplates = 0;
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const PendingTenant *tenant = lfirst(lc);

		queue->items[foreach_current_index(lc)].id = tenant->id;
		if (tenant->is_template)
			ntemplates++;
	}
	queue->stage_end[MIGRATE_TEMPLATES] = ntemplates;
	queue->stage_end[MIGRATE_CANARIES] = ntemplates +
		Min(ncanaries, queue->nitems - ntemplates);
	queue->stage_end[MIGRATE_REST] = queue->nitems;
}

/* A trial tells the client what it finds, which a worker could not. */
static bool
wants_workers(const Director *director, int ntenants)
{
	if (director->run.trial || director->options.jobs == 1 || ntenants == 1)
		return false;
	if (tm_is_preloaded())
		return true;
	if (director->options.jobs_given)
		ereport(NOTICE,
				(errmsg("tenants are migrated one at a time"),
				 errdetail("Background workers are available only if tenant_mgr is in shared_preload_libraries.")));
	return false;
}

/*
 * The queue is in shared memory that is ours for as long as we live.  If we go,
 * for whatever reason, the workers go.
 */
static void
run_with_workers(Director *director, List *tenants, int ncanaries)
{
	int			ntenants = list_length(tenants);
	MigrateWorkers *workers = &director->workers;

	memset(workers, 0, sizeof(MigrateWorkers));
	workers->segment = dsm_create(tm_migrate_queue_size(ntenants), 0);
	dsm_pin_mapping(workers->segment);
	director->queue = dsm_segment_address(workers->segment);
	tm_migrate_queue_init(director->queue, &director->run, ntenants, true);
	fill_queue(director->queue, tenants, ncanaries);
	workers->queue = director->queue;
	workers->nworkers = Min(director->options.jobs, ntenants);
	workers->handles = palloc0(sizeof(BackgroundWorkerHandle *) *
							   workers->nworkers);

	PG_ENSURE_ERROR_CLEANUP(end_workers, PointerGetDatum(director));
	{
		watch_workers(director);
	}
	PG_END_ENSURE_ERROR_CLEANUP(end_workers, PointerGetDatum(director));
	add_up(director);
	dsm_detach(workers->segment);
	workers->segment = NULL;
}

/*
 * See to it that there are as many workers as there shall be, unless they die
 * faster than they work; if there are none, do it without.
 */
static void
watch_workers(Director *director)
{
	MigrateWorkers *workers = &director->workers;
	int			max_starts = 2 * workers->nworkers + workers->queue->nitems;
	int			nrunning = tm_migrate_workers_start(workers);

	while (nrunning > 0 && !tm_migrate_queue_counts(workers->queue).ended)
	{
		CHECK_FOR_INTERRUPTS();
		ConditionVariablePrepareToSleep(&workers->queue->changed);
		(void) ConditionVariableTimedSleep(&workers->queue->changed, WATCH_MS,
										   tm_wait_event("TenantMgrMigrate"));
		ConditionVariableCancelSleep();
		nrunning = tm_migrate_workers_check(workers, note_death, director);
		if (!tm_migrate_queue_is_over(workers->queue) &&
			workers->nstarted < max_starts)
			nrunning = tm_migrate_workers_start(workers);
		report(director);
	}
	if (!tm_migrate_queue_counts(workers->queue).ended)
		run_in_session(director);
	tm_migrate_workers_wait(workers);
}

/* It counts as an attempt that has failed. */
static void
note_death(int item, void *arg)
{
	Director   *director = arg;
	MigrateOutcome outcome = {.end = MIGRATE_RETRY};

	tm_migrate_note_death(director->session,
						  &director->queue->items[item].id, &outcome.failure);
	tm_migrate_queue_put(director->queue, item, &outcome);
}

/* After an error, or when the session ends, which nothing may hold up */
static void
end_workers(int code, Datum arg)
{
	Director   *director = (Director *) DatumGetPointer(arg);

	tm_migrate_workers_end(&director->workers, !proc_exit_inprogress);
	if (!proc_exit_inprogress)
	{
		add_up(director);
		dsm_detach(director->workers.segment);
		director->workers.segment = NULL;
	}
}

static void
run_in_session(Director *director)
{
	MigrateQueue *queue = director->queue;

	while (!tm_migrate_queue_is_over(queue))
	{
		MigrateOutcome outcome;
		long		wait;
		int			item = tm_migrate_queue_take(queue, MIGRATE_NOBODY, &wait);

		CHECK_FOR_INTERRUPTS();
		if (item < 0)
		{
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT |
							 WL_EXIT_ON_PM_DEATH,
							 wait >= 0 ? Min(wait, WATCH_MS) : WATCH_MS,
							 tm_wait_event("TenantMgrMigrate"));
			ResetLatch(MyLatch);
		}
		else
		{
			tm_migrate_tenant(director->session, &queue->items[item].id,
							  &outcome);
			tm_migrate_queue_put(queue, item, &outcome);
		}
		report(director);
	}
}

/* To the client, to others, and in the row of the run */
static void
report(Director *director)
{
	QueueCounts counts = tm_migrate_queue_counts(director->queue);
	TimestampTz now = GetCurrentTimestamp();

	tm_migrate_report(&director->report, &counts);
	if (director->run.run == 0 ||
		!TimestampDifferenceExceeds(director->noted_at, now, NOTE_EVERY_MS))
		return;
	director->noted_at = now;
	tm_run_update(director->run.run, RUN_RUNNING,
				  director->counts.napplied + counts.napplied,
				  director->counts.nfailed + counts.nfailed);
	SPI_commit();
}

/* The round is over. */
static void
add_up(Director *director)
{
	QueueCounts counts = tm_migrate_queue_counts(director->queue);

	if (counts.nfailed > 0 && director->counts.nfailed == 0)
		director->failure = director->queue->failure;
	if (counts.ndiffering > 0 && director->counts.ndiffering == 0)
		director->difference = director->queue->difference;
	director->counts.nitems += counts.nitems;
	director->counts.ndone += counts.ndone;
	director->counts.nfailed += counts.nfailed;
	director->counts.napplied += counts.napplied;
	director->counts.ndiffering += counts.ndiffering;
	director->counts.stopped = counts.stopped;
	director->queue = NULL;
}

static void
finish(Director *director)
{
	if (director->run.run == 0)
		return;
	tm_run_update(director->run.run,
				  director->counts.stopped ? RUN_STOPPED : RUN_FINISHED,
				  director->counts.napplied, director->counts.nfailed);
	tm_run_let_go(director->run.run);
	SPI_commit();
}

/*
 * Note that the run has ended, and say why.  Only what one of our own
 * transactions has committed is known by now.
 */
static void
finish_after_error(Director *director, ErrorData *error)
{
	/* A trial is in savepoints, which the session would be left in. */
	while (GetCurrentTransactionNestLevel() > director->nestlevel)
		RollbackAndReleaseCurrentSubTransaction();
	if (director->begun && SPI_inside_nonatomic_context())
	{
		/*
		 * Those of portals have gone with the commit that the run began with.
		 * What was at work when the error came has left its own, which a
		 * rollback by SPI does not expect.
		 */
		while (ActiveSnapshotSet())
			PopActiveSnapshot();
		SPI_rollback();
		if (director->queue != NULL)
			add_up(director);
		tm_run_update(director->run.run,
					  tm_is_cancellation(error) ?
					  RUN_CANCELLED : RUN_INTERRUPTED,
					  director->counts.napplied, director->counts.nfailed);
		SPI_commit();
	}
	ReThrowError(error);
}

/*
 * What is left undone is an error if the run was to stop there, or a warning if
 * it was to go on.
 */
static void
tell_result(const Director *director)
{
	const QueueCounts *counts = &director->counts;
	const MigrateFailure *failure = &director->failure;

	if (counts->nitems == 0)
		ereport(NOTICE, (errmsg("no migration is pending")));
	else if (director->run.trial)
		ereport(NOTICE,
				(errmsg("tried for %d tenants, %d would fail; nothing has been changed",
						counts->nitems, counts->nfailed)));
	else
		ereport(NOTICE,
				(errmsg("%d of %d tenants have been migrated, %d have failed",
						counts->ndone, counts->nitems, counts->nfailed)));
	if (counts->ndiffering > 0)
		ereport(WARNING,
				(errmsg_internal("%s", director->difference.message),
				 counts->ndiffering > 1 ?
				 errdetail_plural("%d other tenant differs, too.",
								  "%d other tenants differ, too.",
								  counts->ndiffering - 1,
								  counts->ndiffering - 1) : 0,
				 errhint("See tenant.migration_status, and use tenant.diff() to see in what.")));
	if (counts->nfailed == 0)
		return;
	ereport(counts->stopped ? ERROR : WARNING,
			(errcode(failure->sqlerrcode),
			 errmsg("migration \"%s\" of tenant \"%s\" has failed: %s",
					failure->version, failure->tenant, failure->message),
			 counts->nfailed > 1 ?
			 errdetail_plural("%d other tenant has failed, too.",
							  "%d other tenants have failed, too.",
							  counts->nfailed - 1, counts->nfailed - 1) : 0,
			 errhint("See tenant.migration_status.  A further call goes on with what is missing.")));
}
