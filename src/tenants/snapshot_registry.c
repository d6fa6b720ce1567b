/*
 * snapshot_registry.c
 *		The snapshots of tenants: rows of tenant.snapshot_registry.
 *
 * This is the only file that knows the columns of that table.  Like the
 * registry it is read and written without regard to privileges on it.
 *
 * A snapshot refers to its tenant by the tenant's id, so it follows a rename
 * and goes with the tenant to the trash and back.  One whose tenant is gone
 * is of no use to anybody, and due to be purged.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "tenants/registry.h"
#include "tenants/snapshot_registry.h"

/* Columns of tenant.snapshot_registry */
#define Anum_snapshot_tenant_id		1
#define Anum_snapshot_label			2
#define Anum_snapshot_schema_name	3
#define Anum_snapshot_created_at	4
#define Anum_snapshot_created_by	5
#define Anum_snapshot_purging		6
#define Natts_snapshot				6

#define SNAPSHOT_LABEL_INDEX		"snapshot_registry_pkey"
#define SNAPSHOT_SCHEMA_INDEX		"snapshot_registry_schema_name_key"

/* the setting; written by the GUC machinery only */
int			tm_snapshot_retention = 0;

static SnapshotInfo *first_match(const char *index, int nkeys, ScanKey keys);
static SnapshotInfo *info_from_tuple(HeapTuple tuple, TupleDesc desc);
static void change_row(const SnapshotInfo *snapshot, AttrNumber attno,
					   Datum value);
static void owners_changed(Relation rel);

SnapshotInfo *
tm_snapshot_lookup(const pg_uuid_t *tenant_id, const char *label)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], Anum_snapshot_tenant_id, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(tenant_id));
	ScanKeyInit(&keys[1], Anum_snapshot_label, BTEqualStrategyNumber,
				F_TEXTEQ, CStringGetTextDatum(label));
	return first_match(SNAPSHOT_LABEL_INDEX, 2, keys);
}

SnapshotInfo *
tm_snapshot_lookup_schema(const char *schema)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_snapshot_schema_name, BTEqualStrategyNumber,
				F_TEXTEQ, CStringGetTextDatum(schema));
	return first_match(SNAPSHOT_SCHEMA_INDEX, 1, &key);
}

