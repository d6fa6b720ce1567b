/*
 * migration_ledger.c
 *		Which tenant has which migrations: rows of tenant.applied_migration.
 *
 * This is the only file that knows the columns of this table, and of that for
 * snapshots, which are the same and a label.  They are read and written without
 * regard to privileges.
 *
 * The row says that the tenant has the migration; it is written by the same
 * transaction that gives it to the tenant, so one cannot be without the other.
 * Entries go by the tenant's id: they stay with it through renames, to the trash
 * and back.  A clone has the entries of its source at the moment of cloning.
 *
 * Whoever applies migrations to a tenant holds a lock on its entries.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/own_schema.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "binding/access.h"
#include "fleet/migration.h"
#include "fleet/migration_ledger.h"
#include "fleet/version_place.h"
#include "tenants/registry.h"

/* So much of the message of an error is kept, in bytes. */
#define MAX_MESSAGE_LENGTH		2000

/* Columns of tenant.applied_migration */
#define Anum_applied_tenant_id			1
#define Anum_applied_version			2
#define Anum_applied_run				3
#define Anum_applied_state				4
#define Anum_applied_statements_done	5
#define Anum_applied_attempts			6
#define Anum_applied_started_at			7
#define Anum_applied_duration			8
#define Anum_applied_sqlstate			9
#define Anum_applied_message			10
#define Anum_applied_fingerprint		11
#define Natts_applied					11

/* tenant.snapshot_migration has these and one more. */
#define Anum_kept_label					12
#define Natts_kept						12

#define LEDGER_TABLE		"applied_migration"
#define LEDGER_BY_TENANT	"applied_migration_pkey"
#define KEPT_TABLE			"snapshot_migration"
#define KEPT_BY_LABEL		"snapshot_migration_pkey"

/* What a scan of the ledger has found of a tenant */
typedef struct TenantProgress
{
	pg_uuid_t	id;				/* hash key */
	bool	   *has;			/* of each migration, is it there? */
} TenantProgress;

static const char *const state_names[] = {
	[LEDGER_PENDING] = "pending",
	[LEDGER_APPLIED] = "applied",
	[LEDGER_BASELINE] = "baseline",
	[LEDGER_FAILED] = "failed",
	[LEDGER_PARTIAL] = "partial"
};

static Relation open_ledger(LOCKMODE lockmode);
static SysScanDesc scan_ledger(Relation rel, const pg_uuid_t *tenant_id,
							   const char *version);
static SysScanDesc scan_version(Relation rel, const char *version);
static SysScanDesc scan_kept(Relation rel, const pg_uuid_t *tenant_id,
							 const char *label);
static LedgerEntry entry_from_tuple(HeapTuple tuple, TupleDesc desc);
static LedgerState state_from_text(const char *text);
static bool is_there(LedgerState state);
static int	compare_versions(const ListCell *a, const ListCell *b);
static bool is_known(void);
static bool find_holder(Relation rel, const char *version, AttrNumber label,
						LedgerHolder *holder);
static void note_latest(HTAB *latest, const Datum *values);
static LedgerFailure *failure_of(const Datum *values, const bool *nulls,
								 LedgerState state);
static void hold_entries(const pg_uuid_t *tenant_id);
static void copy_entries(const pg_uuid_t *from, const pg_uuid_t *to);
static void forget_entries(const pg_uuid_t *tenant_id);
static void keep_entries(const pg_uuid_t *tenant_id, const char *label);
static void copy_snapshot(const pg_uuid_t *tenant_id, const char *label,
						  const pg_uuid_t *to);
static void forget_snapshot(const pg_uuid_t *tenant_id, const char *label);
static void lock_entries(const pg_uuid_t *tenant_id, LOCKMODE lockmode);
static uint32 entries_number(const pg_uuid_t *tenant_id);
static void fill_attempt(const LedgerAttempt *attempt, int attempts,
						 Datum *values, bool *nulls);
static const char *clipped(const char *message);
static Datum text_or_null(const char *value, bool *isnull);
static void copy_rows(Relation from, SysScanDesc scan, Relation to,
					  const pg_uuid_t *tenant_id, const char *label);
