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

#include "access/xact.h"

#include "binding/binding.h"
#include "binding/binding_in_force.h"
#include "tenants/registry.h"

void
tm_binding_complete(Binding *binding)
{
	TenantInfo *tenant;

	if (!IsTransactionState() || !tm_registry_installed())
		return;
	tenant = tm_registry_lookup(tm_tenant, true);
	if (tenant != NULL)
	{
		binding->id = tenant->id;
		binding->nspid = tenant->nspid;
	}
}
