/*
 * switch.h
 *		The SQL functions that bind a session to a tenant, and tell to which.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SWITCH_H
#define TENANT_MGR_SWITCH_H

/* Called when a function has bound the session.  Set by hooks.c. */
extern void (*tm_switched_hook) (void);

#endif							/* TENANT_MGR_SWITCH_H */
