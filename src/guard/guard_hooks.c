/*
 * guard_hooks.c
 *		What the guard asks of everything that is executed.
 *
 * Hooks of the server see it:
 *
 * - the executor tells which relations a plan is about, among them those that
 *   views and inheritance have brought in;
 * - the planner tells the same before it looks at statistics, so that no
 *   function of the user's gets to see values from them;
 * - the function manager asks about each function that is not built in when
 *   it looks the function up, and before it is inlined.
 *
 * What they do not see is the business of guard_query.c (sequences and types
 * in expressions) and guard_utility.c (utility statements).
 *
 * The hooks run in parallel workers as well: a function in a worker may have
 * queries of its own.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "commands/sequence.h"
#include "nodes/parsenodes.h"
#include "utils/plancache.h"

#include "binding/guard_mode.h"
#include "binding/object_schema.h"
#include "binding/policy.h"
#include "guard/guard.h"
#include "guard/guard_hooks.h"
#include "guard/guard_query.h"
#include "guard/plpgsql_types.h"
#include "guard/tenant_code.h"

static inline bool is_all_own(const List *range_table);
static inline bool is_judged(const RangeTblEntry *rte);
static pg_noinline bool check_range_table(List *range_table, bool raise);

/*
 * A plan, COPY or a check of a foreign key is about to begin.  Its planner has
 * added children and what views stand for, with no privileges required.
 */
bool
tm_guard_check_range_table(List *range_table, bool raise)
{
	return is_all_own(range_table) || check_range_table(range_table, raise);
}

/*
 * Nearly all statements are about tables of the tenant that judges, which have
 * been asked about before.
 */
static inline bool
is_all_own(const List *range_table)
{
	Oid			own = tm_guard_judge_at_hand();
	bool		any = false;
	ListCell   *lc;

	if (!OidIsValid(own) || tm_temp_object_any ||
		tm_policy_generation != tm_registry_moves)
		return false;
	foreach(lc, range_table)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (!is_judged(rte))
			continue;
		if (tm_object_recent_relation(rte->relid) != own)
			return false;
		any = true;
	}
	if (any)
		tm_guard_plans_depend = true;
	return true;
}

/* A view may be there as the subquery that it has become. */
static inline bool
is_judged(const RangeTblEntry *rte)
{
	return rte->relid >= FirstNormalObjectId &&
		(rte->rtekind == RTE_RELATION || rte->rtekind == RTE_SUBQUERY);
}

static pg_noinline bool
check_range_table(List *range_table, bool raise)
{
	Oid			own;
	ListCell   *lc;

	tm_policy_refresh();
	own = tm_guard_judge_schema();
	if (!OidIsValid(own) && !tm_guard_is_on())
		return true;
	foreach(lc, range_table)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (!is_judged(rte))
			continue;
		if (OidIsValid(own) && tm_object_relation_schema(rte->relid) == own)
		{
			tm_guard_plans_depend = true;
			continue;
		}
		if (!raise && tm_guard_out_of_reach(RelationRelationId, rte->relid))
			return false;
		tm_guard_check_object(RelationRelationId, rte->relid);
	}
	return true;
}

void
tm_guard_check_planned(Oid relid)
{
	if (relid >= FirstNormalObjectId && tm_guard_is_on() &&
		tm_guard_out_of_reach(RelationRelationId, relid))
		tm_guard_check_object(RelationRelationId, relid);
}

bool
tm_guard_check_called(Oid funcid)
{
	bool		result;

	if (funcid < FirstNormalObjectId)
		return false;
	result = tm_tenant_code_watches(funcid);
	if (!tm_guard_is_on() || tm_tenant_code_admits(funcid))
		return result;
	tm_guard_check_object(ProcedureRelationId, funcid);
	return tm_guard_keeps_apart(funcid) || result;
}

/*
 * What plans and answers were made of before does not hold any more, be it
 * that nobody looked, or that it was only written to the log.
 */
void
tm_guard_mode_changed(void)
{
	ResetPlanCache();
	tm_guard_query_forget();
	tm_guard_note_unjudged();
}

/*
 * Plans would go on calling functions that were called when they were made,
 * and sequences that they hold as constants.  So they are made again, which
 * the change of the search path would mostly lead to anyway.  A session that
 * does nothing but switch keeps the plan of the switch.
 */
void
tm_guard_tenant_changed(void)
{
	tm_plpgsql_types_forget();
	if (tm_guard == GUARD_OFF && tm_unbound == UNBOUND_ALLOW)
		return;
	tm_guard_forget_plans();
	ResetSequenceCaches();
	tm_guard_query_forget();
}
