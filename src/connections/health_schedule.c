/*
 * health_schedule.c
 *		Which databases have connections, and when to look at them.
 *
 * A background worker can be in one database only, and cannot be in none and
 * see what is in another.  So the databases announce themselves: when
 * connections have been changed, or are used and nobody is looking at them.
 * The launcher sleeps until an announcement or the next round.
 *
 * Who announces itself again and again does not come before others: of the
 * databases that are due, it is the turn of the one whose last turn is the
 * longest ago.
 *
 * Everything is in shared memory, under one lock of its own that is held for
 * moments and taken with no other.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "connections/health_memory.h"
#include "connections/health_schedule.h"

/* A database that has connections, as far as we know */
typedef struct ScheduleEntry
{
	Oid			dbid;			/* which one; key of the table */
	uint64		ticket;			/* another one with each announcement */
	TimestampTz next;			/* when to look at it */
	TimestampTz last_turn;		/* when that was last begun, or 0 */
} ScheduleEntry;

/* Between the beginnings of two rounds, however often one is announced */
#define MIN_DISTANCE_MS		500

/* The rest */
typedef struct ScheduleShared
{
	Latch	   *launcher;		/* whom to wake up, or NULL */
	uint64		last_ticket;	/* that has been given out */
} ScheduleShared;

/* the databases and the rest; written by the start-up function */
static HTAB *entries = NULL;
static ScheduleShared *shared = NULL;
static LWLock *schedule_lock = NULL;

static void announce(ScheduleEntry *entry);
static ScheduleEntry *find_entry(Oid dbid, uint64 ticket);
static void wake_launcher(void);

Size
tm_health_schedule_shmem_size(void)
{
	if (tm_health_slots == 0)
		return 0;
	return add_size(MAXALIGN(sizeof(ScheduleShared)),
					hash_estimate_size(tm_health_slots,
									   sizeof(ScheduleEntry)));
}

void
tm_health_schedule_shmem_startup(void)
{
	HASHCTL		info;
	bool		found;

	if (tm_health_slots == 0)
		return;
	shared = ShmemInitStruct("tenant_mgr health schedule",
							 sizeof(ScheduleShared), &found);
	if (!found)
		memset(shared, 0, sizeof(ScheduleShared));
	info.keysize = sizeof(Oid);
	info.entrysize = sizeof(ScheduleEntry);
	entries = ShmemInitHash("tenant_mgr health databases", tm_health_slots,
							tm_health_slots, &info,
							HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	schedule_lock = tm_health_lock(HEALTH_LOCK_SCHEDULE);
}

bool
tm_health_schedule_has(Oid dbid)
{
	bool		found;

	if (entries == NULL)
		return false;
	LWLockAcquire(schedule_lock, LW_SHARED);
	hash_search(entries, &dbid, HASH_FIND, &found);
	LWLockRelease(schedule_lock);
	return found;
}

/* With more databases than connections fit anywhere, some are left out. */
void
tm_health_schedule_announce(Oid dbid)
{
	ScheduleEntry *entry;
	bool		found;

	if (entries == NULL)
		return;
	LWLockAcquire(schedule_lock, LW_EXCLUSIVE);
	entry = hash_search(entries, &dbid, HASH_ENTER_NULL, &found);
	if (entry != NULL)
	{
		if (!found)
			entry->last_turn = 0;
		announce(entry);
		wake_launcher();
	}
	LWLockRelease(schedule_lock);
}

static void
announce(ScheduleEntry *entry)
{
	entry->ticket = ++shared->last_ticket;
	entry->next = DT_NOBEGIN;

	/* Unless it was never looked at, or the clock has been set back. */
	if (entry->last_turn != 0 && entry->last_turn <= GetCurrentTimestamp())
		entry->next = TimestampTzPlusMilliseconds(entry->last_turn,
												  MIN_DISTANCE_MS);
}

uint64
tm_health_schedule_begin(Oid dbid)
{
	ScheduleEntry *entry;
	uint64		ticket;

	LWLockAcquire(schedule_lock, LW_SHARED);
	entry = hash_search(entries, &dbid, HASH_FIND, NULL);
	ticket = entry != NULL ? entry->ticket : 0;
	LWLockRelease(schedule_lock);
	return ticket;
}

void
tm_health_schedule_end(Oid dbid, uint64 ticket, TimestampTz next)
{
	ScheduleEntry *entry;
	bool		found;

	LWLockAcquire(schedule_lock, LW_EXCLUSIVE);
	entry = find_entry(dbid, ticket);
	if (entry == NULL && ticket == 0)
	{
		/* Nobody has announced it; this is how it becomes known. */
		entry = hash_search(entries, &dbid, HASH_ENTER_NULL, &found);
		if (found)
			entry = NULL;
		if (entry != NULL)
		{
			entry->ticket = ++shared->last_ticket;
			entry->last_turn = GetCurrentTimestamp();
		}
	}
	if (entry != NULL)
	{
		entry->next = next;
		wake_launcher();
	}
	LWLockRelease(schedule_lock);
}

void
tm_health_schedule_forget(Oid dbid, uint64 ticket)
{
	LWLockAcquire(schedule_lock, LW_EXCLUSIVE);
	if (find_entry(dbid, ticket) != NULL)
		hash_search(entries, &dbid, HASH_REMOVE, NULL);
	LWLockRelease(schedule_lock);
}

void
tm_health_schedule_set_launcher(Latch *latch)
{
	LWLockAcquire(schedule_lock, LW_EXCLUSIVE);
	shared->launcher = latch;
	LWLockRelease(schedule_lock);
}

void
tm_health_schedule_announce_all(void)
{
	HASH_SEQ_STATUS scan;
	ScheduleEntry *entry;

	LWLockAcquire(schedule_lock, LW_EXCLUSIVE);
	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
		announce(entry);
	LWLockRelease(schedule_lock);
}

Oid
tm_health_schedule_next(List *except, TimestampTz now, TimestampTz *when)
{
	HASH_SEQ_STATUS scan;
	ScheduleEntry *entry;
	TimestampTz last_turn = DT_NOEND;
	Oid			longest = InvalidOid;

	*when = DT_NOEND;
	LWLockAcquire(schedule_lock, LW_SHARED);
	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (list_member_oid(except, entry->dbid))
			continue;
		*when = Min(*when, entry->next);
		if (entry->next > now || entry->last_turn >= last_turn)
			continue;
		last_turn = entry->last_turn;
		longest = entry->dbid;
	}
	LWLockRelease(schedule_lock);
	return longest;
}

void
tm_health_schedule_postpone(Oid dbid, TimestampTz until)
{
	ScheduleEntry *entry;

	LWLockAcquire(schedule_lock, LW_EXCLUSIVE);
	entry = hash_search(entries, &dbid, HASH_FIND, NULL);
	if (entry != NULL)
	{
		entry->next = until;
		entry->last_turn = GetCurrentTimestamp();
	}
	LWLockRelease(schedule_lock);
}

/* The entry, unless it is one of another announcement. */
static ScheduleEntry *
find_entry(Oid dbid, uint64 ticket)
{
	ScheduleEntry *entry = hash_search(entries, &dbid, HASH_FIND, NULL);

	return entry != NULL && entry->ticket == ticket ? entry : NULL;
}

static void
wake_launcher(void)
{
	if (shared->launcher != NULL)
		SetLatch(shared->launcher);
}
