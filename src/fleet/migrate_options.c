/*
 * migrate_options.c
 *		What tenant.migrate() is told, and by whom.
 *
 * Whoever is kept with one tenant has no business with the others: sessions that
 * are bound, locked, switched by a token or of a role that is assigned to a
 * tenant are refused, whatever the role owns.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "base/argument.h"
#include "base/tenant_mgr.h"
#include "binding/access.h"
#include "binding/assigned_role.h"
#include "binding/binding.h"
#include "binding/ownership.h"
#include "binding/session_lock.h"
#include "fleet/migrate_options.h"
#include "fleet/migration.h"
#include "tenants/tenant_lock.h"

/* Arguments of tenant.migrate() */
enum
{
	ARG_TO_VERSION,
	ARG_TENANTS,
	ARG_JOBS,
	ARG_ON_ERROR,
	ARG_CANARY,
	ARG_DRY_RUN,
	ARG_VERIFY
};

/* settings; written by the GUC machinery */
int			tm_migrate_jobs = 2;
int			tm_migrate_lock_timeout = 2000;
int			tm_migrate_retries = 10;
bool		tm_migrate_synchronous_commit = false;

static const char *const verify_names[] = {
	[MIGRATE_VERIFY_OFF] = "off",
	[MIGRATE_VERIFY_REPORT] = "report",
	[MIGRATE_VERIFY_REQUIRE] = "require"
};

static const char *const on_error_names[] = {"continue", "stop"};

static int	read_word(FunctionCallInfo fcinfo, int argument, const char *name,
					  const char *const *words, int nwords);
static int	read_int(FunctionCallInfo fcinfo, int argument, const char *name,
					 int low, int high, int otherwise);

void
tm_migrate_check_caller(FunctionCallInfo fcinfo)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot run inside a transaction block",
						"CALL tenant.migrate()")));
	tm_tenant_lock_begin("tenant.migrate()");
	tm_ownership_refuse_other(NULL);
	if (tm_assigned_role_tenant() != NULL)
	{
		AccessProblem problem;

		tm_access_assigned(&problem);
		ereport(ERROR,
				(errcode(problem.sqlstate),
				 errmsg_internal("%s", problem.message)));
	}
	if (tm_binding_current() != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot migrate tenants in a session that is bound to one"),
				 errhint("Use tenant.reset() first.")));
}

void
tm_migrate_read_options(FunctionCallInfo fcinfo, MigrateOptions *options)
{
	memset(options, 0, sizeof(MigrateOptions));
	if (!PG_ARGISNULL(ARG_TO_VERSION))
	{
		options->to_version = text_to_cstring(PG_GETARG_TEXT_PP(ARG_TO_VERSION));
		tm_migration_check_version(options->to_version);
	}
	options->named = !PG_ARGISNULL(ARG_TENANTS);
	if (options->named)
		options->tenants = tm_argument_texts(PG_GETARG_ARRAYTYPE_P(ARG_TENANTS), "tenant name");
	options->jobs_given = !PG_ARGISNULL(ARG_JOBS);
	options->jobs = read_int(fcinfo, ARG_JOBS, "jobs", 1, MIGRATE_MAX_JOBS,
							 tm_migrate_jobs);
	options->stop_on_error = PG_ARGISNULL(ARG_ON_ERROR) ? false :
		read_word(fcinfo, ARG_ON_ERROR, "on_error", on_error_names,
				  lengthof(on_error_names)) == 1;
	options->canary = read_int(fcinfo, ARG_CANARY, "canary", 0, PG_INT32_MAX,
							   0);
	options->dry_run = PG_ARGISNULL(ARG_DRY_RUN) ? false :
		PG_GETARG_BOOL(ARG_DRY_RUN);
	options->verify = PG_ARGISNULL(ARG_VERIFY) ? MIGRATE_VERIFY_REPORT :
		(MigrateVerify) read_word(fcinfo, ARG_VERIFY, "verify", verify_names,
								  lengthof(verify_names));
}

void
tm_migrate_fill_run(const MigrateOptions *options, MigrateRun *run)
{
	memset(run, 0, sizeof(MigrateRun));
	run->roleid = GetUserId();
	run->verify = options->verify;
	run->trial = options->dry_run;
	run->stop_on_error = options->stop_on_error;
	run->synchronous = tm_migrate_synchronous_commit;
	run->lock_timeout = tm_migrate_lock_timeout;
	run->retries = options->dry_run ? 0 : tm_migrate_retries;
	run->bounded = options->to_version != NULL;
	if (run->bounded)
		strlcpy(run->to_version, options->to_version, MIGRATE_VERSION_SIZE);
}

Jsonb *
tm_migrate_options_to_jsonb(const MigrateOptions *options)
{
	StringInfoData json;
	ListCell   *lc;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"to_version\": ");
	if (options->to_version != NULL)
		escape_json(&json, options->to_version);
	else
		appendStringInfoString(&json, "null");
	appendStringInfoString(&json, ", \"tenants\": ");
	appendStringInfoString(&json, options->named ? "[" : "null");
	foreach(lc, options->tenants)
	{
		if (lc != list_head(options->tenants))
			appendStringInfoString(&json, ", ");
		escape_json(&json, lfirst(lc));
	}
	if (options->named)
		appendStringInfoChar(&json, ']');
	appendStringInfo(&json, ", \"jobs\": %d, \"on_error\": \"%s\", \"canary\": %d, \"verify\": \"%s\"}",
					 options->jobs,
					 on_error_names[options->stop_on_error ? 1 : 0],
					 options->canary, verify_names[options->verify]);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum(json.data)));
}

/* Which of some words it is */
static int
read_word(FunctionCallInfo fcinfo, int argument, const char *name,
		  const char *const *words, int nwords)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < nwords; i++)
	{
		if (strcmp(value, words[i]) == 0)
			return i;
		appendStringInfo(&list, "%s\"%s\"", i == 0 ? "" : ", ", words[i]);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for argument \"%s\": \"%s\"", name, value),
			 errhint("Available values: %s.", list.data)));
	return 0;					/* not reached */
}

static int
read_int(FunctionCallInfo fcinfo, int argument, const char *name, int low,
		 int high, int otherwise)
{
	int			value;

	if (PG_ARGISNULL(argument))
		return otherwise;
	value = PG_GETARG_INT32(argument);
	if (value < low || value > high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between %d and %d", name, low,
						high)));
	return value;
}
