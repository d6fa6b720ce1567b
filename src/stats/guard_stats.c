/*
 * guard_stats.c
 *		How often the guard had something to say.
 *
 * A row of counters in shared memory for each tenant whose sessions have tried
 * to reach another, from the start of the server on, until the tenant or the
 * database is dropped.  There is room for a limited number.  When it is used up,
 * rows of what is not there any more go, if any have been left; and then the
 * database with the most rows gives up the one that has not changed for longest,
 * to a row for all others that it keeps.  So nothing is lost but whose it was,
 * and no database can take the room of those with fewer rows.
 *
 * The lock protects the table of rows; counters are changed under a shared
 * lock, since each change is atomic.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/uuid.h"
#include "stats/guard_stats.h"
#include "tenants/registry.h"

#define LOCK_NAME		"tenant_mgr guard"
#define MAX_ROWS		1024

/* What those are called in place of a tenant, which no tenant can be */
#define OTHERS_NAME		"(others)"
#define ELSEWHERE_NAME	"(other databases)"

/* To look for rows of what is gone takes time; so long at least in between */
#define SWEEP_INTERVAL	(60 * 1000)

typedef struct ViolationKey
{
	Oid			dbid;			/* InvalidOid when even databases are too many */
	pg_uuid_t	tenant;			/* all zeros when not bound, ones for others */
} ViolationKey;

typedef struct ViolationEntry
{
	ViolationKey key;			/* hash key */
	pg_atomic_uint64 refused;	/* errors raised */
	pg_atomic_uint64 logged;	/* lines written to the log instead */
	pg_atomic_uint64 last_at;	/* when it last happened, a TimestampTz */
} ViolationEntry;

/* What is known of the table; the lock guards it */
typedef struct ViolationState
{
	TimestampTz sweep_after;	/* not before */
} ViolationState;

static const pg_uuid_t nobody = {{0}};
static const pg_uuid_t others = {{
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
}};

/* in shared memory, NULL without it; written by the startup function */
static HTAB *violations = NULL;
static ViolationState *state = NULL;
static LWLock *violations_lock = NULL;

/* ids of tenants; in TopTransactionContext, written by note_deleted */
static List *deleted = NIL;

static bool is_tenant(const ViolationEntry *row, const pg_uuid_t *id);
static ViolationEntry *copy_rows(int *nrows);
static ViolationEntry *find_entry(const ViolationKey *key);
static ViolationEntry *enter(const ViolationKey *key);
static void forget(const ViolationKey *key);
static void sweep(void);
static bool is_gone(const ViolationKey *key);
static bool make_room(void);
static Oid	largest_database(int *nrows);

PG_FUNCTION_INFO_V1(tenant_guard_stats);