static HTAB *read_progress(List *migrations);
static void note_row(HTAB *tenants, HTAB *places, int nmigrations,
					 const Datum *values);
static List *lacking(const TenantInfo *tenant, HTAB *tenants,
					 List *migrations);
static int	compare_pending(const ListCell *a, const ListCell *b);

PG_FUNCTION_INFO_V1(tenant_pending_migrations);

/* pending_migrations(): what the tenants that the user may see do not have. */
Datum
tenant_pending_migrations(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, tm_ledger_pending(NULL))
	{
		const PendingTenant *pending = lfirst(lc);
		TenantInfo *tenant = tm_registry_lookup(pending->name, true);
		ListCell   *version;

		if (tenant == NULL || !tm_access_may_see(tenant))
			continue;
		foreach(version, pending->versions)
		{
			Datum		values[2];
			bool		nulls[2] = {false, false};

			CHECK_FOR_INTERRUPTS();
			values[0] = CStringGetTextDatum(pending->name);
			values[1] = CStringGetTextDatum((char *) lfirst(version));
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
								 nulls);
		}
	}
	return (Datum) 0;
}

LedgerEntry
tm_ledger_lookup(const pg_uuid_t *tenant_id, const char *version)
{
	LedgerEntry entry = {.state = LEDGER_PENDING};
	Relation	rel = open_ledger(AccessShareLock);
	SysScanDesc scan = scan_ledger(rel, tenant_id, version);
	HeapTuple	tuple = systable_getnext(scan);

	if (tuple != NULL)
		entry = entry_from_tuple(tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return entry;
}

bool
tm_ledger_has(const pg_uuid_t *tenant_id, const char *version)
{
	return is_there(tm_ledger_lookup(tenant_id, version).state);
}

List *
tm_ledger_versions(const pg_uuid_t *tenant_id)
{
	Relation	rel = open_ledger(AccessShareLock);
	SysScanDesc scan = scan_ledger(rel, tenant_id, NULL);
	List	   *versions = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Datum		values[Natts_applied];
		bool		nulls[Natts_applied];

		CHECK_FOR_INTERRUPTS();
		tm_own_table_deform(tuple, RelationGetDescr(rel), Natts_applied,
							values, nulls);
		if (is_there(state_from_text(TextDatumGetCString(values[Anum_applied_state - 1]))))
			versions = lappend(versions,
							   TextDatumGetCString(values[Anum_applied_version - 1]));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(versions, compare_versions);
	return versions;
}

HTAB *
tm_ledger_latest(List **failures)
{
	HASHCTL		ctl = {.keysize = sizeof(pg_uuid_t),
	.entrysize = sizeof(LedgerLatest),.hcxt = CurrentMemoryContext};
	HTAB	   *latest = hash_create("tenant_mgr latest migrations", 256, &ctl,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	Relation	rel = open_ledger(AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Datum		values[Natts_applied];
		bool		nulls[Natts_applied];
		LedgerState state;

		CHECK_FOR_INTERRUPTS();
		tm_own_table_deform(tuple, RelationGetDescr(rel), Natts_applied,
							values, nulls);
		state = state_from_text(TextDatumGetCString(values[Anum_applied_state - 1]));
		if (is_there(state))
			note_latest(latest, values);
		else if (failures != NULL)
			*failures = lappend(*failures, failure_of(values, nulls, state));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return latest;
}

static void
note_latest(HTAB *latest, const Datum *values)
{
	char	   *version = TextDatumGetCString(values[Anum_applied_version - 1]);
	bool		found;
	LedgerLatest *entry = hash_search(latest,
									  DatumGetUUIDP(values[Anum_applied_tenant_id - 1]),
									  HASH_ENTER, &found);

	if (!found || tm_migration_compare(version, entry->version) > 0)
		entry->version = version;
}

static LedgerFailure *
failure_of(const Datum *values, const bool *nulls, LedgerState state)
{
	LedgerFailure *failure = palloc0(sizeof(LedgerFailure));

	failure->tenant_id = *DatumGetUUIDP(values[Anum_applied_tenant_id - 1]);
	failure->version = TextDatumGetCString(values[Anum_applied_version - 1]);
	failure->partial = state == LEDGER_PARTIAL;
	if (!nulls[Anum_applied_message - 1])
		failure->message = TextDatumGetCString(values[Anum_applied_message - 1]);
	return failure;
}

List *
tm_ledger_pending(const char *to_version)
{
	List	   *migrations = tm_migration_list(to_version);
	List	   *pending = NIL;
	HTAB	   *tenants;
	ListCell   *lc;

	if (migrations == NIL)
		return NIL;
	tenants = read_progress(migrations);
	foreach(lc, tm_registry_list())
	{
		const TenantInfo *tenant = lfirst(lc);
		List	   *versions;

		if (tenant->state == TENANT_TRASHED)
			continue;
		versions = lacking(tenant, tenants, migrations);
		if (versions != NIL)
		{
			PendingTenant *one = palloc0(sizeof(PendingTenant));

			one->id = tenant->id;
			strlcpy(one->name, tenant->name, NAMEDATALEN);
			strlcpy(one->schema_name, tenant->schema_name, NAMEDATALEN);
			one->is_template = tenant->is_template;
			one->versions = versions;
			pending = lappend(pending, one);
		}
	}
	hash_destroy(tenants);
	list_sort(pending, compare_pending);
	return pending;
}

void
tm_ledger_lock(const pg_uuid_t *tenant_id)
{
	lock_entries(tenant_id, ExclusiveLock);
}

bool
tm_ledger_try_lock(const pg_uuid_t *tenant_id)
{
	return tm_try_lock_object(tm_own_table_relid(LEDGER_TABLE),
							  entries_number(tenant_id), ExclusiveLock);
}

void
tm_ledger_record(const LedgerAttempt *attempt)
{
	Relation	rel = open_ledger(RowExclusiveLock);
	SysScanDesc scan = scan_ledger(rel, &attempt->tenant_id, attempt->version);
	HeapTuple	tuple = systable_getnext(scan);
	Datum		values[Natts_applied];
	bool		nulls[Natts_applied] = {0};

	if (tuple != NULL)
	{
		LedgerEntry entry = entry_from_tuple(tuple, RelationGetDescr(rel));
		bool		replace[Natts_applied];

		memset(replace, true, sizeof(replace));
		fill_attempt(attempt, entry.attempts + attempt->attempts, values,
					 nulls);
		tm_own_table_update(rel, &tuple->t_self, Natts_applied, values, nulls,
							replace);
	}
	else
	{
		fill_attempt(attempt, attempt->attempts, values, nulls);
		tm_own_table_insert(rel, Natts_applied, values, nulls);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
}

bool
tm_ledger_who_has(const char *version, LedgerHolder *holder)
{
	bool		found;
	Relation	rel = open_ledger(AccessShareLock);

	memset(holder, 0, sizeof(LedgerHolder));
	found = find_holder(rel, version, InvalidAttrNumber, holder);
	table_close(rel, AccessShareLock);
	if (found)
		return true;

	/* A rollback would bring it back. */
	rel = tm_own_table_open(KEPT_TABLE, Natts_kept, AccessShareLock);
	found = find_holder(rel, version, Anum_kept_label, holder);
	table_close(rel, AccessShareLock);
	return found;
}

/* In the ledger, or in that of snapshots, which has a label */
static bool
find_holder(Relation rel, const char *version, AttrNumber label,
			LedgerHolder *holder)
{
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = scan_version(rel, version);
	bool		found = false;
	HeapTuple	tuple;

	while (!found && (tuple = systable_getnext(scan)) != NULL)
	{
		TenantInfo *tenant;
		bool		isnull;
		Datum		id = heap_getattr(tuple, Anum_applied_tenant_id, desc,
									  &isnull);

		CHECK_FOR_INTERRUPTS();
		if (entry_from_tuple(tuple, desc).state == LEDGER_FAILED)
			continue;
		tenant = tm_registry_lookup_id(DatumGetUUIDP(id));
		if (tenant == NULL)
			continue;
		holder->tenant = pstrdup(tenant->name);
		if (label != InvalidAttrNumber)
			holder->label = TextDatumGetCString(heap_getattr(tuple, label,
															 desc, &isnull));
		found = true;
	}
	systable_endscan(scan);
	return found;
}

void
tm_ledger_forget_version(const char *version)
{
	Relation	rel = open_ledger(RowExclusiveLock);
	Relation	kept = tm_own_table_open(KEPT_TABLE, Natts_kept,
										 RowExclusiveLock);

	tm_own_table_delete_found(rel, scan_version(rel, version));
	tm_own_table_delete_found(kept, scan_version(kept, version));
	table_close(kept, NoLock);
	table_close(rel, NoLock);
}

const TenantFollower tm_ledger_follower = {
	.hold = hold_entries,
	.copy = copy_entries,
	.forget = forget_entries,
	.keep = keep_entries,
	.copy_snapshot = copy_snapshot,
	.forget_snapshot = forget_snapshot
};

/* The extension's objects may be older than the library. */
static bool
is_known(void)
{
	Oid			nspid = tm_own_schema();

	return OidIsValid(nspid) &&
		OidIsValid(get_relname_relid(KEPT_TABLE, nspid));
}

/* Nobody applies migrations while the tenant is copied. */
static void
hold_entries(const pg_uuid_t *tenant_id)
{
	if (is_known())
		lock_entries(tenant_id, ShareLock);
}

static void
copy_entries(const pg_uuid_t *from, const pg_uuid_t *to)
{
	Relation	rel;

	if (!is_known())
		return;
	rel = open_ledger(RowExclusiveLock);
	copy_rows(rel, scan_ledger(rel, from, NULL), rel, to, NULL);
	table_close(rel, NoLock);
}

static void
forget_entries(const pg_uuid_t *tenant_id)
{
	Relation	rel;

	if (!is_known())
		return;
	rel = open_ledger(RowExclusiveLock);
	tm_own_table_delete_found(rel, scan_ledger(rel, tenant_id, NULL));
	table_close(rel, NoLock);
}

static void
keep_entries(const pg_uuid_t *tenant_id, const char *label)
{
	Relation	rel;
	Relation	kept;

	if (!is_known())
		return;
	rel = open_ledger(AccessShareLock);
	kept = tm_own_table_open(KEPT_TABLE, Natts_kept, RowExclusiveLock);
	copy_rows(rel, scan_ledger(rel, tenant_id, NULL), kept, tenant_id, label);
	table_close(kept, NoLock);
	table_close(rel, AccessShareLock);
}

/* In place of what the tenant has now, if it is the one that goes back to it */
static void
copy_snapshot(const pg_uuid_t *tenant_id, const char *label,
			  const pg_uuid_t *to)
{
	Relation	rel;
	Relation	kept;

	if (!is_known())
		return;
	forget_entries(to);
	rel = open_ledger(RowExclusiveLock);
	kept = tm_own_table_open(KEPT_TABLE, Natts_kept, AccessShareLock);
	copy_rows(kept, scan_kept(kept, tenant_id, label), rel, to, NULL);
	table_close(kept, AccessShareLock);
	table_close(rel, NoLock);
}

static void
forget_snapshot(const pg_uuid_t *tenant_id, const char *label)
{
	Relation	kept;

	if (!is_known())
		return;
	kept = tm_own_table_open(KEPT_TABLE, Natts_kept, RowExclusiveLock);
	tm_own_table_delete_found(kept, scan_kept(kept, tenant_id, label));
	table_close(kept, NoLock);
}

static Relation
open_ledger(LOCKMODE lockmode)
{
	return tm_own_table_open(LEDGER_TABLE, Natts_applied, lockmode);
}

/* The entries of a tenant, or that about one version. */
static SysScanDesc
scan_ledger(Relation rel, const pg_uuid_t *tenant_id, const char *version)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], Anum_applied_tenant_id, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(tenant_id));
	if (version != NULL)
		ScanKeyInit(&keys[1], Anum_applied_version, BTEqualStrategyNumber,
					F_TEXTEQ, CStringGetTextDatum(version));
	return tm_own_table_scan(rel, LEDGER_BY_TENANT, version != NULL ? 2 : 1,
							 keys);
}

/* The entries about a version, in either table; there is no index for that. */
static SysScanDesc
scan_version(Relation rel, const char *version)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_applied_version, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(version));
	return systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
}

