/*
 * hooks.c
 *		The server's hooks, and who is called by them in which order.
 *
 * Each hook is installed once, here, and what happens at it is a list of calls
 * in the order in which they are written:
 *
 *		the policies	what does the database keep? (policy.c)
 *		lists			names in quotes keep them (list_setting.c)
 *		the watch		does the session's binding still hold? (watch.c)
 *		the tag			is the statement meant for it? (called by the watch)
 *		the memory		was what it goes on with made for it? (prepared.c,
 *						prepared_xact.c, open_plan.c, deferred.c)
 *		the lock		would it undo a lock? (session_lock.c)
 *		the recording	is it to be kept for other tenants? (recorded_statement.c)
 *		the guard		does it stay with its tenant? (guard.c and others)
 *		the schemas		are names locked that it relies on? (schema_lock.c)
 *		the structure	does it change schemas unnoticed? (structure_event.c)
 *		the code		whose code is it that runs by it? (tenant_code.c)
 *		the next		whoever was there before us, or the server
 *
 * and on the way back what has been begun is ended in the opposite order.  Who
 * adds to what happens at a hook adds a line.
 *
 * Hooks that no step has a use for are left alone.  The one for access to
 * objects comes and goes, because the server is slower while there is one; see
 * guard_access.c, and alone_code.c for statements outside of a transaction.
 * Hooks of the server's settings are in session_lock.c and protective.c.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "storage/ipc.h"
#include "tcop/utility.h"

#include "base/compat.h"
#include "base/list_setting.h"
#include "base/maintained.h"
#include "base/utility_statement.h"
#include "binding/binding.h"
#include "binding/binding_setting.h"
#include "binding/deferred.h"
#include "binding/open_plan.h"
#include "binding/origin.h"
#include "binding/policy.h"
#include "binding/prepared.h"
#include "binding/prepared_xact.h"
#include "binding/running_code.h"
#include "binding/session_lock.h"
#include "binding/switch.h"
#include "binding/wall.h"
#include "binding/watch.h"
#include "compare/structure_event.h"
#include "fleet/alone_code.h"
#include "fleet/migration_ledger.h"
#include "fleet/recorded_statement.h"
#include "fleet/refused_command.h"
#include "guard/guard_hooks.h"
#include "guard/guard_query.h"
#include "guard/guard_utility.h"
#include "guard/tenant_code.h"
#include "hooks.h"
#include "lifecycle/tenant_hook.h"
#include "prepared_commit.h"
#include "shmem.h"
#include "stats/guard_stats.h"
#include "tenants/schema_lock.h"
#include "tenants/tenant_lock.h"

/* hooks that were there before us; written by tm_hooks_install */
static ExecutorStart_hook_type prev_ExecutorStart = NULL;
static ExecutorRun_hook_type prev_ExecutorRun = NULL;
static ExecutorFinish_hook_type prev_ExecutorFinish = NULL;
static ExecutorEnd_hook_type prev_ExecutorEnd = NULL;
static ExecutorCheckPerms_hook_type prev_ExecutorCheckPerms = NULL;
static ProcessUtility_hook_type prev_ProcessUtility = NULL;
static planner_hook_type prev_planner = NULL;
static get_relation_info_hook_type prev_get_relation_info = NULL;
static needs_fmgr_hook_type prev_needs_fmgr = NULL;
static fmgr_hook_type prev_fmgr = NULL;
static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void tm_ExecutorStart(QueryDesc *queryDesc, int eflags);
static pg_noinline void start_plan_as_code(QueryDesc *queryDesc, int eflags);
static void start_plan(QueryDesc *queryDesc, int eflags);
static void tm_ExecutorRun(TM_EXECUTOR_RUN_PARAMETERS);
static pg_noinline void run_plan_as_code(Oid nspid, TM_EXECUTOR_RUN_PARAMETERS);
static inline void run_plan(TM_EXECUTOR_RUN_PARAMETERS);
static void tm_ExecutorFinish(QueryDesc *queryDesc);
static pg_noinline void finish_plan_as_code(QueryDesc *queryDesc);
static void finish_plan(QueryDesc *queryDesc);
static void tm_ExecutorEnd(QueryDesc *queryDesc);
static bool tm_ExecutorCheckPerms(TM_CHECK_PERMS_PARAMETERS);
static bool is_all_of(const PlannedStmt *pstmt, const char *sql);
static void tm_ProcessUtility(PlannedStmt *pstmt, const char *queryString,
							  bool readOnlyTree,
							  ProcessUtilityContext context,
							  ParamListInfo params,
							  QueryEnvironment *queryEnv,
							  DestReceiver *dest, QueryCompletion *qc);
