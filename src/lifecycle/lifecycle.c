/*
 * lifecycle.c
 *		Tenants come into being, change their name and their state.
 *
 * Each function locks the names it gives or takes, looks the tenants up,
 * checks privileges, locks the schema, looks again, and then changes the
 * catalogs and the registry within the caller's transaction.  Everything runs
 * with the caller's own privileges; what the server would demand of the
 * corresponding SQL command is demanded here, too.
 *
 * Locks are taken in this order: names of tenants, the schemas (a source
 * before its copy), whatever is in them.  A schema is locked in ShareLock
 * mode to be copied and in AccessExclusiveLock mode to be renamed or dropped;
 * a session that is bound to the tenant holds AccessShareLock during each of
 * its transactions.  Suspension needs no lock on the schema: it is to work at
 * once, and sessions learn about it from the registry.
 *
 * What becomes of dropped tenants is in trash.c and purge.c.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/argument.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/schemacmds.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/progress.h"
#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/assigned_role.h"
#include "binding/binding.h"
#include "binding/ownership.h"
#include "binding/session_wakeup.h"
#include "clone/clone.h"
#include "clone/clone_lock.h"
#include "clone/function_settings.h"
#include "clone/schema_mention.h"
#include "compare/structure_event.h"
#include "lifecycle/lifecycle.h"
#include "lifecycle/tenant_hook.h"
#include "lifecycle/union_view.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/schema_owner.h"
#include "tenants/structure_change.h"
#include "tenants/tenant_follower.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

/* A schema that is to be copied, locked */
typedef struct CloneSource
{
	Oid			nspid;			/* the schema */
	Oid			owner;			/* its owner */
	bool		is_template;	/* registered as a template? */
} CloneSource;

/* the setting; written by the GUC machinery only */
char	   *tm_default_template = NULL;

/* For whoever wants the name of a schema that is there */
static const char adopt_hint[] =
"Use tenant.adopt() to register an existing schema.";

static Jsonb *metadata_argument(FunctionCallInfo fcinfo, int argno);
static bool flag_argument(FunctionCallInfo fcinfo, int argno, bool if_null);
static List *patterns_argument(FunctionCallInfo fcinfo, int argno);
static bool name_is_taken(const char *name, bool if_not_exists,
						  char **schema);
static Oid	role_to_own(const char *rolename);
static Oid	create_from_template(const char *schema, const char *template,
								 Oid owner);
static CloneSource lock_source(const char *source, bool template_will_do);
static void check_source(const CloneSource *source, bool template_will_do);
static TenantInfo *tenant_of_schema(Oid nspid);
static char *default_name(const char *schema);
static Oid	future_owner(const char *template, Oid owner);
static void run_before(const char *event, const char *name,
					   const char *schema, Oid owner, Jsonb *detail);

PG_FUNCTION_INFO_V1(tenant_create);
PG_FUNCTION_INFO_V1(tenant_adopt);
PG_FUNCTION_INFO_V1(tenant_clone);
PG_FUNCTION_INFO_V1(tenant_rename);
PG_FUNCTION_INFO_V1(tenant_suspend);
PG_FUNCTION_INFO_V1(tenant_resume);
PG_FUNCTION_INFO_V1(tenant_set_template);
PG_FUNCTION_INFO_V1(tenant_assign_template);
PG_FUNCTION_INFO_V1(tenant_set_metadata);
PG_FUNCTION_INFO_V1(tenant_exists);

/*
 * create(name, template, owner, metadata, if_not_exists): a new tenant, empty
 * or cloned from a template.
 */
