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
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "base/database_list.h"
#include "base/tenant_mgr.h"
#include "base/worker.h"
#include "secrets/key_check.h"
#include "secrets/key_worker.h"
#include "secrets/keyring.h"
#include "tenants/registry.h"

#define RESTART_SECONDS		60

PGDLLEXPORT void tm_key_worker_main(Datum arg);
PGDLLEXPORT void tm_key_database_main(Datum arg);

static void check_databases(void);

void
tm_key_worker_register(void)
{
	static const WorkerType worker = {
		.name = "tenant_mgr key worker",
		.function = "tm_key_worker_main",
		.restart_seconds = RESTART_SECONDS
	};

	if (strcmp(tm_keyring_source(), "none") != 0)
		tm_worker_register(&worker);
}

/* The worker in no database. */
void
tm_key_worker_main(Datum arg)
{
	MemoryContext context;

	tm_worker_begin();
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

	tm_worker_begin();
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

/* A ring that cannot be used has been complained of by now, or is now. */
static void
check_databases(void)
{
	static const WorkerType visitor = {
		.name = "tenant_mgr key check",
		.function = "tm_key_database_main",
		.none_free = gettext_noop("no background worker is free to check keys")
	};
	char	   *problem;
	ListCell   *lc;

	if (!tm_keyring_is_usable(&problem))
		return;
	foreach(lc, tm_database_list())
	{
		BackgroundWorkerHandle *handle;

		if (!tm_worker_start(&visitor, lfirst_oid(lc), InvalidOid, (Datum) 0,
							 &handle))
		{
			tm_worker_report_none_free(&visitor, LOG);
			break;
		}
		(void) WaitForBackgroundWorkerShutdown(handle);
	}
}
