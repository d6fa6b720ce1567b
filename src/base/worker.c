/*
 * worker.c
 *		Background workers: how they are started, and how they begin.
 *
 * Settings that somebody may have given to the database or the role, and that
 * would get in a worker's way, are overridden, as the server's own workers do;
 * the search path is for good measure.  Nobody waits for a standby to have heard
 * of what is only news.
 *
 * A worker does not wait for a lock for long: whoever has it could keep others
 * from being visited, for there are few workers, and the database from being
 * dropped.  It ends with an error then, and comes again.  A worker that knows
 * better sets another time.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "base/worker.h"

/* Less than DROP DATABASE waits for others to leave */
#define MAX_LOCK_WAIT	"2s"

/* Where a worker belongs; handed to it as its "extra" */
typedef struct WorkerPlace
{
	Oid			dbid;			/* InvalidOid: in no database */
	Oid			roleid;			/* InvalidOid: the bootstrap superuser */
} WorkerPlace;

StaticAssertDecl(sizeof(WorkerPlace) <= BGW_EXTRALEN,
				 "a background worker is told too much");

static void fill_worker(BackgroundWorker *worker, const WorkerType *type);
static void override_settings(void);

void
tm_worker_register(const WorkerType *type)
{
	BackgroundWorker worker;

	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	fill_worker(&worker, type);
	snprintf(worker.bgw_name, BGW_MAXLEN, "%s", type->name);
	worker.bgw_restart_time = type->restart_seconds;
	RegisterBackgroundWorker(&worker);
}

bool
tm_worker_start(const WorkerType *type, Oid dbid, Oid roleid, Datum arg,
				BackgroundWorkerHandle **handle)
{
	WorkerPlace place = {
		.dbid = dbid,
		.roleid = roleid
	};
	BackgroundWorker worker;

	fill_worker(&worker, type);
	snprintf(worker.bgw_name, BGW_MAXLEN, "%s for database %u", type->name,
			 dbid);
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = arg;
	memcpy(worker.bgw_extra, &place, sizeof(place));
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

void
tm_worker_report_none_free(const WorkerType *type, int elevel)
{
	ereport(elevel,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg_internal("%s", _(type->none_free)),
			 errhint("Consider increasing max_worker_processes.")));
}

void
tm_worker_begin(void)
{
	WorkerPlace place;

	memcpy(&place, MyBgworkerEntry->bgw_extra, sizeof(place));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (!OidIsValid(place.dbid))
	{
		BackgroundWorkerInitializeConnection(NULL, NULL, 0);
		return;
	}
	BackgroundWorkerInitializeConnectionByOid(place.dbid, place.roleid,
											  TM_BGWORKER_ANY_ROLE);
	SetCurrentStatementStartTimestamp();
	override_settings();
	pgstat_report_activity(STATE_RUNNING, MyBgworkerEntry->bgw_type);
}

static void
fill_worker(BackgroundWorker *worker, const WorkerType *type)
{
	memset(worker, 0, sizeof(*worker));
	snprintf(worker->bgw_type, BGW_MAXLEN, "%s", type->name);
	snprintf(worker->bgw_library_name, sizeof(worker->bgw_library_name),
			 TM_EXTENSION_NAME);
	snprintf(worker->bgw_function_name, BGW_MAXLEN, "%s", type->function);
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_ConsistentState;
}

static void
override_settings(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"tenant_mgr.tenant", ""},
		{"default_transaction_read_only", "off"},
		{"default_transaction_isolation", "read committed"},
		{"synchronous_commit", "local"},
		{"statement_timeout", "0"},
		{"lock_timeout", MAX_LOCK_WAIT},
		{"idle_in_transaction_session_timeout", "0"},
		{"transaction_timeout", "0"},
		{"client_min_messages", "error"}
	};

	StartTransactionCommand();
	for (int i = 0; i < lengthof(settings); i++)
	{
		/* The server may be older than the setting. */
		if (GetConfigOption(settings[i][0], true, false) != NULL)
			SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET,
							PGC_S_OVERRIDE);
	}
	CommitTransactionCommand();
}
