/*
 * migrate_tenant.c
 *		One tenant gets what it lacks.
 *
 * Each migration is a transaction of its own: lock the tenant's schema, look
 * whether the tenant still lacks it, execute the statements, write the ledger,
 * commit.  So a tenant has a migration if and only if the ledger says so,
 * whatever is killed.  What fails is rolled back to a savepoint, and the failure
 * is written instead.
 *
 * The statements run as the owner of the tenant's schema, in a security-
 * restricted operation, bound to the tenant and judged as that tenant's code
 * (tenant_work.c).  So nothing that somebody has planted in the tenant (a
 * trigger, a default, a check, a function that comes first on the path) gets any
 * right that its owner has not got, nor reaches another tenant, nor leaves
 * anything behind that would run later: no deferred trigger, no temporary object,
 * no setting.  Only superusers have a superuser's tenants migrated.
 *
 * A migration that is not transactional goes statement by statement.  The ledger
 * says how many are committed, and that the next may have begun.
 *
 * Locks: the entries of the ledger; then the schema in a mode that excludes other
 * runs, clones, renames and drops, and disturbs neither bound sessions nor DDL
 * within.  None of them is waited for longer than tenant_mgr.migrate_
 * lock_timeout, nor is any lock that statements take.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/cancellation.h"
#include "base/compat.h"
#include "binding/ownership.h"
#include "compare/kept_fingerprint.h"
#include "fleet/migrate_alone.h"
#include "fleet/migrate_lock.h"
#include "fleet/migrate_statements.h"
#include "fleet/migrate_tenant.h"
#include "fleet/migrate_trial.h"
#include "fleet/migrate_verify.h"
#include "fleet/migration.h"
#include "fleet/migration_ledger.h"
#include "fleet/migration_run.h"
#include "lifecycle/hook_table.h"
#include "lifecycle/tenant_hook.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"

/* After so many tenants a session forgets what it knows of their tables */
#define TENANTS_PER_CACHE	100

/* One migration of the run */
typedef struct Step
{
	Migration  *migration;		/* itself */
	List	   *statements;		/* of MigrationStatement */
} Step;

/* One attempt to give it to a tenant */
typedef struct Attempt
{
	MigrateSession *session;	/* who tries */
	const pg_uuid_t *id;		/* the tenant */
	const Step *after;			/* what it has got just before, or NULL */
	const Step *step;			/* what it is to get */
	bool		more;			/* and something else after it */
	TimestampTz started_at;		/* since when */
	TenantInfo *tenant;			/* as it was locked, NULL if it has gone */
	bool		applied;		/* has it got it by this attempt? */
	bool		over;			/* has it had it before? */
	bool		partial;		/* may some statements be committed? */
	AloneBefore before;			/* has the next been begun before? */
	bool		unnoted;		/* may it be done without being noted? */
	int			ndone;			/* statements that are committed */
	char	   *difference;		/* from its template, or NULL */
	bool		left_out;		/* was something not tried? */
} Attempt;

/* What can fail and is undone then */
typedef void (*AttemptWork) (Attempt *attempt);

static List *missing_steps(MigrateSession *session, const pg_uuid_t *id);
static MigrateEnd run_step(Attempt *attempt, MigrateOutcome *outcome);
static void try_all(MigrateSession *session, const pg_uuid_t *id, List *steps,
					MigrateOutcome *outcome);
static void try_in_steps(Attempt *attempt);
static ErrorData *run_in_steps(Attempt *attempt);
static ErrorData *run_one_step(Attempt *attempt);
static void begin_in_steps(Attempt *attempt);
static void execute_one(Attempt *attempt);
static void note_one(Attempt *attempt);
static void end_in_steps(Attempt *attempt);
static ErrorData *in_savepoint(AttemptWork work, Attempt *attempt);
static ErrorData *commit(const Attempt *attempt);
static void apply(Attempt *attempt);
static MigrateVerify verify_now(const Attempt *attempt);
static void run_hooks(Attempt *attempt, const char *event);
static bool start(Attempt *attempt);
static void check_order(const Attempt *attempt);
static void check_unchanged(const Migration *migration);
static TenantInfo *lock_tenant(Attempt *attempt);
static void record(const Attempt *attempt, LedgerState state, int attempts,
				   const ErrorData *error, const char *fingerprint);
