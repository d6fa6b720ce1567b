/*
 * migrate_statements.h
 *		The statements of a migration are executed in a tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_STATEMENTS_H
#define TENANT_MGR_MIGRATE_STATEMENTS_H

#include "nodes/pg_list.h"

#include "tenants/registry.h"

/*
 * Execute some of the list of MigrationStatement, from the one at position first
 * up to the one before end, as the owner of the tenant's schema.  What one of them
 * sets is there for those after it, also for those of a later call.
 */
extern void tm_migrate_run_statements(const TenantInfo *tenant,
									  List *statements, int first, int end);

#endif							/* TENANT_MGR_MIGRATE_STATEMENTS_H */
