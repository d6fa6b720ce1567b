/*
 * persistent_schemas.h
 *		The schemas that are on the search path of every tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PERSISTENT_SCHEMAS_H
#define TENANT_MGR_PERSISTENT_SCHEMAS_H

extern char *tm_persistent_schemas; /* a list of names */

/* Number of changes of the list; for comparison only. */
extern uint64 tm_persistent_schemas_generation;

/* The assign hook of the setting. */
extern void tm_persistent_schemas_assign(const char *newval, void *extra);

#endif							/* TENANT_MGR_PERSISTENT_SCHEMAS_H */
