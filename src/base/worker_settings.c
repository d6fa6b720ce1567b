/*
 * worker_settings.c
 *		Settings of background workers that visit a database.
 *
 * Settings that somebody may have given to the database, and that would get in
 * a worker's way, are overridden, as the server's own workers do; the search
 * path is for good measure.  Nobody waits for a standby to have heard of what
 * is only news.
 *
 * A worker does not wait for a lock for long: whoever has it could keep others
 * from being visited, for there are few workers, and the database from being
 * dropped.  It ends with an error then, and comes again.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/guc.h"

#include "base/worker_settings.h"

/* Less than DROP DATABASE waits for others to leave */
#define MAX_LOCK_WAIT	"2s"

void
tm_worker_settings_override(void)
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
		{"client_min_messages", "error"}
	};
	int			i;

	StartTransactionCommand();
	for (i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET,
						PGC_S_OVERRIDE);
	CommitTransactionCommand();
}
