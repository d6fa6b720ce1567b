/*
 * purge.c
 *		Dropped tenants go for good.
 *
 * Dropping an object takes a lock on it, and on everything that goes with it,
 * until the transaction ends; all of these share one lock table with every
 * other session.  So a schema is purged in batches, each a transaction of its
 * own that locks no more than a fraction of that table.
 *
 * What a batch is made of is in purge_batch.c.
 *
 * The first batch only marks the tenant: from then on it cannot be restored
 * and every purge, also one that is told nothing, takes it up again, so that
 * an interruption at any point does no harm.  Each batch starts from the
 * catalogs, under the locks on the tenant's name and schema, and believes
 * nothing that an earlier one has seen.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/twophase.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/cancellation.h"
#include "base/compat.h"
#include "base/progress.h"
#include "base/tenant_mgr.h"
#include "binding/assigned_role.h"
#include "binding/binding.h"
#include "binding/domain.h"
#include "binding/ownership.h"
#include "clone/outside_link.h"
#include "compare/kept_fingerprint.h"
#include "connections/assignment.h"
#include "lifecycle/hook_table.h"
#include "lifecycle/purge.h"
#include "lifecycle/purge_batch.h"
#include "lifecycle/schema_drop.h"
#include "lifecycle/tenant_hook.h"
#include "secrets/data_key.h"
#include "stats/guard_stats.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/snapshot_registry.h"
#include "tenants/tenant_follower.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

/* What is tried without holding up the purge of other tenants */
typedef enum PurgeAttempt
{
	ATTEMPT_HOOKS,				/* call those of before_purge */
	ATTEMPT_FORGET,				/* forget the tenant, and undo that */
	ATTEMPT_DROP				/* drop it for good */
} PurgeAttempt;

/* What is purged, over several transactions: a tenant or a snapshot */
typedef struct PurgeJob
{
	const TenantInfo *tenant;	/* the tenant, or NULL */
	const SnapshotInfo *snapshot;	/* the snapshot, or NULL */
	bool		is_named;		/* has somebody asked for this one? */
	int			nobjects;		/* what there was of it at first */
} PurgeJob;

/* is it a hook that is being called?  Written by do_attempt and drop_tenant */
static bool in_hooks = false;

static List *tenants_to_purge(const char *name);
static List *snapshots_to_purge(void);
static void purge_in_steps(PurgeJob *job);
static void purge_events(void);
static bool tenant_step(PurgeJob *job);
static bool begin_tenant(const PurgeJob *job, const TenantInfo *tenant);
static bool snapshot_of_tenant_step(const SnapshotInfo *snapshot);
static bool snapshot_step(PurgeJob *job);
static void report_progress(PurgeJob *job, const Closure *closure);
static bool may_purge(Oid nspid);
static int	lock_table_size(void);
static int	batch_size(void);
static bool attempt(const PurgeJob *job, const TenantInfo *tenant,
					PurgeAttempt what);
static void do_attempt(const TenantInfo *tenant, PurgeAttempt what);
static bool is_refusal(const ErrorData *error);
static void drop_tenant(const TenantInfo *tenant, const char *command);
static void drop_snapshot(const SnapshotInfo *snapshot);
static void drop_schema(Oid nspid, const char *refusal);
static void lock_members(const Closure *closure);

PG_FUNCTION_INFO_V1(tenant_purge);

/*
 * purge(name): the tenant of that name that was dropped last, now; or all
 * that are due and the current user's, and old records of events.
 */