static void record_failure(Attempt *attempt, const ErrorData *error);
static bool is_passing(const ErrorData *error);
static void note_difference(MigrateOutcome *outcome, const Attempt *attempt);
static void note_failure(MigrateFailure *failure, const Attempt *attempt,
						 const ErrorData *error);
static void add_context(void *arg);

MigrateSession *
tm_migrate_session_begin(const MigrateRun *run, MemoryContext parent,
						 bool in_worker, bool nested)
{
	MemoryContext context = AllocSetContextCreate(parent,
												  "tenant_mgr migrate",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	MigrateSession *session = palloc0(sizeof(MigrateSession));
	ListCell   *lc;

	session->run = run;
	session->in_worker = in_worker;
	session->nested = nested;
	session->context = context;
	session->tenant_context = AllocSetContextCreate(context,
													"tenant_mgr migrate tenant",
													ALLOCSET_DEFAULT_SIZES);
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, tm_migration_list(run->bounded ? run->to_version : NULL))
	{
		Step	   *step = palloc0(sizeof(Step));

		step->migration = lfirst(lc);
		session->steps = lappend(session->steps, step);
	}
	PopActiveSnapshot();
	SPI_commit();
	MemoryContextSwitchTo(old_context);
	return session;
}

void
tm_migrate_session_end(MigrateSession *session)
{
	MemoryContextDelete(session->context);
}

void
tm_migrate_tenant(MigrateSession *session, const pg_uuid_t *id,
				  MigrateOutcome *outcome)
{
	MemoryContext old_context = MemoryContextSwitchTo(session->tenant_context);
	List	   *steps = missing_steps(session, id);
	const Step *after = NULL;
	ListCell   *lc;

	memset(outcome, 0, sizeof(MigrateOutcome));
	if (session->run->trial)
		try_all(session, id, steps, outcome);
	else
	{
		foreach(lc, steps)
		{
			Attempt		attempt = {.session = session,.id = id,
				.after = after,.step = lfirst(lc),
			.more = lnext(steps, lc) != NULL};

			CHECK_FOR_INTERRUPTS();
			outcome->end = run_step(&attempt, outcome);
			if (outcome->end != MIGRATE_DONE)
				break;
			after = lfirst(lc);
		}
	}
	SPI_commit();

	/* Thousands of tenants would fill the memory with their tables. */
	if (++session->nvisited % TENANTS_PER_CACHE == 0)
		InvalidateSystemCaches();
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(session->tenant_context);
}

void
tm_migrate_note_death(MigrateSession *session, const pg_uuid_t *id,
					  MigrateFailure *failure)
{
	MemoryContext old_context = MemoryContextSwitchTo(session->tenant_context);
	List	   *steps = missing_steps(session, id);

	if (steps != NIL)
	{
		Attempt		attempt = {.session = session,.id = id,
			.step = linitial(steps),
			.started_at = GetCurrentTimestamp(),
		.unnoted = true};
		ErrorData	error = {.sqlerrcode = ERRCODE_ADMIN_SHUTDOWN,
		.message = _("the background worker that applied it has ended")};

		PushActiveSnapshot(GetTransactionSnapshot());
		record_failure(&attempt, &error);
		PopActiveSnapshot();
		note_failure(failure, &attempt, &error);
	}
	SPI_commit();
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(session->tenant_context);
}

