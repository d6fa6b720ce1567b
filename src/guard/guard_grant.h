/*
 * guard_grant.h
 *		What a bound session's statements about privileges can reach.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_GRANT_H
#define TENANT_MGR_GUARD_GRANT_H

#include "nodes/parsenodes.h"

/* Judge all that is named, before the statement is executed. */
extern void tm_guard_reach_granted(GrantStmt *stmt);
extern void tm_guard_reach_default_privileges(AlterDefaultPrivilegesStmt *stmt);

#endif							/* TENANT_MGR_GUARD_GRANT_H */
