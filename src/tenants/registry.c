/*
 * registry.c
 *		The tenants: rows of tenant.registry.
 *
 * This is the only file that knows the columns of tenant.registry.  Rows are
 * read as a system catalog's are and written by the executor's routines
 * (own_table_write.c): privileges on the table do not matter, and every look
 * sees what is committed now, whatever the transaction's snapshot.
 * The columns that are searched have the collation "C": ours would not agree
 * with the order of an index in any other.
 *
 * A tenant's name is locked as an object of the registry, under a hash of its
 * folded form: lock first, then look.  Names are locked before schemas, two
 * names in the order of their hashes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "tenants/registry.h"
#include "tenants/registry_cache.h"
#include "tenants/tenant_name.h"

/* Columns of tenant.registry */
#define Anum_registry_id				1
#define Anum_registry_name				2
#define Anum_registry_name_key			3
#define Anum_registry_schema_name		4
#define Anum_registry_state				5
#define Anum_registry_is_template		6
#define Anum_registry_purging			7
#define Anum_registry_metadata			8
#define Anum_registry_created_at		9
#define Anum_registry_created_by		10
#define Anum_registry_cloned_from		11
#define Anum_registry_suspended_at		12
#define Anum_registry_suspend_reason	13
#define Anum_registry_trashed_at		14
#define Anum_registry_purge_after		15
#define Anum_registry_saved_schema		16
#define Anum_registry_saved_acl			17
#define Anum_registry_template_id		18
#define Natts_registry					18

/* Version 0.1.0 has this many, until ALTER EXTENSION ... UPDATE */
#define Natts_registry_least			17

typedef enum RegistryIndex
{
	REGISTRY_BY_ID,
	REGISTRY_BY_NAME,
	REGISTRY_BY_NAME_KEY,
	REGISTRY_BY_SCHEMA,
	REGISTRY_BY_PURGE_AFTER
} RegistryIndex;

#define REGISTRY_NINDEXES	(REGISTRY_BY_PURGE_AFTER + 1)

static const char *const registry_index_names[REGISTRY_NINDEXES] = {
	"registry_pkey",
	"registry_name_idx",
	"registry_name_key_key",
	"registry_schema_name_key",
	"registry_purge_after_idx"
};

static const char *const state_names[] = {
	[TENANT_ACTIVE] = "active",
	[TENANT_SUSPENDED] = "suspended",
	[TENANT_TRASHED] = "trashed"
};

/* One index scan of the registry */
typedef struct RegistryScan
{
	Relation	rel;			/* the registry, open */
	ScanKeyData key;			/* the one condition */
	SysScanDesc scan;			/* running on rel */
} RegistryScan;

/* New values for some columns of a row */
typedef struct RowChange
{
	Datum		values[Natts_registry];
	bool		nulls[Natts_registry];
	bool		replace[Natts_registry];
} RowChange;

/*
 * The indexes of the registry, by name; written by find_registry() and true
 * as long as the cache knows the registry.
 */
static Oid	registry_indexes[REGISTRY_NINDEXES];

static bool find_registry(void);
static Oid	require_registry(void);
static Relation open_registry(LOCKMODE lockmode);
static void begin_scan(RegistryScan *scan, RegistryIndex which,
					   AttrNumber attno, StrategyNumber strategy,
					   RegProcedure procedure, Datum value);
static HeapTuple begin_own_row(RegistryScan *scan, const TenantInfo *tenant);
static void end_scan(RegistryScan *scan);
static TenantInfo *lookup_one(RegistryIndex which, AttrNumber attno,
							  RegProcedure procedure, Datum value);
static TenantInfo *info_from_tuple(HeapTuple tuple, TupleDesc desc);
static bool key_fits(const TenantInfo *tenant, const char *key);
static TenantState state_from_text(const char *text);
static void set_column(RowChange *change, AttrNumber attno, Datum value);
static void clear_column(RowChange *change, AttrNumber attno);
static void set_state(RowChange *change, TenantState state);
static void update_row(const TenantInfo *tenant, const RowChange *change);
static void write_row(const TenantInfo *tenant, const RowChange *change,
					  bool copies);
static void registry_changed(Relation rel);