static PlannedStmt *tm_planner(Query *parse, const char *query_string,
							   int cursorOptions, ParamListInfo boundParams);
static void tm_get_relation_info(PlannerInfo *root, Oid relid, bool inhparent,
								 RelOptInfo *rel);
static bool tm_needs_fmgr(Oid funcid);
static void tm_fmgr(FmgrHookEventType event, FmgrInfo *flinfo, Datum *arg);
static pg_noinline void tell_of_call(FmgrHookEventType event,
									 FmgrInfo *flinfo, Datum *arg);
static void tm_shmem_request(void);
static void tm_shmem_startup(void);

void
tm_hooks_install(void)
{
	static bool installed = false;

	if (installed)
		return;
	installed = true;

	prev_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = tm_ExecutorStart;
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = tm_ExecutorRun;
	prev_ExecutorFinish = ExecutorFinish_hook;
	ExecutorFinish_hook = tm_ExecutorFinish;
	prev_ExecutorEnd = ExecutorEnd_hook;
	ExecutorEnd_hook = tm_ExecutorEnd;
	prev_ExecutorCheckPerms = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = tm_ExecutorCheckPerms;
	prev_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = tm_ProcessUtility;
	prev_planner = planner_hook;
	planner_hook = tm_planner;
	prev_get_relation_info = get_relation_info_hook;
	get_relation_info_hook = tm_get_relation_info;
	prev_needs_fmgr = needs_fmgr_hook;
	needs_fmgr_hook = tm_needs_fmgr;
	prev_fmgr = fmgr_hook;
	fmgr_hook = tm_fmgr;
	tm_binding_changed_hook = tm_guard_tenant_changed;
	tm_tenant_follower = &tm_ledger_follower;
	tm_switched_hook = tm_tenant_hook_switched;
	tm_tenant_lock_begin_hook = tm_refused_command_check;

	if (!process_shared_preload_libraries_in_progress)
		return;
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = tm_shmem_request;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = tm_shmem_startup;
}

static void
tm_ExecutorStart(QueryDesc *queryDesc, int eflags)
{
	tm_watch_before_plan(queryDesc->plannedstmt);
	tm_prepared_before_plan(queryDesc->params);
	tm_open_plan_before_start();
	tm_deferred_before_plan(queryDesc->plannedstmt);
	tm_record_before_plan(queryDesc);
	tm_structure_before_plan(queryDesc->plannedstmt);
	if (queryDesc->plannedstmt->resultRelations != NIL)
		tm_guard_stored_of_plan(queryDesc->plannedstmt);
	if (tm_tenant_code_rests() &&
		!tm_tenant_code_runs_at_start(queryDesc->plannedstmt))
		start_plan(queryDesc, eflags);
	else
		start_plan_as_code(queryDesc, eflags);
	tm_open_plan_started(queryDesc);
}

static void
start_plan_as_code(QueryDesc *queryDesc, int eflags)
{
	RunningCode code;

	tm_tenant_code_begin(&code);
	PG_TRY();
	{
		tm_tenant_code_start_plan(queryDesc->plannedstmt);
		start_plan(queryDesc, eflags);
	}
	PG_FINALLY();
	{
		tm_running_code_end(&code);
	}
	PG_END_TRY();
}

static void
start_plan(QueryDesc *queryDesc, int eflags)
{
	if (prev_ExecutorStart)
		prev_ExecutorStart(queryDesc, eflags);
	else
		standard_ExecutorStart(queryDesc, eflags);
}

static void
tm_ExecutorRun(TM_EXECUTOR_RUN_PARAMETERS)
{
	RunningPlan running;
	int			save_nestlevel;

	tm_policy_refresh();
	if (queryDesc->already_executed)
		tm_watch_before_more_rows(queryDesc->plannedstmt);
	save_nestlevel = tm_open_plan_begin(&running, queryDesc);
	if (tm_tenant_code_is_known(queryDesc->plannedstmt) &&
		!OidIsValid(running.code))
		run_plan(TM_EXECUTOR_RUN_ARGUMENTS);
	else
		run_plan_as_code(running.code, TM_EXECUTOR_RUN_ARGUMENTS);
	tm_open_plan_end(&running);
	tm_origin_leave(save_nestlevel);
}

