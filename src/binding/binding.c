/*
 * binding.c
 *		The tenant that a session or transaction works for.
 *
 * The one source of truth is the setting tenant_mgr.tenant, '' when unbound.
 * Because it is a setting, binding takes part in transactions, savepoints,
 * PL exception blocks and SET clauses of functions without any code of ours:
 * the server's GUC machinery undoes what has to be undone.  What else we have
 * to remember about a binding travels with the value as its "extra".
 *
 * Here is the binding that the session has.  How it gets one, and what that does
 * to the search path, is in binding_setting.c; how it goes on to be true in
 * binding_settle.c; whether it counts in binding_in_force.c.
 *
 * Locks: a bound transaction holds AccessShareLock on the tenant's schema as
 * a database object; whoever drops or renames it takes AccessExclusiveLock.
 * The lock comes first, then the look at the registry.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "base/setting.h"
#include "binding/binding.h"
#include "binding/change.h"

/* the setting; written by the GUC machinery only */
char	   *tm_tenant = NULL;

/* has it been verified?  Kept by binding_setting.c; parallel workers get it */
bool		tm_tenant_verified = false;

/* record of our setting; written by tm_binding_start */
struct config_generic *tm_binding_record = NULL;

/* written by the assign hook in binding_setting.c */
Binding    *tm_current_binding = NULL;

void
tm_binding_start(void)
{
	tm_binding_record = tm_setting_record(TM_TENANT_SETTING);
}

bool
tm_binding_is_passing(void)
{
	return tm_current_binding != NULL && tm_binding_record->stack != NULL &&
		tm_binding_record->stack->state != GUC_SET;
}

bool
tm_binding_is_of_function(void)
{
	return tm_binding_record->stack != NULL &&
		tm_binding_record->stack->state == GUC_SAVE;
}

bool
tm_binding_is_pristine(void)
{
	return tm_tenant[0] == '\0' && tm_binding_record->stack == NULL;
}

void
tm_binding_set(const char *name, GucAction action)
{
	tm_binding_try_set(name, action, ERROR);
}

void
tm_binding_try_set(const char *name, GucAction action, int elevel)
{
	(void) set_config_option(TM_TENANT_SETTING, name, PGC_USERSET,
							 PGC_S_SESSION, action, true, elevel, false);
}

void
tm_binding_lend(const char *name, bool to_session)
{
	tm_change.lending = true;
	tm_binding_set(name, to_session ? GUC_ACTION_SET : GUC_ACTION_SAVE);
	tm_change.lending = false;
}
