/*
 * tenant_mgr.c
 *		Start-up of the library.
 *
 * Hooks come before settings: defining tenant_mgr.tenant may bind the session
 * at once, and what watches a binding has to be in place by then.  The hooks
 * that verify a binding come after those that rely on it, to be called first.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"

#include "guard.h"
#include "guc.h"
#include "health_worker.h"
#include "key_worker.h"
#include "keyring.h"
#include "open_plan.h"
#include "shmem.h"
#include "watch.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	tm_guc_refuse_hidden();
	tm_guard_init();
	tm_watch_init();
	tm_open_plan_init();
	tm_guc_init();
	tm_shmem_init();
	tm_keyring_start();
	tm_health_launcher_register();
	tm_key_worker_register();
}
