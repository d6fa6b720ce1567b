/*
 * switch.c
 *		The SQL functions that bind a session to a tenant, and tell to which.
 *
 * They set tenant_mgr.tenant, as SET and SET LOCAL do; what that means is in
 * binding_setting.c.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "base/argument.h"
#include "utils/builtins.h"

#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/binding_path.h"
#include "binding/binding_refusals.h"
#include "binding/binding_settle.h"
#include "binding/deferred.h"
#include "binding/session_lock.h"
#include "binding/switch.h"
#include "tenants/registry.h"

/* whoever has to know that a function has bound the session */
void		(*tm_switched_hook) (void) = NULL;

static char *bind_session(FunctionCallInfo fcinfo, bool local);

PG_FUNCTION_INFO_V1(tenant_switch);
PG_FUNCTION_INFO_V1(tenant_switch_local);
PG_FUNCTION_INFO_V1(tenant_reset);
PG_FUNCTION_INFO_V1(tenant_current);
PG_FUNCTION_INFO_V1(tenant_search_path);

/* Bind the session to a tenant. */
Datum
tenant_switch(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(bind_session(fcinfo, false)));
}

/* Bind the rest of the transaction to a tenant. */
Datum
tenant_switch_local(PG_FUNCTION_ARGS)
{
	tm_binding_warn_unconfined("tenant.switch_local()");
	PG_RETURN_TEXT_P(cstring_to_text(bind_session(fcinfo, true)));
}

/* Unbind the session, and put its search path back. */
Datum
tenant_reset(PG_FUNCTION_ARGS)
{
	tm_session_lock_refuse();
	if (!tm_binding_is_pristine())
	{
		tm_binding_set("", GUC_ACTION_SET);
		tm_deferred_after_statement();
	}
	PG_RETURN_VOID();
}

/*
 * Name of the tenant, NULL when unbound.  A value that nobody has verified
 * does not count: it must not reach a policy that relies on it.
 */
Datum
tenant_current(PG_FUNCTION_ARGS)
{
	const Binding *binding = tm_binding_current();

	/* This may be the statement that has had the library loaded. */
	if (binding != NULL && !binding->verified)
	{
		tm_binding_settle(true);
		binding = tm_binding_current();
	}
	if (binding == NULL || !binding->verified)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(tm_tenant));
}

/* The search path that binding to a tenant would set. */
Datum
tenant_search_path(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	TenantInfo *tenant = tm_registry_lookup(name, false);

	PG_RETURN_TEXT_P(cstring_to_text(tm_binding_path_of_schema(tenant->schema_name)));
}

/*
 * The work of the two switch functions.  Nothing is done when the session is
 * known to be there already, for as long as the caller wants it to be.
 */
static char *
bind_session(FunctionCallInfo fcinfo, bool local)
{
	char	   *name;

	name = tm_argument_text(fcinfo, 0, "tenant name");
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant \"%s\" does not exist", name)));

	if (tm_binding_is_there(name, local))
		return name;

	tm_binding_set(name, local ? GUC_ACTION_LOCAL : GUC_ACTION_SET);
	tm_deferred_after_statement();
	if (tm_switched_hook != NULL)
		tm_switched_hook();
	return name;
}
