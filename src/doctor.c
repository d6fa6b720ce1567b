/*
 * doctor.c
 *		What is wrong with the tenants of this database.
 *
 * Each check looks at one way in which the registry, the catalogs and the
 * files can disagree, or in which a tenant may not be as separate as it
 * should be.  Nothing is changed, and nothing is locked: what is reported was
 * true when it was looked at.  Most of it takes time in proportion to the
 * number of tenants, their functions and the files of the database, so this
 * is nothing to be called every minute.
 *
 * An error keeps something from working, a warning may need attention.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "assigned_role.h"
#include "assignment.h"
#include "binding.h"
#include "connection.h"
#include "domain.h"
#include "guc.h"
#include "key_check.h"
#include "orphan_files.h"
#include "registry.h"
#include "schema_mention.h"
#include "setting.h"
#include "snapshot_registry.h"
#include "tenant_mgr.h"
#include "tenant_name.h"
#include "token.h"

#define DOCTOR_COLUMNS	4

/* A schema that functions of other tenants should not name */
typedef struct NamedSchema
{
	char		schema[NAMEDATALEN];	/* hash key */
	char		tenant[NAMEDATALEN];	/* whose it is */
} NamedSchema;

static const char severity_error[] = "error";
static const char severity_warning[] = "warning";

static void report(ReturnSetInfo *rsinfo, const char *severity,
				   const char *object, const char *problem, const char *hint);
static void check_tenants(ReturnSetInfo *rsinfo, List *tenants);
static void check_schemas(ReturnSetInfo *rsinfo);
static void check_domains(ReturnSetInfo *rsinfo);
static void check_assignments(ReturnSetInfo *rsinfo);
static char *uuid_text(const pg_uuid_t *id);
static void check_snapshots(ReturnSetInfo *rsinfo);
static void check_roles(ReturnSetInfo *rsinfo);
static void check_default_of_role(ReturnSetInfo *rsinfo, const char *object,
								  Oid roleid, const TenantInfo *tenant);
static void check_functions(ReturnSetInfo *rsinfo, List *tenants);
static void check_functions_of(ReturnSetInfo *rsinfo,
							   const TenantInfo *tenant, HTAB *schemas);
static bool is_named_schema(const char *name, void *schemas);
static void check_persistent_schemas(ReturnSetInfo *rsinfo);
static void check_event_triggers(ReturnSetInfo *rsinfo);
static void check_tokens(ReturnSetInfo *rsinfo);
static void check_keys(ReturnSetInfo *rsinfo);
static void check_files(ReturnSetInfo *rsinfo);

PG_FUNCTION_INFO_V1(tenant_doctor);

/* doctor(): one row for each problem, none if all is well. */
Datum
tenant_doctor(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *tenants;

	InitMaterializedSRF(fcinfo, 0);
	tenants = tm_registry_list();
	check_tenants(rsinfo, tenants);
	check_schemas(rsinfo);
	check_domains(rsinfo);
	check_assignments(rsinfo);
	check_snapshots(rsinfo);
	check_roles(rsinfo);
	check_functions(rsinfo, tenants);
	check_persistent_schemas(rsinfo);
	check_event_triggers(rsinfo);
	check_tokens(rsinfo);
	check_keys(rsinfo);
	check_files(rsinfo);

	return (Datum) 0;
}