TenantInfo *
tm_registry_lookup(const char *name, bool missing_ok)
{
	TenantInfo *tenant;
	uint64		as_of;

	tenant = tm_registry_cache_recall(name);
	if (tenant != NULL)
		return tenant;

	as_of = tm_registry_generation();
	tenant = tm_registry_lookup_fold(name);
	if (tenant != NULL && strcmp(tenant->name, name) == 0)
	{
		tm_registry_cache_remember(tenant, as_of);
		return tenant;
	}

	if (!missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant \"%s\" does not exist",
						tm_tenant_name_printable(name))));
	return NULL;
}

TenantInfo *
tm_registry_lookup_fold(const char *name)
{
	/* No tenant has such a name, and folding it could take a while. */
	if (strlen(name) >= NAMEDATALEN)
	{
		require_registry();
		return NULL;
	}

	return lookup_one(REGISTRY_BY_NAME_KEY, Anum_registry_name_key, F_TEXTEQ,
					  CStringGetTextDatum(tm_tenant_name_fold(name)));
}

TenantInfo *
tm_registry_lookup_id(const pg_uuid_t *id)
{
	return lookup_one(REGISTRY_BY_ID, Anum_registry_id, F_UUID_EQ,
					  UUIDPGetDatum(id));
}

TenantInfo *
tm_registry_lookup_schema(const char *schema)
{
	return lookup_one(REGISTRY_BY_SCHEMA, Anum_registry_schema_name, F_TEXTEQ,
					  CStringGetTextDatum(schema));
}

TenantInfo *
tm_registry_lookup_trashed(const char *name)
{
	RegistryScan scan;
	HeapTuple	tuple;
	TenantInfo *latest = NULL;
	TimestampTz latest_at = DT_NOBEGIN;

	begin_scan(&scan, REGISTRY_BY_NAME, Anum_registry_name,
			   BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	while ((tuple = systable_getnext(scan.scan)) != NULL)
	{
		TupleDesc	desc = RelationGetDescr(scan.rel);
		TenantInfo *tenant = info_from_tuple(tuple, desc);
		TimestampTz trashed_at;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();

		if (tenant->state != TENANT_TRASHED)
			continue;
		trashed_at = DatumGetTimestampTz(heap_getattr(tuple,
													  Anum_registry_trashed_at,
													  desc, &isnull));
		if (isnull)
			trashed_at = DT_NOBEGIN;
		if (latest == NULL || trashed_at > latest_at)
		{
			latest = tenant;
			latest_at = trashed_at;
		}
	}
	end_scan(&scan);

	return latest;
}

TenantTrash *
tm_registry_trash_details(const TenantInfo *tenant)
{
	RegistryScan scan;
	HeapTuple	tuple;
	TupleDesc	desc;
	TenantTrash *trash;
	Datum		value;
	bool		isnull;

	tuple = begin_own_row(&scan, tenant);
	desc = RelationGetDescr(scan.rel);

	trash = palloc0(sizeof(TenantTrash));
	value = heap_getattr(tuple, Anum_registry_saved_schema, desc, &isnull);
	if (!isnull)
		trash->saved_schema = TextDatumGetCString(value);
	value = heap_getattr(tuple, Anum_registry_saved_acl, desc, &isnull);
	if (!isnull)
		trash->saved_acl = DatumGetJsonbPCopy(value);
	(void) heap_getattr(tuple, Anum_registry_suspended_at, desc, &isnull);
	trash->was_suspended = !isnull;
	end_scan(&scan);

	return trash;
}

TenantInfo *
tm_registry_template(const TenantInfo *tenant)
{
	TenantInfo *template = NULL;

	if (tenant->has_template)
		template = tm_registry_lookup_id(&tenant->template_id);
	if (template == NULL || !template->is_template ||
		template->state == TENANT_TRASHED)
		return NULL;
	return template;
}

char *
tm_registry_suspend_reason(const TenantInfo *tenant)
{
	RegistryScan scan;
	HeapTuple	tuple;
	char	   *result = NULL;

	begin_scan(&scan, REGISTRY_BY_ID, Anum_registry_id,
			   BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&tenant->id));
	tuple = systable_getnext(scan.scan);
	if (tuple != NULL)
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_registry_suspend_reason,
										 RelationGetDescr(scan.rel), &isnull);

		if (!isnull)
			result = TextDatumGetCString(value);
	}
	end_scan(&scan);

	return result;
}