Datum
tenant_create(PG_FUNCTION_ARGS)
{
	char	   *name = tm_argument_text(fcinfo, 0, "tenant name");
	char	   *template = tm_argument_optional_text(fcinfo, 1);
	char	   *owner = tm_argument_optional_text(fcinfo, 2);
	Jsonb	   *metadata = metadata_argument(fcinfo, 3);
	bool		if_not_exists = flag_argument(fcinfo, 4, false);
	char	   *schema = tm_tenant_name_schema(name);
	Oid			ownerid = InvalidOid;
	Oid			source = InvalidOid;

	tm_tenant_lock_begin("tenant.create()");
	tm_ownership_refuse_other(NULL);
	tm_tenant_lock_check_create();
	if (template == NULL)
		template = tm_default_template;
	if (template != NULL && template[0] == '\0')
		template = NULL;

	/* Whoever only asks must not hold up those whose tenant it is. */
	if (if_not_exists && tm_registry_lookup(name, true) != NULL &&
		name_is_taken(name, true, &schema))
		PG_RETURN_TEXT_P(cstring_to_text(schema));

	tm_tenant_lock_names(name, NULL);
	if (name_is_taken(name, if_not_exists, &schema))
		PG_RETURN_TEXT_P(cstring_to_text(schema));
	tm_tenant_lock_refuse_taken_schema(schema, adopt_hint);
	if (owner != NULL)
		ownerid = role_to_own(owner);
	run_before("before_create", name, schema,
			   future_owner(template, ownerid),
			   tm_event_detail("template", template, NULL));

	if (template != NULL)
	{
		tm_progress_begin(PROGRESS_CREATE, name);
		source = create_from_template(schema, template, ownerid);
		tm_progress_end();
	}
	else
	{
		if (!OidIsValid(ownerid))
			ownerid = GetUserId();
		tm_tenant_lock_refuse_role_name(schema, ownerid);
		NamespaceCreate(schema, ownerid, false);
		CommandCounterIncrement();
	}
	tm_registry_insert(name, schema, false, metadata, template,
					   OidIsValid(source) ? tenant_of_schema(source) : NULL);
	if (OidIsValid(source))
		tm_tenant_follower_copy_schema(source, name);
	tm_event_record("create", tm_registry_lookup(name, false), schema,
					tm_event_detail("template", template, NULL));
	tm_union_views_follow(NULL);
	tm_tenant_hook_run("after_create", tm_registry_lookup(name, false),
					   tm_event_detail("template", template, NULL));

	PG_RETURN_TEXT_P(cstring_to_text(schema));
}

/*
 * adopt(schema, name, metadata, is_template): an existing schema becomes a
 * tenant and keeps its name.
 */
Datum
tenant_adopt(PG_FUNCTION_ARGS)
{
	char	   *schema = tm_argument_text(fcinfo, 0, "schema name");

	tm_lifecycle_adopt(schema, tm_argument_optional_text(fcinfo, 1),
					   metadata_argument(fcinfo, 2),
					   flag_argument(fcinfo, 3, false));
	PG_RETURN_TEXT_P(cstring_to_text(schema));
}

/*
 * clone(source, target, data, exclude, metadata): a copy of a tenant or of a
 * plain schema, as a new tenant.
 */
Datum
tenant_clone(PG_FUNCTION_ARGS)
{
	char	   *source_name = tm_argument_text(fcinfo, 0, "source");
	char	   *target = tm_argument_text(fcinfo, 1, "target");
	bool		with_data = flag_argument(fcinfo, 2, true);
	List	   *exclude = patterns_argument(fcinfo, 3);
	Jsonb	   *metadata = metadata_argument(fcinfo, 4);
	char	   *schema = tm_tenant_name_schema(target);
	CloneSource source;
	CloneRequest request;

	tm_tenant_lock_begin("tenant.clone()");
	tm_ownership_refuse_other(NULL);
	tm_clone_refuse_old_snapshot();
	tm_tenant_lock_check_create();

	tm_tenant_lock_names(target, NULL);
	(void) name_is_taken(target, false, NULL);
	tm_tenant_lock_refuse_taken_schema(schema, adopt_hint);
	source.nspid = tm_tenant_lock_find_source(source_name, &source.is_template);
	check_source(&source, false);
	run_before("before_clone", target, schema,
			   tm_tenant_lock_schema_owner(source.nspid),
			   tm_event_detail("source", source_name, NULL));
	tm_progress_begin(PROGRESS_CLONE, target);
	source = lock_source(source_name, false);
	tm_tenant_lock_refuse_role_name(schema, source.owner);

	memset(&request, 0, sizeof(request));
	request.source = source.nspid;
	request.target = schema;
	request.owner = InvalidOid;
	request.with_data = with_data;
	request.retarget = tm_clone_retarget;
	request.exclude = list_concat(exclude,
								  tm_setting_split_names(tm_clone_exclude));
	tm_clone_schema(&request);
	tm_progress_end();
	tm_registry_insert(target, schema, false, metadata, source_name,
					   tenant_of_schema(source.nspid));
	tm_tenant_follower_copy_schema(source.nspid, target);
	tm_event_record("clone", tm_registry_lookup(target, false), schema,
					tm_event_detail("source", source_name, NULL));
	tm_union_views_follow(NULL);
	tm_tenant_hook_run("after_clone", tm_registry_lookup(target, false),
					   tm_event_detail("source", source_name, NULL));

	PG_RETURN_TEXT_P(cstring_to_text(schema));
}

