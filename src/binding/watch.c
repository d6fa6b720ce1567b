/*
 * watch.c
 *		What happens before and after the statements of bound sessions.
 *
 * A bound session asks before each statement whether its binding still holds:
 * the tenant may have been renamed, suspended or dropped, or the role may
 * have lost its privilege.  A statement in a function, in DO, in CALL or in
 * whatever else runs statements is one like any other, since what came before
 * it may have ended the transaction or changed the settings.  As long as
 * nothing has happened the answer is a comparison of a few numbers.
 *
 * When a binding is broken, a session can do nothing but get out of it: end
 * its transaction, look at and change settings, and call our own functions.
 *
 * The hooks run after a statement has been parsed, which is too late for its
 * search path.  That is why a session follows as early as it can: at the end
 * of a statement that changed something, and after BEGIN, which also takes
 * the lock that keeps others from changing anything.  Sessions that are idle
 * are woken up by the committing transaction (session_wakeup.c); on a standby,
 * where nobody commits, they see to it themselves (standby_catchup.c).  What is
 * left is the moment between the start of a statement and its first look at
 * the catalogs; a plan that may have been made on a wrong path is refused if
 * it has missed a table of the tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/maintained.h"
#include "base/own_schema.h"
#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/binding_settle.h"
#include "binding/change.h"
#include "binding/deferred.h"
#include "binding/object_schema.h"
#include "binding/open_plan.h"
#include "binding/origin.h"
#include "binding/prepared.h"
#include "binding/session_lock.h"
#include "binding/session_wakeup.h"
#include "binding/standby_catchup.h"
#include "binding/statement_tag.h"
#include "binding/temp_object.h"
#include "binding/watch.h"
#include "stats/guard_stats.h"
#include "tenants/notification.h"

/* What a plan calls */
typedef struct CallSearch
{
	Oid			nspid;			/* our schema */
	bool		calls_us;		/* a function in it is called */
} CallSearch;

/*
 * Depth of utility statements that are tagged as a whole, and of those that
 * evaluate nothing; written by begin and end.
 */
static int	tagged_depth = 0;
static int	plain_depth = 0;

static void end_of_transaction(XactEvent event, void *arg);
static void end_of_subtransaction(SubXactEvent event, SubTransactionId mySubid,
								  SubTransactionId parentSubid, void *arg);
static inline bool watching(void);
static void watch_plan(PlannedStmt *pstmt);
static bool plan_is_ours(PlannedStmt *pstmt);
static bool plan_calls_only_us(Plan *plan, CallSearch *context);
static bool calls_others_walker(Node *node, void *context);
static bool function_of_others(Oid funcid, void *context);
static Oid	schema_of(Oid classid, Oid objid);
static bool plan_missed_tenant(PlannedStmt *pstmt, Oid nspid);
static bool begins_transaction(Node *stmt);
static bool utility_is_exempt(Node *stmt);
static bool evaluates_nothing(Node *stmt);
static PlannedStmt *spell_out_reset(PlannedStmt *pstmt);

/*
 * An earlier attempt to load the library may have come this far.
 */
