/*
 * key_worker.c
 *		A worker that looks after keys when nobody uses them.
 *
 * That a database needs another root key than the ring has would show when
 * somebody first wants to open a secret, which may be at an awkward time.  So
 * there is a worker, in no database, that has each database looked at by
 * another worker, one after the other, when the server starts and after each
 * reload.  What keeps secrets from being opened is written to the log.  So is,
 * after a reload, why a new ring cannot be used (keyring.c).
 *
 * The worker exists only if a ring is configured when the server starts.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "base/database_list.h"
#include "base/tenant_mgr.h"
#include "base/worker_settings.h"
#include "secrets/key_check.h"
#include "secrets/key_worker.h"
#include "secrets/keyring.h"
#include "tenants/registry.h"

#define RESTART_SECONDS		60

PGDLLEXPORT void tm_key_worker_main(Datum arg);
PGDLLEXPORT void tm_key_database_main(Datum arg);

static void fill_worker(BackgroundWorker *worker, const char *type,
						const char *function);
static void check_databases(void);
static bool check_database(Oid dbid);

void
tm_key_worker_register(void)
{
	BackgroundWorker worker;

	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade ||
		strcmp(tm_keyring_source(), "none") == 0)
		return;
	fill_worker(&worker, "tenant_mgr key worker", "tm_key_worker_main");
	worker.bgw_restart_time = RESTART_SECONDS;
	RegisterBackgroundWorker(&worker);
}

/* The worker in no database. */
void
tm_key_worker_main(Datum arg)
{
	MemoryContext context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	context = AllocSetContextCreate(TopMemoryContext, "tenant_mgr key worker",
									ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		MemoryContextSwitchTo(context);
		MemoryContextReset(context);
		check_databases();
		while (!ConfigReloadPending)
		{
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, 0,
							 PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/* The worker in one of them. */
void
tm_key_database_main(Datum arg)
{
	ListCell   *lc;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg),
											  InvalidOid, 0);
	SetCurrentStatementStartTimestamp();
	tm_worker_settings_override();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (tm_registry_installed())
	{
		foreach(lc, tm_key_check())
		{
			const KeyProblem *problem = lfirst(lc);

			if (problem->is_error)
				ereport(LOG,
						(errcode(ERRCODE_TENANT_NO_KEY),
						 errmsg("secrets in database \"%s\" cannot be opened",
								get_database_name(MyDatabaseId)),
						 errdetail("%s: %s", problem->object,
								   problem->problem),
						 errhint("%s", problem->hint)));
		}
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static void
fill_worker(BackgroundWorker *worker, const char *type, const char *function)
{
	memset(worker, 0, sizeof(*worker));
	snprintf(worker->bgw_name, BGW_MAXLEN, "%s", type);
	snprintf(worker->bgw_type, BGW_MAXLEN, "%s", type);
	snprintf(worker->bgw_library_name, sizeof(worker->bgw_library_name),
			 TM_EXTENSION_NAME);
	snprintf(worker->bgw_function_name, BGW_MAXLEN, "%s", function);
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_ConsistentState;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
}

/* A ring that cannot be used has been complained of by now, or is now. */
static void
check_databases(void)
{
	char	   *problem;
	ListCell   *lc;

	if (!tm_keyring_is_usable(&problem))
		return;
	foreach(lc, tm_database_list())
	{
		if (!check_database(lfirst_oid(lc)))
		{
			ereport(LOG,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("no background worker is free to check keys"),
					 errhint("Consider increasing max_worker_processes.")));
			break;
		}
	}
}

/* False if there is no worker to be had. */
static bool
check_database(Oid dbid)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	fill_worker(&worker, "tenant_mgr key check", "tm_key_database_main");
	worker.bgw_main_arg = ObjectIdGetDatum(dbid);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		return false;
	(void) WaitForBackgroundWorkerShutdown(handle);
	return true;
}