/* The entries of a snapshot. */
static SysScanDesc
scan_kept(Relation rel, const pg_uuid_t *tenant_id, const char *label)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], Anum_applied_tenant_id, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(tenant_id));
	ScanKeyInit(&keys[1], Anum_kept_label, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(label));
	return tm_own_table_scan(rel, KEPT_BY_LABEL, 2, keys);
}

static LedgerEntry
entry_from_tuple(HeapTuple tuple, TupleDesc desc)
{
	LedgerEntry entry = {0};
	Datum		values[Natts_applied];
	bool		nulls[Natts_applied];

	tm_own_table_deform(tuple, desc, Natts_applied, values, nulls);
	entry.state =
		state_from_text(TextDatumGetCString(values[Anum_applied_state - 1]));
	if (!nulls[Anum_applied_run - 1])
		entry.run = DatumGetInt64(values[Anum_applied_run - 1]);
	entry.statements_done =
		DatumGetInt32(values[Anum_applied_statements_done - 1]);
	entry.attempts = DatumGetInt32(values[Anum_applied_attempts - 1]);
	entry.failed = !nulls[Anum_applied_sqlstate - 1];
	if (!nulls[Anum_applied_fingerprint - 1])
		entry.fingerprint =
			TextDatumGetCString(values[Anum_applied_fingerprint - 1]);
	return entry;
}

