/*
 * ownership.h
 *		Who may change a tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OWNERSHIP_H
#define TENANT_MGR_OWNERSHIP_H

#include "storage/lockdefs.h"

#include "tenants/registry.h"

/*
 * Raise TM004 or TM003 if the session is locked to another tenant, or code of
 * another one is run.  NULL stands for tenants that there are not yet.
 */
extern void tm_ownership_refuse_other(const pg_uuid_t *tenant_id);

/*
 * Raise 42501 unless the current user owns the tenant's schema, 3F000 when
 * there is no such schema; and what tm_ownership_refuse_other does.
 */
extern void tm_ownership_check(const TenantInfo *tenant);

/*
 * Lock the name of an active or suspended tenant, look it up, check that the
 * current user owns its schema and lock that as well; NoLock leaves it alone.
 * 3F000 when there is no such tenant.  A tenant without a schema is returned
 * only with missing_ok.
 */
extern TenantInfo *tm_ownership_lock_tenant(const char *name,
											LOCKMODE lockmode,
											bool missing_ok);

#endif							/* TENANT_MGR_OWNERSHIP_H */
