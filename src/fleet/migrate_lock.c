/*
 * migrate_lock.c
 *		How a tenant is locked while it gets a migration.
 *
 * Its schema is locked until the end of the transaction.  Where a migration takes
 * several of them it is locked for the session, which the server gives back when
 * that ends or a transaction is rolled back.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "fleet/migrate_lock.h"

static LOCKTAG schema_tag(Oid nspid);

bool
tm_migrate_try_lock_schema(Oid nspid)
{
	return tm_try_lock_object(NamespaceRelationId, nspid,
							  TM_MIGRATE_SCHEMA_LOCK);
}

void
tm_migrate_lock_schema(Oid nspid)
{
	LOCKTAG		tag = schema_tag(nspid);

	(void) LockAcquire(&tag, TM_MIGRATE_SCHEMA_LOCK, true, false);
}

void
tm_migrate_unlock_schema(Oid nspid)
{
	LOCKTAG		tag = schema_tag(nspid);

	if (tm_lock_held_by_me(&tag, TM_MIGRATE_SCHEMA_LOCK))
		(void) LockRelease(&tag, TM_MIGRATE_SCHEMA_LOCK, true);
}

void
tm_migrate_set_lock_timeout(int ms)
{
	char		value[16];

	snprintf(value, sizeof(value), "%d", ms);
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

static LOCKTAG
schema_tag(Oid nspid)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, NamespaceRelationId, nspid, 0);
	return tag;
}