/* guard_stats(): one row for each tenant of this database that has a count. */
Datum
tenant_guard_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ViolationEntry *rows;
	int			nrows;

	InitMaterializedSRF(fcinfo, 0);
	if (violations == NULL)
		return (Datum) 0;

	/* Names are looked up when the lock has been released. */
	rows = copy_rows(&nrows);
	for (int i = 0; i < nrows; i++)
	{
		Datum		values[5];
		bool		nulls[5] = {0};

		if (rows[i].key.dbid != MyDatabaseId &&
			OidIsValid(rows[i].key.dbid))
			continue;
		nulls[0] = nulls[1] = true;
		if (!OidIsValid(rows[i].key.dbid))
			values[1] = CStringGetTextDatum(ELSEWHERE_NAME);
		else if (is_tenant(&rows[i], &others))
			values[1] = CStringGetTextDatum(OTHERS_NAME);
		else if (!is_tenant(&rows[i], &nobody))
		{
			TenantInfo *tenant = tm_registry_lookup_id(&rows[i].key.tenant);

			if (tenant == NULL)
				continue;
			nulls[0] = false;
			values[0] = UUIDPGetDatum(&rows[i].key.tenant);
			values[1] = CStringGetTextDatum(tenant->name);
		}
		nulls[1] = is_tenant(&rows[i], &nobody) &&
			OidIsValid(rows[i].key.dbid);
		values[2] = Int64GetDatum(pg_atomic_read_u64(&rows[i].refused));
		values[3] = Int64GetDatum(pg_atomic_read_u64(&rows[i].logged));
		values[4] =
			TimestampTzGetDatum((TimestampTz) pg_atomic_read_u64(&rows[i].last_at));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

void
tm_guard_stats_shmem_request(void)
{
	RequestAddinShmemSpace(hash_estimate_size(MAX_ROWS + 1,
											  sizeof(ViolationEntry)));
	RequestAddinShmemSpace(MAXALIGN(sizeof(ViolationState)));
	RequestNamedLWLockTranche(LOCK_NAME, 1);
}

void
tm_guard_stats_shmem_startup(void)
{
	HASHCTL		ctl;
	bool		found;

	ctl.keysize = sizeof(ViolationKey);
	ctl.entrysize = sizeof(ViolationEntry);
	violations = ShmemInitHash("tenant_mgr guard", MAX_ROWS + 1, MAX_ROWS + 1,
							   &ctl, HASH_ELEM | HASH_BLOBS);
	state = ShmemInitStruct("tenant_mgr guard state", sizeof(ViolationState),
							&found);
	if (!found)
		state->sweep_after = 0;
	violations_lock = &GetNamedLWLockTranche(LOCK_NAME)->lock;
}

void
tm_guard_count_violation(const pg_uuid_t *tenant, bool refused)
{
	ViolationKey key;
	ViolationEntry *entry;

	if (violations == NULL)
		return;

	memset(&key, 0, sizeof(key));
	key.dbid = MyDatabaseId;
	if (tenant != NULL)
		key.tenant = *tenant;
	entry = find_entry(&key);
	pg_atomic_fetch_add_u64(refused ? &entry->refused : &entry->logged, 1);
	pg_atomic_write_u64(&entry->last_at, (uint64) GetCurrentTimestamp());
	LWLockRelease(violations_lock);
}

void
tm_guard_stats_note_deleted(const pg_uuid_t *tenant)
{
	MemoryContext old_context;
	pg_uuid_t  *id;

	if (violations == NULL)
		return;
	old_context = MemoryContextSwitchTo(TopTransactionContext);
	id = palloc(sizeof(pg_uuid_t));
	*id = *tenant;
	deleted = lappend(deleted, id);
	MemoryContextSwitchTo(old_context);
}

/* A savepoint may have brought it back, which cannot be looked up later. */
void
tm_guard_stats_before_commit(void)
{
	ListCell   *lc;

	foreach(lc, deleted)
	{
		if (tm_registry_installed() &&
			tm_registry_lookup_id(lfirst(lc)) != NULL)
			deleted = foreach_delete_current(deleted, lc);
	}
}

void
tm_guard_stats_end_of_transaction(bool committed)
{
	ListCell   *lc;
	ViolationKey key;

	memset(&key, 0, sizeof(key));
	key.dbid = MyDatabaseId;
	foreach(lc, deleted)
	{
		key.tenant = *(pg_uuid_t *) lfirst(lc);
		if (committed)
			forget(&key);
	}
	deleted = NIL;
}

void
tm_guard_stats_forget_database(Oid dbid)
{
	HASH_SEQ_STATUS status;
	ViolationEntry *entry;

	if (violations == NULL)
		return;
	LWLockAcquire(violations_lock, LW_EXCLUSIVE);
	hash_seq_init(&status, violations);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->key.dbid == dbid)
			hash_search(violations, &entry->key, HASH_REMOVE, NULL);
	}
	LWLockRelease(violations_lock);
}

static bool
is_tenant(const ViolationEntry *row, const pg_uuid_t *id)
{
	return tm_uuid_equals(&row->key.tenant, id);
}

/* All rows as they are now, palloc'd. */
static ViolationEntry *
copy_rows(int *nrows)
{
	ViolationEntry *rows = palloc(sizeof(ViolationEntry) * (MAX_ROWS + 1));
	HASH_SEQ_STATUS status;
	ViolationEntry *entry;

	*nrows = 0;
	LWLockAcquire(violations_lock, LW_SHARED);
	hash_seq_init(&status, violations);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		Assert(*nrows <= MAX_ROWS);
		rows[(*nrows)++] = *entry;
	}
	LWLockRelease(violations_lock);
	return rows;
}

/* The row of the key, made if need be; the lock is held on return. */
static ViolationEntry *
find_entry(const ViolationKey *key)
{
	ViolationKey elsewhere = {0};
	ViolationEntry *entry;
	bool		full;

	LWLockAcquire(violations_lock, LW_SHARED);
	entry = hash_search(violations, key, HASH_FIND, NULL);
	full = hash_get_num_entries(violations) >= MAX_ROWS;
	if (entry != NULL)
		return entry;
	LWLockRelease(violations_lock);

	if (full)
		sweep();
	LWLockAcquire(violations_lock, LW_EXCLUSIVE);
	if (hash_search(violations, key, HASH_FIND, NULL) == NULL && !make_room())
		key = &elsewhere;
	return enter(key);
}

