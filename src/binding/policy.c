/*
 * policy.c
 *		What must hold for a database: rows of tenant.policy.
 *
 * Settings that protect a database are given to it by ALTER DATABASE or in a
 * file, and neither is in a dump of it, nor in a copy.  What is to stay with it is
 * kept in a table: the setting is at least as strict as that, whatever its value
 * is (wall.c).  This is the only file that knows the columns.
 *
 * A backend reads the table when the generation of the registry has moved, which
 * a change of the table sees to.  A row that cannot be understood, say one of a
 * later version, counts as the strictest value; one about a setting that there is
 * not does nothing but be told of by tenant.doctor().
 *
 * What would keep a superuser from restoring a dump cannot be kept in it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/own_schema.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "binding/policy.h"
#include "tenants/registry.h"

/* Columns of tenant.policy */
#define Anum_policy_setting		1
#define Anum_policy_value		2
#define Natts_policy			2

#define POLICY_TABLE		"policy"
#define POLICY_BY_SETTING	"policy_pkey"

/* written by tm_policy_load */
uint64		tm_policy_generation = 0;

static bool loading = false;

static void load(void);
static bool table_exists(void);

void
tm_policy_load(void)
{
	uint64		as_of = tm_registry_generation();

	/* Logical decoding looks at the catalogs of the past, and not at ours. */
	if (loading || !IsTransactionState() || InitializingParallelWorker ||
		!OidIsValid(MyDatabaseId) || HistoricSnapshotActive())
		return;
	loading = true;
	PG_TRY();
	{
		load();
	}
	PG_FINALLY();
	{
		loading = false;
	}
	PG_END_TRY();
	tm_policy_generation = as_of;
}

List *
tm_policy_list(void)
{
	List	   *policies = NIL;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!tm_registry_installed() || !table_exists())
		return NIL;
	rel = tm_own_table_open(POLICY_TABLE, Natts_policy, AccessShareLock);
	scan = tm_own_table_scan(rel, POLICY_BY_SETTING, 0, NULL);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Policy	   *policy = palloc(sizeof(Policy));
		Datum		values[Natts_policy];
		bool		nulls[Natts_policy];

		tm_own_table_deform(tuple, RelationGetDescr(rel), Natts_policy, values,
							nulls);
		if (nulls[0] || nulls[1])
			continue;
		policy->setting = TextDatumGetCString(values[Anum_policy_setting - 1]);
		policy->value = TextDatumGetCString(values[Anum_policy_value - 1]);
		policies = lappend(policies, policy);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return policies;
}

bool
tm_policy_is_possible(WallId wall)
{
	return wall != WALL_NONE && wall != WALL_UNBOUND_SUPERUSER;
}

bool
tm_policy_is_table(Relation rel)
{
	return strcmp(RelationGetRelationName(rel), POLICY_TABLE) == 0;
}

/* Nobody else writes meanwhile. */
void
tm_policy_write(WallId wall, const char *value)
{
	Relation	rel = tm_own_table_open(POLICY_TABLE, Natts_policy,
										ShareRowExclusiveLock);
	Datum		values[Natts_policy];
	bool		nulls[Natts_policy] = {false, false};
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	values[Anum_policy_setting - 1] = CStringGetTextDatum(tm_wall_name(wall));
	ScanKeyInit(&key, Anum_policy_setting, BTEqualStrategyNumber, F_TEXTEQ,
				values[Anum_policy_setting - 1]);
	scan = tm_own_table_scan(rel, POLICY_BY_SETTING, 1, &key);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
		tm_own_table_delete(rel, &tuple->t_self);
	systable_endscan(scan);
	if (value != NULL)
	{
		values[Anum_policy_value - 1] = CStringGetTextDatum(value);
		tm_own_table_insert(rel, Natts_policy, values, nulls);
	}
	table_close(rel, NoLock);
}

static void
load(void)
{
	int			levels[NUM_WALLS] = {0};
	ListCell   *lc;

	foreach(lc, tm_policy_list())
	{
		const Policy *policy = lfirst(lc);
		WallId		wall = tm_wall_find(policy->setting);

		if (tm_policy_is_possible(wall) &&
			!tm_wall_read(wall, policy->value, &levels[wall]))
			levels[wall] = tm_wall_strictest(wall);
	}
	tm_wall_keep(levels);
}

/* Has the extension been updated to a version that has it? */
static bool
table_exists(void)
{
	Oid			nspid = tm_own_schema();

	return OidIsValid(nspid) &&
		OidIsValid(get_relname_relid(POLICY_TABLE, nspid));
}
