/*
 * tenant_mgr.c
 *		Start-up of the library.
 *
 * The server loads a library anew if its start-up has failed, and what has
 * been done by then stays.  So whatever can fail comes before the first hook,
 * and does no harm when it is done again.  That is why a value of
 * tenant_mgr.tenant that is there already is taken over unverified: to look
 * up a tenant may take a lock, and fail.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/preload.h"
#include "binding/binding.h"
#include "binding/binding_path.h"
#include "binding/protective.h"
#include "binding/session_lock.h"
#include "binding/session_wakeup.h"
#include "binding/watch.h"
#include "connections/health_worker.h"
#include "guard/plpgsql_types.h"
#include "guc.h"
#include "hooks.h"
#include "secrets/key_worker.h"
#include "secrets/keyring.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	/* what can fail */
	tm_protective_refuse_hidden();
	tm_guc_init();
	tm_keyring_start();
	tm_watch_init();
	tm_session_wakeup_init();
	tm_plpgsql_types_init();

	/* what cannot */
	tm_preload_note();
	tm_health_launcher_register();
	tm_key_worker_register();
	tm_binding_path_start();
	tm_binding_start();
	tm_session_lock_init();
	tm_hooks_install();
}
