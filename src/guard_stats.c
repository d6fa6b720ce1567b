/*
 * guard_stats.c
 *		How often the guard had something to say.
 *
 * A row of counters in shared memory for each tenant whose sessions have tried
 * to reach another, from the start of the server on.  There is room for a
 * limited number; when it is used up, the rest shares one row.
 *
 * The lock protects the table of rows; counters are changed under a shared
 * lock, since each change is atomic.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "guard_stats.h"
#include "registry.h"

#define LOCK_NAME		"tenant_mgr guard"
#define MAX_TENANTS		1024

typedef struct ViolationKey
{
	Oid			dbid;			/* InvalidOid for those without a row */
	pg_uuid_t	tenant;			/* all zeros when not bound */
} ViolationKey;

typedef struct ViolationEntry
{
	ViolationKey key;			/* hash key */
	pg_atomic_uint64 refused;	/* errors raised */
	pg_atomic_uint64 logged;	/* lines written to the log instead */
	pg_atomic_uint64 last_at;	/* when it last happened, a TimestampTz */
} ViolationEntry;

/* in shared memory, NULL without it; written by the startup function */
static HTAB *violations = NULL;
static LWLock *violations_lock = NULL;

static ViolationEntry *find_entry(const ViolationKey *key);

PG_FUNCTION_INFO_V1(tenant_guard_stats);

/* guard_stats(): one row for each tenant of this database that has a count. */
Datum
tenant_guard_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HASH_SEQ_STATUS status;
	ViolationEntry *entry;
	ViolationEntry *rows;
	int			nrows = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (violations == NULL)
		return (Datum) 0;

	/* Names are looked up when the lock has been released. */
	rows = palloc(sizeof(ViolationEntry) * (MAX_TENANTS + 1));
	LWLockAcquire(violations_lock, LW_SHARED);
	hash_seq_init(&status, violations);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->key.dbid == MyDatabaseId && nrows <= MAX_TENANTS)
			rows[nrows++] = *entry;
	}
	LWLockRelease(violations_lock);

	for (int i = 0; i < nrows; i++)
	{
		static const pg_uuid_t nobody = {{0}};
		bool		bound = memcmp(&rows[i].key.tenant, &nobody,
								   sizeof(pg_uuid_t)) != 0;
		TenantInfo *tenant = NULL;
		Datum		values[5];
		bool		nulls[5] = {0};

		if (bound)
			tenant = tm_registry_lookup_id(&rows[i].key.tenant);
		nulls[0] = !bound;
		values[0] = UUIDPGetDatum(&rows[i].key.tenant);
		nulls[1] = (tenant == NULL);
		if (tenant != NULL)
			values[1] = CStringGetTextDatum(tenant->name);
		values[2] = Int64GetDatum(pg_atomic_read_u64(&rows[i].refused));
		values[3] = Int64GetDatum(pg_atomic_read_u64(&rows[i].logged));
		values[4] =
			TimestampTzGetDatum((TimestampTz) pg_atomic_read_u64(&rows[i].last_at));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

void
tm_guard_stats_shmem_request(void)
{
	RequestAddinShmemSpace(hash_estimate_size(MAX_TENANTS + 1,
											  sizeof(ViolationEntry)));
	RequestNamedLWLockTranche(LOCK_NAME, 1);
}

void
tm_guard_stats_shmem_startup(void)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(ViolationKey);
	ctl.entrysize = sizeof(ViolationEntry);
	violations = ShmemInitHash("tenant_mgr guard", MAX_TENANTS + 1,
							   MAX_TENANTS + 1, &ctl, HASH_ELEM | HASH_BLOBS);
	violations_lock = &GetNamedLWLockTranche(LOCK_NAME)->lock;
}

void
tm_guard_count_violation(const pg_uuid_t *tenant, bool refused)
{
	ViolationKey key;
	ViolationEntry *entry;

	if (violations == NULL)
		return;

	memset(&key, 0, sizeof(key));
	key.dbid = MyDatabaseId;
	if (tenant != NULL)
		key.tenant = *tenant;
	entry = find_entry(&key);
	pg_atomic_fetch_add_u64(refused ? &entry->refused : &entry->logged, 1);
	pg_atomic_write_u64(&entry->last_at, (uint64) GetCurrentTimestamp());
	LWLockRelease(violations_lock);
}

/* The row of the key, made if need be; the lock is held on return. */
static ViolationEntry *
find_entry(const ViolationKey *key)
{
	ViolationKey others = {0};
	ViolationEntry *entry;
	bool		found;

	LWLockAcquire(violations_lock, LW_SHARED);
	entry = hash_search(violations, key, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;
	LWLockRelease(violations_lock);

	LWLockAcquire(violations_lock, LW_EXCLUSIVE);
	if (hash_get_num_entries(violations) >= MAX_TENANTS)
		key = &others;
	entry = hash_search(violations, key, HASH_ENTER, &found);
	if (!found)
	{
		pg_atomic_init_u64(&entry->refused, 0);
		pg_atomic_init_u64(&entry->logged, 0);
		pg_atomic_init_u64(&entry->last_at, 0);
	}
	return entry;
}
