/*
 * tenant_hook.h
 *		Calling the functions that want to know what becomes of a tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TENANT_HOOK_H
#define TENANT_MGR_TENANT_HOOK_H

#include "tenants/registry.h"
#include "utils/jsonb.h"

/*
 * Call the hooks of an event, in their order; an error of one is an error of
 * the operation.  The tenant is as the registry knows it now.  The detail, an
 * object or NULL, becomes a part of what they are told.  To be called where
 * whoever asked for the operation has been found to be entitled to it, and
 * what has been looked at before is to be looked at again afterwards: a hook
 * may change anything.  Costs a comparison if there are none.
 */
extern void tm_tenant_hook_run(const char *event, const TenantInfo *tenant,
							   Jsonb *detail);

/*
 * The same for a tenant that is known by its name: it is looked up, and has to
 * be the current user's, as for the operation.  The name is locked.
 */
extern void tm_tenant_hook_before(const char *event, const char *name,
								  Jsonb *detail);

/* The same for a tenant that there is not yet, or not any more. */
extern void tm_tenant_hook_run_without(const char *event, const char *name,
									   const pg_uuid_t *id, Oid owner,
									   Jsonb *detail);

/*
 * The present owner of a tenant's schema, for hooks that are called when there
 * is none any more.
 */
extern Oid	tm_tenant_hook_owner(const TenantInfo *tenant);

/* The session, or a transaction, has been bound to a tenant by a function. */
extern void tm_tenant_hook_switched(void);

#endif							/* TENANT_MGR_TENANT_HOOK_H */
