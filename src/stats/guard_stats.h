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

/*
 * The row of a tenant has been deleted from the registry.  If it is still gone
 * when the transaction commits, so are its counters.
 */
extern void tm_guard_stats_note_deleted(const pg_uuid_t *tenant);
extern void tm_guard_stats_before_commit(void);
extern void tm_guard_stats_end_of_transaction(bool committed);

/* A database has been dropped. */
extern void tm_guard_stats_forget_database(Oid dbid);

#endif							/* TENANT_MGR_GUARD_STATS_H */
