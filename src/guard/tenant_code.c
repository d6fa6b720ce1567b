/*
 * tenant_code.c
 *		For which tenant's object the server works just now.
 *
 * Code that is reached through an object of a tenant is that tenant's, whoever
 * runs it: a session that is not bound, a superuser's maintenance, autovacuum,
 * a clone.  The guard (guard.c) asks here whose it is, and judges accordingly.
 * What a session's own statement says is not a tenant's code, even if it is
 * about a tenant's table.
 *
 * There are five ways by which a tenant's code comes to be run:
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
 *   hook for that, but it is known which table it works on (maintained.c).
 *
 * The outermost counts: whoever is let in by it stays what he is.  Parallel
 * workers are told by a setting.
 *
 * The server's own queries for foreign keys are nobody's code.  What they do to
 * a table of another tenant, to which only a session that is not bound can have
 * made a foreign key, is reached through that table.  They can be told by a
 * flag of the security context that nothing else sets.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/maintained.h"
#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/deferred.h"
#include "binding/guard_mode.h"
#include "binding/object_schema.h"
#include "binding/policy.h"
#include "guard/computing_function.h"
#include "guard/guard.h"
#include "guard/guard_query.h"
#include "guard/tenant_code.h"
#include "tenants/schema_owner.h"

/* the schema of the tenant whose code is run; written by enter() and its like */
static Oid	running = InvalidOid;

/*
 * It is known by this plan, whose own expressions and triggers are evaluated,
 * and by nothing else; written likewise
 */
static const PlannedStmt *by_plan = NULL;

/* whose code would be run within the planning of a query; written likewise */
static Oid	offered = InvalidOid;

/*
 * There is a statement whose code it would be, and not only the end of a
 * transaction; written by enter_plan and enter_utility
 */
static bool in_statement = false;

/* the server is looking after a foreign key; written by tm_tenant_code_begin */
static bool referential = false;

/* What was before a call */
typedef struct RunningCall
{
	Oid			schema;			/* running */
	const PlannedStmt *plan;	/* by_plan */
} RunningCall;

/* that, of each call under way; in TopMemoryContext */
static RunningCall *calls = NULL;
static int	ncalls = 0;
static int	maxcalls = 0;

static Oid	maintained_schema(void);
static bool is_admitted(Oid nspid);
static Oid	tenant_schema_of_relation(Oid relid);
static bool is_tenants(Oid nspid);
static Oid	schema_of_plan(const PlannedStmt *pstmt);
static void keep(RunningCode *code);
static void accept_offer(void);
static void enter(Oid nspid);
static bool may_enter(void);
static void push_call(Oid funcid);
static bool brought_in_walker(Node *node, void *context);
static void judge_as(Oid relid, Node *node, Oid *found);
static Oid	view_of_subquery(const RangeTblEntry *rte);
static Oid	relation_of_rule(const Query *query);

Oid
tm_tenant_code_schema(void)
{
	if (OidIsValid(running))
		return running;
	return referential ? InvalidOid : maintained_schema();
}

void
tm_tenant_code_begin(RunningCode *code)
{
	keep(code);
	by_plan = NULL;
	if (InNoForceRLSOperation() && !referential)
	{
		running = offered = InvalidOid;
		referential = true;
	}
	accept_offer();

	/* Triggers that were deferred are fired by nobody's statement. */
	if (!in_statement && !referential && may_enter())
		enter(tm_deferred_tenant());

	/* Autovacuum executes nothing of its own. */
	if (MyBackendType == B_AUTOVAC_WORKER && !OidIsValid(running) &&
		tm_guard != GUARD_OFF && !OidIsValid(maintained_schema()))
		running = PG_CATALOG_NAMESPACE;
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

	if (!may_enter())
		return;
	if (query->resultRelation > 0)
		found = tenant_schema_of_relation(rt_fetch(query->resultRelation,
												   query->rtable)->relid);
	(void) brought_in_walker((Node *) query, &found);
	offered = found;
}

void
tm_tenant_code_enter_plan(RunningCode *code, const PlannedStmt *pstmt)
{
	in_statement = true;
	if (may_enter())
	{
		enter(schema_of_plan(pstmt));
		if (OidIsValid(running))
			by_plan = pstmt;
	}

	/* A worker knows as much as we do by the views in its plan. */
	if (OidIsValid(running) && pstmt->parallelModeNeeded &&
		(by_plan == NULL || pstmt->dependsOnRole))
		code->nestlevel = tm_guard_enter_own(running);
}