void
tm_watch_init(void)
{
	UnregisterXactCallback(end_of_transaction, NULL);
	RegisterXactCallback(end_of_transaction, NULL);
	UnregisterSubXactCallback(end_of_subtransaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
}

void
tm_watch_look_before_plan(PlannedStmt *pstmt)
{
	tm_policy_refresh();
	if (!watching())
		return;
	if (plain_depth == 0 && !tm_binding_is_settled())
		watch_plan(pstmt);
	if (tm_verify_tag != VERIFY_TAG_OFF && tagged_depth == 0 &&
		!tm_open_plan_is_nested() && !plan_is_ours(pstmt))
		tm_statement_tag_verify(debug_query_string);
}

/*
 * A portal goes on.  Its plan has been looked at, but since then the privilege
 * may have been revoked or the tenant suspended.
 */
void
tm_watch_before_more_rows(PlannedStmt *pstmt)
{
	if (plain_depth == 0 && watching() && !tm_binding_is_settled() &&
		!plan_is_ours(pstmt))
		tm_binding_validate();
}

void
tm_watch_look_after_plan(void)
{
	if (tm_session_locked && watching())
		tm_session_lock_check_frozen();
	if (tm_binding_needs_settling() && watching())
		tm_binding_settle(false);
}

void
tm_watch_before_utility(UtilityStatement *statement)
{
	Node	   *stmt = statement->pstmt->utilityStmt;

	if (!watching())
		return;
	statement->watched = true;
	statement->begins = begins_transaction(stmt);
	statement->tagged = !utility_is_exempt(stmt);
	statement->plain = evaluates_nothing(stmt);

	if (statement->tagged && plain_depth == 0 && !tm_binding_is_settled())
		tm_binding_validate();
	if (statement->tagged && tm_verify_tag != VERIFY_TAG_OFF &&
		tagged_depth == 0 && !tm_open_plan_is_nested())
		tm_statement_tag_verify(debug_query_string);
	statement->pstmt = spell_out_reset(statement->pstmt);
}

void
tm_watch_begin_utility(UtilityStatement *statement)
{
	if (statement->tagged)
		tagged_depth++;
	if (statement->plain)
		plain_depth++;
}

void
tm_watch_end_utility(UtilityStatement *statement)
{
	if (statement->tagged)
		tagged_depth--;
	if (statement->plain)
		plain_depth--;
}

void
tm_watch_after_utility(UtilityStatement *statement)
{
	if (!statement->watched || !watching())
		return;
	tm_session_lock_check_frozen();
	if (statement->begins && !tm_binding_is_settled())
	{
		/*
		 * The wait for a lock can fail.  The transaction block has to be
		 * there by then, and in an aborted state: what the client has meant
		 * for the block must not be done outside of one.  This is what the
		 * server does next anyhow, and doing it twice does no harm.
		 */
		CommitTransactionCommand();
		tm_binding_settle(true);
	}
	else if (tm_binding_needs_settling())
		tm_binding_settle(false);
}

/*
 * A transaction is about to commit, perhaps the empty one of an idle session
 * that has been woken up.
 */
static void
end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			tm_session_lock_check_frozen();
			if (tm_binding_needs_settling() && watching())
				tm_binding_settle(false);
			tm_prepared_after_statement();
			if (watching())
				tm_temp_object_before_commit();
			tm_guard_stats_before_commit();
			if (event == XACT_EVENT_PRE_COMMIT)
				tm_notification_before_commit();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			tm_maintained_end_of_transaction();
			tm_notification_end_of_transaction();
			tm_guard_stats_end_of_transaction(event == XACT_EVENT_COMMIT);
			tm_deferred_end_of_transaction();
			tm_origin_end_of_transaction();
			tm_temp_object_end_of_transaction(event != XACT_EVENT_ABORT);
			tm_change_reset();
			tm_binding_end_of_transaction();
			tm_standby_catchup_arm();
			break;
		default:
			break;
	}
}

/*
 * A change of the binding that was under way is no more.  Locks taken by a
 * subtransaction are released when it aborts.
 */
static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mySubid,
					  SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_START_SUB)
		tm_maintained_begin_subtransaction(mySubid);
	if (event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB)
	{
		tm_change_reset();
		tm_maintained_end_subtransaction(mySubid,
										 event == SUBXACT_EVENT_ABORT_SUB);
		tm_notification_end_of_subtransaction(event == SUBXACT_EVENT_COMMIT_SUB,
											  mySubid, parentSubid);
		tm_temp_object_end_of_subtransaction(event == SUBXACT_EVENT_COMMIT_SUB,
											 mySubid, parentSubid);
	}
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		tm_binding_forget_lock();
		tm_deferred_abort_subtransaction(mySubid);
	}
}

/*
 * Is there a session to be watched?  A parallel query has been looked at in
 * its leader before it began, and in an aborted transaction nothing can be
 * looked up and nothing be done but ending it.
 */
