/*
 * migrate_verify.h
 *		Is a tenant afterwards what its template is?
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_VERIFY_H
#define TENANT_MGR_MIGRATE_VERIFY_H

#include "fleet/migrate.h"
#include "tenants/registry.h"

/*
 * The fingerprint of the tenant as it is now, palloc'd, for the ledger; NULL if
 * nobody wants to know.  If it is not that of its template at this version, the
 * difference is a message about that, palloc'd; with MIGRATE_VERIFY_REQUIRE this is
 * raised as 55000, and so it is if the template's cannot be known.
 */
extern char *tm_migrate_verify(const TenantInfo *tenant, const char *version,
							   MigrateVerify verify, char **difference);

#endif							/* TENANT_MGR_MIGRATE_VERIFY_H */
