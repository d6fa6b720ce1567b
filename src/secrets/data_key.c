/*
 * data_key.c
 *		The keys that secrets are sealed with: rows of tenant.data_key.
 *
 * This is the only file that knows the columns of that table, which is read
 * and written like the registry.  A scope is a tenant, by its id, or the
 * database, as an id of zeros.  It has a key for each version; the highest
 * one that has not been shredded seals.  A row holds its key in a box that
 * the root key of the version named beside it has sealed, bound to scope,
 * version and root key.  The root key's check value tells a ring that has
 * another key under that version from a row that was tampered with.
 *
 * What is derived from a data key for a use of it is remembered (key_cache.c);
 * the data key itself is in memory for a moment only.  Whatever may make a key
 * another one, or none, invalidates the table's relation cache entry.  To wrap
 * a key again does not.
 *
 * No key is made with a root key that is not the current one any more when it
 * is committed and a rotation is over: whoever makes one has the table locked
 * from before it looks at the ring until it ends, and a rotation waits for
 * that after it has looked.
 *
 * What is done with the keys of a scope is done under a lock (key_lock.c), after
 * those on names and schemas of tenants.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/crypto.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "secrets/data_key.h"
#include "secrets/key_cache.h"
#include "secrets/key_lock.h"
#include "secrets/keyring.h"
#include "tenants/tenant_lock.h"

/* Columns of tenant.data_key */
#define Anum_data_key_scope			1
#define Anum_data_key_version		2
#define Anum_data_key_wrapped		3
#define Anum_data_key_root_version	4
#define Anum_data_key_root_check	5
#define Anum_data_key_created_at	6
#define Anum_data_key_shredded_at	7
#define Natts_data_key				7

#define DATA_KEY_TABLE	"data_key"
#define DATA_KEY_INDEX	"data_key_pkey"

/* Data keys are wrapped with this algorithm, which every machine has. */
#define WRAP_ALGORITHM	CRYPTO_XCHACHA20_POLY1305
#define WRAPPED_BYTES	(TM_CRYPTO_KEY_BYTES + TM_CRYPTO_OVERHEAD)

/* A row, and what opens it */
typedef struct DataKeyRow
{
	DataKeyInfo info;			/* what may be told about it */
	bool		valid;			/* are both values of the right size? */
	unsigned char wrapped[WRAPPED_BYTES];	/* the box, unless shredded */
} DataKeyRow;

/* what keys of each KeyDomain are derived for */
static const char *const domain_purposes[] = {
	"tenant_mgr secret",
	"tenant_mgr own secret",
	"tenant_mgr secret of another"
};

/* the one that is just worked on, in guarded memory; made by key_memory() */
static unsigned char *current_key = NULL;

static Relation open_table(LOCKMODE lockmode);
static unsigned char *key_memory(void);
static void wipe_key(void);
static const KeyAtHand *derive_keys(const KeyUse *use, int32 version,
									int32 remembered_as, uint64 as_of);
static bool find_newest(Relation rel, const pg_uuid_t *scope,
						DataKeyRow *newest, int32 *last_version);
static bool find_version(Relation rel, const pg_uuid_t *scope, int32 version,
						 DataKeyRow *row);
static SysScanDesc scan_scope(Relation rel, const pg_uuid_t *scope);
static void row_from_tuple(HeapTuple tuple, TupleDesc desc, DataKeyRow *row);
static bool bytes_from_datum(Datum value, bool isnull, void *bytes, Size size);
static Datum datum_from_bytes(const void *bytes, Size size);
static bool is_wrapped_by(const DataKeyRow *row, const RootKey *root);
static void unwrap(const DataKeyRow *row);
static char *try_unwrap(const DataKeyRow *row);
static bool open_row(const RootKey *root, const DataKeyRow *row);
static void wrap(DataKeyRow *row);
static uint64 new_key(Relation rel, const pg_uuid_t *scope,
					  DataKeyRow *row);
