/*
 * fleet_exec.c
 *		A statement is executed for many tenants.
 *
 * All of it is a part of the caller's transaction, except with workers, where
 * each tenant is a transaction of its own.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "base/argument.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "fleet/fleet_jobs.h"
#include "fleet/fleet_work.h"
#include "tenants/tenant_lock.h"

static void exec_here(ReturnSetInfo *rsinfo, List *tenants, const char *sql);

PG_FUNCTION_INFO_V1(tenant_exec);

/* exec(sql, tenants, jobs): a row for each tenant, with an error or none. */
Datum
tenant_exec(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *tenants;
	char	   *sql;
	int			jobs;

	sql = tm_argument_text(fcinfo, 0, "statement");
	jobs = tm_fleet_jobs_argument(fcinfo, 2);
	tm_tenant_lock_begin("tenant.exec()");
	InitMaterializedSRF(fcinfo, 0);
	tenants = tm_fleet_choose(fcinfo, 1, "tenant.exec()");
	if (jobs > 1 && list_length(tenants) > 1)
		tm_fleet_jobs_run(FLEET_EXEC, tenants, sql, jobs, rsinfo->setResult,
						  rsinfo->setDesc, NULL);
	else
		exec_here(rsinfo, tenants, sql);

	return (Datum) 0;
}

static void
exec_here(ReturnSetInfo *rsinfo, List *tenants, const char *sql)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr exec",
												  ALLOCSET_DEFAULT_SIZES);
	int			ndone = 0;
	ListCell   *lc;

	foreach(lc, tenants)
	{
		MemoryContext old_context = MemoryContextSwitchTo(context);
		FleetResult result;
		Datum		values[FLEET_EXEC_COLUMNS];
		bool		nulls[FLEET_EXEC_COLUMNS];

		(void) tm_fleet_run(lfirst(lc), sql, false, None_Receiver, &result);
		tm_fleet_work_row(lfirst(lc), &result, values, nulls);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(context);
		tm_fleet_forget(++ndone);
	}
	MemoryContextDelete(context);
}
