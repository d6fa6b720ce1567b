/*
 * repair_plan.h
 *		What is to be done so that one schema becomes like another.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REPAIR_PLAN_H
#define TENANT_MGR_REPAIR_PLAN_H

#include "compare/repair_item.h"

/* Decide what is done about each difference; palloc'd. */
extern RepairPlan *tm_repair_plan(SchemaDiff *diff);

#endif							/* TENANT_MGR_REPAIR_PLAN_H */
