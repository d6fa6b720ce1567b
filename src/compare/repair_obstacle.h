/*
 * repair_obstacle.h
 *		Why an object cannot be repaired.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REPAIR_OBSTACLE_H
#define TENANT_MGR_REPAIR_OBSTACLE_H

#include "compare/repair_item.h"

/* Why an object cannot be made what it shall be, others aside, or NULL. */
extern const char *tm_repair_first_obstacle(RepairPlan *plan,
											RepairItem *item);

/* What follows from obstacles for other objects; false if nothing new does. */
extern bool tm_repair_spread_obstacles(RepairPlan *plan);

#endif							/* TENANT_MGR_REPAIR_OBSTACLE_H */
