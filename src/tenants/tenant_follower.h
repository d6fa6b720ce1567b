/*
 * tenant_follower.h
 *		What goes with tenants without being in their schemas.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TENANT_FOLLOWER_H
#define TENANT_MGR_TENANT_FOLLOWER_H

#include "utils/uuid.h"

/* Told what becomes of tenants, within the transaction that does it */
typedef struct TenantFollower
{
	/* A copy will be made; until the end of the transaction nothing changes. */
	void		(*hold) (const pg_uuid_t *tenant_id);

	/* A tenant has become two, or there is another like it. */
	void		(*copy) (const pg_uuid_t *from, const pg_uuid_t *to);
	void		(*forget) (const pg_uuid_t *tenant_id);

	/* A snapshot was made, has become a tenant, was dropped. */
	void		(*keep) (const pg_uuid_t *tenant_id, const char *label);
	void		(*copy_snapshot) (const pg_uuid_t *tenant_id,
								  const char *label, const pg_uuid_t *to);
	void		(*forget_snapshot) (const pg_uuid_t *tenant_id,
									const char *label);
} TenantFollower;

/* Never NULL; set by hooks.c */
extern const TenantFollower *tm_tenant_follower;

/*
 * Before the schema is copied, whosever it is; and now the tenant of this name is
 * like it.  Nothing happens if it is neither a tenant's nor a snapshot.
 */
extern void tm_tenant_follower_hold_schema(Oid nspid);
extern void tm_tenant_follower_copy_schema(Oid nspid, const char *name);

#endif							/* TENANT_MGR_TENANT_FOLLOWER_H */