List *
tm_snapshot_list(const pg_uuid_t *tenant_id)
{
	Relation	rel = tm_own_table_open("snapshot_registry", Natts_snapshot,
										AccessShareLock);
	List	   *snapshots = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (tenant_id != NULL)
		ScanKeyInit(&key, Anum_snapshot_tenant_id, BTEqualStrategyNumber,
					F_UUID_EQ, UUIDPGetDatum(tenant_id));
	scan = tm_own_table_scan(rel, SNAPSHOT_LABEL_INDEX, tenant_id != NULL ? 1 : 0,
							 &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		snapshots = lappend(snapshots,
							info_from_tuple(tuple, RelationGetDescr(rel)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return snapshots;
}

void
tm_snapshot_insert(const pg_uuid_t *tenant_id, const char *label,
				   const char *schema)
{
	Relation	rel = tm_own_table_open("snapshot_registry", Natts_snapshot,
										RowExclusiveLock);
	Datum		values[Natts_snapshot];
	bool		nulls[Natts_snapshot] = {0};

	values[Anum_snapshot_tenant_id - 1] = UUIDPGetDatum(tenant_id);
	values[Anum_snapshot_label - 1] = CStringGetTextDatum(label);
	values[Anum_snapshot_schema_name - 1] = CStringGetTextDatum(schema);
	values[Anum_snapshot_created_at - 1] =
		TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	values[Anum_snapshot_created_by - 1] =
		CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	values[Anum_snapshot_purging - 1] = BoolGetDatum(false);
	tm_own_table_insert(rel, Natts_snapshot, values, nulls);
	owners_changed(rel);
	table_close(rel, NoLock);
}

void
tm_snapshot_rename_schema(const SnapshotInfo *snapshot, const char *new_schema)
{
	change_row(snapshot, Anum_snapshot_schema_name,
			   CStringGetTextDatum(new_schema));
}

void
tm_snapshot_begin_purge(const SnapshotInfo *snapshot)
{
	change_row(snapshot, Anum_snapshot_purging, BoolGetDatum(true));
}

void
tm_snapshot_delete(const SnapshotInfo *snapshot)
{
	change_row(snapshot, InvalidAttrNumber, (Datum) 0);
}

SnapshotInfo *
tm_snapshot_lock(const SnapshotInfo *snapshot, LOCKMODE lockmode)
{
	Oid			nspid = snapshot->nspid;
	SnapshotInfo *locked;

	LockDatabaseObject(NamespaceRelationId, nspid, 0, lockmode);
	locked = tm_snapshot_lookup_schema(snapshot->schema_name);
	return locked != NULL && locked->nspid == nspid ? locked : NULL;
}

void
tm_snapshot_check_owner(const SnapshotInfo *snapshot)
{
	if (!tm_schema_ownercheck(snapshot->nspid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA,
					   snapshot->schema_name);
}

bool
tm_snapshot_is_due(const SnapshotInfo *snapshot)
{
	const TenantInfo *tenant = tm_registry_lookup_id(&snapshot->tenant_id);

	if (snapshot->purging || tenant == NULL || tenant->purging)
		return true;
	return tm_snapshot_retention > 0 &&
		TimestampTzPlusMilliseconds(snapshot->created_at,
									tm_snapshot_retention *
									INT64CONST(1000)) <=
		GetCurrentTransactionStartTimestamp();
}

static SnapshotInfo *
first_match(const char *index, int nkeys, ScanKey keys)
{
	Relation	rel = tm_own_table_open("snapshot_registry", Natts_snapshot,
										AccessShareLock);
	SysScanDesc scan = tm_own_table_scan(rel, index, nkeys, keys);
	HeapTuple	tuple = systable_getnext(scan);
	SnapshotInfo *snapshot = NULL;

	if (tuple != NULL)
		snapshot = info_from_tuple(tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return snapshot;
}

/* All columns are NOT NULL. */
static SnapshotInfo *
info_from_tuple(HeapTuple tuple, TupleDesc desc)
{
	SnapshotInfo *snapshot = palloc0(sizeof(SnapshotInfo));
	Datum		values[Natts_snapshot];
	bool		nulls[Natts_snapshot];

	tm_own_table_deform(tuple, desc, Natts_snapshot, values, nulls);
	snapshot->tenant_id = *DatumGetUUIDP(values[Anum_snapshot_tenant_id - 1]);
	strlcpy(snapshot->label,
			TextDatumGetCString(values[Anum_snapshot_label - 1]), NAMEDATALEN);
	strlcpy(snapshot->schema_name,
			TextDatumGetCString(values[Anum_snapshot_schema_name - 1]),
			NAMEDATALEN);
	snapshot->created_at =
		DatumGetTimestampTz(values[Anum_snapshot_created_at - 1]);
	snapshot->purging = DatumGetBool(values[Anum_snapshot_purging - 1]);
	snapshot->nspid = get_namespace_oid(snapshot->schema_name, true);

	return snapshot;
}

/* Give a column of the row another value, or delete the row if it is none. */
static void
change_row(const SnapshotInfo *snapshot, AttrNumber attno, Datum value)
{
	Relation	rel = tm_own_table_open("snapshot_registry", Natts_snapshot,
										RowExclusiveLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_snapshot_schema_name, BTEqualStrategyNumber,
				F_TEXTEQ, CStringGetTextDatum(snapshot->schema_name));
	scan = tm_own_table_scan(rel, SNAPSHOT_SCHEMA_INDEX, 1, &key);
	tuple = systable_getnext(scan);
	if (tuple == NULL)
		elog(ERROR, "row of snapshot \"%s\" has vanished", snapshot->label);
	if (AttributeNumberIsValid(attno))
	{
		Datum		values[Natts_snapshot] = {0};
		bool		nulls[Natts_snapshot] = {0};
		bool		replace[Natts_snapshot] = {0};

		values[attno - 1] = value;
		replace[attno - 1] = true;
		tm_own_table_update(rel, &tuple->t_self, Natts_snapshot,
							values, nulls, replace);
	}
	else
		tm_own_table_delete(rel, &tuple->t_self);
	systable_endscan(scan);
	owners_changed(rel);
	table_close(rel, NoLock);
}

/*
 * What is remembered of whose a schema is may be wrong now.  It is forgotten
 * when the registry is said to have changed.
 */
static void
owners_changed(Relation rel)
{
	Oid			registry = get_relname_relid("registry",
											 RelationGetNamespace(rel));

	if (OidIsValid(registry))
		CacheInvalidateRelcacheByRelid(registry);
	CommandCounterIncrement();
}
