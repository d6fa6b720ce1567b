/*
 * binding_refusals.h
 *		Why a session does not take another tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BINDING_REFUSALS_H
#define TENANT_MGR_BINDING_REFUSALS_H

#include "binding/binding.h"

struct config_generic;

/* What happens at a switch within a transaction that is bound already? */
typedef enum NestedSwitch
{
	NESTED_SWITCH_ALLOW,
	NESTED_SWITCH_ERROR
} NestedSwitch;

extern int	tm_nested_switch;	/* a NestedSwitch */

/*
 * Raise an error if a value must not become that of the setting, whose record
 * is given; "fresh" if the check hook has seen it, else it may be the default.
 */
extern void tm_binding_refuse_change(struct config_generic *tenant_record,
									 const char *newval,
									 const Binding *new_binding, bool fresh);

/*
 * Warn, as SET LOCAL does, that this function binds nothing that comes after it:
 * what the client has sent is a transaction of its own.
 */
extern void tm_binding_warn_unconfined(const char *function);

#endif							/* TENANT_MGR_BINDING_REFUSALS_H */
