/*
 * route.c
 *		Which connection to use for a tenant.
 *
 * What is written goes to the primary; if there are several, to the heaviest
 * one that is not unhealthy.  What is read goes to the replicas, to each as
 * often as its weight says: those that are well, or else those that are not
 * quite, or else to the primary.  A connection of which nothing is known
 * counts as well: there may be nobody who looks after them.
 *
 * A backend remembers the connections of the tenants that it was asked about.
 * What it remembers is true as long as neither the registry's generation nor
 * ours has moved; ours does with invalidation messages of the two tables.  As
 * in registry_cache.c, what has been read is remembered only if neither moved
 * meanwhile.  Health is looked up each time.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/generation_cache.h"
#include "base/own_table.h"
#include "base/relation_news.h"
#include "base/tenant_mgr.h"
#include "binding/access.h"
#include "connections/assignment.h"
#include "connections/connection.h"
#include "connections/health.h"
#include "tenants/registry.h"
#include "tenants/tenant_name.h"

/* How good a connection is, best first */
typedef enum Fitness
{
	FITNESS_WELL,				/* healthy, or nothing is known */
	FITNESS_DEGRADED,
	FITNESS_UNHEALTHY
} Fitness;

/* One connection that may be used */
typedef struct Candidate
{
	pg_uuid_t	id;				/* for its health */
	char	   *name;			/* the answer */
	int32		weight;			/* its share */
	bool		is_replica;		/* of what is read */
} Candidate;

/* The connections of one tenant, heaviest first */
typedef struct Route
{
	char		tenant[NAMEDATALEN];	/* hash key */
	int			ncandidates;	/* how many there are */
	Candidate  *candidates;		/* in the cache's context */
} Route;

/* moved by the callback, which forgets the tables */
static uint64 generation = 1;
static Oid	connection_relid = InvalidOid;
static Oid	assignment_relid = InvalidOid;

/* Routes by tenant; of that generation and the registry's */
static GenerationCache cache = {
	.name = "routes",
	.keysize = NAMEDATALEN,
	.entrysize = sizeof(Route)
};

static bool parse_intent(const char *intent);
static Route *recall(const char *tenant);
static Route *read_route(const char *tenant);
static void refuse_suspended(const TenantInfo *tenant);
static int	compare_candidates(const ListCell *a, const ListCell *b);
static uint64 generation_now(void);
static void remember(const Route *route, uint64 as_of);
static void watch_tables(void);
static void note_change(Oid relid);
static Candidate *choose_for_write(Route *route);
static Candidate *choose_for_read(Route *route);
static Candidate *draw_replica(Route *route, Fitness fitness);
static Fitness fitness_of(const Candidate *candidate, HealthState *state);
static void refuse_route(const Route *route, bool for_write);

PG_FUNCTION_INFO_V1(tenant_route);

/* route(name, intent): name of the connection to use. */
Datum
tenant_route(PG_FUNCTION_ARGS)
{
	char	   *tenant = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		for_write =
		parse_intent(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	Candidate  *candidate;
	Route	   *route;

	route = recall(tenant);
	if (route == NULL)
		route = read_route(tenant);
	candidate = for_write ? choose_for_write(route) : choose_for_read(route);
	if (candidate == NULL)
		refuse_route(route, for_write);
	PG_RETURN_TEXT_P(cstring_to_text(candidate->name));
}

static bool
parse_intent(const char *intent)
{
	if (strcmp(intent, "write") != 0 && strcmp(intent, "read") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized intent: \"%s\"",
						tm_tenant_name_printable(intent)),
				 errhint("Use \"read\" or \"write\".")));
	return strcmp(intent, "write") == 0;
}

static Route *
recall(const char *tenant)
{
	char		key[NAMEDATALEN];

	if (strlen(tenant) >= NAMEDATALEN)
		return NULL;
	strlcpy(key, tenant, NAMEDATALEN);
	return tm_generation_cache_find(&cache, generation_now(), key);
}

/* What the tables say; palloc'd, and remembered if it is still true. */
static Route *
read_route(const char *name)
{
	Route	   *route = palloc0(sizeof(Route));
	TenantInfo *tenant;
	List	   *connections;
	ListCell   *lc;
	uint64		as_of;

	watch_tables();
	as_of = generation_now();
	tenant = tm_registry_lookup(name, false);
	if (tenant->state == TENANT_SUSPENDED)
		refuse_suspended(tenant);

	connections = tm_assignment_list(&tenant->id);
	list_sort(connections, compare_candidates);
	strlcpy(route->tenant, tenant->name, NAMEDATALEN);
	route->candidates = palloc(sizeof(Candidate) *
							   Max(list_length(connections), 1));
	foreach(lc, connections)
	{
		ConnectionInfo *connection = lfirst(lc);
		Candidate  *candidate = &route->candidates[route->ncandidates];

		if (!connection->is_active)
			continue;
		candidate->id = connection->id;
		candidate->name = connection->name;
		candidate->weight = connection->weight;
		candidate->is_replica = connection->is_replica;
		route->ncandidates++;
	}

	remember(route, as_of);
	return route;
}

