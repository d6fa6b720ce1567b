/*
 * trash.c
 *		Where dropped tenants stay until they are purged.
 *
 * A dropped tenant keeps everything it has.  Its schema gets a name made of
 * the tenant's id, so that the name is free for another tenant, and loses
 * every privilege but the owner's, so that nobody else gets at what is in
 * it.  The registry remembers both.  A restore gives them back; or the tenant
 * takes a schema that has come from a dump, and what was in the trash for it
 * stays there as a tenant of its own.
 *
 * Before it goes, everybody who uses the schema is waited for: sessions that
 * are bound to the tenant have a lock on the schema during a transaction,
 * others on the relations that they use.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "binding/assigned_role.h"
#include "binding/binding.h"
#include "binding/ownership.h"
#include "binding/session_wakeup.h"
#include "clone/outside_link.h"
#include "clone/replication.h"
#include "clone/schema_mention.h"
#include "lifecycle/purge.h"
#include "lifecycle/schema_acl.h"
#include "lifecycle/schema_drop.h"
#include "lifecycle/tenant_hook.h"
#include "lifecycle/trash.h"
#include "lifecycle/union_view.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/tenant_follower.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

/* the setting; written by the GUC machinery only */
int			tm_trash_retention = 7 * 24 * 60 * 60;

static char *schema_name_for(const pg_uuid_t *id);
static TenantInfo *lock_trashed(const char *name);
static char *restored_schema_name(const TenantInfo *tenant,
								  const char *new_name);
static void refuse_taken_name(const char *name, const char *hint);
static void leave_in_trash(const TenantInfo *tenant);
static void bring_back(const TenantInfo *tenant, const char *name, Oid nspid,
					   const char *schema, const char *saved_schema);

PG_FUNCTION_INFO_V1(tenant_drop);
PG_FUNCTION_INFO_V1(tenant_restore);
PG_FUNCTION_INFO_V1(tenant_restore_from);

/*
 * drop(name, purge): to the trash, or for good at once.  All that is left of
 * a tenant whose schema does not exist is its row.
 */
Datum
tenant_drop(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		purge = PG_GETARG_BOOL(1);
	TenantInfo *tenant;
	Jsonb	   *detail = tm_event_detail("purge", purge ? "true" : "false", NULL);
	Closure    *closure;
	Oid			owner;

	tm_tenant_lock_begin("tenant.drop()");
	tm_tenant_hook_before("before_drop", name, detail);
	if (purge)
		tm_tenant_hook_before("before_purge", name, NULL);
	tenant = tm_ownership_lock_tenant(name, AccessExclusiveLock, true);
	owner = tm_tenant_hook_owner(tenant);

	if (!OidIsValid(tenant->nspid))
	{
		tm_tenant_lock_check_create();
		tm_purge_at_once(tenant, NULL);
	}
	else
	{
		tm_union_views_follow(&tenant->id);
		closure = tm_closure_of_schema(tenant->nspid, NULL);
		tm_schema_drop_wait_for_users(closure);

		/* Those who were waited for may have added some. */
		closure = tm_closure_of_schema(tenant->nspid, NULL);
		tm_schema_drop_report(tm_schema_drop_refusal(tenant),
							  closure, ERROR);
		tm_replication_refuse_targets(closure,
									  psprintf(_("cannot drop tenant \"%s\" because it is replicated to"),
											   tenant->name));
		if (purge)
			tm_purge_at_once(tenant, closure);
		else
		{
			tm_trash_move(tenant, false);
			tm_event_record("drop", tenant, tenant->schema_name, NULL);
		}
	}
	tm_session_wakeup_at_commit();
	if (tm_registry_lookup_id(&tenant->id) != NULL)
		tm_tenant_hook_run("after_drop", tm_registry_lookup_id(&tenant->id),
						   detail);
	else
		tm_tenant_hook_run_without("after_drop", tenant->name, &tenant->id,
								   owner, detail);

	PG_RETURN_VOID();
}

