/*
 * progress.c
 *		How far long operations have got.
 *
 * Every session has a slot in shared memory that only it describes itself in.
 * Readers take no lock: the description is guarded by a count that is odd
 * while it is being changed, and whoever finds it odd, or changed, looks
 * again.  Parallel workers add to the counters of their leader, so these are
 * atomic; everything else about a slot is its owner's.
 *
 * Counters are those of the present phase.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <math.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/progress.h"

/* What the owner tells about itself */
typedef struct ProgressInfo
{
	int			pid;			/* process, 0 while there is nothing to tell */
	Oid			dbid;			/* its database */
	Oid			roleid;			/* role that the operation was begun as */
	ProgressOperation operation;	/* what is done */
	ProgressPhase phase;		/* how far that is */
	TimestampTz started_at;		/* since when */
	char		tenant[NAMEDATALEN];	/* to which tenant */
} ProgressInfo;

/* How much has been done */
typedef struct ProgressCounters
{
	pg_atomic_uint64 items_done;
	pg_atomic_uint64 items_total;
	pg_atomic_uint64 bytes_done;
	pg_atomic_uint64 bytes_total;
} ProgressCounters;

typedef struct ProgressSlot
{
	uint32		changecount;	/* odd while info is being changed */
	ProgressInfo info;			/* written by the owner */
	ProgressCounters counters;	/* written by the owner and its workers */
} ProgressSlot;

/* A slot as a reader has found it */
typedef struct ProgressReading
{
	ProgressInfo info;
	uint64		items_done;
	uint64		items_total;
	uint64		bytes_done;
	uint64		bytes_total;
} ProgressReading;

#define PROGRESS_COLUMNS	12

static const char *const operation_names[] = {
	[PROGRESS_CREATE] = "create",
	[PROGRESS_CLONE] = "clone",
	[PROGRESS_SNAPSHOT] = "snapshot",
	[PROGRESS_ROLLBACK] = "rollback",
	[PROGRESS_PURGE] = "purge",
	[PROGRESS_ENCRYPT] = "encrypt column",
	[PROGRESS_MIGRATE] = "migrate"
};

static const char *const phase_names[] = {
	[PROGRESS_LOCKING] = "locking",
	[PROGRESS_READING_CATALOGS] = "reading catalogs",
	[PROGRESS_WRITING_CATALOGS] = "writing catalogs",
	[PROGRESS_CREATING_FILES] = "creating files",
	[PROGRESS_COPYING_BLOCKS] = "copying blocks",
	[PROGRESS_COPYING_ROWS] = "copying rows",
	[PROGRESS_BUILDING_INDEXES] = "building indexes",
	[PROGRESS_DROPPING_OBJECTS] = "dropping objects",
	[PROGRESS_SEALING_ROWS] = "sealing rows",
	[PROGRESS_MIGRATING_TEMPLATES] = "migrating templates",
	[PROGRESS_MIGRATING_CANARIES] = "migrating canaries",
	[PROGRESS_MIGRATING_TENANTS] = "migrating tenants"
};

/* All slots, or NULL; written by tm_progress_shmem_startup() */
static ProgressSlot *slots = NULL;

/* Our slot while we have something to tell, and the nesting level since when */
static ProgressSlot *my_slot = NULL;
static int	my_nest_level = 0;

/* Where our work counts: in our own slot or, for a worker, in its leader's */
static ProgressCounters *my_counters = NULL;

static Size shmem_size(void);
static void begin_change(ProgressSlot *slot);
static void end_change(ProgressSlot *slot);
static void set_counters(ProgressCounters *counters, uint64 items,
						 uint64 bytes);
static void read_slot(ProgressSlot *slot, ProgressReading *reading);
static bool may_read(Oid roleid);
static void fill_row(const ProgressReading *reading, Datum *values,
					 bool *nulls);
static void end_at_xact(XactEvent event, void *arg);
static void end_at_subxact(SubXactEvent event, SubTransactionId mySubid,
						   SubTransactionId parentSubid, void *arg);
static void end_at_exit(int code, Datum arg);

PG_FUNCTION_INFO_V1(tenant_progress);