static int32 last_uncommitted_version(Relation rel,
									  const pg_uuid_t *scope);
static void make_key(Relation rel, DataKeyRow *row);
static void derive_wrapping_keys(const RootKey *root, const DataKeyRow *row,
								 CryptoKeys *keys);
static void rewrap_error_context(void *arg);
static void remove_keys(const pg_uuid_t *scope, bool keep_record);

const CryptoKeys *
tm_data_key_to_seal(const KeyUse *use, int32 *version)
{
	Oid			relid = tm_key_cache_relid();
	const KeyAtHand *at_hand = NULL;
	Relation	rel;
	DataKeyRow	row;
	int32		last_version;
	uint64		as_of;

	/* Lock first, then look. */
	if (OidIsValid(relid))
	{
		tm_key_lock_to_seal(relid, &use->scope);
		at_hand = tm_key_cache_recall(use, TM_KEY_TO_SEAL);
	}
	if (at_hand == NULL)
	{
		rel = open_table(AccessShareLock);
		tm_key_lock_to_seal(RelationGetRelid(rel), &use->scope);
		as_of = tm_key_cache_generation();
		if (find_newest(rel, &use->scope, &row, &last_version))
			unwrap(&row);
		else
			as_of = new_key(rel, &use->scope, &row);
		table_close(rel, AccessShareLock);
		at_hand = derive_keys(use, row.info.version, TM_KEY_TO_SEAL, as_of);
	}

	*version = at_hand->version;
	return &at_hand->keys;
}

const CryptoKeys *
tm_data_key_to_open(const KeyUse *use, int32 version)
{
	const KeyAtHand *at_hand = tm_key_cache_recall(use, version);
	Relation	rel;
	DataKeyRow	row;
	uint64		as_of;
	bool		found;

	if (at_hand != NULL)
		return &at_hand->keys;

	rel = open_table(AccessShareLock);
	as_of = tm_key_cache_generation();
	found = find_version(rel, &use->scope, version, &row);
	table_close(rel, AccessShareLock);
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NO_KEY),
				 errmsg("data key version %d does not exist", version)));
	if (row.info.shredded)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_SECRET_SEALED),
				 errmsg("data key version %d has been shredded", version)));
	unwrap(&row);
	return &derive_keys(use, version, version, as_of)->keys;
}

List *
tm_data_key_list(void)
{
	Relation	rel = tm_own_table_open(DATA_KEY_TABLE, Natts_data_key,
										AccessShareLock);
	SysScanDesc scan = tm_own_table_scan(rel, DATA_KEY_INDEX, 0, NULL);
	List	   *keys = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		DataKeyInfo *info = palloc(sizeof(DataKeyInfo));
		DataKeyRow	row;

		CHECK_FOR_INTERRUPTS();
		row_from_tuple(tuple, RelationGetDescr(rel), &row);
		*info = row.info;
		keys = lappend(keys, info);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return keys;
}

/*
 * What a transaction that has not ended removes, or wraps anew, is listed as
 * well, for that may be rolled back.
 */
List *
tm_data_key_list_uncommitted(void)
{
	Relation	rel = tm_own_table_open(DATA_KEY_TABLE, Natts_data_key,
										AccessShareLock);
	SnapshotData dirty;
	TableScanDesc scan;
	List	   *keys = NIL;
	HeapTuple	tuple;

	InitDirtySnapshot(dirty);
	scan = table_beginscan(rel, &dirty, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		DataKeyInfo *info = palloc(sizeof(DataKeyInfo));
		DataKeyRow	row;

		CHECK_FOR_INTERRUPTS();
		row_from_tuple(tuple, RelationGetDescr(rel), &row);
		*info = row.info;
		keys = lappend(keys, info);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);

	return keys;
}

void
tm_data_key_await_makers(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId,
						 tm_own_table_relid(DATA_KEY_TABLE));
	WaitForLockers(tag, ShareLock, false);
}

