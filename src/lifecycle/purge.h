/*
 * purge.h
 *		Dropped tenants go for good.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PURGE_H
#define TENANT_MGR_PURGE_H

#include "clone/closure.h"
#include "tenants/registry.h"
#include "tenants/snapshot_registry.h"

/*
 * Drop a tenant's schema, its snapshots and its row within this transaction.
 * The caller holds the tenant's locks, has checked its privileges and has
 * found no dependent objects outside the schema; the closure is NULL if the
 * schema does not exist.  53200 if it is so large that it would not leave
 * enough of the lock table to others.
 */
extern void tm_purge_at_once(const TenantInfo *tenant, const Closure *closure);

/*
 * Forget a tenant that has no schema any more, and record that this command
 * has done so.  The caller holds the lock on its name.
 */
extern void tm_purge_forget(const TenantInfo *tenant, const char *command);

/* Likewise a snapshot. */
extern void tm_purge_forget_snapshot(const SnapshotInfo *snapshot);

/*
 * Drop a snapshot's schema and its row, under the same conditions; 2BP01 if
 * something outside depends on it.  False if it is too large.
 */
extern bool tm_purge_snapshot_at_once(const SnapshotInfo *snapshot);

#endif							/* TENANT_MGR_PURGE_H */
