/*
 * ownership.c
 *		Who may change a tenant.
 *
 * It is whoever owns its schema, unless the session is locked to another tenant
 * or the code of another one is run.  Nobody waits for a lock on what is not his.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "binding/ownership.h"
#include "binding/running_code.h"
#include "binding/session_lock.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

/*
 * Who is to be kept with one tenant must not rename, drop or rewrite others,
 * nor make new ones, whatever the role is entitled to.
 */
void
tm_ownership_refuse_other(const pg_uuid_t *tenant_id)
{
	tm_session_lock_refuse_other(tenant_id);
	tm_running_code_refuse_other(tenant_id);
}

void
tm_ownership_check(const TenantInfo *tenant)
{
	tm_ownership_refuse_other(&tenant->id);
	if (!OidIsValid(tenant->nspid) &&
		OidIsValid(get_namespace_oid(tenant->schema_name, true)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("schema \"%s\" cannot be that of tenant \"%s\"",
						tenant->schema_name, tenant->name),
				 errhint("Use tenant.doctor() to find out what is wrong.")));
	if (!OidIsValid(tenant->nspid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" of tenant \"%s\" does not exist",
						tenant->schema_name, tenant->name)));
	if (tm_schema_ownercheck(tenant->nspid, GetUserId()))
		return;

	/* The name of a schema in the trash would mean nothing to them. */
	if (tenant->state == TENANT_TRASHED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of tenant %s", tenant->name)));
	aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA, tenant->schema_name);
}

TenantInfo *
tm_ownership_lock_tenant(const char *name, LOCKMODE lockmode, bool missing_ok)
{
	TenantInfo *tenant;

	tm_tenant_lock_names(name, NULL);
	tenant = tm_registry_lookup(name, false);
	if (!OidIsValid(tenant->nspid) && missing_ok)
		return tenant;

	/* Nobody shall wait for, or hold, a lock on what is not theirs. */
	tm_ownership_check(tenant);
	if (lockmode == NoLock)
		return tenant;

	tenant = tm_tenant_lock_schema(tenant, lockmode);
	if (tenant == NULL || tenant->state == TENANT_TRASHED)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant \"%s\" does not exist",
						tm_tenant_name_printable(name))));
	if (OidIsValid(tenant->nspid) || !missing_ok)
		tm_ownership_check(tenant);

	return tenant;
}
