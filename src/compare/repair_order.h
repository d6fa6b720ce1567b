/*
 * repair_order.h
 *		Which statement has to come before which.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REPAIR_ORDER_H
#define TENANT_MGR_REPAIR_ORDER_H

#include "compare/repair_statement.h"

/* All statements and comments of a plan, in order: a palloc'd list of strings. */
extern List *tm_repair_in_order(const RepairPlan *plan);

#endif							/* TENANT_MGR_REPAIR_ORDER_H */