static void
run_plan_as_code(Oid nspid, TM_EXECUTOR_RUN_PARAMETERS)
{
	RunningCode code;

	tm_tenant_code_begin(&code);
	PG_TRY();
	{
		tm_running_code_enter(nspid);
		tm_tenant_code_enter_plan(&code, queryDesc->plannedstmt);
		run_plan(TM_EXECUTOR_RUN_ARGUMENTS);
		tm_tenant_code_finish(&code, queryDesc->plannedstmt);
	}
	PG_FINALLY();
	{
		tm_running_code_end(&code);
	}
	PG_END_TRY();
}

static inline void
run_plan(TM_EXECUTOR_RUN_PARAMETERS)
{
	if (prev_ExecutorRun)
		prev_ExecutorRun(TM_EXECUTOR_RUN_ARGUMENTS);
	else
		standard_ExecutorRun(TM_EXECUTOR_RUN_ARGUMENTS);
}

/*
 * Triggers that fire after the statement do so here, and changes within WITH
 * come to their end.  Where there are neither, nothing is run.
 */
static void
tm_ExecutorFinish(QueryDesc *queryDesc)
{
	if ((queryDesc->estate->es_top_eflags & EXEC_FLAG_SKIP_TRIGGERS) != 0)
		finish_plan(queryDesc);
	else
		finish_plan_as_code(queryDesc);
}

static void
finish_plan_as_code(QueryDesc *queryDesc)
{
	RunningCode code;

	tm_tenant_code_begin(&code);
	PG_TRY();
	{
		tm_tenant_code_enter_plan(&code, queryDesc->plannedstmt);
		finish_plan(queryDesc);
		tm_tenant_code_finish(&code, queryDesc->plannedstmt);
	}
	PG_FINALLY();
	{
		tm_running_code_end(&code);
	}
	PG_END_TRY();
}

static void
finish_plan(QueryDesc *queryDesc)
{
	if (prev_ExecutorFinish)
		prev_ExecutorFinish(queryDesc);
	else
		standard_ExecutorFinish(queryDesc);
}

static void
tm_ExecutorEnd(QueryDesc *queryDesc)
{
	tm_deferred_plan_ends(queryDesc);
	if (prev_ExecutorEnd)
		prev_ExecutorEnd(queryDesc);
	else
		standard_ExecutorEnd(queryDesc);

	tm_watch_after_plan();
	tm_prepared_after_statement();
	tm_deferred_after_statement();
}

static bool
tm_ExecutorCheckPerms(TM_CHECK_PERMS_PARAMETERS)
{
	/* Mostly there is no other, and this is a jump. */
	if (prev_ExecutorCheckPerms == NULL)
		return tm_guard_check_range_table(rangeTable, ereport_on_violation);
	return tm_guard_check_range_table(rangeTable, ereport_on_violation) &&
		prev_ExecutorCheckPerms(TM_CHECK_PERMS_ARGUMENTS);
}

/*
 * Is the statement all that the text consists of?
 */
static bool
is_all_of(const PlannedStmt *pstmt, const char *sql)
{
	if (pstmt->stmt_location > 0)
		return false;
	if (pstmt->stmt_len == 0)
		return true;
	sql += pstmt->stmt_len;
	return sql[strspn(sql, "; \t\r\n")] == '\0';
}

/*
 * The statement may be gone once it has been executed, so what comes afterwards
 * goes by what has been noted.
 */
