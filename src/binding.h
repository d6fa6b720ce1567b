/*
 * binding.h
 *		The tenant that a session or transaction works for.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BINDING_H
#define TENANT_MGR_BINDING_H

#include "utils/guc.h"

/* Install the hooks and callbacks. */
extern void tm_binding_init(void);

/*
 * Bring this session's binding in line with changes that the current
 * transaction has made to tenants, and see to it that idle sessions look at
 * theirs once it has committed.  To be called after the last change of a
 * name, a state or a schema; does a command counter increment.
 */
extern void tm_binding_poke_at_commit(void);

/* The hooks of the setting tenant_mgr.tenant, for guc.c. */
extern bool tm_binding_check_tenant(char **newval, void **extra,
									GucSource source);
extern void tm_binding_assign_tenant(const char *newval, void *extra);

#endif							/* TENANT_MGR_BINDING_H */