Datum
tenant_purge(PG_FUNCTION_ARGS)
{
	bool		nonatomic = fcinfo->context != NULL &&
		IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic;
	const TenantInfo *named = NULL;
	List	   *due;
	ListCell   *lc;

	if (!nonatomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot run inside a transaction block",
						"CALL tenant.purge()")));
	tm_tenant_lock_begin("tenant.purge()");

	/* From here on we are in a memory context that outlives transactions. */
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	due = tenants_to_purge(PG_ARGISNULL(0) ? NULL :
						   text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (!PG_ARGISNULL(0))
		named = linitial(due);
	foreach(lc, due)
	{
		PurgeJob	job = {.tenant = lfirst(lc),.is_named = (named != NULL)};

		purge_in_steps(&job);
	}

	/* Snapshots whose time has come, or whose tenant was lost otherwise. */
	foreach(lc, named == NULL ? snapshots_to_purge() : NIL)
	{
		PurgeJob	job = {.snapshot = lfirst(lc)};

		purge_in_steps(&job);
	}
	if (named == NULL)
		purge_events();
	SPI_finish();

	PG_RETURN_VOID();
}

void
tm_purge_at_once(const TenantInfo *tenant, const Closure *closure)
{
	int			limit = lock_table_size() / 2;
	int			nobjects = closure != NULL ? closure->nmembers : 0;
	List	   *snapshots = NIL;
	ListCell   *lc;

	foreach(lc, tm_snapshot_list(&tenant->id))
	{
		SnapshotInfo *snapshot = lfirst(lc);

		if (OidIsValid(snapshot->nspid))
		{
			tm_snapshot_check_owner(snapshot);
			snapshot = tm_snapshot_lock(snapshot, AccessExclusiveLock);
		}
		if (snapshot == NULL)
			continue;
		snapshots = lappend(snapshots, snapshot);
		if (OidIsValid(snapshot->nspid))
		{
			Closure    *part = tm_closure_of_schema(snapshot->nspid, NULL);

			tm_schema_drop_report(tm_schema_drop_snapshot_refusal(snapshot),
								  part,
								  ERROR);
			nobjects += part->nmembers;
		}
	}

	if (nobjects > limit)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("tenant \"%s\" is too large to be dropped in one transaction",
						tenant->name),
				 errdetail("It has %d objects; %d locks can be taken at once.",
						   nobjects, limit),
				 errhint("Use tenant.drop() without purge, and then CALL tenant.purge().")));
	foreach(lc, snapshots)
		drop_snapshot(lfirst(lc));
	drop_tenant(tenant, "tenant.drop()");
}

void
tm_purge_forget(const TenantInfo *tenant, const char *command)
{
	tm_assigned_role_forget(tenant);
	tm_domain_forget(&tenant->id);
	tm_assignment_forget_tenant(&tenant->id);
	tm_data_key_forget(&tenant->id);
	tm_tenant_follower->forget(&tenant->id);
	tm_kept_forget(&tenant->id);
	tm_outside_links_forget(tenant->schema_name);
	tm_registry_delete(tenant);
	tm_guard_stats_note_deleted(&tenant->id);
	tm_event_record("purge", tenant, tenant->schema_name,
					tm_event_detail("command", command, NULL));
}

void
tm_purge_forget_snapshot(const SnapshotInfo *snapshot)
{
	tm_outside_links_forget(snapshot->schema_name);
	tm_tenant_follower->forget_snapshot(&snapshot->tenant_id, snapshot->label);
	tm_snapshot_delete(snapshot);
}

bool
tm_purge_snapshot_at_once(const SnapshotInfo *snapshot)
{
	Closure    *closure = tm_closure_of_schema(snapshot->nspid, NULL);

	tm_schema_drop_report(tm_schema_drop_snapshot_refusal(snapshot),
						  closure, ERROR);
	if (closure->nmembers > lock_table_size() / 2)
		return false;
	drop_snapshot(snapshot);
	return true;
}

/* The current user's, if no name is given; whoever's it is, if there is one. */
static List *
tenants_to_purge(const char *name)
{
	List	   *tenants = NIL;
	ListCell   *lc;

	if (name != NULL)
	{
		TenantInfo *tenant = tm_registry_lookup_trashed(name);

		if (tenant == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_SCHEMA),
					 errmsg("tenant \"%s\" is not in the trash",
							tm_tenant_name_printable(name))));
		if (OidIsValid(tenant->nspid))
			tm_ownership_check(tenant);
		else
			tm_tenant_lock_check_create();
		return list_make1(tenant);
	}

	foreach(lc, tm_registry_due(GetCurrentTimestamp()))
	{
		const TenantInfo *tenant = lfirst(lc);

		if (may_purge(tenant->nspid))
			tenants = lappend(tenants, lfirst(lc));
	}
	return tenants;
}

