/*
 * plpgsql_types.h
 *		PL/pgSQL functions that remember a tenant's types.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PLPGSQL_TYPES_H
#define TENANT_MGR_PLPGSQL_TYPES_H

/* Look at functions from now on.  Does nothing the second time. */
extern void tm_plpgsql_types_init(void);

/*
 * Another tenant: those that remember types of the one before are compiled
 * again when they are called next.  Cannot fail.
 */
extern void tm_plpgsql_types_forget(void);

#endif							/* TENANT_MGR_PLPGSQL_TYPES_H */
