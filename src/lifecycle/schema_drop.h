/*
 * schema_drop.h
 *		Before a schema is dropped: what is in the way, and who is still there.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_DROP_H
#define TENANT_MGR_SCHEMA_DROP_H

#include "clone/closure.h"
#include "tenants/registry.h"
#include "tenants/snapshot_registry.h"

/*
 * Report (2BP01), with this message, that objects outside a schema depend on
 * what is in it, and list them: they would be dropped along with the schema.
 * With an elevel below ERROR the result says whether there are any.
 */
extern bool tm_schema_drop_report(const char *message,
								  const Closure *closure, int elevel);

/* That message, for what is to be dropped; palloc'd. */
extern char *tm_schema_drop_refusal(const TenantInfo *tenant);
extern char *tm_schema_drop_snapshot_refusal(const SnapshotInfo *snapshot);

/*
 * Wait for the transactions that use a relation of the schema.  The locks
 * themselves are not taken: a large schema would not fit the lock table.
 */
extern void tm_schema_drop_wait_for_users(const Closure *closure);

/* Lock a relation that is to be dropped, until nobody writes about it. */
extern void tm_schema_drop_lock_relation(Oid relid);

#endif							/* TENANT_MGR_SCHEMA_DROP_H */
