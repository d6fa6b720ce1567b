/*
 * migration_run.h
 *		Calls of tenant.migrate(): rows of tenant.migration_run.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATION_RUN_H
#define TENANT_MGR_MIGRATION_RUN_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

typedef enum RunState
{
	RUN_RUNNING,				/* not known to have ended */
	RUN_FINISHED,				/* to its end, whatever failed */
	RUN_STOPPED,				/* after a failure, as it was told to */
	RUN_CANCELLED,				/* by somebody */
	RUN_INTERRUPTED				/* its process has gone */
} RunState;

/*
 * A number for a run that begins now, and its row; and what has become of it,
 * which also notes when it ended, but with RUN_RUNNING; numbers that are negative
 * stay as they are.  The caller has checked every privilege and sees to the transactions.  A command counter increment has
 * been done on return.
 */
extern int64 tm_run_begin(Jsonb *options, int64 tenants);
extern void tm_run_update(int64 run, RunState state, int64 applied,
						  int64 failed);

/*
 * The runs that are not known to have ended, a palloc'd list of pointers to
 * int64.
 */
extern List *tm_run_running(void);

/*
 * Hold on to a run of one's own until the session unlocks it or ends; and does
 * somebody?
 */
extern void tm_run_hold(int64 run);
extern void tm_run_let_go(int64 run);
extern bool tm_run_is_held(int64 run);

#endif							/* TENANT_MGR_MIGRATION_RUN_H */