static LedgerState
state_from_text(const char *text)
{
	for (int i = 0; i < (int) lengthof(state_names); i++)
	{
		if (strcmp(text, state_names[i]) == 0)
			return (LedgerState) i;
	}
	elog(ERROR, "unrecognized state \"%s\" in tenant.applied_migration", text);
	return LEDGER_PENDING;		/* keep compiler quiet */
}

static bool
is_there(LedgerState state)
{
	return state == LEDGER_APPLIED || state == LEDGER_BASELINE;
}

static int
compare_versions(const ListCell *a, const ListCell *b)
{
	return tm_migration_compare(lfirst(a), lfirst(b));
}

/* Until the end of the transaction. */
static void
lock_entries(const pg_uuid_t *tenant_id, LOCKMODE lockmode)
{
	LockDatabaseObject(tm_own_table_relid(LEDGER_TABLE),
					   entries_number(tenant_id), 0, lockmode);
}

/* Two tenants that have the same wait for each other, and that is all. */
static uint32
entries_number(const pg_uuid_t *tenant_id)
{
	return DatumGetUInt32(hash_any(tenant_id->data, UUID_LEN));
}

static void
fill_attempt(const LedgerAttempt *attempt, int attempts, Datum *values,
			 bool *nulls)
{
	Interval   *duration = palloc0(sizeof(Interval));

	duration->time = GetCurrentTimestamp() - attempt->started_at;
	values[Anum_applied_tenant_id - 1] = UUIDPGetDatum(&attempt->tenant_id);
	values[Anum_applied_version - 1] = CStringGetTextDatum(attempt->version);
	values[Anum_applied_run - 1] = Int64GetDatum(attempt->run);
	nulls[Anum_applied_run - 1] = attempt->run == 0;
	values[Anum_applied_state - 1] =
		CStringGetTextDatum(state_names[attempt->state]);
	values[Anum_applied_statements_done - 1] =
		Int32GetDatum(attempt->statements_done);
	values[Anum_applied_attempts - 1] = Int32GetDatum(attempts);
	values[Anum_applied_started_at - 1] =
		TimestampTzGetDatum(attempt->started_at);
	values[Anum_applied_duration - 1] = IntervalPGetDatum(duration);
	nulls[Anum_applied_duration - 1] = attempt->attempts == 0;
	values[Anum_applied_sqlstate - 1] =
		text_or_null(attempt->sqlerrcode != 0 ?
					 unpack_sql_state(attempt->sqlerrcode) : NULL,
					 &nulls[Anum_applied_sqlstate - 1]);
	values[Anum_applied_message - 1] =
		text_or_null(clipped(attempt->message),
					 &nulls[Anum_applied_message - 1]);
	values[Anum_applied_fingerprint - 1] =
		text_or_null(attempt->fingerprint,
					 &nulls[Anum_applied_fingerprint - 1]);
}

