/*
 * fleet_jobs.h
 *		Statements for many tenants, by several background workers.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FLEET_JOBS_H
#define TENANT_MGR_FLEET_JOBS_H

#include "fleet/fleet_work.h"
#include "utils/tuplestore.h"

/* What is to be done */
typedef enum FleetTask
{
	FLEET_EXEC,					/* rows are those of fleet_exec.c */
	FLEET_QUERY					/* rows are the tenants' */
} FleetTask;

/*
 * The number of workers that is asked for, 1 for none; 55000 for more where the
 * library is not preloaded.
 */
extern int	tm_fleet_jobs_argument(FunctionCallInfo fcinfo, int argno);

/*
 * Have workers do it, and collect the rows, which fit the description.  Errors
 * of a query are told to the callback.
 */
extern void tm_fleet_jobs_run(FleetTask task, List *tenants, const char *sql,
							  int jobs, Tuplestorestate *store, TupleDesc desc,
							  void (*note_error) (const char *tenant,
												  int sqlstate,
												  const char *message));

#endif							/* TENANT_MGR_FLEET_JOBS_H */