static List *
snapshots_to_purge(void)
{
	List	   *snapshots = NIL;
	ListCell   *lc;

	foreach(lc, tm_snapshot_list(NULL))
	{
		const SnapshotInfo *snapshot = lfirst(lc);

		if (tm_snapshot_is_due(snapshot) && may_purge(snapshot->nspid))
			snapshots = lappend(snapshots, lfirst(lc));
	}
	return snapshots;
}

/* May the current user drop this schema, or forget about one that is gone? */
static bool
may_purge(Oid nspid)
{
	if (OidIsValid(nspid))
		return tm_schema_ownercheck(nspid, GetUserId());
	return tm_database_aclcheck(GetUserId(), ACL_CREATE) == ACLCHECK_OK;
}

/* A transaction for each step, and memory for each that goes with it. */
static void
purge_in_steps(PurgeJob *job)
{
	MemoryContext step_context = AllocSetContextCreate(CurrentMemoryContext,
													   "tenant_mgr purge",
													   ALLOCSET_DEFAULT_SIZES);
	bool		more = true;

	tm_progress_begin(PROGRESS_PURGE, job->tenant != NULL ?
					  job->tenant->name : job->snapshot->schema_name);
	while (more)
	{
		MemoryContext old_context = MemoryContextSwitchTo(step_context);

		CHECK_FOR_INTERRUPTS();
		PushActiveSnapshot(GetTransactionSnapshot());
		more = job->tenant != NULL ? tenant_step(job) : snapshot_step(job);
		PopActiveSnapshot();
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(step_context);
		SPI_commit();
	}
	tm_progress_end();
	MemoryContextDelete(step_context);
}

/* They are nobody's, and a transaction deletes no more than it should. */
static void
purge_events(void)
{
	bool		more = true;

	while (more)
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		more = tm_event_purge();
		PopActiveSnapshot();
		SPI_commit();
	}
}

/*
 * Do as much as fits one transaction; false when nothing is left to do.  The
 * tenant may have been restored, or purged by somebody else, since it was
 * looked up.
 */
static bool
tenant_step(PurgeJob *job)
{
	const TenantInfo *tenant;
	List	   *snapshots;
	Closure    *closure;

	tm_tenant_lock_names(job->tenant->name, NULL);
	tenant = tm_registry_lookup_id(&job->tenant->id);
	if (tenant == NULL || tenant->state != TENANT_TRASHED ||
		!may_purge(tenant->nspid))
		return false;

	tenant = tm_tenant_lock_schema(tenant, AccessExclusiveLock);
	if (tenant == NULL || tenant->state != TENANT_TRASHED ||
		!may_purge(tenant->nspid))
		return false;
	if (!tenant->purging && tm_hook_is_there("before_purge"))
	{
		if (!attempt(job, tenant, ATTEMPT_HOOKS))
			return false;

		/* A hook may have brought it back. */
		tenant = tm_registry_lookup_id(&tenant->id);
		if (tenant == NULL || tenant->state != TENANT_TRASHED)
			return false;
	}

	/* Its snapshots first: without their tenant they would be nobody's. */
	snapshots = tm_snapshot_list(&tenant->id);
	if (snapshots != NIL && tenant->purging)
		return snapshot_of_tenant_step(linitial(snapshots));

	if (!OidIsValid(tenant->nspid))
	{
		if (snapshots != NIL)
			return begin_tenant(job, tenant);
		(void) attempt(job, tenant, ATTEMPT_DROP);
		return false;
	}

	/* Among many, one that cannot go must not hold up the others. */
	closure = tm_closure_of_schema(tenant->nspid, NULL);
	tm_closure_sort(closure);
	if (tm_schema_drop_report(tm_schema_drop_refusal(tenant), closure,
							  job->is_named ? ERROR : WARNING))
		return false;
	report_progress(job, closure);

	if (closure->nmembers < batch_size() && snapshots == NIL)
	{
		(void) attempt(job, tenant, ATTEMPT_DROP);
		return false;
	}
	if (!tenant->purging)
		return begin_tenant(job, tenant);
	tm_purge_batch(closure, batch_size(), tm_schema_drop_refusal(tenant));
	return true;
}

