/*
 * tenant_code.c
 *		How it comes to be known that a tenant's code is run.
 *
 * What is known is in running_code.c, and the guard (guard.c) judges
 * accordingly.  What a session's own statement says is not a tenant's code, even
 * if it is about a tenant's table.
 *
 * There are six ways by which a tenant's code comes to be run:
 *
 * - a function of its schema is called.  The function manager tells when it
 *   begins and ends.  SQL functions that do nothing but compute are let alone,
 *   so that they can go on being inlined;
 * - a plan changes a tenant's table, with its triggers, defaults, checks and
 *   generated columns, or reads it by way of a view or of policies;
 * - a view, a rule or a policy has become part of a query, which is judged when
 *   it is planned;
 * - a utility statement is about a relation of a tenant;
 * - maintenance evaluates expressions of indexes and statistics.  There is no
 *   hook for that, but it is known which table it works on (maintained.c);
 * - logical replication writes a tenant's table.  It is not known which one.
 *
 * Parallel workers are told by a setting.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/relation.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "replication/logicalworker.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/maintained.h"
#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/binding_in_force.h"
#include "binding/guard_mode.h"
#include "binding/object_schema.h"
#include "binding/open_plan.h"
#include "binding/policy.h"
#include "binding/running_code.h"
#include "guard/computing_function.h"
#include "guard/guard_query.h"
#include "guard/tenant_code.h"
#include "tenants/schema_owner.h"

/* What was before a call */
typedef struct RunningCall
{
	Oid			schema;			/* of tm_running_code */
	const PlannedStmt *plan;	/* likewise */
} RunningCall;

/* that, of each call under way; in TopMemoryContext */
static RunningCall *calls = NULL;
static int	ncalls = 0;
static int	maxcalls = 0;

static bool in_statement(void);
static void judge_orphan(void);
static int	enter_alone(void);
static inline Oid judge_of_maintained(void);
static inline bool is_known_in(Oid funcid, Oid nspid);
static inline void enter_call(Oid nspid);
static pg_noinline void begin_call(Oid funcid);
static bool is_admitted(Oid nspid);
static Oid	schema_of_name(const RangeVar *name);
static Oid	schema_of_relation(Oid relid);
static bool is_tenants(Oid nspid);
static Oid	schema_of_plan(const PlannedStmt *pstmt);
static bool has_policies(Oid relid);
static bool is_named_old_or_new(const RangeTblEntry *rte);
static inline void push_call(Oid schema, const PlannedStmt *plan);
static pg_noinline void make_room(void);
static inline void run_function_of(Oid nspid, bool is_own);
static bool brought_in_walker(Node *node, void *context);
static void judge_checks(const Query *query, Oid *found);
static void judge_written_views(const Query *query, Oid *found);
static Node *definition_of_view(Oid relid);
static void judge_as(Oid relid, Node *node, void (*judge) (Node *node),
					 Oid *found);
static Oid	view_of_subquery(const RangeTblEntry *rte);
static Oid	relation_of_rule(const Query *query);

void
tm_tenant_code_find_out(RunningCode *before)
{
	tm_running_code_begin(before);

	/* Triggers that were deferred are fired by nobody's statement. */
	if (!in_statement() && !tm_running_code.referential &&
		tm_running_code_is_open())
		tm_running_code_enter(tm_deferred_tenant());

	if (!OidIsValid(tm_running_code.schema) && tm_tenant_code_is_all() &&
		!tm_running_code.referential && tm_guard != GUARD_OFF &&
		!OidIsValid(tm_running_code_maintained()))
		tm_running_code.schema = PG_CATALOG_NAMESPACE;
}

/*
 * Autovacuum shows for which table, mostly.  What applies changes of a
 * publisher does not: there is neither a plan nor a hook.
 */
bool
tm_tenant_code_is_all(void)
{
	return MyBackendType == B_AUTOVAC_WORKER || IsLogicalWorker();
}

/* Where it is known whose code a plan is, nobody takes a note of it. */
static bool
in_statement(void)
{
	return tm_running_code.in_statement || tm_open_plan_is_nested();
}

/*
 * A parallel worker that plans a query before it has been given one to execute
 * works for a command that tells of its progress.  When the leader fails, it
 * stops to tell so before it stops its workers; nobody's code is run then.
 */
static void
judge_orphan(void)
{
	if (IsParallelWorker() && !in_statement() &&
		tm_running_code_is_open() &&
		!OidIsValid(tm_maintained_relation()))
		tm_running_code.schema = PG_CATALOG_NAMESPACE;
}

/*
 * Functions of constants are called while the query is planned.  The query's
 * own relations are judged meanwhile, too, and not as that tenant's; so it is
 * only offered to whatever else is planned or started within.
 */
