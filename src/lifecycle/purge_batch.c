/*
 * purge_batch.c
 *		As many objects of a schema as one transaction can drop.
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
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/dependency.h"
#include "lifecycle/purge_batch.h"
#include "lifecycle/schema_drop.h"

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

static Candidate *collect_candidates(const Closure *closure);
static void collect_ties(const Closure *closure, Candidate *candidates,
						 int position, Relation depRel, TieList *list);
static bool goes_along(const ClosureMember *dependent, char deptype);
static int	seed_position(const Closure *closure, int position);
static int	leader(const Candidate *candidates, int position);
static void choose_batch(Candidate *candidates, int ncandidates, int budget);
static int	choose(Candidate *candidates, int position, List **ready);
static void lock_batch(const Closure *closure, Candidate *candidates);

/*
 * Drop objects until the budget of locks is used up.  Nothing outside the
 * schema may go along: that is looked at again when the relations are locked
 * and nobody can make, say, a view of them any more.
 */
void
tm_purge_batch(const Closure *closure, int budget, const char *refusal)
{
	Candidate  *candidates = collect_candidates(closure);
	ObjectAddresses *batch = new_object_addresses();
	int			i;

	choose_batch(candidates, closure->nmembers, budget);
	lock_batch(closure, candidates);
	tm_schema_drop_report(refusal, closure, ERROR);

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
	SysScanDesc scan;
	HeapTuple	tuple;

	scan = tm_dependency_scan_dependents(depRel, NULL, member->classid,
										 member->objid);
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
		tm_schema_drop_lock_relation(objid);
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(objid)))
			candidates[i].chosen = false;
	}
}