/* A tenant's code can raise a message of any length. */
static const char *
clipped(const char *message)
{
	if (message == NULL || strlen(message) <= MAX_MESSAGE_LENGTH)
		return message;
	return pnstrdup(message, pg_mbcliplen(message, strlen(message),
										  MAX_MESSAGE_LENGTH));
}

static Datum
text_or_null(const char *value, bool *isnull)
{
	*isnull = value == NULL;
	return value != NULL ? CStringGetTextDatum(value) : (Datum) 0;
}

/*
 * The rows that the scan finds, once more: for this tenant, and for a snapshot
 * if there is a label.  Ends the scan.
 */
static void
copy_rows(Relation from, SysScanDesc scan, Relation to,
		  const pg_uuid_t *tenant_id, const char *label)
{
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Datum		values[Natts_kept];
		bool		nulls[Natts_kept] = {0};

		CHECK_FOR_INTERRUPTS();
		tm_own_table_deform(tuple, RelationGetDescr(from), Natts_applied,
							values, nulls);
		values[Anum_applied_tenant_id - 1] = UUIDPGetDatum(tenant_id);
		if (label != NULL)
			values[Anum_kept_label - 1] = CStringGetTextDatum(label);
		tm_own_table_insert(to, label != NULL ? Natts_kept : Natts_applied,
							values, nulls);
	}
	systable_endscan(scan);
}

