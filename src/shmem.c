/*
 * shmem.c
 *		Memory that all sessions share.
 *
 * There is some only if the library is in shared_preload_libraries; whatever
 * lives in it is a convenience and has to do without.  Each module says how
 * much it needs and fills it when the server starts, and again when the server
 * starts over after a crash.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "base/log_limit.h"
#include "base/progress.h"
#include "binding/used_token.h"
#include "connections/health.h"
#include "connections/pool.h"
#include "fleet/migrate_queue.h"
#include "secrets/keyring.h"
#include "secrets/shared_ring.h"
#include "shmem.h"
#include "stats/guard_stats.h"

void
tm_shmem_request_all(void)
{
	tm_progress_shmem_request();
	tm_used_token_shmem_request();
	tm_shared_ring_shmem_request();
	tm_log_limit_shmem_request();
	tm_health_shmem_request();
	tm_pool_shmem_request();
	tm_guard_stats_shmem_request();
	tm_migrate_shmem_request();
}

void
tm_shmem_startup_all(void)
{
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	tm_progress_shmem_startup();
	tm_used_token_shmem_startup();
	tm_keyring_shmem_startup();
	tm_log_limit_shmem_startup();
	tm_health_shmem_startup();
	tm_pool_shmem_startup();
	tm_guard_stats_shmem_startup();
	tm_migrate_shmem_startup();
	LWLockRelease(AddinShmemInitLock);
}
