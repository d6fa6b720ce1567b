/*
 * migrate_lock.h
 *		How a tenant is locked while it gets a migration.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_LOCK_H
#define TENANT_MGR_MIGRATE_LOCK_H

#include "storage/lockdefs.h"

/*
 * On a tenant's schema while it gets a migration: keeps away other runs, clones,
 * renames and drops, but neither bound sessions nor what they create.
 */
#define TM_MIGRATE_SCHEMA_LOCK	ShareUpdateExclusiveLock

/* Until the end of the transaction, unless somebody else has that lock. */
extern bool tm_migrate_try_lock_schema(Oid nspid);

/* The same until it is given back, or a transaction is rolled back. */
extern void tm_migrate_lock_schema(Oid nspid);
extern void tm_migrate_unlock_schema(Oid nspid);

/* Wait for no lock longer than that, until the present nesting level ends. */
extern void tm_migrate_set_lock_timeout(int ms);

#endif							/* TENANT_MGR_MIGRATE_LOCK_H */