/*
 * Mark a tenant that cannot go in one transaction, unless something would keep
 * it, or one of its snapshots, from going at all.
 */
static bool
begin_tenant(const PurgeJob *job, const TenantInfo *tenant)
{
	ListCell   *lc;

	foreach(lc, tm_snapshot_list(&tenant->id))
	{
		const SnapshotInfo *snapshot = lfirst(lc);

		if (!OidIsValid(snapshot->nspid))
			continue;
		if (job->is_named)
			tm_snapshot_check_owner(snapshot);
		if (!may_purge(snapshot->nspid) ||
			tm_schema_drop_report(tm_schema_drop_snapshot_refusal(snapshot),
								  tm_closure_of_schema(snapshot->nspid,
													   NULL),
								  job->is_named ? ERROR : WARNING))
			return false;
	}
	if (!attempt(job, tenant, ATTEMPT_FORGET))
		return false;
	tm_registry_begin_purge(tenant);
	return true;
}

/* False if the snapshot has to stay for now. */
static bool
snapshot_of_tenant_step(const SnapshotInfo *snapshot)
{
	PurgeJob	job = {.snapshot = snapshot};

	return snapshot_step(&job) ||
		tm_snapshot_lookup_schema(snapshot->schema_name) == NULL;
}

/* Likewise for a snapshot. */
static bool
snapshot_step(PurgeJob *job)
{
	const SnapshotInfo *snapshot = job->snapshot;
	const TenantInfo *tenant = tm_registry_lookup_id(&snapshot->tenant_id);
	Closure    *closure;

	/* Whoever goes back to a snapshot holds the tenant's name. */
	if (tenant != NULL)
		tm_tenant_lock_names(tenant->name, NULL);
	snapshot = tm_snapshot_lookup_schema(snapshot->schema_name);
	if (snapshot == NULL || !may_purge(snapshot->nspid))
		return false;
	if (!OidIsValid(snapshot->nspid))
	{
		tm_purge_forget_snapshot(snapshot);
		return false;
	}
	snapshot = tm_snapshot_lock(snapshot, AccessExclusiveLock);
	if (snapshot == NULL || !may_purge(snapshot->nspid) ||
		!tm_snapshot_is_due(snapshot))
		return false;

	closure = tm_closure_of_schema(snapshot->nspid, NULL);
	tm_closure_sort(closure);
	if (tm_schema_drop_report(tm_schema_drop_snapshot_refusal(snapshot),
							  closure,
							  WARNING))
		return false;
	report_progress(job, closure);

	if (closure->nmembers < batch_size())
	{
		drop_snapshot(snapshot);
		return false;
	}
	if (!snapshot->purging)
		tm_snapshot_begin_purge(snapshot);
	else
		tm_purge_batch(closure, batch_size(), tm_schema_drop_snapshot_refusal(snapshot));
	return true;
}

/* Say what is left.  It may grow meanwhile, as others add objects. */
static void
report_progress(PurgeJob *job, const Closure *closure)
{
	job->nobjects = Max(job->nobjects, closure->nmembers);
	tm_progress_phase(PROGRESS_DROPPING_OBJECTS, job->nobjects, 0);
	tm_progress_add(job->nobjects - closure->nmembers, 0);
	ereport(DEBUG1,
			(errmsg_internal("purging schema \"%s\": %d objects left",
							 closure->nspname, closure->nmembers)));
}