/* What the tenant lacks, in the order of versions; statements are read once. */
static List *
missing_steps(MigrateSession *session, const pg_uuid_t *id)
{
	List	   *steps = NIL;
	List	   *versions;
	int			nversions;
	int			next = 0;
	ListCell   *lc;

	PushActiveSnapshot(GetTransactionSnapshot());
	versions = tm_ledger_versions(id);
	nversions = list_length(versions);
	foreach(lc, session->steps)
	{
		Step	   *step = lfirst(lc);
		const char *version = step->migration->version;

		while (next < nversions &&
			   tm_migration_compare(list_nth(versions, next), version) < 0)
			next++;
		if (next < nversions &&
			tm_migration_compare(list_nth(versions, next), version) == 0)
			continue;
		if (step->statements == NIL)
		{
			MemoryContext old_context = MemoryContextSwitchTo(session->context);

			step->statements = tm_migration_statements(version);
			MemoryContextSwitchTo(old_context);
		}
		steps = lappend(steps, step);
	}
	PopActiveSnapshot();
	return steps;
}

static MigrateEnd
run_step(Attempt *attempt, MigrateOutcome *outcome)
{
	ErrorContextCallback callback = {.callback = add_context,.arg = attempt,
	.previous = error_context_stack};
	ErrorData  *error;

	attempt->started_at = GetCurrentTimestamp();
	error_context_stack = &callback;
	if (attempt->step->migration->transactional)
		error = in_savepoint(apply, attempt);
	else
		error = run_in_steps(attempt);
	if (error == NULL)
		error = commit(attempt);
	error_context_stack = callback.previous;

	if (error == NULL)
	{
		outcome->napplied += attempt->applied ? 1 : 0;
		note_difference(outcome, attempt);
		return MIGRATE_DONE;
	}

	/* Whoever cancels the session does not mean a single tenant. */
	if (tm_is_cancellation(error) && !attempt->session->in_worker)
		ReThrowError(error);

	/*
	 * What has come after the commit does not undo it; or it was another run
	 * that has given it to the tenant while we waited.
	 */
	if (tm_ledger_has(attempt->id, attempt->step->migration->version))
	{
		if (attempt->applied)
			ereport(LOG,
					(errcode(error->sqlerrcode),
					 errmsg("after migration \"%s\" was applied: %s",
							attempt->step->migration->version,
							error->message)));
		outcome->napplied += attempt->applied ? 1 : 0;
		SPI_commit();
		return MIGRATE_DONE;
	}

	PushActiveSnapshot(GetTransactionSnapshot());
	record_failure(attempt, error);
	PopActiveSnapshot();
	SPI_commit();
	note_failure(&outcome->failure, attempt, error);
	return is_passing(error) ? MIGRATE_RETRY : MIGRATE_FAILED;
}

/* All that the tenant lacks in one transaction, which is not committed. */
static void
try_all(MigrateSession *session, const pg_uuid_t *id, List *steps,
		MigrateOutcome *outcome)
{
	ResourceOwner owner = CurrentResourceOwner;
	bool		left_out = false;
	ListCell   *lc;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(session->tenant_context);
	foreach(lc, steps)
	{
		Attempt		attempt = {.session = session,.id = id,
		.step = lfirst(lc),.started_at = GetCurrentTimestamp()};
		ErrorData  *error;

		CHECK_FOR_INTERRUPTS();
		error = in_savepoint(attempt.step->migration->transactional ?
							 apply : try_in_steps, &attempt);
		left_out |= attempt.left_out;
		if (error != NULL)
		{
			if (tm_is_cancellation(error))
				ReThrowError(error);
			note_failure(&outcome->failure, &attempt, error);
			tm_migrate_trial_failed(&outcome->failure, left_out);
			outcome->end = MIGRATE_FAILED;
			break;
		}
		if (attempt.applied)
		{
			tm_migrate_trial_done(attempt.tenant,
								  attempt.step->migration->version,
								  attempt.started_at);
			note_difference(outcome, &attempt);
			outcome->napplied++;
		}
	}
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(session->tenant_context);
	CurrentResourceOwner = owner;
}

