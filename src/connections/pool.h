/*
 * pool.h
 *		How many connections are open to a database of the registry.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_POOL_H
#define TENANT_MGR_POOL_H

#include "utils/uuid.h"

/* One pool of this database; its address is good until it is left */
typedef struct Pool Pool;

/* What is told about a pool */
typedef struct PoolCounts
{
	int			active;			/* connections that are open now */
	int			waiting;		/* sessions that wait for one */
	uint64		opened;			/* connections that have been opened */
	uint64		checkouts;		/* times that one was asked for and given */
	uint64		timeouts;		/* times that none was given */
	double		wait_ms;		/* time that was waited for one */
} PoolCounts;

extern void tm_pool_shmem_request(void);
extern void tm_pool_shmem_startup(void);

/* Is there shared memory for pools? */
extern bool tm_pool_is_available(void);

/*
 * Enter the pool of a connection once there is room among "limit", waiting for
 * that many seconds at most; NULL if there was none.  Whoever has entered has
 * to leave, also when the backend exits.
 */
extern Pool *tm_pool_enter(const pg_uuid_t *id, int limit, int timeout);
extern void tm_pool_leave(Pool *pool);

/* For the statistics. */
extern void tm_pool_count_checkout(Pool *pool);
extern void tm_pool_count_opened(Pool *pool);

/* What there is to tell; zeros for a connection that has no pool yet. */
extern void tm_pool_counts(const pg_uuid_t *id, PoolCounts *counts);

#endif							/* TENANT_MGR_POOL_H */