/* How many locks all sessions together can count on. */
static int
lock_table_size(void)
{
	return max_locks_per_xact * (MaxBackends + max_prepared_xacts);
}

/* How many objects are dropped in one transaction. */
static int
batch_size(void)
{
	return Max(max_locks_per_xact, lock_table_size() / 8);
}

/*
 * Drop the tenant, or find out whether nothing keeps its row before any of it
 * is dropped: hooks, foreign keys that others have to the registry, or
 * triggers.  False, with a warning, if something does and nobody has asked for
 * this one.
 */
static bool
attempt(const PurgeJob *job, const TenantInfo *tenant, PurgeAttempt what)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		do_attempt(tenant, what);
		if (what != ATTEMPT_FORGET)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (job->is_named || !is_refusal(error))
			ReThrowError(error);
	}
	PG_END_TRY();
	in_hooks = false;
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error == NULL)
		return true;
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("could not purge tenant \"%s\": %s",
					tenant->name, error->message),
			 error->detail != NULL ?
			 errdetail_internal("%s", error->detail) : 0));
	return false;
}

static void
do_attempt(const TenantInfo *tenant, PurgeAttempt what)
{
	in_hooks = false;
	switch (what)
	{
		case ATTEMPT_HOOKS:
			in_hooks = true;
			tm_tenant_hook_run("before_purge", tenant, NULL);
			break;
		case ATTEMPT_FORGET:
			tm_purge_forget(tenant, "CALL tenant.purge()");
			break;
		case ATTEMPT_DROP:
			drop_tenant(tenant, "CALL tenant.purge()");
			break;
	}
}

/*
 * Does somebody want the tenant to stay, rather than something go wrong?  What
 * goes wrong in a hook is the same to us.
 */
static bool
is_refusal(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (in_hooks && !tm_is_cancellation(error))
		return true;
	return category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_RAISE_EXCEPTION) ||
		error->sqlerrcode == ERRCODE_TRIGGERED_ACTION_EXCEPTION ||
		error->sqlerrcode == ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST;
}

static void
drop_tenant(const TenantInfo *tenant, const char *command)
{
	Oid			owner = tm_tenant_hook_owner(tenant);

	if (OidIsValid(tenant->nspid))
		drop_schema(tenant->nspid, tm_schema_drop_refusal(tenant));
	tm_purge_forget(tenant, command);
	in_hooks = true;
	tm_tenant_hook_run_without("after_purge", tenant->name, &tenant->id, owner,
							   NULL);
	in_hooks = false;
}

static void
drop_snapshot(const SnapshotInfo *snapshot)
{
	if (OidIsValid(snapshot->nspid))
		drop_schema(snapshot->nspid, tm_schema_drop_snapshot_refusal(snapshot));
	tm_purge_forget_snapshot(snapshot);
}

/*
 * The schema and what is in it, and nothing else: whoever is waited for may
 * have made, say, a view outside, so that is looked at when nobody can any
 * more.
 */
static void
drop_schema(Oid nspid, const char *refusal)
{
	ObjectAddress address;
	Closure    *closure = tm_closure_of_schema(nspid, NULL);

	tm_closure_sort(closure);
	lock_members(closure);
	tm_schema_drop_report(refusal, tm_closure_of_schema(nspid, NULL),
						  ERROR);
	ObjectAddressSet(address, NamespaceRelationId, nspid);
	performDeletion(&address, DROP_CASCADE, PERFORM_DELETION_QUIETLY);
}

/* As their deletion will; relations first, as DROP does. */
static void
lock_members(const Closure *closure)
{
	for (int i = 0; i < closure->nmembers; i++)
	{
		if (closure->members[i].classid == RelationRelationId)
			tm_schema_drop_lock_relation(closure->members[i].objid);
	}
	for (int i = 0; i < closure->nmembers; i++)
	{
		if (closure->members[i].classid != RelationRelationId)
			LockDatabaseObject(closure->members[i].classid,
							   closure->members[i].objid, 0,
							   AccessExclusiveLock);
	}
}