static void
tm_ProcessUtility(PlannedStmt *pstmt, const char *queryString,
				  bool readOnlyTree, ProcessUtilityContext context,
				  ParamListInfo params, QueryEnvironment *queryEnv,
				  DestReceiver *dest, QueryCompletion *qc)
{
	UtilityStatement statement = {
		.pstmt = pstmt,
		.alone = context == PROCESS_UTILITY_TOPLEVEL &&
		is_all_of(pstmt, queryString),
	};
	RunningCode code;
	Maintained	maintained;

	if (IsA(pstmt->utilityStmt, DropdbStmt))
		statement.drops_database =
			get_database_oid(((DropdbStmt *) pstmt->utilityStmt)->dbname, true);
	/* A transaction can be ended whatever becomes of looking at a table. */
	if (!IsA(pstmt->utilityStmt, TransactionStmt))
		tm_policy_refresh();
	tm_list_setting_before_utility(&statement, queryString);
	tm_wall_before_utility(statement.pstmt->utilityStmt);
	tm_session_lock_check_utility(statement.pstmt->utilityStmt);
	tm_watch_before_utility(&statement);
	tm_prepared_before_utility(&statement);
	tm_prepared_xact_before_utility(&statement);
	tm_prepared_commit_before_utility(&statement);
	tm_open_plan_before_utility(&statement);
	tm_deferred_before_utility(&statement);
	tm_watch_begin_utility(&statement);
	tm_maintained_note(&maintained);
	tm_tenant_code_begin(&code);
	PG_TRY();
	{
		tm_record_before_utility(&statement, queryString, context);
		tm_guard_before_utility(&statement);
		tm_schema_lock_before_utility(statement.pstmt->utilityStmt);
		tm_structure_before_utility(statement.pstmt);
		tm_tenant_code_enter_utility(statement.pstmt->utilityStmt);
		if (statement.done)
			;
		else if (prev_ProcessUtility)
			prev_ProcessUtility(statement.pstmt, queryString, readOnlyTree,
								tm_record_context(&statement, context),
								params, queryEnv, dest, qc);
		else
			standard_ProcessUtility(statement.pstmt, queryString, readOnlyTree,
									tm_record_context(&statement, context),
									params, queryEnv, dest, qc);
		tm_running_code_end(&code);
		tm_maintained_restore(&maintained);
		tm_guard_after_utility(&statement);
		tm_record_after_utility(&statement);
	}
	PG_FINALLY();
	{
		tm_record_end_utility(&statement);
		tm_running_code_end(&code);
		tm_guard_end_utility(&statement);
		tm_watch_end_utility(&statement);
	}
	PG_END_TRY();
	if (OidIsValid(statement.drops_database))
		tm_guard_stats_forget_database(statement.drops_database);
	tm_watch_after_utility(&statement);
	tm_prepared_after_utility(&statement);
	tm_prepared_commit_after_utility(&statement);
	tm_prepared_after_statement();
	tm_deferred_after_utility(&statement);
}

static PlannedStmt *
tm_planner(Query *parse, const char *query_string, int cursorOptions,
		   ParamListInfo boundParams)
{
	RunningCode code;
	PlannedStmt *volatile result = NULL;

	tm_policy_refresh();
	tm_tenant_code_begin(&code);
	PG_TRY();
	{
		tm_guard_before_planning(parse);
		tm_tenant_code_enter_query(parse);
		if (prev_planner)
			result = prev_planner(parse, query_string, cursorOptions,
								  boundParams);
		else
			result = standard_planner(parse, query_string, cursorOptions,
									  boundParams);
		tm_tenant_code_note_policies(parse, result);
	}
	PG_FINALLY();
	{
		tm_running_code_end(&code);
	}
	PG_END_TRY();
	return result;
}

static void
tm_get_relation_info(PlannerInfo *root, Oid relid, bool inhparent,
					 RelOptInfo *rel)
{
	tm_guard_check_planned(relid);

	if (prev_get_relation_info)
		prev_get_relation_info(root, relid, inhparent, rel);
}

/*
 * To look the function up is what needs permission.  A function that asks for
 * the hook is not inlined, and its calls are told of.
 */
static bool
tm_needs_fmgr(Oid funcid)
{
	bool		result = prev_needs_fmgr ? prev_needs_fmgr(funcid) : false;

	result |= tm_alone_code_watches(funcid);
	return tm_guard_check_called(funcid) || result;
}

/* Each call of a tenant's function comes by here twice; see tell_of_call. */
static void
tm_fmgr(FmgrHookEventType event, FmgrInfo *flinfo, Datum *arg)
{
	if (prev_fmgr != NULL || tm_in_alone_statement)
		tell_of_call(event, flinfo, arg);
	else if (event == FHET_START)
		tm_tenant_code_call_begins(flinfo->fn_oid);
	else
		tm_tenant_code_call_ends();
}

static pg_noinline void
tell_of_call(FmgrHookEventType event, FmgrInfo *flinfo, Datum *arg)
{
	if (event == FHET_START)
	{
		tm_tenant_code_call_begins(flinfo->fn_oid);
		tm_alone_code_call_begins(flinfo->fn_oid);
	}
	if (prev_fmgr)
		prev_fmgr(event, flinfo, arg);
	if (event != FHET_START)
	{
		tm_alone_code_call_ends(flinfo->fn_oid);
		tm_tenant_code_call_ends();
	}
}

static void
tm_shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	tm_shmem_request_all();
}

static void
tm_shmem_startup(void)
{
	if (prev_shmem_startup)
		prev_shmem_startup();
	tm_shmem_startup_all();
}
