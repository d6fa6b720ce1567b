/*
 * trash.h
 *		Where dropped tenants stay until they are purged.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TRASH_H
#define TENANT_MGR_TRASH_H

#include "closure.h"
#include "registry.h"

/*
 * Report (2BP01) that objects outside a tenant's schema depend on what is in
 * it, and list them: they would be dropped along with the schema.  With an
 * elevel below ERROR the result says whether there are any.
 */
extern bool tm_trash_report_dependents(const TenantInfo *tenant,
									   const Closure *closure, int elevel);

#endif							/* TENANT_MGR_TRASH_H */
