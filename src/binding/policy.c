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
#include "commands/extension.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/policy.h"
#include "binding/session_lock.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

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
static WallId setting_argument(text *setting);
static char *settings(void);
static void check_value(WallId wall, const char *value, int *level);
static void check_permission(void);
static void write_policy(WallId wall, const char *value);

PG_FUNCTION_INFO_V1(tenant_set_policy);

/* set_policy(setting, value): the database keeps it at least as strict. */
Datum
tenant_set_policy(PG_FUNCTION_ARGS)
{
	const char *value = NULL;
	int			level = 0;
	WallId		wall;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("setting must not be null")));
	tm_lifecycle_begin("tenant.set_policy()");
	check_permission();
	tm_lifecycle_refuse_other(NULL);
	wall = setting_argument(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
	{
		value = text_to_cstring(PG_GETARG_TEXT_PP(1));
		check_value(wall, value, &level);
		value = tm_wall_value(wall, level);
	}
	write_policy(wall, value);
	tm_registry_announce();
	tm_event_record("set_policy", NULL, tm_wall_name(wall),
					tm_event_detail("value", value, NULL));
	tm_binding_poke_at_commit();
	PG_RETURN_VOID();
}

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
	Oid			nspid = get_namespace_oid(TM_SCHEMA_NAME, true);

	return OidIsValid(nspid) &&
		OidIsValid(get_relname_relid(POLICY_TABLE, nspid));
}

static WallId
setting_argument(text *setting)
{
	char	   *name = text_to_cstring(setting);
	WallId		wall = tm_wall_find(name);

	if (wall == WALL_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("setting \"%s\" cannot be a policy",
						tm_tenant_name_printable(name)),
				 errdetail("Policies are about settings whose values are more or less strict."),
				 errhint("Settings that can be policies: %s.", settings())));
	if (wall == WALL_UNBOUND_SUPERUSER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("setting \"%s\" cannot be a policy",
						tm_wall_name(wall)),
				 errdetail("Nobody could restore a dump of the database."),
				 errhint("Use ALTER DATABASE or ALTER ROLE to set it.")));
	return wall;
}

static char *
settings(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < NUM_WALLS; i++)
	{
		if (tm_policy_is_possible((WallId) i))
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 tm_wall_name(i));
	}
	return list.data;
}

static void
check_value(WallId wall, const char *value, int *level)
{
	if (!tm_wall_read(wall, value, level))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for policy \"%s\": \"%s\"",
						tm_wall_name(wall), tm_tenant_name_printable(value)),
				 errhint("Available values: %s.", tm_wall_values(wall))));
	if (*level == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy \"%s\" cannot be \"%s\"",
						tm_wall_name(wall), tm_wall_value(wall, *level)),
				 errdetail("A policy makes the setting stricter, and no value is less strict."),
				 errhint("Use NULL to remove the policy.")));
}

/* EXECUTE is not enough: whoever may write here decides for all roles. */
static void
check_permission(void)
{
	Oid			extension = get_extension_oid(TM_EXTENSION_NAME, true);

	if (superuser() ||
		(OidIsValid(extension) &&
		 tm_extension_ownercheck(extension, GetUserId())))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to set policies"),
			 errhint("Only superusers and the owner of extension \"%s\" may do that.",
					 TM_EXTENSION_NAME)));
}

/* Put the row there, or take it away; nobody else writes meanwhile. */
static void
write_policy(WallId wall, const char *value)
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