bool
tm_data_key_is_intact(const DataKeyInfo *info)
{
	Relation	rel = tm_own_table_open(DATA_KEY_TABLE, Natts_data_key,
										AccessShareLock);
	const RootKey *root = tm_keyring_find(info->root_version);
	DataKeyRow	row;
	bool		intact = true;

	/* Somebody may have changed it in a proper way since it was listed. */
	if (root != NULL &&
		find_version(rel, &info->scope, info->version, &row) &&
		!row.info.shredded && row.info.root_version == info->root_version)
	{
		intact = open_row(root, &row);
		wipe_key();
	}
	table_close(rel, AccessShareLock);

	return intact;
}

DataKeyRewrap
tm_data_key_rewrap(const DataKeyInfo *info, char **problem)
{
	Relation	rel = tm_own_table_open(DATA_KEY_TABLE, Natts_data_key,
										RowExclusiveLock);
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = rewrap_error_context,
		.arg = unconstify(DataKeyInfo *, info)
	};
	SysScanDesc scan;
	HeapTuple	tuple;
	DataKeyRewrap result = REWRAP_NOT_NEEDED;

	*problem = NULL;
	error_context_stack = &callback;
	tm_key_lock_to_rewrap(RelationGetRelid(rel), &info->scope);
	scan = scan_scope(rel, &info->scope);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		TupleDesc	desc = RelationGetDescr(rel);
		Datum		values[Natts_data_key] = {0};
		bool		nulls[Natts_data_key] = {0};
		bool		replace[Natts_data_key] = {0};
		DataKeyRow	row;

		row_from_tuple(tuple, desc, &row);
		if (row.info.version != info->version || row.info.shredded ||
			is_wrapped_by(&row, tm_keyring_current()))
			continue;

		*problem = try_unwrap(&row);
		if (*problem != NULL)
		{
			result = REWRAP_IMPOSSIBLE;
			break;
		}
		wrap(&row);
		wipe_key();
		values[Anum_data_key_wrapped - 1] =
			datum_from_bytes(row.wrapped, WRAPPED_BYTES);
		values[Anum_data_key_root_version - 1] =
			Int32GetDatum(row.info.root_version);
		values[Anum_data_key_root_check - 1] =
			datum_from_bytes(row.info.root_check, TM_CRYPTO_CHECK_BYTES);
		replace[Anum_data_key_wrapped - 1] = true;
		replace[Anum_data_key_root_version - 1] = true;
		replace[Anum_data_key_root_check - 1] = true;
		tm_own_table_update(rel, &tuple->t_self, Natts_data_key,
							values, nulls, replace);
		result = REWRAP_DONE;
		break;
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	CommandCounterIncrement();
	error_context_stack = callback.previous;

	return result;
}

void
tm_data_key_shred(const pg_uuid_t *scope)
{
	remove_keys(scope, true);
}

void
tm_data_key_forget(const pg_uuid_t *scope)
{
	remove_keys(scope, false);
}

static Relation
open_table(LOCKMODE lockmode)
{
	Relation	rel = tm_own_table_open(DATA_KEY_TABLE, Natts_data_key,
										lockmode);

	tm_key_cache_watch(RelationGetRelid(rel));
	return rel;
}

/* Made once, so that there is no memory to give back after an error. */
static unsigned char *
key_memory(void)
{
	if (current_key == NULL)
		current_key = tm_crypto_alloc_guarded(TM_CRYPTO_KEY_BYTES);
	return current_key;
}

static void
wipe_key(void)
{
	tm_crypto_wipe(current_key, TM_CRYPTO_KEY_BYTES);
}

