/*
 * fleet_query.c
 *		A query over many tenants.
 *
 * Errors of the latest query are kept for the session, and shown only to the role
 * that has asked.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "binding/binding.h"
#include "fleet/fleet_jobs.h"
#include "fleet/fleet_rows.h"

/* Errors that are kept; those that come after them are only counted */
#define MAX_ERRORS	10000

/* An error of the latest query */
typedef struct QueryError
{
	char	   *tenant;
	int			sqlstate;
	char	   *message;
} QueryError;

/* those errors, and for whom; written by forget_errors and the callback */
static MemoryContext error_context = NULL;
static List *errors = NIL;
static int	nerrors = 0;
static Oid	error_role = InvalidOid;

static char *query_argument(FunctionCallInfo fcinfo, int argno);
static bool changes_something(const WithClause *with);
static void check_columns(TupleDesc desc);
static void query_here(ReturnSetInfo *rsinfo, List *tenants, const char *sql);
static void note_error(const char *tenant, int sqlstate,
					   const char *message);
static void forget_errors(void);
static void report_errors(int ntenants);

PG_FUNCTION_INFO_V1(tenant_query);
PG_FUNCTION_INFO_V1(tenant_query_errors);

/* query(sql, tenants, jobs): the rows of all of them. */
Datum
tenant_query(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *sql = query_argument(fcinfo, 0);
	int			jobs = tm_fleet_jobs_argument(fcinfo, 2);
	List	   *tenants;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	check_columns(rsinfo->setDesc);
	tenants = tm_fleet_choose(fcinfo, 1, "tenant.query()");
	forget_errors();
	if (jobs > 1 && list_length(tenants) > 1)
		tm_fleet_jobs_run(FLEET_QUERY, tenants, sql, jobs, rsinfo->setResult,
						  rsinfo->setDesc, note_error);
	else
		query_here(rsinfo, tenants, sql);
	report_errors(list_length(tenants));

	return (Datum) 0;
}

/* Errors of the session's latest query, for the view tenant.query_error. */
Datum
tenant_query_errors(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (error_role != GetUserId() || tm_binding_current() != NULL)
		return (Datum) 0;
	foreach(lc, errors)
	{
		const QueryError *error = lfirst(lc);
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = CStringGetTextDatum(error->tenant);
		values[1] = CStringGetTextDatum(unpack_sql_state(error->sqlstate));
		values[2] = CStringGetTextDatum(error->message);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/* One statement, which reads: what it did otherwise would be undone. */
static char *
query_argument(FunctionCallInfo fcinfo, int argno)
{
	char	   *sql;
	List	   *statements;
	Node	   *statement;

	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query must not be null")));
	sql = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	statements = raw_parser(sql, RAW_PARSE_DEFAULT);
	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s takes one query", "tenant.query()")));
	statement = linitial_node(RawStmt, statements)->stmt;
	if (!IsA(statement, SelectStmt) ||
		((SelectStmt *) statement)->intoClause != NULL ||
		changes_something(((SelectStmt *) statement)->withClause))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s takes a query that only reads", "tenant.query()"),
				 errhint("Use tenant.exec() to change something.")));
	return sql;
}

static bool
changes_something(const WithClause *with)
{
	ListCell   *lc;

	if (with == NULL)
		return false;
	foreach(lc, with->ctes)
	{
		if (!IsA(lfirst_node(CommonTableExpr, lc)->ctequery, SelectStmt))
			return true;
	}
	return false;
}

static void
check_columns(TupleDesc desc)
{
	if (desc->natts < 1 || TupleDescAttr(desc, 0)->atttypid != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the first column of %s must be of type text",
						"tenant.query()"),
				 errdetail("It is the name of the tenant."),
				 errhint("Use AS (tenant text, ...).")));
}

static void
query_here(ReturnSetInfo *rsinfo, List *tenants, const char *sql)
{
	FleetRows  *rows = tm_fleet_rows_create(rsinfo->setDesc);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr query",
												  ALLOCSET_DEFAULT_SIZES);
	int			ndone = 0;
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);
		MemoryContext old_context = MemoryContextSwitchTo(context);
		FleetResult result;

		if (tm_fleet_rows_query(rows, tenant, sql, &result))
			tm_fleet_rows_put(rows, rsinfo->setResult);
		else
			note_error(tenant->name, result.sqlstate,
					   result.message);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(context);
		tm_fleet_forget(++ndone);
	}
	MemoryContextDelete(context);
	tm_fleet_rows_destroy(rows);
}

static void
note_error(const char *tenant, int sqlstate, const char *message)
{
	MemoryContext old_context;
	QueryError *error;

	if (++nerrors > MAX_ERRORS)
		return;
	old_context = MemoryContextSwitchTo(error_context);
	error = palloc(sizeof(QueryError));
	error->tenant = pstrdup(tenant);
	error->sqlstate = sqlstate;
	error->message = pstrdup(message);
	errors = lappend(errors, error);
	MemoryContextSwitchTo(old_context);
}

static void
forget_errors(void)
{
	errors = NIL;
	nerrors = 0;
	error_role = GetUserId();
	if (error_context == NULL)
		error_context = AllocSetContextCreate(TopMemoryContext,
											  "tenant_mgr query errors",
											  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(error_context);
}

static void
report_errors(int ntenants)
{
	const QueryError *first;

	if (nerrors == 0)
		return;
	first = linitial(errors);
	ereport(WARNING,
			(errcode(first->sqlstate),
			 errmsg("query has failed for %d of %d tenants", nerrors,
					ntenants),
			 errdetail("The first is tenant \"%s\": %s", first->tenant,
					   first->message),
			 errhint("The view tenant.query_error has them.")));
}
