/*
 * binding_in_force.c
 *		The binding that decides what may be used.
 *
 * A value of tenant_mgr.tenant that nobody has verified decides nothing, nor does
 * one that a rollback has brought back into a session that is locked to another
 * tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "binding/binding.h"
#include "binding/binding_in_force.h"
#include "binding/session_lock.h"
#include "tenants/registry.h"

/* A parallel worker has been told the tenant's name and nothing else. */
Binding *
tm_binding_in_force(void)
{
	Binding    *binding = tm_binding_current();
	TenantInfo *tenant;

	if (binding == NULL || !binding->verified ||
		!tm_session_lock_is_intact())
		return NULL;
	if (!OidIsValid(binding->nspid) && tm_registry_installed())
	{
		tenant = tm_registry_lookup(tm_tenant, true);
		if (tenant != NULL)
		{
			binding->id = tenant->id;
			binding->nspid = tenant->nspid;
		}
	}
	return binding;
}