/* From current_key, which is the data key of that version and goes away. */
static const KeyAtHand *
derive_keys(const KeyUse *use, int32 version, int32 remembered_as,
			uint64 as_of)
{
	StringInfoData text;
	KeyAtHand  *at_hand;

	tm_crypto_use_begin(&text, domain_purposes[use->domain]);
	tm_crypto_use_bytes(&text, use->scope.data, UUID_LEN);
	tm_crypto_use_number(&text, version);
	tm_crypto_use_bytes(&text, use->context, use->context_size);

	at_hand = tm_key_cache_place(use, remembered_as, as_of);
	at_hand->version = version;
	tm_crypto_derive(use->algorithm, current_key, &text, &at_hand->keys);
	wipe_key();
	pfree(text.data);
	return at_hand;
}

/* The key that seals.  The last version counts those that are shredded. */
static bool
find_newest(Relation rel, const pg_uuid_t *scope, DataKeyRow *newest,
			int32 *last_version)
{
	SysScanDesc scan = scan_scope(rel, scope);
	HeapTuple	tuple;
	bool		found = false;

	*last_version = 0;
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		DataKeyRow	row;

		row_from_tuple(tuple, RelationGetDescr(rel), &row);
		*last_version = Max(*last_version, row.info.version);
		if (row.info.shredded ||
			(found && row.info.version < newest->info.version))
			continue;
		*newest = row;
		found = true;
	}
	systable_endscan(scan);

	return found;
}

static bool
find_version(Relation rel, const pg_uuid_t *scope, int32 version,
			 DataKeyRow *row)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_data_key_scope, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(scope));
	ScanKeyInit(&keys[1], Anum_data_key_version, BTEqualStrategyNumber,
				F_INT4EQ, Int32GetDatum(version));
	scan = tm_own_table_scan(rel, DATA_KEY_INDEX, 2, keys);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
		row_from_tuple(tuple, RelationGetDescr(rel), row);
	systable_endscan(scan);

	return tuple != NULL;
}

static SysScanDesc
scan_scope(Relation rel, const pg_uuid_t *scope)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_data_key_scope, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(scope));
	return tm_own_table_scan(rel, DATA_KEY_INDEX, 1, &key);
}

static void
row_from_tuple(HeapTuple tuple, TupleDesc desc, DataKeyRow *row)
{
	Datum		values[Natts_data_key];
	bool		nulls[Natts_data_key];

	memset(row, 0, sizeof(*row));
	tm_own_table_deform(tuple, desc, Natts_data_key, values, nulls);
	row->info.scope = *DatumGetUUIDP(values[Anum_data_key_scope - 1]);
	row->info.version = DatumGetInt32(values[Anum_data_key_version - 1]);
	row->info.root_version =
		DatumGetInt32(values[Anum_data_key_root_version - 1]);
	row->info.shredded = nulls[Anum_data_key_wrapped - 1];
	row->valid =
		bytes_from_datum(values[Anum_data_key_wrapped - 1],
						 nulls[Anum_data_key_wrapped - 1],
						 row->wrapped, WRAPPED_BYTES) &&
		bytes_from_datum(values[Anum_data_key_root_check - 1],
						 nulls[Anum_data_key_root_check - 1],
						 row->info.root_check, TM_CRYPTO_CHECK_BYTES);
}

/* A bytea of exactly this size? */
static bool
bytes_from_datum(Datum value, bool isnull, void *bytes, Size size)
{
	bytea	   *varlena;

	if (isnull)
		return false;
	varlena = DatumGetByteaPP(value);
	if (VARSIZE_ANY_EXHDR(varlena) != size)
		return false;
	memcpy(bytes, VARDATA_ANY(varlena), size);
	return true;
}

static Datum
datum_from_bytes(const void *bytes, Size size)
{
	bytea	   *varlena = palloc(VARHDRSZ + size);

	SET_VARSIZE(varlena, VARHDRSZ + size);
	memcpy(VARDATA(varlena), bytes, size);
	return PointerGetDatum(varlena);
}

/* By that very key, not by another one of its version? */
static bool
is_wrapped_by(const DataKeyRow *row, const RootKey *root)
{
	return row->valid && row->info.root_version == root->version &&
		tm_crypto_same(root->check, row->info.root_check,
					   TM_CRYPTO_CHECK_BYTES);
}

