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

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "guard_stats.h"
#include "health.h"
#include "pool.h"
#include "progress.h"
#include "shmem.h"
#include "used_token.h"

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

/* the server has loaded the library at its start; written by tm_shmem_init */
static bool available = false;

static void tm_shmem_request(void);
static void tm_shmem_startup(void);

void
tm_shmem_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;

	available = true;
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = tm_shmem_request;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = tm_shmem_startup;
}

bool
tm_shmem_is_available(void)
{
	return available;
}

static void
tm_shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(tm_progress_shmem_size());
	RequestAddinShmemSpace(tm_used_token_shmem_size());
	tm_health_shmem_request();
	tm_pool_shmem_request();
	tm_guard_stats_shmem_request();
}

static void
tm_shmem_startup(void)
{
	if (prev_shmem_startup)
		prev_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	tm_progress_shmem_startup();
	tm_used_token_shmem_startup();
	tm_health_shmem_startup();
	tm_pool_shmem_startup();
	tm_guard_stats_shmem_startup();
	LWLockRelease(AddinShmemInitLock);
}