/* Add a row; the texts have been translated. */
static void
report(ReturnSetInfo *rsinfo, const char *severity, const char *object,
	   const char *problem, const char *hint)
{
	Datum		values[DOCTOR_COLUMNS];
	bool		nulls[DOCTOR_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(severity);
	values[1] = CStringGetTextDatum(object);
	values[2] = CStringGetTextDatum(problem);
	values[3] = CStringGetTextDatum(hint);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Tenants that have lost their schema, or a part of it. */
static void
check_tenants(ReturnSetInfo *rsinfo, List *tenants)
{
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);
		char	   *object = psprintf(_("tenant \"%s\""), tenant->name);

		CHECK_FOR_INTERRUPTS();
		if (!OidIsValid(tenant->nspid))
		{
			/* It may just have been renamed. */
			AcceptInvalidationMessages();
			tenant = tm_registry_lookup_id(&tenant->id);
			if (tenant == NULL || OidIsValid(tenant->nspid))
				continue;
			report(rsinfo, severity_error, object,
				   psprintf(_("schema \"%s\" does not exist"),
							tenant->schema_name),
				   tenant->state == TENANT_TRASHED ?
				   _("Use CALL tenant.purge() with its name to remove the record of it.") :
				   _("Use tenant.drop() to remove the record of it."));
		}
		else if (tenant->purging)
			report(rsinfo, severity_warning, object,
				   _("a purge was begun and not completed"),
				   _("Use CALL tenant.purge() to complete it."));
	}
}

/* Schemas that look like ours and are nobody's. */
static void
check_schemas(ReturnSetInfo *rsinfo)
{
	Relation	rel = table_open(NamespaceRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		const char *name = NameStr(((Form_pg_namespace) GETSTRUCT(tuple))->nspname);
		const char *problem = NULL;

		CHECK_FOR_INTERRUPTS();
		if (strncmp(name, TM_TRASH_PREFIX, strlen(TM_TRASH_PREFIX)) == 0 &&
			tm_registry_lookup_schema(name) == NULL)
			problem = _("it looks like that of a dropped tenant and is not registered");
		else if (strncmp(name, TM_SNAPSHOT_PREFIX,
						 strlen(TM_SNAPSHOT_PREFIX)) == 0 &&
				 tm_snapshot_lookup_schema(name) == NULL)
			problem = _("it looks like a snapshot and is not registered");
		if (problem == NULL)
			continue;

		/* It may just have been dropped, together with its row. */
		AcceptInvalidationMessages();
		if (OidIsValid(get_namespace_oid(name, true)))
			report(rsinfo, severity_warning, psprintf(_("schema \"%s\""), name),
				   problem,
				   _("Rename the schema and use tenant.adopt(), or drop it."));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Hosts that lead nowhere. */
static void
check_domains(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_domain_orphans())
		report(rsinfo, severity_warning,
			   psprintf(_("host \"%s\""), (char *) lfirst(lc)),
			   _("the tenant that it belongs to does not exist"),
			   _("Use tenant.drop_domain() to remove it."));
}

/* Tenants that live nowhere, or nobody that lives somewhere. */
static void
check_assignments(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_assignment_orphans())
	{
		const AssignmentKey *key = lfirst(lc);
		TenantInfo *tenant = tm_registry_lookup_id(&key->tenant_id);
		ConnectionInfo *connection =
			tm_connection_lookup_id(&key->connection_id);
		char	   *object = _("assignment");

		if (tenant != NULL)
			object = psprintf(_("assignment of tenant \"%s\""), tenant->name);
		else if (connection != NULL)
			object = psprintf(_("assignment of connection \"%s\""),
							  connection->name);
		report(rsinfo, severity_warning, object,
			   connection == NULL ? _("its connection does not exist") :
			   _("its tenant does not exist"),
			   psprintf(_("Delete the row of tenant_id %s and connection_id %s from tenant.assignment."),
						uuid_text(&key->tenant_id),
						uuid_text(&key->connection_id)));
	}
}

static char *
uuid_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

