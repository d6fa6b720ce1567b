/*
 * binding_setting.h
 *		The setting behind a binding.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BINDING_SETTING_H
#define TENANT_MGR_BINDING_SETTING_H

#include "utils/guc.h"

/* The hooks of tenant_mgr.tenant */
extern bool tm_binding_check_tenant(char **newval, void **extra,
									GucSource source);
extern void tm_binding_assign_tenant(const char *newval, void *extra);

/*
 * Called when the session has got another tenant, or none; may be called
 * whenever settings can change.  Set by hooks.c.
 */
extern void (*tm_binding_changed_hook) (void);

/* Those of the setting that tells parallel workers */
#define TM_VERIFIED_SETTING	"tenant_mgr.verified"
extern bool tm_binding_check_verified(bool *newval, void **extra,
									  GucSource source);
extern void tm_binding_assign_verified(bool newval, void *extra);

#endif							/* TENANT_MGR_BINDING_SETTING_H */
