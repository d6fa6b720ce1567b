/*
 * fleet_query.c
 *		A query over many tenants: its rows, with the tenant before each.
 *
 * Rows of a tenant go to a store of their own first, because an error may come
 * after some of them; then to the store of the result, which goes to disk when
 * it exceeds work_mem.  Values that are out of line are fetched at once: the
 * tenant's table is not locked any more when the caller reads them.
 *
 * The types have to be those of the column definition list.  To a column of
 * type text all others are converted by their output functions, because a type
 * of a tenant's own, an enum for example, is another one in each of them.
 *
 * Errors of the latest query are kept for the session, and shown to the role
 * that has asked only.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "binding/binding.h"
#include "fleet/fleet_jobs.h"
#include "fleet/fleet_query.h"

/* Errors that are kept; those that come after them are only counted */
#define MAX_ERRORS	10000

struct FleetRows
{
	DestReceiver receiver;		/* must be the first: rows come here */
	TupleDesc	desc;			/* of the result */
	Tuplestorestate *store;		/* rows of the present tenant */
	TupleTableSlot *slot;		/* to read them */
	MemoryContext context;		/* for a row */
	MemoryContext types;		/* for output functions of a tenant */
	Datum		tenant;			/* name of the tenant, as a text */
	FmgrInfo   *output;			/* function for each column, or fn_oid 0 */
	Datum	   *values;			/* a row */
	bool	   *nulls;
};

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
static void forget_errors(void);
static void report_errors(int ntenants);
static void rows_startup(DestReceiver *self, int operation,
						 TupleDesc typeinfo);
static bool rows_receive(TupleTableSlot *slot, DestReceiver *self);
static void rows_end(DestReceiver *self);
static void match_column(FleetRows * rows, int column, Form_pg_attribute got);

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
						  rsinfo->setDesc, tm_fleet_query_note);
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

FleetRows *
tm_fleet_rows_create(TupleDesc desc)
{
	FleetRows  *rows = palloc0(sizeof(FleetRows));

	rows->receiver.receiveSlot = rows_receive;
	rows->receiver.rStartup = rows_startup;
	rows->receiver.rShutdown = rows_end;
	rows->receiver.rDestroy = rows_end;
	rows->receiver.mydest = DestTuplestore;
	rows->desc = desc;
	rows->store = tuplestore_begin_heap(false, false, work_mem);
	rows->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	rows->context = AllocSetContextCreate(CurrentMemoryContext,
										  "tenant_mgr query row",
										  ALLOCSET_DEFAULT_SIZES);
	rows->types = AllocSetContextCreate(CurrentMemoryContext,
										"tenant_mgr query types",
										ALLOCSET_SMALL_SIZES);
	rows->output = palloc0(desc->natts * sizeof(FmgrInfo));
	rows->values = palloc(desc->natts * sizeof(Datum));
	rows->nulls = palloc(desc->natts * sizeof(bool));
	return rows;
}

void
tm_fleet_rows_destroy(FleetRows * rows)
{
	ExecDropSingleTupleTableSlot(rows->slot);
	tuplestore_end(rows->store);
}

bool
tm_fleet_rows_query(FleetRows * rows, const TenantInfo *tenant,
					const char *sql, FleetResult *result)
{
	MemoryContextReset(rows->types);
	tuplestore_clear(rows->store);
	rows->tenant = CStringGetTextDatum(tenant->name);
	if (tm_fleet_run(tenant, sql, true, &rows->receiver, result))
		return true;
	tuplestore_clear(rows->store);
	return false;
}

void
tm_fleet_rows_put(FleetRows * rows, Tuplestorestate *store)
{
	while (tuplestore_gettupleslot(rows->store, true, false, rows->slot))
		tuplestore_puttupleslot(store, rows->slot);
	ExecClearTuple(rows->slot);
}

void
tm_fleet_rows_send(FleetRows * rows, DestReceiver *dest)
{
	while (tuplestore_gettupleslot(rows->store, true, false, rows->slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (!dest->receiveSlot(rows->slot, dest))
			break;
	}
	ExecClearTuple(rows->slot);
}

void
tm_fleet_query_note(const char *tenant, int sqlstate, const char *message)
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
				(errcode(ERRCODE_SYNTAX_ERROR),
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
			tm_fleet_query_note(tenant->name, result.sqlstate,
								result.message);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(context);
		tm_fleet_forget(++ndone);
	}
	MemoryContextDelete(context);
	tm_fleet_rows_destroy(rows);
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

/* Does what the query returns fit what the caller expects? */
static void
rows_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	FleetRows  *rows = (FleetRows *) self;

	if (typeinfo->natts != rows->desc->natts - 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query returns %d columns and %d are expected after that of the tenant",
						typeinfo->natts, rows->desc->natts - 1)));
	for (int i = 0; i < typeinfo->natts; i++)
		match_column(rows, i + 1, TupleDescAttr(typeinfo, i));
}

static void
match_column(FleetRows * rows, int column, Form_pg_attribute got)
{
	Form_pg_attribute expected = TupleDescAttr(rows->desc, column);
	Oid			function;
	bool		is_varlena;

	rows->output[column].fn_oid = InvalidOid;
	if (expected->atttypmod < 0 ?
		IsBinaryCoercible(got->atttypid, expected->atttypid) :
		(got->atttypid == expected->atttypid &&
		 got->atttypmod == expected->atttypmod))
		return;
	if (expected->atttypid != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query returns type %s for column \"%s\" and %s is expected",
						format_type_with_typemod(got->atttypid,
												 got->atttypmod),
						NameStr(expected->attname),
						format_type_with_typemod(expected->atttypid,
												 expected->atttypmod))));
	getTypeOutputInfo(got->atttypid, &function, &is_varlena);
	fmgr_info_cxt(function, &rows->output[column], rows->types);
}

static bool
rows_receive(TupleTableSlot *slot, DestReceiver *self)
{
	FleetRows  *rows = (FleetRows *) self;
	MemoryContext old_context = MemoryContextSwitchTo(rows->context);

	slot_getallattrs(slot);
	rows->values[0] = rows->tenant;
	rows->nulls[0] = false;
	for (int i = 1; i < rows->desc->natts; i++)
	{
		Datum		value = slot->tts_values[i - 1];

		rows->nulls[i] = slot->tts_isnull[i - 1];
		if (rows->nulls[i])
			continue;
		if (OidIsValid(rows->output[i].fn_oid))
			value = CStringGetTextDatum(OutputFunctionCall(&rows->output[i],
														   value));
		else if (TupleDescAttr(rows->desc, i)->attlen == -1 &&
				 VARATT_IS_EXTERNAL(DatumGetPointer(value)))
			value = PointerGetDatum(detoast_external_attr((struct varlena *) DatumGetPointer(value)));
		rows->values[i] = value;
	}
	tuplestore_putvalues(rows->store, rows->desc, rows->values, rows->nulls);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(rows->context);
	return true;
}

static void
rows_end(DestReceiver *self)
{
}