static void
refuse_suspended(const TenantInfo *tenant)
{
	char	   *reason = NULL;

	/* To route for a tenant is not to see it. */
	if (tm_access_may_see(tenant))
		reason = tm_registry_suspend_reason(tenant);
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_SUSPENDED),
			 errmsg("tenant \"%s\" is suspended", tenant->name),
			 reason != NULL ?
			 errdetail("The reason given is: %s", reason) : 0));
}

/* The heaviest first, and always in the same order. */
static int
compare_candidates(const ListCell *a, const ListCell *b)
{
	const ConnectionInfo *first = lfirst(a);
	const ConnectionInfo *second = lfirst(b);

	if (first->weight != second->weight)
		return first->weight > second->weight ? -1 : 1;
	return strcmp(first->name, second->name);
}

static uint64
generation_now(void)
{
	return generation + tm_registry_generation();
}

static void
remember(const Route *route, uint64 as_of)
{
	MemoryContext old_context;
	Route	   *entry;
	int			i;

	if (as_of != generation_now())
		return;

	tm_generation_cache_prepare(&cache, as_of);

	/* Nothing must fail once there is an entry. */
	old_context = MemoryContextSwitchTo(cache.context);
	{
		Candidate  *candidates = palloc(sizeof(Candidate) *
										Max(route->ncandidates, 1));

		for (i = 0; i < route->ncandidates; i++)
		{
			candidates[i] = route->candidates[i];
			candidates[i].name = pstrdup(route->candidates[i].name);
		}
		entry = tm_generation_cache_enter(&cache, route->tenant);
		entry->ncandidates = route->ncandidates;
		entry->candidates = candidates;
	}
	MemoryContextSwitchTo(old_context);
}

/* From now on, a change of either table moves the generation. */
static void
watch_tables(void)
{
	tm_relation_news_to(note_change);
	connection_relid = tm_own_table_relid("connection");
	assignment_relid = tm_own_table_relid("assignment");
}

static void
note_change(Oid relid)
{
	if (relid == InvalidOid || relid == connection_relid ||
		relid == assignment_relid)
		generation++;
}

static Candidate *
choose_for_write(Route *route)
{
	HealthState state;
	int			i;

	for (i = 0; i < route->ncandidates; i++)
	{
		Candidate  *candidate = &route->candidates[i];

		if (!candidate->is_replica &&
			fitness_of(candidate, &state) != FITNESS_UNHEALTHY)
			return candidate;
	}
	return NULL;
}

static Candidate *
choose_for_read(Route *route)
{
	Candidate  *candidate = draw_replica(route, FITNESS_WELL);

	if (candidate == NULL)
		candidate = draw_replica(route, FITNESS_DEGRADED);
	if (candidate == NULL)
		candidate = choose_for_write(route);
	return candidate;
}

/*
 * One of the replicas that are as well as this.  Each takes the place of the
 * one chosen so far as often as its weight says; one without weight is for
 * when there is no other.
 */
static Candidate *
draw_replica(Route *route, Fitness fitness)
{
	Candidate  *chosen = NULL;
	HealthState state;
	uint64		total = 0;
	int			i;

	for (i = 0; i < route->ncandidates; i++)
	{
		Candidate  *candidate = &route->candidates[i];

		if (!candidate->is_replica ||
			fitness_of(candidate, &state) != fitness)
			continue;
		total += candidate->weight;
		if (chosen == NULL ||
			(candidate->weight > 0 &&
			 pg_prng_uint64_range(&pg_global_prng_state, 0, total - 1) <
			 (uint64) candidate->weight))
			chosen = candidate;
	}
	return chosen;
}

static Fitness
fitness_of(const Candidate *candidate, HealthState *state)
{
	(void) tm_health_get(&candidate->id, state);
	if (state->status == HEALTH_UNHEALTHY || state->breaker == BREAKER_OPEN)
		return FITNESS_UNHEALTHY;
	return state->status == HEALTH_DEGRADED ? FITNESS_DEGRADED : FITNESS_WELL;
}

static void
refuse_route(const Route *route, bool for_write)
{
	StringInfoData unhealthy;
	HealthState state;
	int			i;

	initStringInfo(&unhealthy);
	for (i = 0; i < route->ncandidates; i++)
	{
		const Candidate *candidate = &route->candidates[i];

		if ((for_write && candidate->is_replica) ||
			fitness_of(candidate, &state) != FITNESS_UNHEALTHY)
			continue;
		appendStringInfo(&unhealthy, "%s\"%s\"",
						 unhealthy.len == 0 ? "" : ", ", candidate->name);
	}
	if (unhealthy.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no connection of tenant \"%s\" can be used to %s",
						route->tenant, for_write ? "write" : "read"),
				 errdetail("Unhealthy: %s.", unhealthy.data),
				 errhint("The view tenant.connection_health says why; tenant.check_connection() looks again.")));
	if (route->ncandidates > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tenant \"%s\" has no active primary connection",
						route->tenant),
				 errhint("Use tenant.assign() to give it one.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("tenant \"%s\" has no active connection", route->tenant),
			 errhint("Use tenant.assign() to give it one.")));
}
