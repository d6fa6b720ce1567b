/*
 * schema_lock.h
 *		Names that statements rely on for longer than they take.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_LOCK_H
#define TENANT_MGR_SCHEMA_LOCK_H

#include "nodes/nodes.h"

/*
 * Before LOCK TABLE or ALTER SCHEMA ... RENAME: lock the schemas of tenants
 * that it is about.  Does nothing for other statements.
 */
extern void tm_schema_lock_before_utility(Node *stmt);

#endif							/* TENANT_MGR_SCHEMA_LOCK_H */
