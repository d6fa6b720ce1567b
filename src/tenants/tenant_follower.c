/*
 * tenant_follower.c
 *		What goes with tenants without being in their schemas.
 *
 * The ledger of migrations stands above the functions that make, copy and remove
 * tenants, and has to follow them; so it registers here, and is told.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/lsyscache.h"

#include "tenants/registry.h"
#include "tenants/snapshot_registry.h"
#include "tenants/tenant_follower.h"

const TenantFollower *tm_tenant_follower = NULL;

void
tm_tenant_follower_hold_schema(Oid nspid)
{
	const TenantInfo *tenant =
		tm_registry_lookup_schema(get_namespace_name(nspid));

	if (tenant != NULL)
		tm_tenant_follower->hold(&tenant->id);
}

void
tm_tenant_follower_copy_schema(Oid nspid, const char *name)
{
	const char *schema = get_namespace_name(nspid);
	const TenantInfo *to = tm_registry_lookup(name, false);
	const TenantInfo *from = tm_registry_lookup_schema(schema);
	const SnapshotInfo *snapshot = tm_snapshot_lookup_schema(schema);

	if (from != NULL)
		tm_tenant_follower->copy(&from->id, &to->id);
	else if (snapshot != NULL)
		tm_tenant_follower->copy_snapshot(&snapshot->tenant_id,
										  snapshot->label, &to->id);
}