/*
 * What all tenants have of these migrations, in one scan of the ledger, in the
 * order in which its rows are stored.
 */
static HTAB *
read_progress(List *migrations)
{
	HASHCTL		control = {
		.keysize = sizeof(pg_uuid_t),
		.entrysize = sizeof(TenantProgress),
		.hcxt = CurrentMemoryContext
	};
	HTAB	   *tenants = hash_create("tenant_mgr ledger", 1024, &control,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	HTAB	   *places = tm_version_places(migrations);
	Relation	rel = open_ledger(AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Datum		values[Natts_applied];
		bool		nulls[Natts_applied];

		CHECK_FOR_INTERRUPTS();
		tm_own_table_deform(tuple, RelationGetDescr(rel), Natts_applied,
							values, nulls);
		note_row(tenants, places, list_length(migrations), values);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	hash_destroy(places);
	return tenants;
}

/* A row of the ledger: the tenant has the migration, or has not. */
static void
note_row(HTAB *tenants, HTAB *places, int nmigrations, const Datum *values)
{
	Datum		state = values[Anum_applied_state - 1];
	TenantProgress *progress;
	int			place;
	bool		found;

	if (!tm_text_is(state, state_names[LEDGER_APPLIED]) &&
		!tm_text_is(state, state_names[LEDGER_BASELINE]))
		return;
	place = tm_version_place(places, values[Anum_applied_version - 1]);
	if (place < 0)
		return;
	progress = hash_search(tenants,
						   DatumGetUUIDP(values[Anum_applied_tenant_id - 1]),
						   HASH_ENTER, &found);
	if (!found)
		progress->has = palloc0(sizeof(bool) * nmigrations);
	progress->has[place] = true;
}

/* What the tenant does not have; the versions are not copied. */
static List *
lacking(const TenantInfo *tenant, HTAB *tenants, List *migrations)
{
	const TenantProgress *progress = hash_search(tenants, &tenant->id,
												 HASH_FIND, NULL);
	List	   *versions = NIL;
	ListCell   *lc;

	foreach(lc, migrations)
	{
		const Migration *migration = lfirst(lc);

		if (progress == NULL || !progress->has[foreach_current_index(lc)])
			versions = lappend(versions, migration->version);
	}
	return versions;
}

/* Templates come first, then the order is that of the names. */
static int
compare_pending(const ListCell *a, const ListCell *b)
{
	const PendingTenant *left = lfirst(a);
	const PendingTenant *right = lfirst(b);

	if (left->is_template != right->is_template)
		return left->is_template ? -1 : 1;
	return strcmp(left->name, right->name);
}
