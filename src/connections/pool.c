/*
 * pool.c
 *		How many connections are open to a database of the registry.
 *
 * Sessions open connections of their own, but not more of them at a time than
 * the registry says, all sessions of the cluster taken together.  A pool is
 * the count of them, in shared memory; it is of one connection in one database
 * and is made when somebody first enters it.  One lock guards all pools, and is
 * held for as long as it takes to count.  When there is no room for another
 * pool, one that nobody is in makes place, and its statistics are lost.
 *
 * All databases share the room.  One of them can be in as many pools at a time
 * as are left to all others; so, whatever it does, it leaves them half.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "connections/pool.h"

#define MAX_POOLS	2048

/* Which pool it is; hashed as bytes, and there is no padding */
typedef struct PoolKey
{
	Oid			dbid;			/* database that has the registry */
	pg_uuid_t	id;				/* of the connection */
} PoolKey;

struct Pool
{
	PoolKey		key;			/* hash key */
	PoolCounts	counts;			/* guarded by the lock */
	ConditionVariable room;		/* broadcast when somebody leaves */
};

/* shared memory, or NULL; written by tm_pool_shmem_startup() */
static HTAB *pools = NULL;
static LWLock *pools_lock = NULL;

static Pool *find_pool(const pg_uuid_t *id);
static bool is_in_use(const Pool *pool);
static bool has_share(void);
static bool make_place(void);
static void refuse_pool(void);
static bool try_to_enter(Pool *pool, int limit);
static bool wait_to_enter(Pool *pool, int limit, TimestampTz deadline);
static void stop_waiting(int code, Datum pool);

void
tm_pool_shmem_request(void)
{
	RequestAddinShmemSpace(hash_estimate_size(MAX_POOLS, sizeof(Pool)));
	RequestNamedLWLockTranche("tenant_mgr pools", 1);
}

void
tm_pool_shmem_startup(void)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(PoolKey);
	ctl.entrysize = sizeof(Pool);
	pools = ShmemInitHash("tenant_mgr pools", MAX_POOLS, MAX_POOLS, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	pools_lock = &GetNamedLWLockTranche("tenant_mgr pools")->lock;
}

bool
tm_pool_is_available(void)
{
	return pools != NULL;
}

Pool *
tm_pool_enter(const pg_uuid_t *id, int limit, int timeout)
{
	TimestampTz start = GetCurrentTimestamp();
	Pool	   *pool;
	bool		entered;

	LWLockAcquire(pools_lock, LW_EXCLUSIVE);
	pool = find_pool(id);
	if (pool == NULL)
	{
		LWLockRelease(pools_lock);
		refuse_pool();
	}
	entered = pool->counts.active < limit;
	if (entered)
		pool->counts.active++;
	else
		pool->counts.waiting++;
	LWLockRelease(pools_lock);
	if (entered)
		return pool;

	entered = wait_to_enter(pool, limit,
							TimestampTzPlusMilliseconds(start,
														timeout * INT64CONST(1000)));
	LWLockAcquire(pools_lock, LW_EXCLUSIVE);
	pool->counts.waiting--;
	pool->counts.wait_ms += (GetCurrentTimestamp() - start) / 1000.0;
	if (!entered)
		pool->counts.timeouts++;
	LWLockRelease(pools_lock);
	return entered ? pool : NULL;
}

void
tm_pool_leave(Pool *pool)
{
	LWLockAcquire(pools_lock, LW_EXCLUSIVE);
	pool->counts.active--;

	/*
	 * Somebody who has been woken may be about to give up: wake all.  Without
	 * the lock, the pool could be another one by now.
	 */
	if (pool->counts.waiting > 0)
		ConditionVariableBroadcast(&pool->room);
	LWLockRelease(pools_lock);
}

void
tm_pool_count_checkout(Pool *pool)
{
	LWLockAcquire(pools_lock, LW_EXCLUSIVE);
	pool->counts.checkouts++;
	LWLockRelease(pools_lock);
}

void
tm_pool_count_opened(Pool *pool)
{
	LWLockAcquire(pools_lock, LW_EXCLUSIVE);
	pool->counts.opened++;
	LWLockRelease(pools_lock);
}