/* Put the row's key into current_key. */
static void
unwrap(const DataKeyRow *row)
{
	const RootKey *root = tm_keyring_lookup(row->info.root_version);

	if (row->valid &&
		!tm_crypto_same(root->check, row->info.root_check, TM_CRYPTO_CHECK_BYTES))
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NO_KEY),
				 errmsg("root key version %d in the key ring is not the one that data keys were wrapped with",
						row->info.root_version),
				 errhint("Put the former key of that version back, and give the new one a higher version.")));

	if (!open_row(root, row))
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_SECRET_SEALED),
				 errmsg("data key version %d cannot be opened",
						row->info.version),
				 errdetail("Its row in tenant.data_key has been changed.")));
}

/* The same; returns NULL, or why it cannot be. */
static char *
try_unwrap(const DataKeyRow *row)
{
	int32		version = row->info.root_version;
	const RootKey *root = tm_keyring_find(version);

	if (root == NULL)
		return psprintf(_("Root key version %d is not in the key ring."),
						version);
	if (row->valid &&
		!tm_crypto_same(root->check, row->info.root_check, TM_CRYPTO_CHECK_BYTES))
		return psprintf(_("Root key version %d in the key ring is not the one that data keys were wrapped with."),
						version);
	if (!open_row(root, row))
		return pstrdup(_("Its row in tenant.data_key has been changed."));
	return NULL;
}

/* The same, with the right root key; false if the row has been changed. */
static bool
open_row(const RootKey *root, const DataKeyRow *row)
{
	CryptoKeys	keys;
	bool		opened;

	derive_wrapping_keys(root, row, &keys);
	opened = row->valid &&
		tm_crypto_open(WRAP_ALGORITHM, &keys, NULL, 0, row->wrapped,
					   WRAPPED_BYTES, key_memory());
	tm_crypto_wipe(&keys, sizeof(keys));
	return opened;
}

/* Put current_key into the row, under the current root key. */
static void
wrap(DataKeyRow *row)
{
	const RootKey *root = tm_keyring_current();
	CryptoKeys	keys;

	row->info.root_version = root->version;
	memcpy(row->info.root_check, root->check, TM_CRYPTO_CHECK_BYTES);
	row->valid = true;
	derive_wrapping_keys(root, row, &keys);
	tm_crypto_seal(WRAP_ALGORITHM, &keys, NULL, 0, current_key,
				   TM_CRYPTO_KEY_BYTES, row->wrapped);
	tm_crypto_wipe(&keys, sizeof(keys));
}

/*
 * Another key for a scope that has none which seals.  The caller holds the
 * lock on the scope.  Returns the generation that the row belongs to.
 */