/* What can be a part of a transaction is tried, the rest told. */
static void
try_in_steps(Attempt *attempt)
{
	const Step *step = attempt->step;

	if (!start(attempt))
		return;
	run_hooks(attempt, "before_migrate");
	for (int i = attempt->ndone; i < list_length(step->statements); i++)
	{
		const MigrationStatement *statement = list_nth(step->statements, i);

		if (!tm_migrate_is_alone(statement))
		{
			tm_migrate_run_statements(attempt->tenant, step->statements, i,
									  i + 1);
			continue;
		}
		tm_migrate_trial_left_out(attempt->tenant, step->migration->version,
								  statement->text);
		attempt->left_out = true;
	}
	run_hooks(attempt, "after_migrate");
	attempt->applied = true;
}

/*
 * Statement by statement, with a lock on the schema that outlives transactions.
 * There is no error if the tenant has it now, or has gone.
 */
static ErrorData *
run_in_steps(Attempt *attempt)
{
	ErrorData  *error = in_savepoint(begin_in_steps, attempt);
	int			nstatements = list_length(attempt->step->statements);
	Oid			nspid;

	if (error != NULL || attempt->over || attempt->tenant == NULL)
		return error;
	nspid = attempt->tenant->nspid;
	tm_migrate_lock_schema(nspid);
	error = commit(attempt);
	while (error == NULL && attempt->ndone < nstatements)
	{
		CHECK_FOR_INTERRUPTS();
		error = run_one_step(attempt);
		attempt->before = ALONE_NEW;
	}
	if (error == NULL)
		error = in_savepoint(end_in_steps, attempt);
	tm_migrate_unlock_schema(nspid);
	return error;
}

/* One of them, and the note that it is done. */
static ErrorData *
run_one_step(Attempt *attempt)
{
	const MigrationStatement *statement =
		list_nth(attempt->step->statements, attempt->ndone);
	ErrorData  *error;

	if (!tm_migrate_is_alone(statement))
		error = in_savepoint(execute_one, attempt);
	else
	{
		error = tm_migrate_alone(attempt->step->statements, attempt->ndone,
								 attempt->tenant, attempt->before);
		attempt->unnoted = error == NULL;
		if (error == NULL)
			error = in_savepoint(note_one, attempt);
		else if (!attempt->session->in_worker)
			tm_run_hold(attempt->session->run->run);
	}
	if (error == NULL)
		error = commit(attempt);
	if (error == NULL)
	{
		attempt->ndone++;
		attempt->unnoted = false;
	}
	return error;
}

/* From here on the ledger says that it has begun. */
static void
begin_in_steps(Attempt *attempt)
{
	const char *version = attempt->step->migration->version;

	if (attempt->session->nested)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("migration \"%s\" is not transactional and cannot be applied from a function or procedure",
						version),
				 errhint("Call tenant.migrate() by a statement of its own.")));
	if (!start(attempt))
		return;
	if (!attempt->partial)
		run_hooks(attempt, "before_migrate");
	attempt->partial = true;
	record(attempt, LEDGER_PARTIAL, 0, NULL, NULL);
}

static void
execute_one(Attempt *attempt)
{
	tm_migrate_set_lock_timeout(attempt->session->run->lock_timeout);
	tm_migrate_run_statements(attempt->tenant, attempt->step->statements,
							  attempt->ndone, attempt->ndone + 1);
	note_one(attempt);
}

static void
note_one(Attempt *attempt)
{
	Attempt		next = *attempt;

	next.ndone++;
	record(&next, LEDGER_PARTIAL, 0, NULL, NULL);
}

static void
end_in_steps(Attempt *attempt)
{
	char	   *fingerprint;

	run_hooks(attempt, "after_migrate");
	fingerprint = tm_migrate_verify(attempt->tenant,
									attempt->step->migration->version,
									verify_now(attempt),
									&attempt->difference);
	record(attempt, LEDGER_APPLIED, 1, NULL, fingerprint);
	attempt->applied = true;
}

/*
 * Do it in a savepoint that is rolled back after an error.  The result is the
 * error, palloc'd, or NULL.
 */
static ErrorData *
in_savepoint(AttemptWork work, Attempt *attempt)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		work(attempt);
		PopActiveSnapshot();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/* Likewise; a commit that fails has rolled back, and begun anew. */