/* restore(name, new_name): out of the trash, the latest of that name. */
Datum
tenant_restore(PG_FUNCTION_ARGS)
{
	char	   *name;
	char	   *new_name = NULL;
	char	   *schema;
	TenantInfo *tenant;
	TenantTrash *trash;
	Acl		   *acl = NULL;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("tenant name must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
	{
		new_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
		tm_tenant_name_check(new_name);
	}

	tm_tenant_lock_begin("tenant.restore()");
	tm_tenant_lock_names(name, new_name);
	tm_tenant_hook_run("before_restore", lock_trashed(name),
					   tm_event_detail("new_name", new_name, NULL));
	tenant = lock_trashed(name);
	schema = restored_schema_name(tenant, new_name);

	/* To rename a schema takes that privilege, however one goes about it. */
	if (new_name != NULL)
		tm_tenant_lock_check_create();
	else
		new_name = tenant->name;

	refuse_taken_name(new_name, "Restore it under another name.");
	tm_tenant_lock_refuse_taken_schema(schema, "Restore it under another name.");

	trash = tm_registry_trash_details(tenant);
	if (trash->saved_acl != NULL)
		acl = tm_schema_acl_from_json(trash->saved_acl,
									  tm_tenant_lock_schema_owner(tenant->nspid));
	tm_schema_acl_update(tenant->nspid, schema, acl);
	tm_outside_links_restore(tenant->schema_name, tenant->nspid);
	tm_outside_links_forget(tenant->schema_name);
	bring_back(tenant, new_name, tenant->nspid, schema, trash->saved_schema);
	PG_RETURN_VOID();
}

/* The tenant is one again, under this name and with this schema. */
static void
bring_back(const TenantInfo *tenant, const char *name, Oid nspid,
		   const char *schema, const char *saved_schema)
{
	tm_registry_restore(tenant, name, schema);
	tm_assigned_role_follow(tenant, name);
	if (saved_schema != NULL && strcmp(saved_schema, schema) != 0)
		tm_mention_tell(nspid, saved_schema, schema);
	tm_event_record("restore", tenant, name,
					tm_event_detail("schema", schema, NULL));
	tm_session_wakeup_at_commit();
	tm_union_views_follow(NULL);
	tm_tenant_hook_run("after_restore", tm_registry_lookup_id(&tenant->id),
					   tm_event_detail("old_name", tenant->name, NULL));
}

/*
 * restore_from(name, schema): the latest tenant of that name in the trash comes
 * back with a schema that is there already, as from a dump.
 */
Datum
tenant_restore_from(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *schema = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *saved_schema;
	TenantInfo *tenant;
	Oid			nspid;

	tm_tenant_name_refuse_schema(schema);
	tm_tenant_lock_begin("tenant.restore_from()");
	tm_tenant_lock_names(name, NULL);
	tm_tenant_hook_run("before_restore", lock_trashed(name), NULL);
	tenant = lock_trashed(name);
	nspid = tm_tenant_lock_free_schema(schema);
	refuse_taken_name(tenant->name, "Drop it first, or adopt the schema under another name.");

	saved_schema = tm_registry_trash_details(tenant)->saved_schema;
	leave_in_trash(tenant);
	bring_back(tenant, tenant->name, nspid, schema, saved_schema);
	PG_RETURN_VOID();
}

void
tm_trash_move(const TenantInfo *tenant, bool stays)
{
	pg_uuid_t	id = tenant->id;
	char	   *trash_schema;
	Oid			owner = tm_tenant_lock_schema_owner(tenant->nspid);
	Acl		   *acl = tm_schema_acl(tenant->nspid);
	Jsonb	   *saved_acl = NULL;
	Closure    *closure;
	List	   *links;

	if (stays)
		id = *DatumGetUUIDP(OidFunctionCall0(F_GEN_RANDOM_UUID));
	trash_schema = schema_name_for(&id);
	if (acl != NULL)
		saved_acl = tm_schema_acl_to_json(acl, owner);
	closure = tm_closure_of_schema(tenant->nspid, NULL);
	links = tm_outside_links(closure);
	tm_outside_links_cut(closure, links);
	tm_outside_links_keep(trash_schema, links);
	tm_schema_acl_update(tenant->nspid, trash_schema, NULL);
	tm_registry_trash(tenant, &id, trash_schema, saved_acl,
					  tm_trash_retention);
	if (stays)
		tm_tenant_follower->copy(&tenant->id, &id);
}

static char *
schema_name_for(const pg_uuid_t *id)
{
	StringInfoData buf;
	int			i;

	initStringInfo(&buf);
	appendStringInfoString(&buf, TM_TRASH_PREFIX);
	for (i = 0; i < UUID_LEN; i++)
		appendStringInfo(&buf, "%02x", id->data[i]);
	return buf.data;
}

/*
 * The latest tenant of that name in the trash, its schema locked and found to
 * be whole and the current user's.  The caller holds the lock on the name.
 */
static TenantInfo *
lock_trashed(const char *name)
{
	TenantInfo *tenant = tm_registry_lookup_trashed(name);

	if (tenant != NULL)
	{
		tm_ownership_check(tenant);
		tenant = tm_tenant_lock_schema(tenant, AccessExclusiveLock);
	}
	if (tenant == NULL || tenant->state != TENANT_TRASHED)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant \"%s\" is not in the trash",
						tm_tenant_name_printable(name))));
	tm_ownership_check(tenant);
	if (tenant->purging)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tenant \"%s\" is being purged", tenant->name),
				 errdetail("Some of its objects are gone already."),
				 errhint("Use CALL tenant.purge() to complete it.")));
	return tenant;
}

static void
refuse_taken_name(const char *name, const char *hint)
{
	TenantInfo *other = tm_registry_lookup_fold(name);

	if (other != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_SCHEMA),
				 errmsg("tenant \"%s\" already exists", other->name),
				 errhint("%s", _(hint))));
}

/* The schema of a tenant that goes on without it. */
static void
leave_in_trash(const TenantInfo *tenant)
{
	pg_uuid_t	id = *DatumGetUUIDP(OidFunctionCall0(F_GEN_RANDOM_UUID));
	char	   *trash_schema = schema_name_for(&id);

	tm_outside_links_move(tenant->schema_name, trash_schema);
	tm_schema_acl_update(tenant->nspid, trash_schema, NULL);
	tm_registry_part(tenant, &id, trash_schema);
	tm_tenant_follower->copy(&tenant->id, &id);
}

/* An adopted schema need not be called what its tenant's name suggests. */
static char *
restored_schema_name(const TenantInfo *tenant, const char *new_name)
{
	char	   *schema = tm_registry_trash_details(tenant)->saved_schema;

	if (new_name == NULL && schema != NULL)
		return schema;

	schema = tm_tenant_name_schema(new_name ? new_name : tenant->name);
	tm_tenant_lock_refuse_role_name(schema,
									tm_tenant_lock_schema_owner(tenant->nspid));
	return schema;
}
