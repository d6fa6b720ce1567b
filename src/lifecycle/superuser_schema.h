/*
 * superuser_schema.h
 *		Is a superuser's schema the superusers' own?
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SUPERUSER_SCHEMA_H
#define TENANT_MGR_SUPERUSER_SCHEMA_H

#include "tenants/registry.h"

/*
 * Raise an error if the role is a superuser, and code of somebody who is none
 * would be run with its rights in the tenant's schema.  The caller holds a lock
 * on the schema.
 */
extern void tm_superuser_schema_check(const TenantInfo *tenant, Oid roleid);

#endif							/* TENANT_MGR_SUPERUSER_SCHEMA_H */