/* rename(name, new_name): another name for the tenant and for its schema. */
Datum
tenant_rename(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *new_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *new_schema = tm_tenant_name_schema(new_name);
	TenantInfo *tenant;
	TenantInfo *other;

	tm_tenant_lock_begin("tenant.rename()");

	/* Both names before the schema, in an order of their own. */
	tm_tenant_lock_names(name, new_name);
	tm_tenant_hook_before("before_rename", name,
						  tm_event_detail("new_name", new_name, NULL));
	tenant = tm_ownership_lock_tenant(name, AccessExclusiveLock, false);

	/* A tenant may change the case of its own name. */
	other = tm_registry_lookup_fold(new_name);
	if (other != NULL && (strcmp(tenant->name, new_name) == 0 ||
						  strcmp(tenant->name, other->name) != 0))
		(void) name_is_taken(new_name, false, NULL);

	if (strcmp(tenant->schema_name, new_schema) != 0)
	{
		tm_tenant_lock_refuse_taken_schema(new_schema, adopt_hint);
		tm_tenant_lock_refuse_role_name(new_schema,
										tm_tenant_lock_schema_owner(tenant->nspid));
		/* checks what ALTER SCHEMA ... RENAME does */
		RenameSchema(tenant->schema_name, new_schema);
		tm_function_settings_follow_schema(tenant->nspid, tenant->schema_name,
										   new_schema);
		/* a function that named it is not the same any more */
		tm_structure_changed(tenant->nspid);
	}
	tm_registry_rename(tenant, new_name, new_schema);
	tm_assigned_role_follow(tenant, new_name);
	if (strcmp(tenant->schema_name, new_schema) != 0)
		tm_mention_tell(tenant->nspid, tenant->schema_name, new_schema);
	tm_event_record("rename", tenant, new_name,
					tm_event_detail("schema", new_schema, NULL));
	tm_session_wakeup_at_commit();
	tm_union_views_follow(NULL);
	tm_tenant_hook_run("after_rename", tm_registry_lookup_id(&tenant->id),
					   tm_event_detail("old_name", tenant->name, NULL));

	PG_RETURN_VOID();
}

/* suspend(name, reason): sessions of the tenant get errors from now on. */
Datum
tenant_suspend(PG_FUNCTION_ARGS)
{
	char	   *name = tm_argument_text(fcinfo, 0, "tenant name");
	char	   *reason = tm_argument_optional_text(fcinfo, 1);
	TenantInfo *tenant;

	tm_tenant_lock_begin("tenant.suspend()");
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	if (tenant->state == TENANT_SUSPENDED)
	{
		ereport(NOTICE,
				(errmsg("tenant \"%s\" is already suspended, skipping",
						tenant->name)));
		PG_RETURN_VOID();
	}
	tm_tenant_hook_before("before_suspend", name,
						  tm_event_detail("reason", reason, NULL));
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	tm_registry_suspend(tenant, reason);
	tm_event_record("suspend", tenant, NULL,
					tm_event_detail("reason", reason, NULL));
	tm_session_wakeup_at_commit();
	tm_tenant_hook_run("after_suspend", tm_registry_lookup_id(&tenant->id),
					   tm_event_detail("reason", reason, NULL));

	PG_RETURN_VOID();
}

/* resume(name): the end of a suspension. */
Datum
tenant_resume(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	TenantInfo *tenant;

	tm_tenant_lock_begin("tenant.resume()");
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	if (tenant->state != TENANT_SUSPENDED)
	{
		ereport(NOTICE,
				(errmsg("tenant \"%s\" is not suspended, skipping",
						tenant->name)));
		PG_RETURN_VOID();
	}
	tm_tenant_hook_before("before_resume", name, NULL);
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	tm_registry_resume(tenant);
	tm_event_record("resume", tenant, NULL, NULL);
	tm_session_wakeup_at_commit();
	tm_tenant_hook_run("after_resume", tm_registry_lookup_id(&tenant->id),
					   NULL);

	PG_RETURN_VOID();
}

/* set_template(name, is_template): may others clone it? */
Datum
tenant_set_template(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		is_template = PG_GETARG_BOOL(1);
	TenantInfo *tenant;

	tm_tenant_lock_begin("tenant.set_template()");
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	tm_registry_set_template(tenant, is_template);
	tm_event_record("set_template", tenant, NULL,
					tm_event_detail("is_template",
									is_template ? "true" : "false", NULL));
	tm_session_wakeup_at_commit();
	tm_union_views_follow(NULL);

	PG_RETURN_VOID();
}