/* The caller has the lock, and has seen to it that there is room. */
static ViolationEntry *
enter(const ViolationKey *key)
{
	bool		found;
	ViolationEntry *entry = hash_search(violations, key, HASH_ENTER, &found);

	if (!found)
	{
		pg_atomic_init_u64(&entry->refused, 0);
		pg_atomic_init_u64(&entry->logged, 0);
		pg_atomic_init_u64(&entry->last_at, 0);
	}
	return entry;
}

static void
forget(const ViolationKey *key)
{
	LWLockAcquire(violations_lock, LW_EXCLUSIVE);
	hash_search(violations, key, HASH_REMOVE, NULL);
	LWLockRelease(violations_lock);
}

/*
 * Remove rows of databases and tenants that there are no more.  What this
 * transaction has dropped may come back, so one that has written does not look.
 */
static void
sweep(void)
{
	TimestampTz now = GetCurrentTimestamp();
	ViolationEntry *rows;
	int			nrows;
	bool		due;

	if (!IsTransactionState() ||
		TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return;
	LWLockAcquire(violations_lock, LW_EXCLUSIVE);
	due = now >= state->sweep_after;
	if (due)
		state->sweep_after = TimestampTzPlusMilliseconds(now, SWEEP_INTERVAL);
	LWLockRelease(violations_lock);
	if (!due)
		return;

	rows = copy_rows(&nrows);
	for (int i = 0; i < nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_gone(&rows[i].key))
			forget(&rows[i].key);
	}
	pfree(rows);
}

static bool
is_gone(const ViolationKey *key)
{
	if (!OidIsValid(key->dbid))
		return false;
	if (key->dbid != MyDatabaseId)
		return !SearchSysCacheExists1(DATABASEOID,
									  ObjectIdGetDatum(key->dbid));
	return !tm_uuid_is_zero(&key->tenant) &&
		!tm_uuid_equals(&key->tenant, &others) &&
		tm_registry_installed() &&
		tm_registry_lookup_id(&key->tenant) == NULL;
}

/*
 * Have the largest database give rows to its row of others, until there is room
 * for one more.  False if it has none to give: then there is one database a row.
 * The caller has the lock.
 */
static bool
make_room(void)
{
	while (hash_get_num_entries(violations) >= MAX_ROWS)
	{
		int			nrows;
		ViolationKey key = {.dbid = largest_database(&nrows),.tenant = others};
		HASH_SEQ_STATUS status;
		ViolationEntry *entry;
		ViolationEntry *oldest = NULL;
		ViolationEntry given;

		if (nrows <= 2)
			return false;
		hash_seq_init(&status, violations);
		while ((entry = hash_seq_search(&status)) != NULL)
		{
			if (entry->key.dbid == key.dbid && !is_tenant(entry, &others) &&
				(oldest == NULL || pg_atomic_read_u64(&entry->last_at) <
				 pg_atomic_read_u64(&oldest->last_at)))
				oldest = entry;
		}
		given = *oldest;
		hash_search(violations, &given.key, HASH_REMOVE, NULL);
		entry = enter(&key);
		pg_atomic_fetch_add_u64(&entry->refused,
								pg_atomic_read_u64(&given.refused));
		pg_atomic_fetch_add_u64(&entry->logged,
								pg_atomic_read_u64(&given.logged));
		pg_atomic_write_u64(&entry->last_at,
							Max(pg_atomic_read_u64(&entry->last_at),
								pg_atomic_read_u64(&given.last_at)));
	}
	return true;
}

/* The database that has the most rows, and how many.  The caller has the lock. */
static Oid
largest_database(int *nrows)
{
	Oid			databases[MAX_ROWS + 1];
	int			total = 0;
	int			run = 0;
	Oid			largest = InvalidOid;
	HASH_SEQ_STATUS status;
	ViolationEntry *entry;

	hash_seq_init(&status, violations);
	while ((entry = hash_seq_search(&status)) != NULL)
		databases[total++] = entry->key.dbid;
	qsort(databases, total, sizeof(Oid), oid_cmp);

	*nrows = 0;
	for (int i = 0; i < total; i++)
	{
		run = i > 0 && databases[i] == databases[i - 1] ? run + 1 : 1;
		if (run > *nrows)
		{
			*nrows = run;
			largest = databases[i];
		}
	}
	return largest;
}
