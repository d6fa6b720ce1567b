/*
 * doctor_registry.c
 *		Whether the registry and the schemas agree.
 *
 * Superusers may edit the registry, and a crash of others' scripts may leave
 * half of something.  Catalogs that grow with the number of tenants are read
 * once, from one end to the other.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "base/tenant_mgr.h"
#include "clone/schema_mention.h"
#include "doctor.h"
#include "tenants/registry.h"
#include "tenants/snapshot_registry.h"
#include "tenants/tenant_name.h"

/* A tenant by the name of its schema, which functions of others may name */
typedef struct NamedSchema
{
	char		schema[NAMEDATALEN];	/* hash key */
	const TenantInfo *tenant;	/* whose it is */
} NamedSchema;

/* A tenant by its schema */
typedef struct LiveSchema
{
	Oid			nspid;			/* hash key */
	const TenantInfo *tenant;	/* whose it is; not in the trash */
} LiveSchema;

static void check_tenant(ReturnSetInfo *rsinfo, const TenantInfo *tenant);
static void check_name(ReturnSetInfo *rsinfo, const TenantInfo *tenant,
					   const char *object);
static void check_schemas(ReturnSetInfo *rsinfo);
static HTAB *schemas_by_name(List *tenants);
static HTAB *live_schemas(List *tenants);
static void check_texts(ReturnSetInfo *rsinfo, HTAB *live, HTAB *named);
static bool is_named_schema(const char *name, void *schemas);
static void check_extensions(ReturnSetInfo *rsinfo, HTAB *live);

void
tm_doctor_check_registry(ReturnSetInfo *rsinfo, List *tenants)
{
	HTAB	   *live = live_schemas(tenants);
	HTAB	   *named = schemas_by_name(tenants);
	ListCell   *lc;

	foreach(lc, tenants)
	{
		CHECK_FOR_INTERRUPTS();
		check_tenant(rsinfo, lfirst(lc));
	}
	check_schemas(rsinfo);
	check_texts(rsinfo, live, named);
	check_extensions(rsinfo, live);
	hash_destroy(named);
	hash_destroy(live);
}

static void
check_tenant(ReturnSetInfo *rsinfo, const TenantInfo *tenant)
{
	char	   *object = psprintf(_("tenant \"%s\""),
								  tm_tenant_name_printable(tenant->name));

	check_name(rsinfo, tenant, object);
	if (!OidIsValid(tenant->nspid))
	{
		bool		exists;

		/* It may just have been renamed. */
		AcceptInvalidationMessages();
		tenant = tm_registry_lookup_id(&tenant->id);
		if (tenant == NULL || OidIsValid(tenant->nspid))
			return;
		exists = OidIsValid(get_namespace_oid(tenant->schema_name, true));
		tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
						 psprintf(exists ?
								  _("schema \"%s\" cannot be that of a tenant in this state") :
								  _("schema \"%s\" does not exist"),
								  tenant->schema_name),
						 tenant->state == TENANT_TRASHED ?
						 _("Use CALL tenant.purge() with its name to remove the record of it.") :
						 _("Use tenant.drop() to remove the record of it."));
	}
	else if (tenant->state == TENANT_TRASHED &&
			 strncmp(tenant->schema_name, TM_TRASH_PREFIX,
					 strlen(TM_TRASH_PREFIX)) != 0)
		tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
						 psprintf(_("it is in the trash, and its schema is called \"%s\""),
								  tenant->schema_name),
						 _("Use tenant.restore() if it is in use; a purge drops the schema."));
	else if (tenant->purging)
		tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
						 _("a purge was begun and not completed"),
						 _("Use CALL tenant.purge() to complete it."));
}

/* What no function of ours would have written. */
static void
check_name(ReturnSetInfo *rsinfo, const TenantInfo *tenant,
		   const char *object)
{
	const char *id = DatumGetCString(DirectFunctionCall1(uuid_out,
														 UUIDPGetDatum(&tenant->id)));

	if (!tm_tenant_name_is_valid(tenant->name))
		tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
						 _("no tenant can have this name"),
						 psprintf(_("Give the row of id %s in tenant.registry another name and name_key."),
								  id));
	else if (!tenant->key_fits)
		tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
						 _("its name_key is not its name in lower case, or not null in the trash"),
						 psprintf(_("Correct the row of id %s in tenant.registry."),
								  id));
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
			tm_doctor_report(rsinfo, DOCTOR_WARNING,
							 psprintf(_("schema \"%s\""), name), problem,
							 _("Rename the schema and use tenant.adopt(), or drop it."));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static HTAB *
schemas_by_name(List *tenants)
{
	HASHCTL		ctl;
	HTAB	   *schemas;
	ListCell   *lc;

	ctl.keysize = NAMEDATALEN;
	ctl.entrysize = sizeof(NamedSchema);
	ctl.hcxt = CurrentMemoryContext;
	schemas = hash_create("tenant_mgr schema names", 256, &ctl,
						  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);
		NamedSchema *entry = hash_search(schemas, tenant->schema_name,
										 HASH_ENTER, NULL);

		entry->tenant = tenant;
	}
	return schemas;
}

static HTAB *
live_schemas(List *tenants)
{
	HASHCTL		ctl;
	HTAB	   *schemas;
	ListCell   *lc;

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(LiveSchema);
	ctl.hcxt = CurrentMemoryContext;
	schemas = hash_create("tenant_mgr live schemas", 256, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);
		LiveSchema *entry;

		if (!OidIsValid(tenant->nspid) || tenant->state == TENANT_TRASHED)
			continue;
		entry = hash_search(schemas, &tenant->nspid, HASH_ENTER, NULL);
		entry->tenant = tenant;
	}
	return schemas;
}

/* Objects of one tenant that name the schema of another. */
static void
check_texts(ReturnSetInfo *rsinfo, HTAB *live, HTAB *named)
{
	ListCell   *lc;

	foreach(lc, tm_mentions_everywhere(is_named_schema, named))
	{
		const SchemaMention *mention = lfirst(lc);
		const NamedSchema *target = hash_search(named, mention->schema,
												HASH_FIND, NULL);
		const LiveSchema *entry = hash_search(live, &mention->nspid,
											  HASH_FIND, NULL);
		char	   *object;

		if (entry == NULL || entry->tenant == target->tenant)
			continue;

		/* It may just have been dropped. */
		object = getObjectDescription(&mention->address, true);
		if (object != NULL)
			tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
							 psprintf(_("its text names schema \"%s\" of tenant \"%s\""),
									  target->schema, target->tenant->name),
							 _(tm_mention_hint));
	}
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

/*
 * CREATE EXTENSION in a bound session puts the objects into the tenant's
 * schema, where no other tenant finds them.
 */
static void
check_extensions(ReturnSetInfo *rsinfo, HTAB *live)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);
		LiveSchema *entry = hash_search(live, &form->extnamespace, HASH_FIND,
										NULL);

		if (entry != NULL)
			tm_doctor_report(rsinfo, DOCTOR_WARNING,
							 psprintf(_("extension \"%s\""),
									  NameStr(form->extname)),
							 psprintf(_("it is in the schema of tenant \"%s\", and goes with it"),
									  entry->tenant->name),
							 psprintf(_("Use ALTER EXTENSION %s SET SCHEMA, or DROP EXTENSION and create it in a session that is not bound."),
									  quote_identifier(NameStr(form->extname))));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}
