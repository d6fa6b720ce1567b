/*
 * tenant_work.h
 *		Code that is run for a tenant, on an administrator's order.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TENANT_WORK_H
#define TENANT_MGR_TENANT_WORK_H

#include "nodes/pg_list.h"
#include "tenants/registry.h"

/* What has to be put back */
typedef struct TenantWork
{
	Oid			userid;			/* the user, */
	int			sec_context;	/* the security context */
	int			nestlevel;		/* and the settings from before */
	List	   *deferred;		/* constraints that are not deferred meanwhile */
} TenantWork;

/*
 * From here on code may run for a tenant: bound to it, judged as its own, as
 * the role, in a security-restricted operation.  The caller has seen to it that
 * it may be done on the current user's order.  With a schema that nobody can be
 * bound to (of the trash, or none: InvalidOid), on the path of the persistent
 * schemas and judged as that schema's.
 *
 * To be ended in the same (sub)transaction, which also undoes settings that
 * the code has changed; abort ends it, too.  If nothing else happens in the
 * transaction, "alone" does for all constraints what the other does for those
 * of the tenant, without looking for them: whatever is deferrable is checked at
 * once, until it ends.
 */
extern void tm_work_begin(TenantWork *work, const TenantInfo *tenant,
						  Oid roleid);
extern void tm_work_begin_alone(TenantWork *work, const TenantInfo *tenant,
								Oid roleid);
extern void tm_work_begin_elsewhere(TenantWork *work, Oid nspid, Oid roleid);
extern void tm_work_end(TenantWork *work);

#endif							/* TENANT_MGR_TENANT_WORK_H */