/* progress(): one row for each operation that runs in this database. */
Datum
tenant_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	if (slots == NULL)
		return (Datum) 0;

	for (int i = 0; i < MaxBackends; i++)
	{
		ProgressReading reading;
		Datum		values[PROGRESS_COLUMNS] = {0};
		bool		nulls[PROGRESS_COLUMNS] = {0};

		read_slot(&slots[i], &reading);
		if (reading.info.pid == 0 || reading.info.dbid != MyDatabaseId)
			continue;
		fill_row(&reading, values, nulls);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

void
tm_progress_shmem_request(void)
{
	RequestAddinShmemSpace(shmem_size());
}

static Size
shmem_size(void)
{
	return mul_size(sizeof(ProgressSlot), MaxBackends);
}

void
tm_progress_shmem_startup(void)
{
	bool		found;

	slots = ShmemInitStruct("tenant_mgr progress", shmem_size(), &found);
	if (!found)
	{
		memset(slots, 0, shmem_size());
		for (int i = 0; i < MaxBackends; i++)
		{
			pg_atomic_init_u64(&slots[i].counters.items_done, 0);
			pg_atomic_init_u64(&slots[i].counters.items_total, 0);
			pg_atomic_init_u64(&slots[i].counters.bytes_done, 0);
			pg_atomic_init_u64(&slots[i].counters.bytes_total, 0);
		}
	}
}

void
tm_progress_begin(ProgressOperation operation, const char *tenant)
{
	static bool registered = false;
	int			number = tm_backend_number();
	int			len;

	if (slots == NULL || number < 0 || number >= MaxBackends)
		return;
	if (!registered)
	{
		RegisterXactCallback(end_at_xact, NULL);
		RegisterSubXactCallback(end_at_subxact, NULL);
		before_shmem_exit(end_at_exit, (Datum) 0);
		registered = true;
	}

	/* The name may be anything, and too long. */
	len = pg_mbcliplen(tenant, strlen(tenant), NAMEDATALEN - 1);

	my_slot = &slots[number];
	my_nest_level = GetCurrentTransactionNestLevel();
	my_counters = &my_slot->counters;
	begin_change(my_slot);
	my_slot->info.pid = MyProcPid;
	my_slot->info.dbid = MyDatabaseId;
	my_slot->info.roleid = GetUserId();
	my_slot->info.operation = operation;
	my_slot->info.phase = PROGRESS_LOCKING;
	my_slot->info.started_at = GetCurrentTimestamp();
	memcpy(my_slot->info.tenant, tenant, len);
	my_slot->info.tenant[len] = '\0';
	set_counters(my_counters, 0, 0);
	end_change(my_slot);
}

void
tm_progress_end(void)
{
	if (my_slot != NULL)
	{
		begin_change(my_slot);
		my_slot->info.pid = 0;
		end_change(my_slot);
	}
	my_slot = NULL;
	my_counters = NULL;
}

void
tm_progress_phase(ProgressPhase phase, uint64 items, uint64 bytes)
{
	if (my_slot == NULL)
		return;
	begin_change(my_slot);
	my_slot->info.phase = phase;
	set_counters(my_counters, items, bytes);
	end_change(my_slot);
}

void
tm_progress_add(uint64 items, uint64 bytes)
{
	if (my_counters == NULL)
		return;
	if (items > 0)
		pg_atomic_fetch_add_u64(&my_counters->items_done, items);
	if (bytes > 0)
		pg_atomic_fetch_add_u64(&my_counters->bytes_done, bytes);
}

int
tm_progress_number(void)
{
	return my_slot == NULL ? -1 : (int) (my_slot - slots);
}

void
tm_progress_join(int number)
{
	if (slots != NULL && number >= 0)
		my_counters = &slots[number].counters;
}

/* The two ends of a change; nothing between them may raise an error. */
static void
begin_change(ProgressSlot *slot)
{
	slot->changecount++;
	pg_write_barrier();
}

static void
end_change(ProgressSlot *slot)
{
	pg_write_barrier();
	slot->changecount++;
}

static void
set_counters(ProgressCounters *counters, uint64 items, uint64 bytes)
{
	pg_atomic_write_u64(&counters->items_done, 0);
	pg_atomic_write_u64(&counters->items_total, items);
	pg_atomic_write_u64(&counters->bytes_done, 0);
	pg_atomic_write_u64(&counters->bytes_total, bytes);
}

static void
read_slot(ProgressSlot *slot, ProgressReading *reading)
{
	volatile uint32 *changecount = &slot->changecount;

	for (;;)
	{
		uint32		before = *changecount;

		pg_read_barrier();
		reading->info = slot->info;
		reading->items_done = pg_atomic_read_u64(&slot->counters.items_done);
		reading->items_total = pg_atomic_read_u64(&slot->counters.items_total);
		reading->bytes_done = pg_atomic_read_u64(&slot->counters.bytes_done);
		reading->bytes_total = pg_atomic_read_u64(&slot->counters.bytes_total);
		pg_read_barrier();
		if (before == *changecount && before % 2 == 0)
			break;
		CHECK_FOR_INTERRUPTS();
	}
}

/* The rule of pg_stat_activity. */
static bool
may_read(Oid roleid)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		has_privs_of_role(GetUserId(), roleid);
}

static void
fill_row(const ProgressReading *reading, Datum *values, bool *nulls)
{
	bool		by_bytes = reading->bytes_total > 0;
	uint64		total = by_bytes ? reading->bytes_total : reading->items_total;
	uint64		done = by_bytes ? reading->bytes_done : reading->items_done;
	bool		of_objects = reading->info.operation == PROGRESS_PURGE ||
		reading->info.operation == PROGRESS_MIGRATE;

	values[0] = CStringGetTextDatum(operation_names[reading->info.operation]);
	values[6] = Int32GetDatum(reading->info.pid);
	if (!may_read(reading->info.roleid))
	{
		memset(nulls, true, sizeof(bool) * PROGRESS_COLUMNS);
		nulls[0] = nulls[6] = false;
		return;
	}

	done = Min(done, total);
	values[1] = CStringGetTextDatum(reading->info.tenant);
	nulls[1] = reading->info.tenant[0] == '\0';
	values[2] = CStringGetTextDatum(phase_names[reading->info.phase]);
	values[3] = Int64GetDatum(done);
	values[4] = Int64GetDatum(total);
	if (total > 0)
		values[5] = Float8GetDatum(rint(1000.0 * done / total) / 10);
	else
		nulls[3] = nulls[4] = nulls[5] = true;

	if (reading->items_total > 0 && !of_objects)
	{
		values[7] = Int64GetDatum(reading->items_done);
		values[8] = Int64GetDatum(reading->items_total);
	}
	else
		nulls[7] = nulls[8] = true;
	if (by_bytes)
	{
		values[9] = Int64GetDatum(done);
		values[10] = Int64GetDatum(total);
	}
	else
		nulls[9] = nulls[10] = true;
	values[11] = TimestampTzGetDatum(reading->info.started_at);
}

/* A purge goes on after a commit; what fails is over. */
static void
end_at_xact(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		tm_progress_end();
}

static void
end_at_subxact(SubXactEvent event, SubTransactionId mySubid,
			   SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB &&
		GetCurrentTransactionNestLevel() <= my_nest_level)
		tm_progress_end();
}

static void
end_at_exit(int code, Datum arg)
{
	tm_progress_end();
}