void
tm_pool_counts(const pg_uuid_t *id, PoolCounts *counts)
{
	PoolKey		key;
	Pool	   *pool;

	memset(counts, 0, sizeof(*counts));
	if (pools == NULL)
		return;
	key.dbid = MyDatabaseId;
	key.id = *id;
	LWLockAcquire(pools_lock, LW_SHARED);
	pool = hash_search(pools, &key, HASH_FIND, NULL);
	if (pool != NULL)
		*counts = pool->counts;
	LWLockRelease(pools_lock);
}

/*
 * The pool of a connection, or NULL if this database has its share of them;
 * with the lock held exclusively.
 */
static Pool *
find_pool(const pg_uuid_t *id)
{
	PoolKey		key;
	Pool	   *pool;
	bool		found;

	key.dbid = MyDatabaseId;
	key.id = *id;
	pool = hash_search(pools, &key, HASH_FIND, NULL);
	if (pool != NULL && is_in_use(pool))
		return pool;
	if (!has_share())
		return NULL;
	if (pool != NULL)
		return pool;

	if (hash_get_num_entries(pools) >= MAX_POOLS && !make_place())
		return NULL;
	pool = hash_search(pools, &key, HASH_ENTER_NULL, &found);
	if (pool == NULL)
		return NULL;
	memset(&pool->counts, 0, sizeof(PoolCounts));
	ConditionVariableInit(&pool->room);
	return pool;
}

/* Is somebody in it, or waiting for it? */
static bool
is_in_use(const Pool *pool)
{
	return pool->counts.active > 0 || pool->counts.waiting > 0;
}

/* Can this database be in one more?  Nobody counts as long as there are few. */
static bool
has_share(void)
{
	HASH_SEQ_STATUS status;
	Pool	   *pool;
	int			in_use = 0;
	int			ours = 0;

	if (hash_get_num_entries(pools) < MAX_POOLS / 2)
		return true;
	hash_seq_init(&status, pools);
	while ((pool = hash_seq_search(&status)) != NULL)
	{
		if (!is_in_use(pool))
			continue;
		in_use++;
		if (pool->key.dbid == MyDatabaseId)
			ours++;
	}
	return ours < MAX_POOLS - in_use;
}

/* Remove a pool that nobody is in, or waits for. */
static bool
make_place(void)
{
	HASH_SEQ_STATUS status;
	Pool	   *pool;

	hash_seq_init(&status, pools);
	while ((pool = hash_seq_search(&status)) != NULL)
	{
		if (is_in_use(pool))
			continue;
		hash_search(pools, &pool->key, HASH_REMOVE, NULL);
		hash_seq_term(&status);
		return true;
	}
	return false;
}

static void
refuse_pool(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("too many connections of the registry are in use"),
			 errdetail("At most %d different ones can be open at a time.  All databases together have room for %d.",
					   MAX_POOLS / 2, MAX_POOLS),
			 errhint("Use tenant.disconnect() where they are not needed any more.")));
}

static bool
try_to_enter(Pool *pool, int limit)
{
	bool		entered;

	LWLockAcquire(pools_lock, LW_EXCLUSIVE);
	entered = pool->counts.active < limit;
	if (entered)
		pool->counts.active++;
	LWLockRelease(pools_lock);
	return entered;
}

/* True once we are in, false when the time is up. */
static bool
wait_to_enter(Pool *pool, int limit, TimestampTz deadline)
{
	volatile bool entered = false;

	PG_ENSURE_ERROR_CLEANUP(stop_waiting, PointerGetDatum(pool));
	{
		/* From here on nobody leaves without our being told. */
		ConditionVariablePrepareToSleep(&pool->room);
		while (!(entered = try_to_enter(pool, limit)))
		{
			long		timeout =
				TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												deadline);

			if (timeout <= 0)
				break;
			(void) ConditionVariableTimedSleep(&pool->room, timeout,
											   tm_wait_event("TenantMgrPool"));
		}
		ConditionVariableCancelSleep();
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_waiting, PointerGetDatum(pool));
	return entered;
}

static void
stop_waiting(int code, Datum pool)
{
	ConditionVariableCancelSleep();
	LWLockAcquire(pools_lock, LW_EXCLUSIVE);
	((Pool *) DatumGetPointer(pool))->counts.waiting--;
	LWLockRelease(pools_lock);
}