/* Snapshots of nobody and of nothing. */
static void
check_snapshots(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_snapshot_list(NULL))
	{
		const SnapshotInfo *snapshot = lfirst(lc);
		const TenantInfo *tenant = tm_registry_lookup_id(&snapshot->tenant_id);
		char	   *label = tm_tenant_name_printable(snapshot->label);
		char	   *object;

		/* It may just have been dropped, with or without its tenant. */
		CHECK_FOR_INTERRUPTS();
		AcceptInvalidationMessages();
		snapshot = tm_snapshot_lookup_schema(snapshot->schema_name);
		if (snapshot == NULL)
			continue;
		if (tenant != NULL)
			object = psprintf(_("snapshot \"%s\" of tenant \"%s\""), label,
							  tenant->name);
		else
			object = psprintf(_("snapshot \"%s\""), label);

		if (tenant == NULL)
			report(rsinfo, severity_warning, object,
				   _("the tenant that it belongs to does not exist"),
				   _("Use CALL tenant.purge() to drop it."));
		else if (!OidIsValid(snapshot->nspid))
			report(rsinfo, severity_error, object,
				   psprintf(_("schema \"%s\" does not exist"),
							snapshot->schema_name),
				   _("Use tenant.drop_snapshot() to remove the record of it."));
		else if (snapshot->purging)
			report(rsinfo, severity_warning, object,
				   _("it is to be dropped, or partly dropped already"),
				   _("Use CALL tenant.purge() to complete that."));
	}
}

/* Roles that were assigned to a tenant, and what has become of them. */
static void
check_roles(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_assigned_role_list())
	{
		const AssignedRole *assigned = lfirst(lc);
		char	   *object = psprintf(_("role \"%s\""), assigned->role);
		Oid			roleid = get_role_oid(assigned->role, true);
		TenantInfo *tenant = tm_registry_lookup_id(&assigned->tenant_id);

		if (!OidIsValid(roleid))
			report(rsinfo, severity_warning, object,
				   _("it is assigned to a tenant and does not exist"),
				   _("Use tenant.unassign_role(), and tenant.assign_role() if it was renamed."));
		else if (tenant == NULL)
			report(rsinfo, severity_error, object,
				   _("the tenant that it is assigned to does not exist"),
				   _("Use tenant.unassign_role()."));
		else if (superuser_arg(roleid))
			report(rsinfo, severity_warning, object,
				   _("it is assigned to a tenant, and has become a superuser"),
				   _("A superuser can leave the tenant."));
		else
			check_default_of_role(rsinfo, object, roleid, tenant);
	}
}

/*
 * The setting that binds the role's sessions from their start can be reset,
 * and is not in the dump of a database alone.
 */
static void
check_default_of_role(ReturnSetInfo *rsinfo, const char *object, Oid roleid,
					  const TenantInfo *tenant)
{
	char	   *value = tm_assigned_role_default(roleid);

	if (value != NULL && strcmp(value, tenant->name) == 0)
		return;
	report(rsinfo, severity_warning, object,
		   psprintf(_("it is assigned to tenant \"%s\", and %s is not set to that for it in this database"),
					tenant->name, TM_TENANT_SETTING),
		   _("Use tenant.assign_role() again; until then its sessions are bound by their first statement, after the names in it have been looked up."));
}

/* Functions of one tenant that name the schema of another. */
static void
check_functions(ReturnSetInfo *rsinfo, List *tenants)
{
	HASHCTL		ctl;
	HTAB	   *schemas;
	ListCell   *lc;

	ctl.keysize = NAMEDATALEN;
	ctl.entrysize = sizeof(NamedSchema);
	ctl.hcxt = CurrentMemoryContext;
	schemas = hash_create("tenant_mgr schemas", 256, &ctl,
						  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);
		NamedSchema *entry = hash_search(schemas, tenant->schema_name,
										 HASH_ENTER, NULL);

		strlcpy(entry->tenant, tenant->name, NAMEDATALEN);
	}
	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);

		if (OidIsValid(tenant->nspid) && tenant->state != TENANT_TRASHED)
			check_functions_of(rsinfo, tenant, schemas);
	}
	hash_destroy(schemas);
}

