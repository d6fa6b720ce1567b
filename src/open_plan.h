/*
 * open_plan.h
 *		Statements and cursors that still read from a tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OPEN_PLAN_H
#define TENANT_MGR_OPEN_PLAN_H

#include "nodes/plannodes.h"
#include "utils/uuid.h"

/* A statement on its way, kept by who executes it */
typedef struct RunningPlan
{
	const PlannedStmt *plan;	/* what is executed */
	struct RunningPlan *outer;	/* the statement that it is a part of */
} RunningPlan;

/* A plan is run; the second is called after an error, too. */
extern void tm_open_plan_begin(RunningPlan *statement,
							   const PlannedStmt *plan);
extern void tm_open_plan_end(const RunningPlan *statement);

/* Is the present statement a part of another one? */
extern bool tm_open_plan_is_nested(void);

/*
 * Raise an error if something that is open reads from another tenant than the
 * one that the session is about to be bound to, NULL for none.
 */
extern void tm_open_plan_refuse(const pg_uuid_t *tenant_id);

#endif							/* TENANT_MGR_OPEN_PLAN_H */
