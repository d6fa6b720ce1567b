/*
 * guard_stats.h
 *		How often the guard had something to say.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_STATS_H
#define TENANT_MGR_GUARD_STATS_H

#include "utils/uuid.h"

/* Ask for shared memory, and what happens when it is there. */
extern void tm_guard_stats_shmem_request(void);
extern void tm_guard_stats_shmem_startup(void);

/*
 * A session of the tenant, or with NULL one that was not bound, was refused an
 * object of another, or that was only noted.  Does nothing without shared
 * memory; what has been counted stays when the transaction is rolled back.
 */
extern void tm_guard_count_violation(const pg_uuid_t *tenant, bool refused);

#endif							/* TENANT_MGR_GUARD_STATS_H */