List *
tm_registry_due(TimestampTz at)
{
	RegistryScan scan;
	HeapTuple	tuple;
	List	   *due = NIL;

	begin_scan(&scan, REGISTRY_BY_PURGE_AFTER, Anum_registry_purge_after,
			   BTLessEqualStrategyNumber, F_TIMESTAMPTZ_LE,
			   TimestampTzGetDatum(at));
	while ((tuple = systable_getnext(scan.scan)) != NULL)
	{
		TenantInfo *tenant;

		CHECK_FOR_INTERRUPTS();

		tenant = info_from_tuple(tuple, RelationGetDescr(scan.rel));
		if (tenant->state == TENANT_TRASHED)
			due = lappend(due, tenant);
	}
	end_scan(&scan);

	return due;
}

List *
tm_registry_list(void)
{
	Relation	rel = open_registry(AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *tenants = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		tenants = lappend(tenants,
						  info_from_tuple(tuple, RelationGetDescr(rel)));
	}
	systable_endscan(scan);
	table_close(rel, NoLock);

	return tenants;
}

bool
tm_registry_installed(void)
{
	return find_registry();
}

void
tm_registry_insert(const char *name, const char *schema_name,
				   bool is_template, Jsonb *metadata, const char *cloned_from,
				   const TenantInfo *source)
{
	Relation	rel;
	RowChange	row;

	memset(&row, 0, sizeof(row));
	memset(row.nulls, true, sizeof(row.nulls));
	set_column(&row, Anum_registry_id, OidFunctionCall0(F_GEN_RANDOM_UUID));
	set_column(&row, Anum_registry_name, CStringGetTextDatum(name));
	set_column(&row, Anum_registry_name_key,
			   CStringGetTextDatum(tm_tenant_name_fold(name)));
	set_column(&row, Anum_registry_schema_name,
			   CStringGetTextDatum(schema_name));
	set_state(&row, TENANT_ACTIVE);
	set_column(&row, Anum_registry_is_template, BoolGetDatum(is_template));
	set_column(&row, Anum_registry_purging, BoolGetDatum(false));
	set_column(&row, Anum_registry_metadata, JsonbPGetDatum(metadata));
	set_column(&row, Anum_registry_created_at,
			   TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	set_column(&row, Anum_registry_created_by,
			   CStringGetTextDatum(GetUserNameFromId(GetUserId(), false)));
	if (cloned_from != NULL)
		set_column(&row, Anum_registry_cloned_from,
				   CStringGetTextDatum(cloned_from));
	if (source != NULL)
		set_column(&row, Anum_registry_template_id,
				   UUIDPGetDatum(source->is_template || !source->has_template ?
								 &source->id : &source->template_id));

	rel = open_registry(RowExclusiveLock);
	tm_own_table_insert(rel,
						Min(Natts_registry, RelationGetNumberOfAttributes(rel)),
						row.values, row.nulls);
	registry_changed(rel);
	table_close(rel, NoLock);
}

void
tm_registry_rename(const TenantInfo *tenant, const char *new_name,
				   const char *new_schema)
{
	RowChange	change = {0};

	set_column(&change, Anum_registry_name, CStringGetTextDatum(new_name));
	if (tenant->state != TENANT_TRASHED)
		set_column(&change, Anum_registry_name_key,
				   CStringGetTextDatum(tm_tenant_name_fold(new_name)));
	set_column(&change, Anum_registry_schema_name,
			   CStringGetTextDatum(new_schema));
	update_row(tenant, &change);
}

void
tm_registry_suspend(const TenantInfo *tenant, const char *reason)
{
	RowChange	change = {0};

	set_state(&change, TENANT_SUSPENDED);
	set_column(&change, Anum_registry_suspended_at,
			   TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	if (reason != NULL)
		set_column(&change, Anum_registry_suspend_reason,
				   CStringGetTextDatum(reason));
	else
		clear_column(&change, Anum_registry_suspend_reason);
	update_row(tenant, &change);
}

void
tm_registry_resume(const TenantInfo *tenant)
{
	RowChange	change = {0};

	set_state(&change, TENANT_ACTIVE);
	clear_column(&change, Anum_registry_suspended_at);
	clear_column(&change, Anum_registry_suspend_reason);
	update_row(tenant, &change);
}

/*
 * The trashed tenant gives up its name.  Its suspension is kept, so that it
 * comes back as it went.  With an id other than the tenant's, the tenant stays
 * as it is, and a copy of its row goes to the trash under that id.
 */
void
tm_registry_trash(const TenantInfo *tenant, const pg_uuid_t *id,
				  const char *trash_schema, Jsonb *saved_acl, int retention)
{
	/* By the clock: the latest drop wins even within one transaction. */
	TimestampTz now = GetCurrentTimestamp();
	bool		copies = !tm_uuid_equals(id, &tenant->id);
	RowChange	change = {0};

	if (copies)
		set_column(&change, Anum_registry_id, UUIDPGetDatum(id));
	set_state(&change, TENANT_TRASHED);
	clear_column(&change, Anum_registry_name_key);
	set_column(&change, Anum_registry_schema_name,
			   CStringGetTextDatum(trash_schema));
	set_column(&change, Anum_registry_saved_schema,
			   CStringGetTextDatum(tenant->schema_name));
	if (saved_acl != NULL)
		set_column(&change, Anum_registry_saved_acl,
				   JsonbPGetDatum(saved_acl));
	else
		clear_column(&change, Anum_registry_saved_acl);

	set_column(&change, Anum_registry_trashed_at, TimestampTzGetDatum(now));
	set_column(&change, Anum_registry_purge_after,
			   TimestampTzGetDatum(TimestampTzPlusMilliseconds(now,
															   retention * INT64CONST(1000))));
	write_row(tenant, &change, copies);
}

void
tm_registry_restore(const TenantInfo *tenant, const char *name,
					const char *schema_name)
{
	RowChange	change = {0};
	TenantTrash *trash = tm_registry_trash_details(tenant);

	set_state(&change,
			  trash->was_suspended ? TENANT_SUSPENDED : TENANT_ACTIVE);
	set_column(&change, Anum_registry_name, CStringGetTextDatum(name));
	set_column(&change, Anum_registry_name_key,
			   CStringGetTextDatum(tm_tenant_name_fold(name)));
	set_column(&change, Anum_registry_schema_name,
			   CStringGetTextDatum(schema_name));
	clear_column(&change, Anum_registry_saved_schema);
	clear_column(&change, Anum_registry_saved_acl);
	clear_column(&change, Anum_registry_trashed_at);
	clear_column(&change, Anum_registry_purge_after);
	update_row(tenant, &change);
}

/* Its own row is left for tm_registry_restore(). */
void
tm_registry_part(const TenantInfo *tenant, const pg_uuid_t *id,
				 const char *trash_schema)
{
	RowChange	change = {0};

	set_column(&change, Anum_registry_id, UUIDPGetDatum(id));
	set_column(&change, Anum_registry_schema_name,
			   CStringGetTextDatum(trash_schema));
	write_row(tenant, &change, true);
}

/* From here on the tenant is due, so that any purge resumes this one. */
void
tm_registry_begin_purge(const TenantInfo *tenant)
{
	RowChange	change = {0};

	set_column(&change, Anum_registry_purging, BoolGetDatum(true));
	set_column(&change, Anum_registry_purge_after,
			   TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	update_row(tenant, &change);
}

void
tm_registry_set_template(const TenantInfo *tenant, bool is_template)
{
	RowChange	change = {0};

	set_column(&change, Anum_registry_is_template, BoolGetDatum(is_template));
	update_row(tenant, &change);
}

void
tm_registry_assign_template(const TenantInfo *tenant,
							const TenantInfo *template)
{
	RowChange	change = {0};

	if (template != NULL)
		set_column(&change, Anum_registry_template_id,
				   UUIDPGetDatum(&template->id));
	else
		clear_column(&change, Anum_registry_template_id);
	update_row(tenant, &change);
}

void
tm_registry_set_metadata(const TenantInfo *tenant, Jsonb *metadata)
{
	RowChange	change = {0};

	set_column(&change, Anum_registry_metadata, JsonbPGetDatum(metadata));
	update_row(tenant, &change);
}

void
tm_registry_announce(void)
{
	CacheInvalidateRelcacheByRelid(require_registry());
	CommandCounterIncrement();
}

void
tm_registry_delete(const TenantInfo *tenant)
{
	RegistryScan scan;
	Relation	rel;
	HeapTuple	tuple;

	rel = open_registry(RowExclusiveLock);
	tuple = begin_own_row(&scan, tenant);
	tm_own_table_delete(rel, &tuple->t_self);
	end_scan(&scan);

	registry_changed(rel);
	table_close(rel, NoLock);
}

static void
set_column(RowChange *change, AttrNumber attno, Datum value)
{
	change->values[attno - 1] = value;
	change->nulls[attno - 1] = false;
	change->replace[attno - 1] = true;
}

static void
clear_column(RowChange *change, AttrNumber attno)
{
	change->nulls[attno - 1] = true;
	change->replace[attno - 1] = true;
}

static void
set_state(RowChange *change, TenantState state)
{
	set_column(change, Anum_registry_state,
			   CStringGetTextDatum(state_names[state]));
}

static void
update_row(const TenantInfo *tenant, const RowChange *change)
{
	write_row(tenant, change, false);
}

/* Change the tenant's row, or add one that differs from it so. */
static void
write_row(const TenantInfo *tenant, const RowChange *change, bool copies)
{
	RegistryScan scan;
	Relation	rel;
	HeapTuple	tuple;

	rel = open_registry(RowExclusiveLock);
	tuple = begin_own_row(&scan, tenant);
	if (copies)
		tm_own_table_copy_row(rel, tuple, Natts_registry, change->values,
							  change->nulls, change->replace);
	else
		tm_own_table_update(rel, &tuple->t_self, Natts_registry,
							change->values, change->nulls, change->replace);
	end_scan(&scan);

	registry_changed(rel);
	table_close(rel, NoLock);
}

/* Tell every backend, this one included, and show the change to what follows. */
static void
registry_changed(Relation rel)
{
	CacheInvalidateRelcache(rel);
	CommandCounterIncrement();
}

/*
 * Find out where the registry is.  A table of that name is believed only if
 * it belongs to the extension: anybody who has CREATE on the database might
 * have made another one, with columns of other types.
 */
static bool
find_registry(void)
{
	Oid			relid;
	Oid			nspid;
	int			i;

	if (OidIsValid(tm_registry_generation_relid()))
		return true;

	Assert(IsTransactionState());

	relid = tm_own_table_find("registry");
	if (!OidIsValid(relid))
		return false;
	nspid = get_rel_namespace(relid);

	/* An index that has been renamed costs time, nothing else. */
	for (i = 0; i < REGISTRY_NINDEXES; i++)
		registry_indexes[i] = get_relname_relid(registry_index_names[i],
												nspid);
	tm_registry_generation_watch(relid);

	return true;
}

/* The OID of the registry; an error when there is none. */
static Oid
require_registry(void)
{
	return find_registry() ? tm_registry_generation_relid() :
		tm_own_table_relid("registry");
}

/* It has at least the columns that we know. */
static Relation
open_registry(LOCKMODE lockmode)
{
	Relation	rel = table_open(require_registry(), lockmode);

	tm_own_table_check_columns(rel, Natts_registry_least);
	return rel;
}

/* The table stays locked until the end of the transaction. */
static void
begin_scan(RegistryScan *scan, RegistryIndex which, AttrNumber attno,
		   StrategyNumber strategy, RegProcedure procedure, Datum value)
{
	Oid			index;

	scan->rel = open_registry(AccessShareLock);

	/* With the table locked its indexes stay; look again for news of them. */
	require_registry();

	/* ScanKeyInit uses the collation "C", as the columns do. */
	ScanKeyInit(&scan->key, attno, strategy, procedure, value);
	index = registry_indexes[which];
	scan->scan = systable_beginscan(scan->rel, index, OidIsValid(index) &&
									tm_own_table_index_serves(scan->rel, index,
															  1, &scan->key),
									NULL, 1, &scan->key);
}

/* The row of a tenant that is known to have one; ends with end_scan(). */
static HeapTuple
begin_own_row(RegistryScan *scan, const TenantInfo *tenant)
{
	HeapTuple	tuple;

	begin_scan(scan, REGISTRY_BY_ID, Anum_registry_id,
			   BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&tenant->id));
	tuple = systable_getnext(scan->scan);
	if (tuple == NULL)
		elog(ERROR, "registry row of tenant \"%s\" has vanished",
			 tenant->name);
	return tuple;
}

static void
end_scan(RegistryScan *scan)
{
	systable_endscan(scan->scan);
	table_close(scan->rel, NoLock);
}

static TenantInfo *
lookup_one(RegistryIndex which, AttrNumber attno, RegProcedure procedure,
		   Datum value)
{
	RegistryScan scan;
	HeapTuple	tuple;
	TenantInfo *tenant = NULL;

	begin_scan(&scan, which, attno, BTEqualStrategyNumber, procedure, value);
	tuple = systable_getnext(scan.scan);
	if (tuple != NULL)
		tenant = info_from_tuple(tuple, RelationGetDescr(scan.rel));
	end_scan(&scan);

	return tenant;
}

static TenantInfo *
info_from_tuple(HeapTuple tuple, TupleDesc desc)
{
	TenantInfo *tenant = palloc0(sizeof(TenantInfo));
	Datum		values[Natts_registry];
	bool		nulls[Natts_registry];

	memset(nulls, true, sizeof(nulls));
	tm_own_table_deform(tuple, desc, Min(Natts_registry, desc->natts), values,
						nulls);
	if (nulls[Anum_registry_id - 1] || nulls[Anum_registry_name - 1] ||
		nulls[Anum_registry_schema_name - 1] ||
		nulls[Anum_registry_state - 1])
		elog(ERROR, "unexpected null value in tenant.registry");

	tenant->id = *DatumGetUUIDP(values[Anum_registry_id - 1]);
	strlcpy(tenant->name,
			TextDatumGetCString(values[Anum_registry_name - 1]), NAMEDATALEN);
	strlcpy(tenant->schema_name,
			TextDatumGetCString(values[Anum_registry_schema_name - 1]),
			NAMEDATALEN);
	tenant->state =
		state_from_text(TextDatumGetCString(values[Anum_registry_state - 1]));
	tenant->is_template = !nulls[Anum_registry_is_template - 1] &&
		DatumGetBool(values[Anum_registry_is_template - 1]);
	tenant->purging = !nulls[Anum_registry_purging - 1] &&
		DatumGetBool(values[Anum_registry_purging - 1]);
	if (!nulls[Anum_registry_created_at - 1])
		tenant->created_at =
			DatumGetTimestampTz(values[Anum_registry_created_at - 1]);
	tenant->has_template = !nulls[Anum_registry_template_id - 1];
	if (tenant->has_template)
		tenant->template_id =
			*DatumGetUUIDP(values[Anum_registry_template_id - 1]);
	tenant->key_fits =
		key_fits(tenant, nulls[Anum_registry_name_key - 1] ? NULL :
				 TextDatumGetCString(values[Anum_registry_name_key - 1]));

	/* Superusers may edit the table; what comes of that stays harmless. */
	if (tm_tenant_name_is_possible_schema(tenant->schema_name,
										  tenant->state == TENANT_TRASHED))
		tenant->nspid = get_namespace_oid(tenant->schema_name, true);

	return tenant;
}

/* A trashed tenant has given up its name. */
static bool
key_fits(const TenantInfo *tenant, const char *key)
{
	if (tenant->state == TENANT_TRASHED)
		return key == NULL;
	return key != NULL && strcmp(key, tm_tenant_name_fold(tenant->name)) == 0;
}

static TenantState
state_from_text(const char *text)
{
	for (int i = 0; i < (int) lengthof(state_names); i++)
	{
		if (strcmp(text, state_names[i]) == 0)
			return (TenantState) i;
	}
	elog(ERROR, "unrecognized state \"%s\" in tenant.registry", text);
	return TENANT_ACTIVE;		/* keep compiler quiet */
}
