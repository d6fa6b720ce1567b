/*
 * structure_event.h
 *		What changes schemas: which ones, and who tells.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_STRUCTURE_EVENT_H
#define TENANT_MGR_STRUCTURE_EVENT_H

#include "nodes/plannodes.h"

/*
 * Statements that change schemas and of which no event trigger is told: called
 * before a utility statement, and before a plan.
 */
extern void tm_structure_before_utility(const PlannedStmt *pstmt);
extern void tm_structure_before_change(const PlannedStmt *plan);
static inline void
tm_structure_before_plan(const PlannedStmt *plan)
{
	if (plan->resultRelations != NIL)
		tm_structure_before_change(plan);
}

/*
 * The schema, which no tenant has, is about to become a tenant's: what uses it is not
 * followed from then on, and must not be kept.
 */
extern void tm_structure_users_changed(Oid nspid);

#endif							/* TENANT_MGR_STRUCTURE_EVENT_H */
