/*
 * trash.h
 *		Where dropped tenants stay until they are purged.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TRASH_H
#define TENANT_MGR_TRASH_H

#include "tenants/registry.h"

extern int	tm_trash_retention; /* seconds that a dropped tenant is kept */

/*
 * Rename the tenant's schema and close it.  The caller holds
 * AccessExclusiveLock on it.  If the tenant itself stays, waiting for another
 * schema of that name, what goes to the trash becomes a tenant of its own.
 */
extern void tm_trash_move(const TenantInfo *tenant, bool stays);

#endif							/* TENANT_MGR_TRASH_H */