/*
 * Those that take their time tell of it themselves, once they have begun
 * (maintained_schema); these do not.
 */
void
tm_tenant_code_enter_utility(Node *stmt)
{
	RangeVar   *relation;

	in_statement = in_statement ||
		!(IsA(stmt, TransactionStmt) || IsA(stmt, ConstraintsSetStmt) ||
		  IsA(stmt, CallStmt) || IsA(stmt, DoStmt));
	if (IsA(stmt, RefreshMatViewStmt))
		relation = ((RefreshMatViewStmt *) stmt)->relation;
	else if (IsA(stmt, AlterTableStmt))
		relation = ((AlterTableStmt *) stmt)->relation;
	else
		return;
	if (may_enter())
		enter(tenant_schema_of_relation(RangeVarGetRelid(relation, NoLock,
														 true)));
}

void
tm_tenant_code_enter_schema(Oid nspid)
{
	if (may_enter())
		enter(nspid);
}

void
tm_tenant_code_finish(const RunningCode *code)
{
	if (code->nestlevel > 0)
		tm_guard_leave_own(code->nestlevel);
}

void
tm_tenant_code_end(const RunningCode *code)
{
	running = code->schema;
	by_plan = code->plan;
	offered = code->offered;
	referential = code->referential;
	in_statement = code->in_statement;
}

void
tm_tenant_code_refuse_other(const pg_uuid_t *tenant_id)
{
	Oid			nspid = tm_tenant_code_schema();
	SchemaOwner owner;
	bool		is_owned;

	if (!OidIsValid(nspid) || tm_guard != GUARD_ENFORCE)
		return;
	is_owned = tm_schema_owner(nspid, &owner);
	if (is_owned && tenant_id != NULL &&
		memcmp(&owner.id, tenant_id, sizeof(pg_uuid_t)) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("cannot administer other tenants from code of tenant \"%s\"",
					is_owned ? owner.name : ""),
			 errhint("Keep functions that do so in a persistent schema.")));
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
 * For functions with a SET clause and the like it has not been asked before
 * whether they may be called, and the SET clause has been put into effect.
 */
void
tm_tenant_code_called(FmgrHookEventType event, Oid funcid)
{
	switch (event)
	{
		case FHET_START:
			if (funcid >= FirstNormalObjectId && tm_guard_is_on() &&
				!tm_tenant_code_admits(funcid))
				tm_guard_check_object(ProcedureRelationId, funcid);
			push_call(funcid);
			break;
		case FHET_END:
		case FHET_ABORT:
			if (ncalls > 0)
			{
				ncalls--;
				running = calls[ncalls].schema;
				by_plan = calls[ncalls].plan;
			}
			break;
	}
}

bool
tm_tenant_code_admits(Oid funcid)
{
	return by_plan != NULL &&
		is_admitted(tm_object_schema(ProcedureRelationId, funcid));
}

/*
 * A statement may be about several tenants, and only the first of them is known
 * as the one whose code is run.  A function of another one's is that one's, if
 * it may be a part of the statement: what views and policies name has been
 * judged when the query was planned, and what is left for a table that is
 * changed are its own triggers and expressions.
 */
static bool
is_admitted(Oid nspid)
{
	ListCell   *lc;

	if (!is_tenants(nspid))
		return false;
	if (by_plan->resultRelations == NIL)
		return true;
	foreach(lc, by_plan->resultRelations)
	{
		if (nspid == tenant_schema_of_relation(rt_fetch(lfirst_int(lc),
														by_plan->rtable)->relid))
			return true;
	}
	return false;
}

/* The schema of the table that is being maintained, if it is a tenant's */
static Oid
maintained_schema(void)
{
	if (tm_guard == GUARD_OFF)
		return InvalidOid;
	return tenant_schema_of_relation(tm_maintained_relation());
}

static Oid
tenant_schema_of_relation(Oid relid)
{
	Oid			nspid;

	if (relid < FirstNormalObjectId || !IsTransactionState())
		return InvalidOid;
	nspid = tm_object_schema(RelationRelationId, relid);
	return is_tenants(nspid) ? nspid : InvalidOid;
}

