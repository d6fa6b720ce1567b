/*
 * fleet_work.h
 *		One statement for many tenants.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FLEET_WORK_H
#define TENANT_MGR_FLEET_WORK_H

#include "fmgr.h"
#include "tcop/dest.h"
#include "tenants/registry.h"

/* What has become of the statement for one tenant */
typedef struct FleetResult
{
	uint64		rows;			/* returned or changed by the last command */
	int			sqlstate;		/* 0 if there was no error */
	char	   *message;		/* of the error, or NULL */
} FleetResult;

/*
 * The tenants that a call is about, in the order of their names, a palloc'd
 * list of TenantInfo: those of an array of names, or all that are no
 * templates.  Raises an error if the session is bound or locked, if there is
 * no such tenant, or if the current user may not use the schema of one.
 */
extern List *tm_fleet_choose(FunctionCallInfo fcinfo, int argno,
							 const char *function);

/*
 * Run SQL for a tenant, in a subtransaction.  With "reads" it must not change
 * anything, sees what the statement at hand sees, and leaves neither changes
 * nor locks.  Rows go to dest.  The result is palloc'd in the present context;
 * false if there was an error, which has been undone.
 */
extern bool tm_fleet_run(const TenantInfo *tenant, const char *sql, bool reads,
						 DestReceiver *dest, FleetResult *result);

/*
 * To be called after each tenant: what a session remembers of thousands of
 * tenants' tables would be more than it needs.
 */
extern void tm_fleet_forget(int ndone);

/* Columns of what tenant.exec() returns */
#define FLEET_EXEC_COLUMNS	4

/* A row of tenant.exec() */
extern void tm_fleet_work_row(const TenantInfo *tenant,
							  const FleetResult *result, Datum *values,
							  bool *nulls);

#endif							/* TENANT_MGR_FLEET_WORK_H */