void
tm_tenant_code_enter_query(Query *query)
{
	Oid			found = InvalidOid;

	judge_orphan();
	if (!tm_running_code_is_open())
		return;
	if (query->resultRelation > 0)
		found = schema_of_relation(rt_fetch(query->resultRelation,
											query->rtable)->relid);
	(void) brought_in_walker((Node *) query, &found);
	tm_running_code.offered = found;
}

bool
tm_tenant_code_runs_at_start(const PlannedStmt *pstmt)
{
	ListCell   *lc;

	foreach(lc, pstmt->rtable)
	{
		if (lfirst_node(RangeTblEntry, lc)->relkind == RELKIND_PARTITIONED_TABLE)
			return tm_running_code_is_open();
	}
	return false;
}

/* The plan's own relations are judged meanwhile, as those of a query are. */
void
tm_tenant_code_start_plan(const PlannedStmt *pstmt)
{
	if (tm_tenant_code_runs_at_start(pstmt))
		tm_running_code.offered = schema_of_plan(pstmt);
}

void
tm_tenant_code_enter_plan(RunningCode *before, const PlannedStmt *pstmt)
{
	RunningCode *code = &tm_running_code;

	code->in_statement = true;
	if (tm_running_code_is_open())
	{
		code->schema = schema_of_plan(pstmt);
		if (OidIsValid(code->schema))
			code->plan = pstmt;
	}

	/* A worker knows as much as we do by the views in its plan. */
	if (OidIsValid(code->schema) && pstmt->parallelModeNeeded &&
		(code->plan == NULL || pstmt->dependsOnRole))
		before->nestlevel =
			code->plan != NULL && code->schema == PG_CATALOG_NAMESPACE ?
			enter_alone() : tm_guard_enter_own(code->schema);
}

/*
 * What is several tenants' code and reads their tables itself cannot be told to a
 * worker, which would have to refuse one or the other.
 */
