/*
 * registry_events.c
 *		What happens to the registry, and to schemas, by other hands.
 *
 * Superusers may edit the registry, and a restore loads it: a trigger of the
 * table tells every backend about it.
 *
 * Somebody who owns a tenant's schema need not know about tenants to drop or
 * rename it.  Two event triggers see to it that the registry stays true then.
 * A third one sees to it that a tenant or snapshot that has lost its schema
 * nevertheless does not get anybody's: whatever is called so is believed to be
 * its own.  They run as whoever has given the command, under whatever search
 * path; the queries here qualify every name.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "binding/binding.h"
#include "binding/policy.h"
#include "binding/session_lock.h"
#include "binding/session_wakeup.h"
#include "clone/outside_link.h"
#include "connections/health.h"
#include "lifecycle/hook_table.h"
#include "lifecycle/purge.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/snapshot_registry.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

static void check_event_trigger(FunctionCallInfo fcinfo);
static void follow_snapshot(const char *schema, const char *new_schema);
static void keep_schema(const char *schema);
static char *lost_by(const char *schema);
static List *dropped_schemas(void);
static List *created_schemas(void);
static List *first_column(const char *query);
static TenantInfo *lock_tenant_of_schema(const char *schema);

PG_FUNCTION_INFO_V1(tenant_registry_changed);
PG_FUNCTION_INFO_V1(tenant_follow_drop);
PG_FUNCTION_INFO_V1(tenant_follow_rename);
PG_FUNCTION_INFO_V1(tenant_keep_schemas);
PG_FUNCTION_INFO_V1(tenant_forget_hooks);

/*
 * Statement trigger of our tables: their rows are news to every backend, and
 * connections may have to be looked at.  What protects the database stays as it
 * is for a locked session.
 */
Datum
tenant_registry_changed(PG_FUNCTION_ARGS)
{
	Relation	rel;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger function was not called by trigger manager")));

	rel = ((TriggerData *) fcinfo->context)->tg_relation;
	if (tm_policy_is_table(rel))
		tm_session_lock_refuse();
	CacheInvalidateRelcache(rel);
	tm_registry_announce();
	tm_health_announce();

	return PointerGetDatum(NULL);
}

/* sql_drop: a tenant whose schema is gone is gone. */
Datum
tenant_follow_drop(PG_FUNCTION_ARGS)
{
	bool		changed = false;
	ListCell   *lc;

	check_event_trigger(fcinfo);
	if (!tm_registry_installed())
		PG_RETURN_NULL();

	foreach(lc, dropped_schemas())
	{
		TenantInfo *tenant = lock_tenant_of_schema(lfirst(lc));

		if (tenant == NULL)
		{
			follow_snapshot(lfirst(lc), NULL);
			continue;
		}
		tm_purge_forget(tenant, "DROP SCHEMA");
		changed = true;
	}
	if (changed)
		tm_session_wakeup_at_commit();

	PG_RETURN_NULL();
}

/*
 * ddl_command_end of ALTER SCHEMA: the tenant keeps its name when its schema
 * gets another one.
 */
Datum
tenant_follow_rename(PG_FUNCTION_ARGS)
{
	Node	   *command;
	RenameStmt *rename;
	TenantInfo *tenant;
	TenantInfo *other;

	check_event_trigger(fcinfo);
	command = ((EventTriggerData *) fcinfo->context)->parsetree;
	if (!IsA(command, RenameStmt) || !tm_registry_installed())
		PG_RETURN_NULL();
	rename = castNode(RenameStmt, command);
	if (rename->renameType != OBJECT_SCHEMA)
		PG_RETURN_NULL();

	tenant = lock_tenant_of_schema(rename->subname);
	if (tenant == NULL)
	{
		keep_schema(rename->newname);
		follow_snapshot(rename->subname, rename->newname);
		PG_RETURN_NULL();
	}

	/* What our functions would not call it, and would not find it by. */
	tm_tenant_name_refuse_schema(rename->newname);

	/* No schema can be that of two tenants, if one has lost its own. */
	other = tm_registry_lookup_schema(rename->newname);
	if (other != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_SCHEMA),
				 errmsg("schema \"%s\" belongs to tenant \"%s\" already",
						rename->newname, other->name)));
	tm_registry_rename(tenant, tenant->name, rename->newname);
	tm_outside_links_rename(rename->subname, rename->newname);
	tm_event_record("rename", tenant, tenant->name,
					tm_event_detail("command", "ALTER SCHEMA",
									"schema", rename->newname, NULL));
	tm_session_wakeup_at_commit();

	PG_RETURN_NULL();
}

