/*
 * purge.c
 *		Dropped tenants go for good.
 *
 * Dropping an object takes a lock on it, and on everything that goes with it,
 * until the transaction ends; all of these share one lock table with every
 * other session.  So a schema is purged in batches, each a transaction of its
 * own that locks no more than a fraction of that table.
 *
 * What goes together is an object that hangs directly off the schema and what
 * belongs to it: a table, its indexes, its columns' sequences.  One that
 * others depend on has to wait until those are gone, for dropping it would
 * drag them along.  Children depend on their parents, referencing tables on
 * the referenced ones, tables on the types of their columns, so this order
 * comes from pg_depend alone.  Where objects depend on each other in a circle,
 * the one with the fewest others in the way goes first and the rest loses what
 * ties it to that one.
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

#include "assigned_role.h"
#include "assignment.h"
#include "binding.h"
#include "compat.h"
#include "data_key.h"
#include "domain.h"
#include "event.h"
#include "lifecycle.h"
#include "progress.h"
#include "purge.h"
#include "registry.h"
#include "snapshot.h"
#include "tenant_mgr.h"
#include "tenant_name.h"
#include "trash.h"

/* What is purged, over several transactions: a tenant or a snapshot */
typedef struct PurgeJob
{
	const TenantInfo *tenant;	/* the tenant, or NULL */
	const SnapshotInfo *snapshot;	/* the snapshot, or NULL */
	bool		is_named;		/* has somebody asked for this one? */
	int			nobjects;		/* what there was of it at first */
} PurgeJob;

/* A member of the schema, and what it takes to drop it */
typedef struct Candidate
{
	int			goes_with;		/* position of the candidate that it is
								 * dropped with; its own if it can go alone */
	int			cost;			/* number of members that go with it */
	int			waits_for;		/* number of ties from other candidates to it
								 * that are not yet cut */
	List	   *uses;			/* positions of candidates that it depends on,
								 * one for each such tie */
	bool		chosen;			/* part of this batch? */
} Candidate;

/* One member of the schema depends on another */
typedef struct Tie
{
	int			user;			/* position of the one that depends */
	int			used;			/* position of the one that it depends on */
} Tie;

/* All the ties within a schema */
typedef struct TieList
{
	Tie		   *ties;			/* array of nties */
	int			nties;
	int			maxties;
} TieList;

static List *tenants_to_purge(const char *name);
static List *snapshots_to_purge(const TenantInfo *tenant);
static void purge_in_steps(PurgeJob *job);
static void purge_events(void);
static bool tenant_step(PurgeJob *job);
static bool snapshot_step(PurgeJob *job);
static void report_progress(PurgeJob *job, const Closure *closure);
static bool may_purge(Oid nspid);
static int	lock_table_size(void);
static int	batch_size(void);
static void drop_tenant(const TenantInfo *tenant, const char *command);
static void drop_snapshot(const SnapshotInfo *snapshot);
static void drop_schema(Oid nspid);
static void drop_batch(const Closure *closure, int budget,
					   const char *refusal);
static Candidate *collect_candidates(const Closure *closure);
static void collect_ties(const Closure *closure, Candidate *candidates,
						 int position, Relation depRel, TieList *list);
static bool goes_along(const ClosureMember *dependent, char deptype);
static int	seed_position(const Closure *closure, int position);
static int	leader(const Candidate *candidates, int position);
static void choose_batch(Candidate *candidates, int ncandidates, int budget);
static int	choose(Candidate *candidates, int position, List **ready);
static void lock_batch(const Closure *closure, Candidate *candidates);

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
	tm_lifecycle_begin("tenant.purge()");

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

	/* Snapshots go after their tenants, or else by their age. */
	foreach(lc, snapshots_to_purge(named))
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
	int			nobjects = closure->nmembers;
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

			tm_trash_report_dependents(tm_snapshot_refusal(snapshot), part,
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
	tm_registry_delete(tenant);
	tm_event_record("purge", tenant, tenant->schema_name,
					tm_event_detail("command", command, NULL));
}

bool
tm_purge_snapshot_at_once(const SnapshotInfo *snapshot)
{
	Closure    *closure = tm_closure_of_schema(snapshot->nspid, NULL);

	tm_trash_report_dependents(tm_snapshot_refusal(snapshot), closure, ERROR);
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
			tm_lifecycle_check_owner(tenant);
		else
			tm_lifecycle_check_create();
		return list_make1(tenant);
	}

	foreach(lc, tm_registry_due())
	{
		const TenantInfo *tenant = lfirst(lc);

		if (may_purge(tenant->nspid))
			tenants = lappend(tenants, lfirst(lc));
	}
	return tenants;
}