static int
enter_alone(void)
{
	int			save_nestlevel = NewGUCNestLevel();

	(void) set_config_option("max_parallel_workers", "0", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return save_nestlevel;
}

/*
 * Those that take their time tell of it themselves, once they have begun
 * (tm_running_code_maintained); these do not.
 */
void
tm_tenant_code_enter_utility(Node *stmt)
{
	RangeVar   *relation = NULL;

	if (!IsA(stmt, TransactionStmt) && !IsA(stmt, ConstraintsSetStmt) &&
		!IsA(stmt, CallStmt) && !IsA(stmt, DoStmt))
		tm_running_code.in_statement = true;
	if (IsA(stmt, RefreshMatViewStmt))
		relation = ((RefreshMatViewStmt *) stmt)->relation;
	else if (IsA(stmt, AlterTableStmt))
		relation = ((AlterTableStmt *) stmt)->relation;
	if (relation != NULL && tm_running_code_is_open())
		tm_running_code_enter(schema_of_name(relation));
	tm_reached_code_of_utility(stmt);
}

static Oid
schema_of_name(const RangeVar *name)
{
	return schema_of_relation(RangeVarGetRelid(name, NoLock, true));
}

bool
tm_tenant_code_watches(Oid funcid)
{
	tm_policy_refresh();
	if (tm_guard == GUARD_OFF || !IsTransactionState() ||
		!is_tenants(tm_object_schema(ProcedureRelationId, funcid)))
		return false;
	return !tm_only_computes(funcid);
}

/*
 * There is a call for each row, and nearly all functions that are told of belong
 * to the tenant that judges them already.  Then all is known without looking
 * anything up, so it does not matter either whether that would be possible just
 * now.
 */
void
tm_tenant_code_call_begins(Oid funcid)
{
	Oid			own = tm_guard_judge_at_hand();

	if (OidIsValid(own) && is_known_in(funcid, own) && ncalls < maxcalls)
		enter_call(own);
	else
		begin_call(funcid);
}

/*
 * The schema of the table that is maintained, if its functions are the code that
 * is run; beside a binding they are nobody's.
 */
static inline Oid
judge_of_maintained(void)
{
	return tm_guard != GUARD_OFF && tm_guard_working_for == NULL &&
		!OidIsValid(tm_running_code.schema) && !tm_running_code.referential &&
		tm_binding_current() == NULL ?
		tm_running_code_maintained() : InvalidOid;
}

static inline bool
is_known_in(Oid funcid, Oid nspid)
{
	return tm_object_recent_function(funcid) == nspid && !tm_temp_object_any;
}

static inline void
enter_call(Oid nspid)
{
	tm_guard_plans_depend = true;
	push_call(tm_running_code.schema, tm_running_code.plan);
	tm_running_code.schema = nspid;
	tm_running_code.plan = NULL;
}

/*
 * For functions with a SET clause and the like it has not been asked before
 * whether they may be called, and the SET clause has been put into effect.
 */
static pg_noinline void
begin_call(Oid funcid)
{
	bool		is_told = funcid >= FirstNormalObjectId && IsTransactionState();
	bool		is_own = false;
	Oid			nspid = judge_of_maintained();
	Oid			schema;
	const PlannedStmt *plan;

	if (ncalls == maxcalls)
		make_room();
	if (OidIsValid(nspid) && is_known_in(funcid, nspid))
	{
		enter_call(nspid);
		return;
	}
	nspid = InvalidOid;
	if (is_told)
	{
		nspid = tm_object_function_schema(funcid);
		is_own = OidIsValid(nspid) && nspid == tm_guard_judge_schema();
		if (is_own)
			tm_guard_plans_depend = true;
		else if (tm_guard_is_on() &&
				 (tm_running_code.plan == NULL || !is_admitted(nspid)))
			tm_guard_check_object(ProcedureRelationId, funcid);
	}

	/* Its end is not told of if it fails to begin. */
	schema = tm_running_code.schema;
	plan = tm_running_code.plan;
	if (is_told && tm_guard != GUARD_OFF)
		run_function_of(nspid, is_own);
	push_call(schema, plan);
}

void
tm_tenant_code_call_ends(void)
{
	if (ncalls > 0)
	{
		ncalls--;
		tm_running_code.schema = calls[ncalls].schema;
		tm_running_code.plan = calls[ncalls].plan;
	}
}

bool
tm_tenant_code_admits(Oid funcid)
{
	return tm_running_code.plan != NULL &&
		is_admitted(tm_object_schema(ProcedureRelationId, funcid));
}

/*
 * A statement may be about several tenants.  A function of one of them is that
 * one's, if it may be a part of the statement: what views and policies name has been
 * judged when the query was planned, and what is left for a table that is
 * changed are its own triggers and expressions.
 */
static bool
is_admitted(Oid nspid)
{
	const PlannedStmt *plan = tm_running_code.plan;
	ListCell   *lc;

	if (!is_tenants(nspid))
		return false;
	if (plan->resultRelations == NIL)
		return true;
	foreach(lc, plan->resultRelations)
	{
		if (nspid == schema_of_relation(rt_fetch(lfirst_int(lc),
												 plan->rtable)->relid))
			return true;
	}
	return false;
}

static Oid
schema_of_relation(Oid relid)
{
	return tm_object_tenant_schema(RelationRelationId, relid);
}

static bool
is_tenants(Oid nspid)
{
	return tm_schema_is_owned(nspid);
}

/*
 * Whose code a plan may run by its relations: that of the table whose rule it is
 * the action of, of the tables it changes, of views, and of those with policies.
 */
static Oid
schema_of_plan(const PlannedStmt *pstmt)
{
	ListCell   *lc;
	Oid			found = InvalidOid;

	foreach(lc, pstmt->resultRelations)
		found = tm_running_code_joined(found,
									   schema_of_relation(rt_fetch(lfirst_int(lc),
																   pstmt->rtable)->relid));
	foreach(lc, pstmt->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (OidIsValid(rte->relid) &&
			(rte->relkind == RELKIND_VIEW ||
			 (pstmt->dependsOnRole && has_policies(rte->relid)) ||
			 (!rte->inFromCl && is_named_old_or_new(rte))))
			found = tm_running_code_joined(found,
										   schema_of_relation(rte->relid));
	}
	return found;
}

static bool
has_policies(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		result = HeapTupleIsValid(tup) &&
		((Form_pg_class) GETSTRUCT(tup))->relrowsecurity;

	if (HeapTupleIsValid(tup))
		ReleaseSysCache(tup);
	return result;
}

/*
 * A plan does not say that it is the action of a rule.  But the relation with
 * the rule is there under two names, and a query has no such names but those of
 * the tables it reads, and of the one it changes.
 */
static bool
is_named_old_or_new(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && rte->eref != NULL &&
		(strcmp(rte->eref->aliasname, "old") == 0 ||
		 strcmp(rte->eref->aliasname, "new") == 0);
}

static inline void
push_call(Oid schema, const PlannedStmt *plan)
{
	Assert(ncalls < maxcalls);
	calls[ncalls].schema = schema;
	calls[ncalls].plan = plan;
	ncalls++;
}

static void
make_room(void)
{
	int			newmax = Max(64, 2 * maxcalls);

	if (calls == NULL)
		calls = MemoryContextAlloc(TopMemoryContext,
								   newmax * sizeof(RunningCall));
	else
		calls = repalloc(calls, newmax * sizeof(RunningCall));
	maxcalls = newmax;
}

/*
 * A function is called, which may bind the session, or take a binding away.
 * Who judges is known to be a tenant.
 */
static inline void
run_function_of(Oid nspid, bool is_own)
{
	RunningCode *code = &tm_running_code;
	Binding    *binding;

	if (OidIsValid(code->schema))
	{
		if (code->plan != NULL && nspid != code->schema && is_admitted(nspid))
			code->schema = nspid;
		code->plan = NULL;
		return;
	}
	binding = tm_binding_in_force();
	if (binding != NULL ? nspid == binding->nspid :
		(is_own || is_tenants(nspid)))
		code->schema = nspid;
}

/*
 * The rewriter leaves traces: a subquery that was a view knows it (before
 * PostgreSQL 16 by its first relation), policies are kept apart from the
 * query's own conditions, and a rule's action says that it is one.
 */
static bool
brought_in_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		judge_as(relation_of_rule(query), node, tm_guard_query, context);
		judge_checks(query, context);
		judge_written_views(query, context);
		return query_tree_walker(query, brought_in_walker, context,
								 QTW_EXAMINE_RTES_BEFORE);
	}
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_SUBQUERY)
			judge_as(view_of_subquery(rte), (Node *) rte->subquery,
					 tm_guard_query, context);
		else if (rte->securityQuals != NIL)
			judge_as(rte->relid, (Node *) rte->securityQuals,
					 tm_guard_query, context);
		return false;			/* its parts come next */
	}
	return expression_tree_walker(node, brought_in_walker, context);
}

