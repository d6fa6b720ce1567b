/*
 * health.c
 *		The health of connections, as all sessions know it.
 *
 * There is a record for each connection in shared memory, up to the number
 * tenant_mgr.health_slots.  They are found by database and id of the
 * connection, under one lock that is held for moments.  Nothing is written to
 * disk: after a restart nothing is known.
 *
 * The databases share the records.  When there are no more, a database that
 * has fewer than another gets one of the other's, of which nothing is known
 * then.  So each has as many as it wants or as many as any other.
 *
 * A record carries a fingerprint of the connection's row.  When the row leads
 * to another place, or logs in with another password, the record begins
 * afresh, so that nobody waits for a breaker that was opened by a mistake
 * that has been corrected.
 *
 * Without shared memory nothing is known of any connection, ever.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/own_table.h"
#include "base/relation_news.h"
#include "connections/conninfo.h"
#include "connections/health.h"
#include "connections/health_memory.h"
#include "connections/health_policy.h"
#include "connections/health_schedule.h"

/* A connection; bytes without padding */
typedef struct HealthKey
{
	Oid			dbid;			/* its database */
	pg_uuid_t	id;				/* its id there */
} HealthKey;

typedef struct HealthSlot
{
	HealthKey	key;			/* must be first */
	uint64		fingerprint;	/* of the row that the record is about */
	HealthRecord record;		/* what is known */
} HealthSlot;

/* A database */
typedef struct HealthShare
{
	Oid			dbid;			/* hash key */
	int			nslots;			/* so many slots are its connections' */
} HealthShare;

typedef struct HealthShared
{
	bool		full;			/* has it been told that there is no room? */
} HealthShared;

/* the records; written by tm_health_shmem_startup() */
static HTAB *slots = NULL;
static HTAB *shares = NULL;
static HealthShared *shared = NULL;
static LWLock *states_lock = NULL;

/* moved by the callback, which knows the table by its OID */
static uint64 table_generation = 0;
static Oid	connection_relid = InvalidOid;

/* does the transaction change connections? */
static bool announce_at_commit = false;

static Size shmem_size(void);
static HealthKey make_key(const pg_uuid_t *id);
static uint64 fingerprint_of(const ConnectionInfo *connection);
static HealthSlot *find_slot(const ConnectionInfo *connection,
							 uint64 fingerprint);
static bool take_slot_of_other(void);
static void remove_slot(HealthSlot *slot);
static void tell_no_room(void);
static HTAB *list_of_ids(List *connections);
static void note_change(Oid relid);
static void end_at_xact(XactEvent event, void *arg);

void
tm_health_shmem_request(void)
{
	if (tm_health_slots == 0)
		return;
	RequestAddinShmemSpace(shmem_size());
	tm_health_request_locks();
}