/* Those of the tenant, if one was named. */
static List *
snapshots_to_purge(const TenantInfo *tenant)
{
	List	   *snapshots = NIL;
	ListCell   *lc;

	foreach(lc, tm_snapshot_list(tenant != NULL ? &tenant->id : NULL))
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
	Closure    *closure;

	tm_registry_lock_names(job->tenant->name, NULL);
	tenant = tm_registry_lookup_id(&job->tenant->id);
	if (tenant == NULL || tenant->state != TENANT_TRASHED ||
		!may_purge(tenant->nspid))
		return false;

	tenant = tm_lifecycle_lock_schema(tenant, AccessExclusiveLock);
	if (tenant == NULL || tenant->state != TENANT_TRASHED ||
		!may_purge(tenant->nspid))
		return false;
	if (!OidIsValid(tenant->nspid))
	{
		tm_purge_forget(tenant, "CALL tenant.purge()");
		return false;
	}

	/* Among many, one that cannot go must not hold up the others. */
	closure = tm_closure_of_schema(tenant->nspid, NULL);
	if (tm_trash_report_dependents(tm_trash_refusal(tenant), closure,
								   job->is_named ? ERROR : WARNING))
		return false;
	report_progress(job, closure);

	if (closure->nmembers < batch_size())
	{
		drop_tenant(tenant, "CALL tenant.purge()");
		return false;
	}
	if (!tenant->purging)
		tm_registry_begin_purge(tenant);
	else
		drop_batch(closure, batch_size(), tm_trash_refusal(tenant));
	return true;
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
		tm_registry_lock_names(tenant->name, NULL);
	snapshot = tm_snapshot_lookup_schema(snapshot->schema_name);
	if (snapshot == NULL || !may_purge(snapshot->nspid))
		return false;
	if (!OidIsValid(snapshot->nspid))
	{
		tm_snapshot_delete(snapshot);
		return false;
	}
	snapshot = tm_snapshot_lock(snapshot, AccessExclusiveLock);
	if (snapshot == NULL || !may_purge(snapshot->nspid) ||
		!tm_snapshot_is_due(snapshot))
		return false;

	closure = tm_closure_of_schema(snapshot->nspid, NULL);
	if (tm_trash_report_dependents(tm_snapshot_refusal(snapshot), closure,
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
		drop_batch(closure, batch_size(), tm_snapshot_refusal(snapshot));
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

static void
drop_tenant(const TenantInfo *tenant, const char *command)
{
	drop_schema(tenant->nspid);
	tm_purge_forget(tenant, command);
}

static void
drop_snapshot(const SnapshotInfo *snapshot)
{
	if (OidIsValid(snapshot->nspid))
		drop_schema(snapshot->nspid);
	tm_snapshot_delete(snapshot);
}

static void
drop_schema(Oid nspid)
{
	ObjectAddress address;

	ObjectAddressSet(address, NamespaceRelationId, nspid);
	performDeletion(&address, DROP_CASCADE, PERFORM_DELETION_QUIETLY);
}

/*
 * Drop objects until the budget of locks is used up.  Nothing outside the
 * schema may go along: that is looked at again when the relations are locked
 * and nobody can make, say, a view of them any more.
 */
static void
drop_batch(const Closure *closure, int budget, const char *refusal)
{
	Candidate  *candidates = collect_candidates(closure);
	ObjectAddresses *batch = new_object_addresses();
	int			i;

	choose_batch(candidates, closure->nmembers, budget);
	lock_batch(closure, candidates);
	tm_trash_report_dependents(refusal, closure, ERROR);

	for (i = 0; i < closure->nmembers; i++)
	{
		ObjectAddress address;

		if (!candidates[i].chosen)
			continue;
		ObjectAddressSet(address, closure->members[i].classid,
						 closure->members[i].objid);
		add_exact_object_address(&address, batch);
	}
	performMultipleDeletions(batch, DROP_CASCADE, PERFORM_DELETION_QUIETLY);
}

/*
 * One candidate for each of the closure's members, at the same positions.
 * Those that cannot go alone have cost 0.
 */
static Candidate *
collect_candidates(const Closure *closure)
{
	Candidate  *candidates = palloc0(sizeof(Candidate) * closure->nmembers);
	Relation	depRel = table_open(DependRelationId, AccessShareLock);
	TieList		list = {0};
	int			i;

	for (i = 0; i < closure->nmembers; i++)
		candidates[i].goes_with = seed_position(closure, i);
	for (i = 0; i < closure->nmembers; i++)
	{
		CHECK_FOR_INTERRUPTS();
		collect_ties(closure, candidates, i, depRel, &list);
	}
	table_close(depRel, AccessShareLock);

	/* Now that it is clear who goes with whom: */
	for (i = 0; i < closure->nmembers; i++)
		candidates[leader(candidates, i)].cost++;
	for (i = 0; i < list.nties; i++)
	{
		int			user = leader(candidates, list.ties[i].user);
		int			used = leader(candidates, list.ties[i].used);

		if (user == used)
			continue;
		candidates[used].waits_for++;
		candidates[user].uses = lappend_int(candidates[user].uses, used);
	}
	return candidates;
}

/* Note what depends on the given member, and what of it has to go along. */
static void
collect_ties(const Closure *closure, Candidate *candidates, int position,
			 Relation depRel, TieList *list)
{
	const ClosureMember *member = &closure->members[position];
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(member->classid));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(member->objid));
	scan = systable_beginscan(depRel, DependReferenceIndexId, true, NULL,
							  2, key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tuple);
		const ClosureMember *dependent;
		int			user;

		dependent = tm_closure_find(closure, depend->classid, depend->objid);
		if (dependent == NULL || dependent == member)
			continue;
		user = dependent - closure->members;
		if (list->nties == list->maxties)
		{
			list->maxties = Max(1024, list->maxties * 2);
			list->ties = list->ties == NULL ?
				palloc(sizeof(Tie) * list->maxties) :
				repalloc_huge(list->ties, sizeof(Tie) * list->maxties);
		}
		list->ties[list->nties].user = user;
		list->ties[list->nties++].used = position;

		if (candidates[user].goes_with == user &&
			goes_along(dependent, depend->deptype) &&
			leader(candidates, position) != user)
			candidates[user].goes_with = position;
	}
	systable_endscan(scan);
}