/* What policies ask of new rows; the options of views are judged with these. */
static void
judge_checks(const Query *query, Oid *found)
{
	ListCell   *lc;

	foreach(lc, query->withCheckOptions)
	{
		WithCheckOption *check = lfirst_node(WithCheckOption, lc);

		if (check->kind != WCO_VIEW_CHECK)
			judge_as(rt_fetch(query->resultRelation, query->rtable)->relid,
					 check->qual, tm_guard_query, found);
	}
}

/*
 * Of a view by which a table is written, columns and conditions become a part of the
 * statement's own, where nothing tells them from it any more.  So its definition is
 * judged instead.  A view that is the target to the end has triggers, and that of a rule
 * only lends its name.
 */
static void
judge_written_views(const Query *query, Oid *found)
{
	ListCell   *lc;

	if (query->commandType == CMD_SELECT || query->commandType == CMD_UTILITY)
		return;
	foreach(lc, query->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW &&
			foreach_current_index(lc) + 1 != query->resultRelation &&
			rte->relid != relation_of_rule(query) &&
			OidIsValid(schema_of_relation(rte->relid)))
			judge_as(rte->relid, definition_of_view(rte->relid),
					 tm_guard_kept_expression, found);
	}
}

/* With all views in it; a copy, so that nothing can be changed in its place */
static Node *
definition_of_view(Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	Query	   *query = copyObject(get_view_query(rel));

	AcquireRewriteLocks(query, true, false);
	relation_close(rel, NoLock);
	return linitial(QueryRewrite(query));
}

/* Judge a part of a query by the relation that it comes from. */
static void
judge_as(Oid relid, Node *node, void (*judge) (Node *node), Oid *found)
{
	Oid			nspid = schema_of_relation(relid);
	RunningCode before = tm_running_code;

	if (!OidIsValid(nspid))
		return;
	*found = tm_running_code_joined(*found, nspid);
	tm_running_code.schema = nspid;
	PG_TRY();
	{
		judge(node);
	}
	PG_FINALLY();
	{
		tm_running_code_end(&before);
	}
	PG_END_TRY();
}

static Oid
view_of_subquery(const RangeTblEntry *rte)
{
	RangeTblEntry *first;

	if (OidIsValid(rte->relid))
		return rte->relid;
	if (rte->subquery->rtable == NIL)
		return InvalidOid;
	first = linitial_node(RangeTblEntry, rte->subquery->rtable);
	return first->rtekind == RTE_RELATION && first->relkind == RELKIND_VIEW ?
		first->relid : InvalidOid;
}

/* The relation whose rule the query is the action of, or InvalidOid */
static Oid
relation_of_rule(const Query *query)
{
	ListCell   *lc;

	if (query->querySource == QSRC_ORIGINAL ||
		query->querySource == QSRC_PARSER)
		return InvalidOid;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (is_named_old_or_new(rte))
			return rte->relid;
	}
	return InvalidOid;
}