/*
 * assign_template(name, template): which one the tenant is to be like from now on.
 */
Datum
tenant_assign_template(PG_FUNCTION_ARGS)
{
	char	   *name = tm_argument_text(fcinfo, 0, "tenant name");
	char	   *template_name = tm_argument_optional_text(fcinfo, 1);
	TenantInfo *template = NULL;
	TenantInfo *tenant;

	tm_tenant_lock_begin("tenant.assign_template()");
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	if (template_name != NULL)
	{
		template = tm_registry_lookup(template_name, false);
		if (!template->is_template)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("tenant \"%s\" is not a template", template->name),
					 errhint("Use tenant.set_template() to make it one.")));
		if (tm_uuid_equals(&template->id, &tenant->id))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("tenant \"%s\" cannot be its own template",
							tenant->name)));
	}
	tm_registry_assign_template(tenant, template);
	tm_event_record("assign_template", tenant, NULL,
					tm_event_detail("template",
									template != NULL ? template->name : NULL,
									NULL));

	PG_RETURN_VOID();
}

/* set_metadata(name, metadata): whatever the application wants to remember. */
Datum
tenant_set_metadata(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Jsonb	   *metadata = PG_GETARG_JSONB_P(1);
	TenantInfo *tenant;

	tm_tenant_lock_begin("tenant.set_metadata()");
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	tm_registry_set_metadata(tenant, metadata);
	tm_event_record("set_metadata", tenant, NULL, NULL);

	PG_RETURN_VOID();
}

/* exists(name): is there an active or suspended tenant of that name? */
Datum
tenant_exists(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_BOOL(tm_registry_lookup(name, true) != NULL);
}

char *
tm_lifecycle_adopt(const char *schema, const char *name, Jsonb *metadata,
				   bool is_template)
{
	Oid			nspid;

	tm_tenant_name_refuse_schema(schema);
	if (name == NULL)
		name = default_name(schema);
	tm_tenant_name_check(name);
	tm_tenant_lock_begin("tenant.adopt()");
	tm_ownership_refuse_other(NULL);

	tm_tenant_lock_names(name, NULL);
	nspid = tm_tenant_lock_free_schema(schema);
	(void) name_is_taken(name, false, NULL);
	if (tm_registry_lookup_trashed(name) != NULL)
		ereport(NOTICE,
				(errmsg("tenant \"%s\" that is in the trash is another one", name),
				 errdetail("Its hosts, secrets, connections and snapshots stay with it."),
				 errhint("To bring that one back with this schema, use tenant.restore_from() instead.")));
	tm_structure_users_changed(nspid);
	tm_registry_insert(name, schema, is_template, metadata, NULL, NULL);
	tm_event_record("adopt", tm_registry_lookup(name, false), schema, NULL);
	tm_union_views_follow(NULL);

	return pstrdup(name);
}

static Jsonb *
metadata_argument(FunctionCallInfo fcinfo, int argno)
{
	if (PG_ARGISNULL(argno))
		return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
												  CStringGetDatum("{}")));
	return PG_GETARG_JSONB_P(argno);
}

static bool
flag_argument(FunctionCallInfo fcinfo, int argno, bool if_null)
{
	return PG_ARGISNULL(argno) ? if_null : PG_GETARG_BOOL(argno);
}

static List *
patterns_argument(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? NIL :
		tm_argument_texts(PG_GETARG_ARRAYTYPE_P(argno), "exclude pattern");
}

/*
 * Is there a tenant of this name, its lock being held?  That is an error,
 * unless the caller takes it as it is: then its schema is returned.
 */
static bool
name_is_taken(const char *name, bool if_not_exists, char **schema)
{
	TenantInfo *tenant = tm_registry_lookup_fold(name);
	bool		same_case;

	if (tenant == NULL)
		return false;

	same_case = (strcmp(tenant->name, name) == 0);
	if (if_not_exists && same_case)
	{
		ereport(NOTICE,
				(errcode(ERRCODE_DUPLICATE_SCHEMA),
				 errmsg("tenant \"%s\" already exists, skipping", name)));
		*schema = pstrdup(tenant->schema_name);
		return true;
	}

	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_SCHEMA),
			 errmsg("tenant \"%s\" already exists", tenant->name),
			 same_case ? 0 :
			 errdetail("The name \"%s\" differs from it in case only.", name),
			 OidIsValid(tenant->nspid) ? 0 :
			 errhint("Its schema does not exist.  Use tenant.drop() to remove the record of it.")));
	return true;				/* keep compiler quiet */
}

