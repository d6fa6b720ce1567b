/*
 * policy.h
 *		What must hold for a database: rows of tenant.policy.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_POLICY_H
#define TENANT_MGR_POLICY_H

#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "binding/wall.h"
#include "tenants/registry.h"

/* The generation of the registry for which the policies are known. */
extern uint64 tm_policy_generation;

/* Read them, if that is possible just now. */
extern void tm_policy_load(void);

/*
 * Put into force what the database keeps.  Before anything looks at a setting
 * that is a wall; cheap.
 */
static inline void
tm_policy_refresh(void)
{
	if (tm_policy_generation != tm_registry_generation())
		tm_policy_load();
}

/* One row, as it is */
typedef struct Policy
{
	char	   *setting;
	char	   *value;
} Policy;

/* All rows, a List of palloc'd Policy; none where there is no such table. */
extern List *tm_policy_list(void);

/*
 * Put the row of a setting there, or take it away if the value is NULL.  The
 * caller has checked both.
 */
extern void tm_policy_write(WallId wall, const char *value);

/* Can the database keep a value of this setting? */
extern bool tm_policy_is_possible(WallId wall);

/* Are policies kept in this table? */
extern bool tm_policy_is_table(Relation rel);

#endif							/* TENANT_MGR_POLICY_H */
