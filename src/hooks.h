/*
 * hooks.h
 *		The server's hooks, and who is called by them in which order.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_HOOKS_H
#define TENANT_MGR_HOOKS_H

/*
 * Install everything.  Cannot fail, and does nothing the second time.
 */
extern void tm_hooks_install(void);

#endif							/* TENANT_MGR_HOOKS_H */