static bool
is_tenants(Oid nspid)
{
	return OidIsValid(nspid) && tm_schema_owner(nspid, NULL);
}

/*
 * Whose code a plan may run by its relations: that of the table it changes,
 * of a view, or of policies.
 */
static Oid
schema_of_plan(const PlannedStmt *pstmt)
{
	ListCell   *lc;
	Oid			found;

	foreach(lc, pstmt->resultRelations)
	{
		found = tenant_schema_of_relation(rt_fetch(lfirst_int(lc),
												   pstmt->rtable)->relid);
		if (OidIsValid(found))
			return found;
	}
	foreach(lc, pstmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (!OidIsValid(rte->relid) ||
			(rte->relkind != RELKIND_VIEW && !pstmt->dependsOnRole))
			continue;
		found = tenant_schema_of_relation(rte->relid);
		if (OidIsValid(found))
			return found;
	}
	return InvalidOid;
}

static void
keep(RunningCode *code)
{
	code->schema = running;
	code->plan = by_plan;
	code->offered = offered;
	code->referential = referential;
	code->in_statement = in_statement;
	code->nestlevel = 0;
}

/* Something is planned or started within the planning of a query. */
static void
accept_offer(void)
{
	if (!OidIsValid(running))
		running = offered;
	offered = InvalidOid;
}

/* From here on, code of the schema's tenant is run, if there is one. */
static void
enter(Oid nspid)
{
	if (OidIsValid(nspid))
		running = nspid;
}

/*
 * A binding tells whose code it is, and so does what is being run already.  A
 * binding that comes only then does not take anybody out of that again.
 */
static bool
may_enter(void)
{
	return tm_guard != GUARD_OFF && !OidIsValid(running) &&
		IsTransactionState() && tm_binding_in_force() == NULL;
}

/* A function is called, which may bind the session, or take a binding away. */
static void
push_call(Oid funcid)
{
	Binding    *binding;
	Oid			nspid = InvalidOid;

	if (ncalls == maxcalls)
	{
		int			newmax = Max(64, 2 * maxcalls);

		if (calls == NULL)
			calls = MemoryContextAlloc(TopMemoryContext,
									   newmax * sizeof(RunningCall));
		else
			calls = repalloc(calls, newmax * sizeof(RunningCall));
		maxcalls = newmax;
	}
	calls[ncalls].schema = running;
	calls[ncalls].plan = by_plan;
	ncalls++;
	if (funcid < FirstNormalObjectId || tm_guard == GUARD_OFF ||
		!IsTransactionState())
		return;
	nspid = tm_object_schema(ProcedureRelationId, funcid);
	if (OidIsValid(running))
	{
		if (by_plan != NULL && is_admitted(nspid))
			running = nspid;
		by_plan = NULL;
		return;
	}
	binding = tm_binding_in_force();
	if (binding != NULL ? nspid == binding->nspid : is_tenants(nspid))
		running = nspid;
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

		judge_as(relation_of_rule(query), node, context);
		return query_tree_walker(query, brought_in_walker, context,
								 QTW_EXAMINE_RTES_BEFORE);
	}
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_SUBQUERY)
			judge_as(view_of_subquery(rte), (Node *) rte->subquery, context);
		else if (rte->securityQuals != NIL)
			judge_as(rte->relid, (Node *) rte->securityQuals, context);
		return false;			/* its parts come next */
	}
	return expression_tree_walker(node, brought_in_walker, context);
}

/* Judge a part of a query by the relation that it comes from. */
static void
judge_as(Oid relid, Node *node, Oid *found)
{
	Oid			nspid = tenant_schema_of_relation(relid);
	RunningCode code;

	if (!OidIsValid(nspid))
		return;
	if (!OidIsValid(*found))
		*found = nspid;
	keep(&code);
	enter(nspid);
	PG_TRY();
	{
		tm_guard_query(node);
	}
	PG_FINALLY();
	{
		tm_tenant_code_end(&code);
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

		if (rte->rtekind == RTE_RELATION && rte->eref != NULL &&
			(strcmp(rte->eref->aliasname, "old") == 0 ||
			 strcmp(rte->eref->aliasname, "new") == 0))
			return rte->relid;
	}
	return InvalidOid;
}