static inline bool
watching(void)
{
	return IsTransactionState() && !IsInParallelMode() && !IsParallelWorker();
}

/*
 * Something has changed since the last statement, or it is the first one of
 * its transaction.  If it is a change, nobody knows whether the plan was made
 * before or after it: by way of the same name, even a schema that is where it
 * was before may have been away for a moment.
 */
static void
watch_plan(PlannedStmt *pstmt)
{
	Binding    *before = tm_binding_current();
	Binding    *binding;
	bool		changed;

	if (plan_is_ours(pstmt))
	{
		if (tm_binding_needs_settling())
			tm_binding_settle(true);
		return;
	}

	changed = tm_binding_needs_settling();
	tm_binding_validate();

	binding = tm_binding_current();
	if ((changed || binding != before) &&
		binding != NULL && binding->verified &&
		plan_missed_tenant(pstmt, binding->nspid))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("search path of tenant changed while the statement was being prepared"),
				 errhint("Repeat the statement.")));
}

/*
 * Does the plan work on our own tables or call our own functions, and nobody
 * else's?  Such a statement is how one gets out of a broken binding.
 */
static bool
plan_is_ours(PlannedStmt *pstmt)
{
	CallSearch	context;
	bool		reads_us = false;
	ListCell   *lc;

	context.nspid = tm_own_schema();
	context.calls_us = false;
	if (!OidIsValid(context.nspid))
		return false;

	foreach(lc, pstmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Oid			nspid;

		if (rte->rtekind != RTE_RELATION)
			continue;
		nspid = schema_of(RelationRelationId, rte->relid);
		if (nspid == context.nspid)
			reads_us = true;
		else if (nspid != PG_CATALOG_NAMESPACE)
			return false;
	}

	if (!plan_calls_only_us(pstmt->planTree, &context))
		return false;
	foreach(lc, pstmt->subplans)
	{
		if (!plan_calls_only_us((Plan *) lfirst(lc), &context))
			return false;
	}
	return reads_us || context.calls_us;
}

/*
 * Look for functions in a plan tree.  Not every kind of node is looked into;
 * what stays unseen only decides about a session that is in trouble anyway.
 */
static bool
plan_calls_only_us(Plan *plan, CallSearch *context)
{
	if (plan == NULL)
		return true;

	check_stack_depth();
	if (calls_others_walker((Node *) plan->targetlist, context) ||
		calls_others_walker((Node *) plan->qual, context))
		return false;
	if (IsA(plan, FunctionScan) &&
		calls_others_walker((Node *) ((FunctionScan *) plan)->functions,
							context))
		return false;
	return plan_calls_only_us(plan->lefttree, context) &&
		plan_calls_only_us(plan->righttree, context);
}

static bool
calls_others_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, function_of_others, context))
		return true;
	if (IsA(node, RangeTblFunction))
		return calls_others_walker(((RangeTblFunction *) node)->funcexpr,
								   context);
	return expression_tree_walker(node, calls_others_walker, context);
}

/*
 * Built-in functions are nobody's, unless they are volatile: nextval() and the
 * like do something for the tenant.
 */
static bool
function_of_others(Oid funcid, void *context)
{
	CallSearch *calls = (CallSearch *) context;
	Oid			nspid = schema_of(ProcedureRelationId, funcid);

	if (nspid == calls->nspid)
		calls->calls_us = true;
	return nspid != calls->nspid &&
		(nspid != PG_CATALOG_NAMESPACE ||
		 func_volatile(funcid) == PROVOLATILE_VOLATILE);
}

/*
 * The schema of a relation or function.  Which one that is of the server's own
 * matters as well.
 */
static Oid
schema_of(Oid classid, Oid objid)
{
	ObjectAddress object;

	if (objid < FirstNormalObjectId)
		return classid == RelationRelationId ?
			get_rel_namespace(objid) : get_func_namespace(objid);
	ObjectAddressSet(object, classid, objid);
	return tm_object_place(&object);
}