/* ddl_command_end of whatever creates schemas. */
Datum
tenant_keep_schemas(PG_FUNCTION_ARGS)
{
	ListCell   *lc;

	check_event_trigger(fcinfo);
	if (!tm_registry_installed())
		PG_RETURN_NULL();

	foreach(lc, created_schemas())
		keep_schema(lfirst(lc));

	PG_RETURN_NULL();
}

/* sql_drop of functions: those that are gone are no hooks any more. */
Datum
tenant_forget_hooks(PG_FUNCTION_ARGS)
{
	check_event_trigger(fcinfo);
	if (tm_registry_installed())
		tm_hook_forget_dropped();

	PG_RETURN_NULL();
}

static void
check_event_trigger(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function was not called by event trigger manager")));
}

/*
 * The tenant whose schema this is, or was, with its name locked; NULL if it is
 * nobody's.  Whoever holds that lock, suspending the tenant for example, may
 * have changed the row until we got it.
 */
static TenantInfo *
lock_tenant_of_schema(const char *schema)
{
	TenantInfo *tenant = tm_registry_lookup_schema(schema);

	if (tenant == NULL)
		return NULL;
	tm_tenant_lock_names(tenant->name, NULL);
	return tm_registry_lookup_schema(schema);
}

/*
 * A schema has got this name, and is that of whoever has lost one of the name.
 * Those who restore from a backup mean this.
 */
static void
keep_schema(const char *schema)
{
	char	   *loser = lost_by(schema);

	if (loser == NULL)
		return;
	if (!tm_database_ownercheck(GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_SCHEMA),
				 errmsg("schema \"%s\" belongs to %s already", schema, loser),
				 errdetail("It has been lost, and what is called so would be taken for it."),
				 errhint("The owner of the database can create it once more.")));
	ereport(NOTICE,
			(errmsg("schema \"%s\" belongs to %s again", schema, loser)));
}

/* The tenant or snapshot of a schema that is new, or NULL. */
static char *
lost_by(const char *schema)
{
	TenantInfo *tenant = tm_registry_lookup_schema(schema);
	SnapshotInfo *snapshot = tm_snapshot_lookup_schema(schema);

	if (tenant != NULL)
		return psprintf(_("tenant \"%s\""), tenant->name);
	if (snapshot != NULL)
		return psprintf(_("snapshot \"%s\""),
						tm_tenant_name_printable(snapshot->label));
	return NULL;
}

/* The schema may be a snapshot's; NULL is the new name of a dropped one. */
static void
follow_snapshot(const char *schema, const char *new_schema)
{
	SnapshotInfo *snapshot = tm_snapshot_lookup_schema(schema);

	if (snapshot == NULL)
		return;
	if (new_schema != NULL)
	{
		tm_snapshot_rename_schema(snapshot, new_schema);
		tm_outside_links_rename(schema, new_schema);
	}
	else
		tm_purge_forget_snapshot(snapshot);
}

/* The names of the schemas that the command has dropped, palloc'd. */
static List *
dropped_schemas(void)
{
	return first_column("SELECT object_name"
						" FROM pg_catalog.pg_event_trigger_dropped_objects()"
						" WHERE classid OPERATOR(pg_catalog.=)"
						" 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid");
}

/* The names of those that it has created, which a snapshot need not show. */
static List *
created_schemas(void)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, first_column("SELECT objid"
							 " FROM pg_catalog.pg_event_trigger_ddl_commands()"
							 " WHERE classid OPERATOR(pg_catalog.=)"
							 " 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid"
							 " AND command_tag OPERATOR(pg_catalog.=)"
							 " 'CREATE SCHEMA'::pg_catalog.text"))
	{
		char	   *name = get_namespace_name((Oid) strtoul(lfirst(lc), NULL, 10));

		if (name != NULL)
			names = lappend(names, name);
	}
	return names;
}

/* What a query gives in its first column, but for nulls, palloc'd. */
static List *
first_column(const char *query)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *values = NIL;
	uint64		i;

	SPI_connect();
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read what the command has done");
	for (i = 0; i < SPI_processed; i++)
	{
		char	   *value = SPI_getvalue(SPI_tuptable->vals[i],
										 SPI_tuptable->tupdesc, 1);
		MemoryContext spi_context = MemoryContextSwitchTo(context);

		if (value != NULL)
			values = lappend(values, pstrdup(value));
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();

	return values;
}
