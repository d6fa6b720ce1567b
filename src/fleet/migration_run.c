/*
 * migration_run.c
 *		Calls of tenant.migrate(): rows of tenant.migration_run.
 *
 * This is the only file that knows the columns of that table.
 *
 * Who runs holds a lock on the number of the run for as long as the session
 * lives, so a row that says "running" is believed only while somebody does.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/own_table.h"
#include "fleet/migration_run.h"

/* Columns of tenant.migration_run */
#define Anum_run_run			1
#define Anum_run_started_at		2
#define Anum_run_finished_at	3
#define Anum_run_started_by		4
#define Anum_run_state			5
#define Anum_run_options		6
#define Anum_run_tenants		7
#define Anum_run_applied		8
#define Anum_run_failed			9
#define Natts_run				9

#define RUN_TABLE				"migration_run"
#define RUN_BY_NUMBER			"migration_run_pkey"

static const char *const state_names[] = {
	[RUN_RUNNING] = "running",
	[RUN_FINISHED] = "finished",
	[RUN_STOPPED] = "stopped",
	[RUN_CANCELLED] = "cancelled",
	[RUN_INTERRUPTED] = "interrupted"
};

static LOCKTAG run_tag(int64 run);

int64
tm_run_begin(Jsonb *options, int64 tenants)
{
	/* Who else begins one waits until this transaction ends. */
	Relation	rel = tm_own_table_open(RUN_TABLE, Natts_run,
										ShareUpdateExclusiveLock);
	int64		run = tm_own_table_next_number(rel, RUN_BY_NUMBER,
											   Anum_run_run);
	Datum		values[Natts_run];
	bool		nulls[Natts_run] = {0};

	values[Anum_run_run - 1] = Int64GetDatum(run);
	values[Anum_run_started_at - 1] =
		TimestampTzGetDatum(GetCurrentTimestamp());
	nulls[Anum_run_finished_at - 1] = true;
	values[Anum_run_started_by - 1] =
		CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	values[Anum_run_state - 1] =
		CStringGetTextDatum(state_names[RUN_RUNNING]);
	values[Anum_run_options - 1] = JsonbPGetDatum(options);
	values[Anum_run_tenants - 1] = Int64GetDatum(tenants);
	values[Anum_run_applied - 1] = Int64GetDatum(0);
	values[Anum_run_failed - 1] = Int64GetDatum(0);
	tm_own_table_insert(rel, Natts_run, values, nulls);
	table_close(rel, NoLock);
	return run;
}

void
tm_run_update(int64 run, RunState state, int64 applied, int64 failed)
{
	Relation	rel = tm_own_table_open(RUN_TABLE, Natts_run,
										RowExclusiveLock);
	Datum		values[Natts_run] = {0};
	bool		nulls[Natts_run] = {0};
	bool		replace[Natts_run] = {0};
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	/* A transaction's snapshot cannot be taken in the middle of a scan. */
	PushActiveSnapshot(GetTransactionSnapshot());
	ScanKeyInit(&key, Anum_run_run, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(run));
	scan = tm_own_table_scan(rel, RUN_BY_NUMBER, 1, &key);
	tuple = systable_getnext(scan);
	values[Anum_run_finished_at - 1] =
		TimestampTzGetDatum(GetCurrentTimestamp());
	replace[Anum_run_finished_at - 1] = state != RUN_RUNNING;
	values[Anum_run_state - 1] = CStringGetTextDatum(state_names[state]);
	replace[Anum_run_state - 1] = true;
	values[Anum_run_applied - 1] = Int64GetDatum(applied);
	replace[Anum_run_applied - 1] = applied >= 0;
	values[Anum_run_failed - 1] = Int64GetDatum(failed);
	replace[Anum_run_failed - 1] = failed >= 0;

	/* Somebody may have cleared away what is told of runs. */
	if (tuple != NULL)
		tm_own_table_update(rel, &tuple->t_self, Natts_run, values, nulls,
							replace);
	systable_endscan(scan);
	PopActiveSnapshot();
	table_close(rel, NoLock);
}

List *
tm_run_running(void)
{
	Relation	rel = tm_own_table_open(RUN_TABLE, Natts_run, AccessShareLock);
	SysScanDesc scan = tm_own_table_scan(rel, RUN_BY_NUMBER, 0, NULL);
	List	   *running = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Datum		values[Natts_run];
		bool		nulls[Natts_run];

		CHECK_FOR_INTERRUPTS();
		tm_own_table_deform(tuple, RelationGetDescr(rel), Natts_run, values,
							nulls);
		if (strcmp(TextDatumGetCString(values[Anum_run_state - 1]),
				   state_names[RUN_RUNNING]) == 0)
		{
			int64	   *run = palloc(sizeof(int64));

			*run = DatumGetInt64(values[Anum_run_run - 1]);
			running = lappend(running, run);
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return running;
}

void
tm_run_hold(int64 run)
{
	LOCKTAG		tag = run_tag(run);

	(void) LockAcquire(&tag, ExclusiveLock, true, false);
}

void
tm_run_let_go(int64 run)
{
	LOCKTAG		tag = run_tag(run);

	(void) LockRelease(&tag, ExclusiveLock, true);
}

bool
tm_run_is_held(int64 run)
{
	LOCKTAG		tag = run_tag(run);

	if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	(void) LockRelease(&tag, ShareLock, false);
	return false;
}

/* The number modulo 2^32 will do: nobody has that many runs at once. */
static LOCKTAG
run_tag(int64 run)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, tm_own_table_relid(RUN_TABLE),
					   (uint32) run, 0);
	return tag;
}