static uint64
new_key(Relation rel, const pg_uuid_t *scope, DataKeyRow *row)
{
	int32		last_version;
	uint64		as_of;

	tm_tenant_lock_begin("tenant.encrypt()");
	tm_key_lock_to_make(RelationGetRelid(rel), scope);

	/* Somebody else may have made it while we waited. */
	as_of = tm_key_cache_generation();
	if (find_newest(rel, scope, row, &last_version))
	{
		unwrap(row);
		return as_of;
	}
	last_version = Max(last_version, last_uncommitted_version(rel, scope));
	if (last_version == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are no more versions of data keys")));
	memset(row, 0, sizeof(*row));
	row->info.scope = *scope;
	row->info.version = last_version + 1;
	make_key(rel, row);
	tm_key_lock_note_made(scope);
	return tm_key_cache_generation();
}

/* Of a key that is made by a transaction which has been prepared, or 0 */
static int32
last_uncommitted_version(Relation rel, const pg_uuid_t *scope)
{
	int32		version = 0;
	SnapshotData dirty;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	InitDirtySnapshot(dirty);
	ScanKeyInit(&key, Anum_data_key_scope, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(scope));
	scan = tm_own_table_scan_as_of(rel, DATA_KEY_INDEX, &dirty, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		DataKeyRow	row;

		row_from_tuple(tuple, RelationGetDescr(rel), &row);
		version = Max(version, row.info.version);
	}
	systable_endscan(scan);
	return version;
}

/* A new key into current_key and, wrapped, into the table. */
static void
make_key(Relation rel, DataKeyRow *row)
{
	Datum		values[Natts_data_key] = {0};
	bool		nulls[Natts_data_key] = {0};

	/*
	 * A rotation waits for whoever has this lock, which unlike the caller's
	 * is kept.  Lock first, then look at the ring: whoever comes after the
	 * rotation sees what that has seen.
	 */
	LockRelationOid(RelationGetRelid(rel), RowExclusiveLock);
	tm_keyring_refresh();
	tm_crypto_random(key_memory(), TM_CRYPTO_KEY_BYTES);
	wrap(row);
	values[Anum_data_key_scope - 1] = UUIDPGetDatum(&row->info.scope);
	values[Anum_data_key_version - 1] = Int32GetDatum(row->info.version);
	values[Anum_data_key_wrapped - 1] =
		datum_from_bytes(row->wrapped, WRAPPED_BYTES);
	values[Anum_data_key_root_version - 1] =
		Int32GetDatum(row->info.root_version);
	values[Anum_data_key_root_check - 1] =
		datum_from_bytes(row->info.root_check, TM_CRYPTO_CHECK_BYTES);
	values[Anum_data_key_created_at - 1] =
		TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	nulls[Anum_data_key_shredded_at - 1] = true;

	tm_own_table_insert(rel, Natts_data_key, values, nulls);
	CacheInvalidateRelcache(rel);
	CommandCounterIncrement();
}

/* A data key is bound to its scope, its version and the root key. */
static void
derive_wrapping_keys(const RootKey *root, const DataKeyRow *row,
					 CryptoKeys *keys)
{
	StringInfoData use;

	tm_crypto_use_begin(&use, "tenant_mgr data key");
	tm_crypto_use_bytes(&use, row->info.scope.data, UUID_LEN);
	tm_crypto_use_number(&use, row->info.version);
	tm_crypto_use_number(&use, row->info.root_version);
	tm_crypto_use_bytes(&use, row->info.root_check, TM_CRYPTO_CHECK_BYTES);
	tm_crypto_derive(WRAP_ALGORITHM, root->key, &use, keys);
	pfree(use.data);
}

/* Among many, which one was it? */
static void
rewrap_error_context(void *arg)
{
	const DataKeyInfo *info = arg;

	errcontext("data key version %d of scope %s", info->version,
			   DatumGetCString(DirectFunctionCall1(uuid_out,
												   UUIDPGetDatum(&info->scope))));
}

static void
remove_keys(const pg_uuid_t *scope, bool keep_record)
{
	Relation	rel = tm_own_table_open(DATA_KEY_TABLE, Natts_data_key,
										RowExclusiveLock);
	SysScanDesc scan;
	HeapTuple	tuple;

	tm_key_lock_to_remove(RelationGetRelid(rel), scope);
	scan = scan_scope(rel, scope);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Datum		values[Natts_data_key] = {0};
		bool		nulls[Natts_data_key] = {0};
		bool		replace[Natts_data_key] = {0};
		DataKeyRow	row;

		row_from_tuple(tuple, RelationGetDescr(rel), &row);
		if (!keep_record)
		{
			tm_own_table_delete(rel, &tuple->t_self);
			continue;
		}
		if (row.info.shredded)
			continue;
		nulls[Anum_data_key_wrapped - 1] = true;
		replace[Anum_data_key_wrapped - 1] = true;
		values[Anum_data_key_shredded_at - 1] =
			TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
		replace[Anum_data_key_shredded_at - 1] = true;
		tm_own_table_update(rel, &tuple->t_self, Natts_data_key,
							values, nulls, replace);
	}
	systable_endscan(scan);
	CacheInvalidateRelcache(rel);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}