/* The role, which the current user must be able to become. */
static Oid
role_to_own(const char *rolename)
{
	Oid			roleid = InvalidOid;

	if (strlen(rolename) < NAMEDATALEN)
		roleid = get_role_oid(rolename, true);
	if (!OidIsValid(roleid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist",
						tm_tenant_name_printable(rolename))));
	tm_check_can_set_role(GetUserId(), roleid);
	return roleid;
}

/*
 * Copy a template, rows and all.  Without an owner being asked for, the owners
 * stay as they are if the current user could have made them so, else the
 * current user becomes the owner.  Returns the template's schema.
 */
static Oid
create_from_template(const char *schema, const char *template, Oid owner)
{
	CloneSource source;
	CloneRequest request;

	tm_clone_refuse_old_snapshot();
	source = lock_source(template, true);
	if (!OidIsValid(owner) &&
		!tm_schema_ownercheck(source.nspid, GetUserId()))
		owner = GetUserId();
	tm_tenant_lock_refuse_role_name(schema,
									OidIsValid(owner) ? owner : source.owner);

	memset(&request, 0, sizeof(request));
	request.source = source.nspid;
	request.target = schema;
	request.owner = owner;
	request.with_data = true;
	request.retarget = tm_clone_retarget;
	request.exclude = tm_setting_split_names(tm_clone_exclude);
	request.is_template = source.is_template && OidIsValid(owner);
	tm_clone_schema(&request);
	return source.nspid;
}

/*
 * Lock the schema that is to be copied: that of the tenant called so, or else
 * the schema called so.  The current user owns it, or it is a template and
 * that will do.
 */
static CloneSource
lock_source(const char *source, bool template_will_do)
{
	CloneSource result;

	result.nspid = tm_tenant_lock_find_source(source, &result.is_template);
	for (;;)
	{
		Oid			nspid = result.nspid;

		/* Nobody shall wait for, or hold, a lock on what is not theirs. */
		check_source(&result, template_will_do);
		tm_tenant_follower_hold_schema(nspid);
		LockDatabaseObject(NamespaceRelationId, nspid, 0, ShareLock);

		/* Another schema may be called so now, or this have another owner. */
		result.nspid = tm_tenant_lock_find_source(source, &result.is_template);
		if (result.nspid == nspid)
			break;
		UnlockDatabaseObject(NamespaceRelationId, nspid, 0, ShareLock);
	}
	check_source(&result, template_will_do);
	result.owner = tm_tenant_lock_schema_owner(result.nspid);

	return result;
}

static void
check_source(const CloneSource *source, bool template_will_do)
{
	if (template_will_do && source->is_template)
		return;
	if (!tm_schema_ownercheck(source->nspid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA,
					   get_namespace_name(source->nspid));
}

/* The tenant that is copied, be it from a snapshot; NULL for a plain schema. */
static TenantInfo *
tenant_of_schema(Oid nspid)
{
	SchemaOwner owner;

	return tm_schema_owner(nspid, &owner) ?
		tm_registry_lookup_id(&owner.id) : NULL;
}

/* What a schema that is being adopted is called as a tenant. */
static char *
default_name(const char *schema)
{
	size_t		len = strlen(tm_schema_prefix);

	if (strncmp(schema, tm_schema_prefix, len) == 0 && schema[len] != '\0')
		return pstrdup(schema + len);
	return pstrdup(schema);
}

/* Who will own a tenant that is made of this template for this role, if any */
static Oid
future_owner(const char *template, Oid owner)
{
	Oid			nspid;
	bool		is_template;

	if (OidIsValid(owner))
		return owner;
	if (template == NULL)
		return GetUserId();
	nspid = tm_tenant_lock_find_source(template, &is_template);
	return tm_schema_ownercheck(nspid, GetUserId()) ?
		tm_tenant_lock_schema_owner(nspid) : GetUserId();
}

/* Hooks of a tenant to be.  They may have taken its name, or that of its schema. */
static void
run_before(const char *event, const char *name, const char *schema, Oid owner,
		   Jsonb *detail)
{
	tm_tenant_hook_run_without(event, name, NULL, owner, detail);
	(void) name_is_taken(name, false, NULL);
	tm_tenant_lock_refuse_taken_schema(schema, adopt_hint);
}