static ErrorData *
commit(const Attempt *attempt)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		if (!attempt->session->run->synchronous)
			(void) set_config_option("synchronous_commit", "off", PGC_USERSET,
									 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
									 false);
		SPI_commit();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return error;
}

/*
 * The whole of a migration, in the present transaction.  A tenant that was cloned
 * while it was being recorded has the first of its statements, and gets the rest.
 */
static void
apply(Attempt *attempt)
{
	const char *version = attempt->step->migration->version;
	char	   *fingerprint;

	if (!start(attempt))
		return;
	if (verify_now(attempt) != MIGRATE_VERIFY_OFF)
		tm_kept_fingerprint_follow(attempt->tenant);
	run_hooks(attempt, "before_migrate");
	tm_migrate_run_statements(attempt->tenant, attempt->step->statements,
							  attempt->ndone,
							  list_length(attempt->step->statements));
	run_hooks(attempt, "after_migrate");
	fingerprint = tm_migrate_verify(attempt->tenant, version,
									verify_now(attempt),
									&attempt->difference);
	record(attempt, LEDGER_APPLIED, 1, NULL, fingerprint);
	attempt->applied = true;
}

/*
 * Where a difference is no failure it is enough to look once, at what the tenant is
 * in the end.  What a template is after each version others are compared with.
 */
static MigrateVerify
verify_now(const Attempt *attempt)
{
	MigrateVerify verify = attempt->session->run->verify;

	return verify == MIGRATE_VERIFY_REPORT && attempt->more &&
		!attempt->tenant->is_template ? MIGRATE_VERIFY_OFF : verify;
}

/* They may change anything, so the tenant is looked at again. */
static void
run_hooks(Attempt *attempt, const char *event)
{
	const char *version = attempt->step->migration->version;
	const TenantInfo *tenant = attempt->tenant;

	if (!tm_hook_is_there(event))
		return;
	tm_tenant_hook_run(event, tenant,
					   tm_event_detail("version", version, NULL));
	attempt->tenant = lock_tenant(attempt);
	if (attempt->tenant == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant \"%s\" does not exist", tenant->name),
				 errdetail("A hook has dropped it.")));
}

/*
 * Lock the tenant, and see how far it is.  False if there is nothing to do: it
 * has gone, or has the migration.
 */
static bool
start(Attempt *attempt)
{
	const Migration *migration = attempt->step->migration;
	LedgerEntry entry;

	attempt->tenant = lock_tenant(attempt);
	if (attempt->tenant == NULL)
		return false;
	entry = tm_ledger_lookup(attempt->id, migration->version);
	attempt->over = entry.state == LEDGER_APPLIED ||
		entry.state == LEDGER_BASELINE;
	if (attempt->over)
		return false;
	check_order(attempt);
	tm_migration_hold(migration->version);
	check_unchanged(migration);
	attempt->partial = entry.state == LEDGER_PARTIAL;
	attempt->ndone = attempt->partial ? entry.statements_done : 0;
	attempt->before = !attempt->partial ? ALONE_NEW :
		entry.failed ? ALONE_FAILED : ALONE_UNKNOWN;
	return true;
}

/* It has been rolled back to a snapshot since, and gets it again before this one. */
static void
check_order(const Attempt *attempt)
{
	if (attempt->after != NULL &&
		!tm_ledger_has(attempt->id, attempt->after->migration->version))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("tenant \"%s\" does not have migration \"%s\" any more",
						attempt->tenant->name,
						attempt->after->migration->version),
				 errhint("Call tenant.migrate() again.")));
}

/* The session has read it some time ago. */
static void
check_unchanged(const Migration *migration)
{
	Migration  *now = tm_migration_lookup(migration->version, false);

	if (!now->complete || strcmp(now->checksum, migration->checksum) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("migration \"%s\" has changed", migration->version),
				 errhint("Call tenant.migrate() again.")));
}

