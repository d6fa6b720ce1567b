/*
 * migrate_trial.c
 *		What a run that is rolled back tells.
 *
 * The locks are those that the session has when the migration has been applied:
 * a real run would have them until it commits.  Those on tables that came with
 * it are nobody's concern.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "fleet/migrate_trial.h"

static char *locked_tables(Oid nspid);
static bool is_old_table(Oid relid, Oid nspid);
static LOCKMODE strongest(LOCKMASK mask);

void
tm_migrate_trial_done(const TenantInfo *tenant, const char *version,
					  TimestampTz started_at)
{
	long		ms = TimestampDifferenceMilliseconds(started_at,
													 GetCurrentTimestamp());
	char	   *locks = locked_tables(tenant->nspid);

	ereport(NOTICE,
			(errmsg("migration \"%s\" can be applied to tenant \"%s\" and takes %ld ms",
					version, tenant->name, ms),
			 locks[0] != '\0' ? errdetail("Locked until then: %s.", locks) : 0));
}

void
tm_migrate_trial_failed(const MigrateFailure *failure, bool left_out)
{
	ereport(WARNING,
			(errcode(failure->sqlerrcode),
			 errmsg("migration \"%s\" cannot be applied to tenant \"%s\": %s",
					failure->version, failure->tenant, failure->message),
			 left_out ?
			 errdetail("Statements before it have been left out, because they cannot be tried.") : 0));
}

void
tm_migrate_trial_left_out(const TenantInfo *tenant, const char *version,
						  const char *statement)
{
	ereport(NOTICE,
			(errmsg("migration \"%s\" executes a statement of tenant \"%s\" outside of a transaction, which cannot be tried",
					version, tenant->name),
			 errdetail("Left out: %s", statement)));
}

/* "AccessExclusiveLock on orders", for each, separated by commas; palloc'd. */
static char *
locked_tables(Oid nspid)
{
	LockData   *locks = GetLockStatusData();
	StringInfoData result;

	initStringInfo(&result);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		Oid			relid = lock->locktag.locktag_field2;
		LOCKMODE	mode = strongest(lock->holdMask);

		if (lock->pid != MyProcPid || mode <= AccessShareLock ||
			lock->locktag.locktag_type != LOCKTAG_RELATION ||
			lock->locktag.locktag_field1 != MyDatabaseId ||
			!is_old_table(relid, nspid))
			continue;
		appendStringInfo(&result, "%s%s on %s", result.len > 0 ? ", " : "",
						 GetLockmodeName(DEFAULT_LOCKMETHOD, mode),
						 quote_identifier(get_rel_name(relid)));
	}
	return result.data;
}

/* Is it a table of the tenant that was there before? */
static bool
is_old_table(Oid relid, Oid nspid)
{
	Relation	rel;
	bool		old;

	if (get_rel_namespace(relid) != nspid)
		return false;
	rel = RelationIdGetRelation(relid);
	if (!RelationIsValid(rel))
		return false;
	old = rel->rd_createSubid == InvalidSubTransactionId &&
		(rel->rd_rel->relkind == RELKIND_RELATION ||
		 rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
		 rel->rd_rel->relkind == RELKIND_MATVIEW ||
		 rel->rd_rel->relkind == RELKIND_VIEW);
	RelationClose(rel);
	return old;
}

static LOCKMODE
strongest(LOCKMASK mask)
{
	LOCKMODE	mode = NoLock;

	for (LOCKMODE i = AccessShareLock; i <= MaxLockMode; i++)
	{
		if ((mask & LOCKBIT_ON(i)) != 0)
			mode = i;
	}
	return mode;
}