/* What one tenant's objects name of the others. */
static void
check_functions_of(ReturnSetInfo *rsinfo, const TenantInfo *tenant,
				   HTAB *schemas)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr doctor",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	ListCell   *lc;

	foreach(lc, tm_mentions_in_schema(tenant->nspid, is_named_schema, schemas))
	{
		const SchemaMention *mention = lfirst(lc);
		NamedSchema *entry = hash_search(schemas, mention->schema, HASH_FIND,
										 NULL);
		char	   *object = getObjectDescription(&mention->address, true);

		/* It may just have been dropped. */
		if (object == NULL || strcmp(entry->schema, tenant->schema_name) == 0)
			continue;
		report(rsinfo, severity_warning, object,
			   psprintf(_("its text names schema \"%s\" of tenant \"%s\""),
						entry->schema, entry->tenant),
			   _("Leave names unqualified and let the search path decide."));
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

static bool
is_named_schema(const char *name, void *schemas)
{
	char		key[NAMEDATALEN];

	/* what is cut off would be another name */
	if (strlen(name) >= NAMEDATALEN)
		return false;
	strlcpy(key, name, NAMEDATALEN);
	return hash_search(schemas, key, HASH_FIND, NULL) != NULL;
}

/* Schemas that every tenant's search path names in vain. */
static void
check_persistent_schemas(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_setting_split_names(tm_persistent_schemas))
	{
		if (!OidIsValid(get_namespace_oid(lfirst(lc), true)))
			report(rsinfo, severity_warning,
				   psprintf(_("schema \"%s\""), (char *) lfirst(lc)),
				   _("it is a persistent schema and does not exist"),
				   _("Create it, or change tenant_mgr.persistent_schemas."));
	}
}

/* What keeps the registry true has to be switched on. */
static void
check_event_triggers(ReturnSetInfo *rsinfo)
{
	Oid			our_schema = get_namespace_oid(TM_SCHEMA_NAME, false);
	Relation	rel = table_open(EventTriggerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_event_trigger trigger = (Form_pg_event_trigger) GETSTRUCT(tuple);

		if (get_func_namespace(trigger->evtfoid) != our_schema ||
			(trigger->evtenabled != TRIGGER_DISABLED &&
			 trigger->evtenabled != TRIGGER_FIRES_ON_REPLICA))
			continue;
		report(rsinfo, severity_error,
			   psprintf(_("event trigger \"%s\""), NameStr(trigger->evtname)),
			   _("it does not fire, so tenants whose schemas are dropped or renamed get lost"),
			   psprintf(_("Use ALTER EVENT TRIGGER %s ENABLE."),
						quote_identifier(NameStr(trigger->evtname))));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Settings for tokens that do not go together. */
static void
check_tokens(ReturnSetInfo *rsinfo)
{
	if (tm_token_cannot_switch())
		report(rsinfo, severity_error,
			   _("setting \"tenant_mgr.switch_requires\""),
			   _("it requires a token, and there is no key to verify any"),
			   _("Set tenant_mgr.token_public_key."));
	if (tm_token_cannot_remember())
		report(rsinfo, severity_warning,
			   _("setting \"tenant_mgr.token_public_key\""),
			   _("tokens for a single use are refused"),
			   _("Put tenant_mgr into shared_preload_libraries."));
}

/* Secrets that cannot be opened, or soon. */
static void
check_keys(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_key_check())
	{
		const KeyProblem *problem = lfirst(lc);

		report(rsinfo, problem->is_error ? severity_error : severity_warning,
			   problem->object, problem->problem, problem->hint);
	}
}

/* Space that nobody uses. */
static void
check_files(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_orphan_files())
	{
		const OrphanFile *orphan = lfirst(lc);
		StringInfoData problem;

		initStringInfo(&problem);
		appendStringInfo(&problem,
						 ngettext("%d file of %llu bytes belongs to no relation",
								  "%d files of %llu bytes belong to no relation",
								  orphan->nfiles),
						 orphan->nfiles, (unsigned long long) orphan->nbytes);
		report(rsinfo,
			   severity_warning,
			   psprintf(_("file \"%s\""), orphan->path), problem.data,
			   _("A crash leaves such files behind.  They can be removed while the server is stopped."));
	}
}