/*
 * Was a table found elsewhere although the tenant's search path, as it is now,
 * leads to another one of that name?  Somebody who has given the schema of a
 * table can be suspected wrongly.
 */
static bool
plan_missed_tenant(PlannedStmt *pstmt, Oid nspid)
{
	ListCell   *lc;

	foreach(lc, pstmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Oid			relnsp;
		char	   *relname;
		Oid			found;

		if (rte->rtekind != RTE_RELATION)
			continue;
		relnsp = get_rel_namespace(rte->relid);
		if (relnsp == nspid || relnsp == PG_CATALOG_NAMESPACE)
			continue;
		relname = get_rel_name(rte->relid);
		found = (relname != NULL) ? RelnameGetRelid(relname) : InvalidOid;
		if (OidIsValid(found) && found != rte->relid)
			return true;
	}
	return false;
}

/*
 * Does the statement begin a transaction block?  And by the way: does it let
 * others see what an earlier one has prepared, which may be about tenants?
 */
static bool
begins_transaction(Node *stmt)
{
	TransactionStmtKind kind;

	if (!IsA(stmt, TransactionStmt))
		return false;
	kind = ((TransactionStmt *) stmt)->kind;
	if (kind == TRANS_STMT_COMMIT_PREPARED)
		tm_session_wakeup_arm();
	return kind == TRANS_STMT_BEGIN || kind == TRANS_STMT_START;
}

/*
 * Utility statements that need no binding: those that a session gets out of
 * trouble with, and those whose inside comes by again.
 */
static bool
utility_is_exempt(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_TransactionStmt:
		case T_VariableSetStmt:
		case T_VariableShowStmt:
		case T_DiscardStmt:
		case T_DeallocateStmt:
		case T_ClosePortalStmt:
		case T_UnlistenStmt:
		case T_DoStmt:
		case T_ExecuteStmt:
			return true;
		case T_CallStmt:
			{
				FuncExpr   *call = ((CallStmt *) stmt)->funcexpr;

				return get_func_namespace(call->funcid) == tm_own_schema();
			}
		default:
			return false;
	}
}

/*
 * Utility statements that evaluate no expression.  Whatever is executed within
 * them is the work of event triggers, which only superusers make; it goes on
 * when the statement has just dropped or taken away what the session is bound
 * to.  Within all others each statement is looked at like one of the client.
 */
static bool
evaluates_nothing(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_DropStmt:
		case T_DropOwnedStmt:
		case T_DropRoleStmt:
		case T_GrantStmt:
		case T_GrantRoleStmt:
		case T_AlterRoleStmt:
		case T_AlterOwnerStmt:
		case T_ReassignOwnedStmt:
		case T_RenameStmt:
		case T_AlterObjectSchemaStmt:
			return true;
		default:
			return false;
	}
}

/*
 * RESET of our setting, by any of its names, gives it back its default
 * without asking the check hook, so the search path would not follow.  Turn
 * it into a SET to the same value.
 */
static PlannedStmt *
spell_out_reset(PlannedStmt *pstmt)
{
	VariableSetStmt *stmt;
	A_Const    *value;
	const char *reset_value;

	if (!IsA(pstmt->utilityStmt, VariableSetStmt))
		return pstmt;
	stmt = (VariableSetStmt *) pstmt->utilityStmt;
	if ((stmt->kind != VAR_RESET && stmt->kind != VAR_SET_DEFAULT) ||
		!tm_guc_same_name(stmt->name, TM_TENANT_SETTING))
		return pstmt;

	reset_value = GetConfigOptionResetString(TM_TENANT_SETTING);
	value = makeNode(A_Const);
	value->val.sval.type = T_String;
	value->val.sval.sval = pstrdup(reset_value ? reset_value : "");
	value->location = -1;

	pstmt = copyObject(pstmt);
	stmt = (VariableSetStmt *) pstmt->utilityStmt;
	stmt->kind = VAR_SET_VALUE;
	stmt->args = list_make1(value);
	return pstmt;
}