/* NULL if it is not there any more; and whoever has called must own it still. */
static TenantInfo *
lock_tenant(Attempt *attempt)
{
	TenantInfo *tenant = tm_registry_lookup_id(attempt->id);

	tm_migrate_set_lock_timeout(attempt->session->run->lock_timeout);
	if (tenant == NULL || tenant->state == TENANT_TRASHED)
		return NULL;
	tm_ownership_check(tenant);
	tm_ledger_lock(attempt->id);
	tenant = tm_tenant_lock_schema(tenant, TM_MIGRATE_SCHEMA_LOCK);
	if (tenant == NULL || tenant->state == TENANT_TRASHED)
		return NULL;
	tm_ownership_check(tenant);
	return tenant;
}

static void
record(const Attempt *attempt, LedgerState state, int attempts,
	   const ErrorData *error, const char *fingerprint)
{
	LedgerAttempt row = {
		.tenant_id = *attempt->id,
		.version = attempt->step->migration->version,
		.run = attempt->session->run->run,
		.state = state,
		.statements_done = attempt->ndone,
		.attempts = attempts,
		.started_at = attempt->started_at,
		.sqlerrcode = error != NULL ? error->sqlerrcode : 0,
		.message = error != NULL ? error->message :
		state == LEDGER_APPLIED ? attempt->difference : NULL,
		.fingerprint = fingerprint
	};

	tm_ledger_record(&row);
}

/*
 * Write that the attempt has failed, unless another run is at work on the tenant:
 * it knows better what is there, and has to find it written when it is
 * interrupted.  One that goes statement by statement holds the schema only, and
 * its entry says that some of them may be committed.  It has the number of the
 * error only if the next was surely not completed.  What has been dropped or purged
 * meanwhile has no entries any more.
 */
static void
record_failure(Attempt *attempt, const ErrorData *error)
{
	ErrorData	noted = *error;
	TenantInfo *tenant;
	LedgerEntry entry;

	if (!tm_ledger_try_lock(attempt->id))
		return;
	tenant = tm_registry_lookup_id(attempt->id);
	entry = tm_ledger_lookup(attempt->id, attempt->step->migration->version);
	if (tenant == NULL || entry.state == LEDGER_APPLIED ||
		entry.state == LEDGER_BASELINE ||
		tm_migration_lookup(attempt->step->migration->version, true) == NULL)
		return;
	if (entry.state == LEDGER_PARTIAL &&
		!tm_migrate_try_lock_schema(tenant->nspid))
		return;
	attempt->ndone = entry.statements_done;
	if (entry.state == LEDGER_PARTIAL && attempt->unnoted)
		noted.sqlerrcode = 0;
	record(attempt, entry.state == LEDGER_PARTIAL ? LEDGER_PARTIAL :
		   LEDGER_FAILED, 1, &noted, NULL);
}

/* Is it likely to go better at another time? */
static bool
is_passing(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		tm_is_cancellation(error);
}

static void
note_difference(MigrateOutcome *outcome, const Attempt *attempt)
{
	ErrorData	no_error = {.message = attempt->difference};

	if (attempt->difference == NULL)
		return;
	outcome->differs = true;
	note_failure(&outcome->difference, attempt, &no_error);
}

static void
note_failure(MigrateFailure *failure, const Attempt *attempt,
			 const ErrorData *error)
{
	const TenantInfo *tenant = attempt->tenant;
	int			length = pg_mbcliplen(error->message, strlen(error->message),
									  MIGRATE_MESSAGE_SIZE - 1);

	if (tenant == NULL)
		tenant = tm_registry_lookup_id(attempt->id);
	failure->sqlerrcode = error->sqlerrcode;
	strlcpy(failure->tenant, tenant != NULL ? tenant->name : "", NAMEDATALEN);
	strlcpy(failure->version, attempt->step->migration->version,
			MIGRATE_VERSION_SIZE);
	memcpy(failure->message, error->message, length);
	failure->message[length] = '\0';
}

static void
add_context(void *arg)
{
	const Attempt *attempt = arg;

	if (attempt->tenant != NULL)
		errcontext("migration \"%s\" of tenant \"%s\"",
				   attempt->step->migration->version, attempt->tenant->name);
}