void
tm_health_shmem_startup(void)
{
	HASHCTL		info;
	bool		found;

	if (tm_health_slots == 0)
		return;
	states_lock = tm_health_lock(HEALTH_LOCK_STATES);
	shared = ShmemInitStruct("tenant_mgr health", sizeof(HealthShared),
							 &found);
	if (!found)
		shared->full = false;
	info.keysize = sizeof(HealthKey);
	info.entrysize = sizeof(HealthSlot);
	slots = ShmemInitHash("tenant_mgr health connections", tm_health_slots,
						  tm_health_slots, &info,
						  HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	info.keysize = sizeof(Oid);
	info.entrysize = sizeof(HealthShare);
	shares = ShmemInitHash("tenant_mgr health shares", tm_health_slots,
						   tm_health_slots, &info,
						   HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	tm_health_schedule_shmem_startup();
}

bool
tm_health_get(const pg_uuid_t *id, HealthState *state)
{
	HealthKey	key = make_key(id);
	HealthSlot *slot;
	bool		known;

	memset(state, 0, sizeof(HealthState));
	if (slots == NULL)
		return false;

	LWLockAcquire(states_lock, LW_SHARED);
	slot = hash_search(slots, &key, HASH_FIND, &known);
	if (known)
		*state = slot->record.state;
	LWLockRelease(states_lock);

	/* It may have come with a dump, for instance, of which nobody was told. */
	if (!known && !tm_health_schedule_has(MyDatabaseId))
		tm_health_schedule_announce(MyDatabaseId);
	return known;
}

List *
tm_health_list(void)
{
	HealthPolicy policy;
	HASH_SEQ_STATUS scan;
	HealthSlot *slot;
	HealthEntry *entries;
	List	   *list = NIL;
	int			nentries = 0;
	int			i;

	if (slots == NULL)
		return NIL;
	tm_health_policy(&policy);
	entries = palloc(sizeof(HealthEntry) * tm_health_slots);

	LWLockAcquire(states_lock, LW_SHARED);
	hash_seq_init(&scan, slots);
	while ((slot = hash_seq_search(&scan)) != NULL)
	{
		if (slot->key.dbid != MyDatabaseId || nentries == tm_health_slots)
			continue;
		entries[nentries].id = slot->key.id;
		entries[nentries].state = slot->record.state;
		entries[nentries].next_check = tm_health_record_due(&slot->record,
															&policy);
		nentries++;
	}
	LWLockRelease(states_lock);

	for (i = 0; i < nentries; i++)
		list = lappend(list, &entries[i]);
	return list;
}

void
tm_health_announce(void)
{
	static bool registered = false;

	if (slots == NULL)
		return;
	if (!registered)
	{
		RegisterXactCallback(end_at_xact, NULL);
		registered = true;
	}
	announce_at_commit = true;
}

uint64
tm_health_table_generation(void)
{
	tm_relation_news_to(note_change);
	connection_relid = tm_own_table_relid("connection");
	return table_generation;
}

static void
note_change(Oid relid)
{
	if (relid == InvalidOid || relid == connection_relid)
		table_generation++;
}

void
tm_health_announce_now(void)
{
	if (slots != NULL)
		tm_health_schedule_announce(MyDatabaseId);
}

bool
tm_health_is_due(const ConnectionInfo *connection, TimestampTz now,
				 HealthTurn *turn)
{
	uint64		fingerprint = fingerprint_of(connection);
	HealthPolicy policy;
	HealthSlot *slot;

	tm_health_policy(&policy);
	turn->due = DT_NOBEGIN;
	turn->suspect = false;
	LWLockAcquire(states_lock, LW_EXCLUSIVE);
	slot = find_slot(connection, fingerprint);
	if (slot != NULL && slot->record.state.last_checked != 0)
	{
		turn->due = tm_health_record_due(&slot->record, &policy);
		turn->suspect = tm_health_record_is_suspect(&slot->record,
													tm_health_timeout);

		/* The clock may have been set back. */
		if (slot->record.state.last_checked > now)
			turn->due = DT_NOBEGIN;
	}
	LWLockRelease(states_lock);
	if (slot == NULL)
	{
		tell_no_room();
		turn->due = DT_NOEND;
	}
	return slot != NULL && turn->due <= now;
}

void
tm_health_begin(const ConnectionInfo *connection)
{
	HealthKey	key = make_key(&connection->id);
	HealthSlot *slot;

	LWLockAcquire(states_lock, LW_EXCLUSIVE);
	slot = hash_search(slots, &key, HASH_FIND, NULL);
	if (slot != NULL)
	{
		tm_breaker_begin(&slot->record.breaker);
		slot->record.state.breaker = slot->record.breaker.state;
	}
	LWLockRelease(states_lock);
}

bool
tm_health_add(const ConnectionInfo *connection, const HealthFinding *finding,
			  HealthStatus *before, HealthStatus *after, TimestampTz *due)
{
	uint64		fingerprint = fingerprint_of(connection);
	HealthPolicy policy;
	HealthSlot *slot;

	*due = DT_NOEND;
	if (slots == NULL)
		return false;
	tm_health_policy(&policy);

	LWLockAcquire(states_lock, LW_EXCLUSIVE);
	slot = find_slot(connection, fingerprint);
	if (slot != NULL)
	{
		*before = slot->record.state.status;
		tm_health_record_add(&slot->record, finding, &policy);
		*after = slot->record.state.status;
		*due = tm_health_record_due(&slot->record, &policy);
	}
	LWLockRelease(states_lock);
	if (slot == NULL)
		tell_no_room();
	return slot != NULL;
}

void
tm_health_keep_only(List *connections)
{
	HTAB	   *listed = list_of_ids(connections);
	HASH_SEQ_STATUS scan;
	HealthSlot *slot;

	LWLockAcquire(states_lock, LW_EXCLUSIVE);
	hash_seq_init(&scan, slots);
	while ((slot = hash_seq_search(&scan)) != NULL)
	{
		if (slot->key.dbid == MyDatabaseId &&
			hash_search(listed, &slot->key.id, HASH_FIND, NULL) == NULL)
			remove_slot(slot);
	}
	LWLockRelease(states_lock);
	hash_destroy(listed);
}

void
tm_health_forget_database(Oid dbid)
{
	HASH_SEQ_STATUS scan;
	HealthSlot *slot;

	LWLockAcquire(states_lock, LW_EXCLUSIVE);
	hash_seq_init(&scan, slots);
	while ((slot = hash_seq_search(&scan)) != NULL)
	{
		if (slot->key.dbid == dbid)
			remove_slot(slot);
	}
	LWLockRelease(states_lock);
}

static Size
shmem_size(void)
{
	Size		size = MAXALIGN(sizeof(HealthShared));

	size = add_size(size, hash_estimate_size(tm_health_slots,
											 sizeof(HealthSlot)));
	size = add_size(size, hash_estimate_size(tm_health_slots,
											 sizeof(HealthShare)));
	return add_size(size, tm_health_schedule_shmem_size());
}

static HealthKey
make_key(const pg_uuid_t *id)
{
	HealthKey	key;

	key.dbid = MyDatabaseId;
	key.id = *id;
	return key;
}

/* Of the password only its envelope takes part. */
static uint64
fingerprint_of(const ConnectionInfo *connection)
{
	bytea	   *password = connection->password;
	StringInfoData bytes;
	uint64		hash;

	initStringInfo(&bytes);
	appendStringInfoString(&bytes, tm_conninfo_build(connection, NULL));
	appendStringInfoString(&bytes, connection->role);
	if (password != NULL)
		appendBinaryStringInfo(&bytes, VARDATA_ANY(password),
							   VARSIZE_ANY_EXHDR(password));
	hash = hash_bytes_extended((unsigned char *) bytes.data, bytes.len, 0);
	pfree(bytes.data);
	return hash;
}

/* The connection's slot, made if need be, or NULL; the lock is held. */
static HealthSlot *
find_slot(const ConnectionInfo *connection, uint64 fingerprint)
{
	HealthKey	key = make_key(&connection->id);
	HealthSlot *slot;
	bool		found;

	slot = hash_search(slots, &key, HASH_FIND, &found);
	if (!found)
	{
		HealthShare *share;
		bool		counted;

		if (hash_get_num_entries(slots) < tm_health_slots)
			shared->full = false;
		else if (!take_slot_of_other())
			return NULL;
		share = hash_search(shares, &key.dbid, HASH_ENTER_NULL, &counted);
		if (share == NULL)
			return NULL;
		if (!counted)
			share->nslots = 0;
		slot = hash_search(slots, &key, HASH_ENTER_NULL, NULL);
		if (slot == NULL)
			return NULL;
		share->nslots++;
	}
	if (!found || slot->fingerprint != fingerprint)
	{
		memset(&slot->record, 0, sizeof(HealthRecord));
		slot->fingerprint = fingerprint;
	}
	return slot;
}

/*
 * Take one from the database that has most, if that leaves it no fewer than
 * this one has then.
 */
static bool
take_slot_of_other(void)
{
	HASH_SEQ_STATUS scan;
	HealthShare *share;
	HealthSlot *slot;
	Oid			richest = InvalidOid;
	int			ours = 0;
	int			most = 0;

	hash_seq_init(&scan, shares);
	while ((share = hash_seq_search(&scan)) != NULL)
	{
		if (share->dbid == MyDatabaseId)
			ours = share->nslots;
		else if (share->nslots > most)
		{
			richest = share->dbid;
			most = share->nslots;
		}
	}
	if (most <= ours + 1)
		return false;

	hash_seq_init(&scan, slots);
	while ((slot = hash_seq_search(&scan)) != NULL)
	{
		if (slot->key.dbid != richest)
			continue;
		remove_slot(slot);
		hash_seq_term(&scan);
		return true;
	}
	return false;
}

/* The lock is held exclusively. */
static void
remove_slot(HealthSlot *slot)
{
	HealthShare *share = hash_search(shares, &slot->key.dbid, HASH_FIND,
									 NULL);

	if (share != NULL && --share->nslots == 0)
		hash_search(shares, &share->dbid, HASH_REMOVE, NULL);
	hash_search(slots, &slot->key, HASH_REMOVE, NULL);
}

/* Once, not with every round. */
static void
tell_no_room(void)
{
	bool		told;

	LWLockAcquire(states_lock, LW_EXCLUSIVE);
	told = shared->full;
	shared->full = true;
	LWLockRelease(states_lock);
	if (!told)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("there are more connections than tenant_mgr.health_slots, which is %d",
						tm_health_slots),
				 errhint("Increase the setting and restart the server; the health of the others is not known.")));
}

/* Made before the lock is taken, and only read while it is held. */
static HTAB *
list_of_ids(List *connections)
{
	HASHCTL		info;
	HTAB	   *ids;
	ListCell   *lc;

	info.keysize = sizeof(pg_uuid_t);
	info.entrysize = sizeof(pg_uuid_t);
	info.hcxt = CurrentMemoryContext;
	ids = hash_create("tenant_mgr connections", 256, &info,
					  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, connections)
		hash_search(ids, &((ConnectionInfo *) lfirst(lc))->id, HASH_ENTER,
					NULL);
	return ids;
}

/* Others see the change from now on. */
static void
end_at_xact(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if (announce_at_commit)
				tm_health_schedule_announce(MyDatabaseId);
			announce_at_commit = false;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			announce_at_commit = false;
			break;
		default:
			break;
	}
}
