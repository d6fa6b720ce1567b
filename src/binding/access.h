/*
 * access.h
 *		Which tenants the current role can be bound to, and why not.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ACCESS_H
#define TENANT_MGR_ACCESS_H

#include "tenants/registry.h"

/* Why the role cannot work for a tenant; the strings are palloc'd */
typedef struct AccessProblem
{
	int			sqlstate;		/* for errcode() */
	char	   *message;		/* primary message */
	char	   *detail;			/* or NULL */
} AccessProblem;

/*
 * Find the tenant that the role wants to be bound to.  On success its schema
 * is locked, and the name means what it did when the lock was taken; as_of is
 * the generation of the registry of which all this is true.
 */
extern bool tm_access_by_name(const char *name, TenantInfo *tenant,
							  uint64 *as_of,
							  AccessProblem *problem);

/* The same for an operation that works for it, whatever the role may do. */
extern bool tm_access_by_order(const char *name, TenantInfo *tenant,
							   uint64 *as_of, AccessProblem *problem);

/* Can anybody work for this tenant? */
extern bool tm_access_is_possible(const TenantInfo *tenant,
								  AccessProblem *problem);

/* Can the role work for this tenant?  Its schema has been locked. */
extern bool tm_access_check(const TenantInfo *tenant,
							AccessProblem *problem);

/*
 * May the current user know what has been said about a tenant?  It is those to
 * whom the view tenant.tenants shows it.
 */
extern bool tm_access_may_see(const TenantInfo *tenant);

/* Object with the problem to a value of a setting, in its check hook. */
extern void tm_access_reject(const AccessProblem *problem);

/* The problem of the session's user being assigned to another tenant. */
extern void tm_access_assigned(AccessProblem *problem);

/* The problem of there being no such tenant. */
extern void tm_access_absent(const char *name,
							 AccessProblem *problem);

/*
 * Lock a schema so that it is neither dropped nor renamed until the end of
 * the transaction.  Returns false if that would have meant to wait and we are
 * not to.
 */
extern bool tm_access_lock_schema(Oid nspid, bool wait);

#endif							/* TENANT_MGR_ACCESS_H */