/*
 * Is this dependent dropped with what it depends on, and hardly without it?
 * The server refuses to drop an identity column's sequence alone.  A serial
 * column's could be, but column and sequence depend on each other.  Tables
 * that depend automatically are partitions, which can well go alone.
 */
static bool
goes_along(const ClosureMember *dependent, char deptype)
{
	if (deptype == DEPENDENCY_INTERNAL)
		return true;
	return deptype == DEPENDENCY_AUTO &&
		dependent->relkind != RELKIND_RELATION &&
		dependent->relkind != RELKIND_PARTITIONED_TABLE &&
		dependent->relkind != RELKIND_FOREIGN_TABLE;
}

/* The position of the seed that the member at this position belongs to. */
static int
seed_position(const Closure *closure, int position)
{
	const ClosureMember *member = &closure->members[position];
	const ClosureMember *seed = tm_closure_find(closure, member->owner_class,
												member->owner_seed);

	return seed ? (int) (seed - closure->members) : position;
}

/* The position of the candidate that takes this one along. */
static int
leader(const Candidate *candidates, int position)
{
	while (candidates[position].goes_with != position)
		position = candidates[position].goes_with;
	return position;
}

/*
 * Choose what goes in this batch: candidates that no other depends on, and
 * what they set free.  At least one is chosen, whatever its cost.
 */
static void
choose_batch(Candidate *candidates, int ncandidates, int budget)
{
	List	   *ready = NIL;
	int			fewest = -1;
	int			spent = 0;
	int			i;

	for (i = 0; i < ncandidates; i++)
	{
		if (candidates[i].cost == 0)
			continue;
		if (candidates[i].waits_for == 0)
			ready = lappend_int(ready, i);
		if (fewest < 0 ||
			candidates[i].waits_for < candidates[fewest].waits_for)
			fewest = i;
	}

	/* All of them are parts of circles. */
	if (ready == NIL && fewest >= 0)
		ready = list_make1_int(fewest);

	while (ready != NIL)
	{
		int			next = llast_int(ready);

		ready = list_delete_last(ready);
		if (spent > 0 && spent + candidates[next].cost > budget)
			continue;
		spent += choose(candidates, next, &ready);
	}
}

/* Add a candidate to the batch; returns the locks it takes. */
static int
choose(Candidate *candidates, int position, List **ready)
{
	ListCell   *lc;

	candidates[position].chosen = true;
	foreach(lc, candidates[position].uses)
	{
		Candidate  *used = &candidates[lfirst_int(lc)];

		if (--used->waits_for == 0 && !used->chosen)
			*ready = lappend_int(*ready, lfirst_int(lc));
	}

	/* In a circle, whatever ties others to this one has to be locked, too. */
	return candidates[position].cost + candidates[position].waits_for;
}

/*
 * Lock the relations of the batch, and leave out those that have been dropped
 * by other means meanwhile.
 */
static void
lock_batch(const Closure *closure, Candidate *candidates)
{
	int			i;

	for (i = 0; i < closure->nmembers; i++)
	{
		Oid			objid = closure->members[i].objid;

		if (!candidates[i].chosen ||
			closure->members[i].classid != RelationRelationId)
			continue;
		LockRelationOid(objid, AccessExclusiveLock);
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(objid)))
			candidates[i].chosen = false;
	}
}
