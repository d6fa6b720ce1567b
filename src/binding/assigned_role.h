/*
 * assigned_role.h
 *		Roles that work for one tenant only.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ASSIGNED_ROLE_H
#define TENANT_MGR_ASSIGNED_ROLE_H

#include "tenants/registry.h"

/* A row of tenant.assigned_role */
typedef struct AssignedRole
{
	char		role[NAMEDATALEN];	/* name of the role */
	pg_uuid_t	tenant_id;		/* the tenant it works for */
} AssignedRole;

/*
 * The tenant that the session's user is assigned to, or NULL.  Usually
 * answers from memory; otherwise needs a transaction.  Valid until called
 * again.
 */
extern const pg_uuid_t *tm_assigned_role_tenant(void);

/* The same, from memory or not at all. */
extern const pg_uuid_t *tm_assigned_role_tenant_known(void);

/* All assignments, a palloc'd list of AssignedRole. */
extern List *tm_assigned_role_list(void);

/*
 * The tenant that sessions of the role are bound to from their start, by its
 * setting in this database; palloc'd, NULL if there is none.
 */
extern char *tm_assigned_role_default(Oid roleid);

/*
 * The tenant gets another name, or is gone for good; its name is locked and
 * privileges have been checked.
 */
extern void tm_assigned_role_follow(const TenantInfo *tenant,
									const char *new_name);
extern void tm_assigned_role_forget(const TenantInfo *tenant);

#endif							/* TENANT_MGR_ASSIGNED_ROLE_H */
