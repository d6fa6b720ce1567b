/*
 * trash.c
 *		Where dropped tenants stay until they are purged.
 *
 * A dropped tenant keeps everything it has.  Its schema gets a name made of
 * the tenant's id, so that the name is free for another tenant, and loses
 * every privilege but the owner's, so that nobody else gets at what is in
 * it.  The registry remembers both.  A restore gives them back.
 *
 * Privileges are remembered by the names of the roles, because that is what
 * survives a dump: {"owner": name, "grants": [{"grantee": name or null for
 * PUBLIC, "grantor": name, "privilege": name, "grantable": boolean}, ...]}.
 * Roles that do not exist any more are left out when they are given back;
 * what the old owner had and granted is the present owner's then.
 *
 * Before it goes, everybody who uses the schema is waited for: sessions that
 * are bound to the tenant have a lock on the schema during a transaction,
 * others on the relations that they use.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_rewrite.h"
#include "miscadmin.h"
#include "rewrite/rewriteSupport.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "binding.h"
#include "compat.h"
#include "domain.h"
#include "guc.h"
#include "lifecycle.h"
#include "purge.h"
#include "registry.h"
#include "tenant_mgr.h"
#include "tenant_name.h"
#include "trash.h"

/* The most dependent objects that an error lists */
#define MAX_LISTED	10

/* The privileges that a schema can have */
static const struct
{
	AclMode		mode;
	const char *name;
}			schema_privileges[] = {
	{ACL_USAGE, "USAGE"},
	{ACL_CREATE, "CREATE"}
};

static char *describe_dependent(const ObjectAddress *dependent);
static void move_to_trash(const TenantInfo *tenant);
static char *trash_schema_name(const TenantInfo *tenant);
static void wait_for_users(const Closure *closure);
static TenantInfo *lock_trashed(const char *name);
static char *restored_schema_name(const TenantInfo *tenant,
								  const char *new_name);
static void update_schema(Oid nspid, const char *new_name, Acl *new_acl);
static Acl *schema_acl(Oid nspid);
static Jsonb *acl_to_json(const Acl *acl, Oid owner);
static void append_role_name(StringInfo buf, Oid roleid);
static Acl *acl_from_json(Jsonb *saved, Oid owner);
static bool role_from_json(JsonbContainer *grant, const char *key,
						   const char *old_owner, Oid owner, Oid *roleid);
static char *string_from_json(JsonbContainer *object, const char *key);
static AclMode privilege_from_name(const char *name);
static void grant_in_acl(Acl *acl, Oid grantee, Oid grantor, AclMode mode,
						 bool grantable);

PG_FUNCTION_INFO_V1(tenant_drop);
PG_FUNCTION_INFO_V1(tenant_restore);

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
	Closure    *closure;

	tm_lifecycle_begin("tenant.drop()");
	tenant = tm_lifecycle_lock_tenant(name, AccessExclusiveLock, true);

	if (!OidIsValid(tenant->nspid))
	{
		tm_lifecycle_check_create();
		tm_domain_forget(&tenant->id);
		tm_registry_delete(tenant);
	}
	else
	{
		closure = tm_closure_of_schema(tenant->nspid, NULL);
		wait_for_users(closure);

		/* Those who were waited for may have added some. */
		closure = tm_closure_of_schema(tenant->nspid, NULL);
		tm_trash_report_dependents(tenant, closure, ERROR);
		if (purge)
			tm_purge_at_once(tenant, closure);
		else
			move_to_trash(tenant);
	}
	tm_binding_poke_at_commit();

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
	TenantInfo *other;
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

	tm_lifecycle_begin("tenant.restore()");
	tm_registry_lock_names(name, new_name);
	tenant = lock_trashed(name);
	schema = restored_schema_name(tenant, new_name);
	if (new_name == NULL)
		new_name = tenant->name;

	other = tm_registry_lookup_fold(new_name);
	if (other != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_SCHEMA),
				 errmsg("tenant \"%s\" already exists", other->name),
				 errhint("Restore it under another name.")));
	tm_lifecycle_refuse_taken_schema(schema, "Restore it under another name.");

	trash = tm_registry_trash_details(tenant);
	if (trash->saved_acl != NULL)
		acl = acl_from_json(trash->saved_acl,
							tm_lifecycle_schema_owner(tenant->nspid));
	update_schema(tenant->nspid, schema, acl);
	tm_registry_restore(tenant, new_name, schema);
	tm_binding_poke_at_commit();

	PG_RETURN_VOID();
}

bool
tm_trash_report_dependents(const TenantInfo *tenant, const Closure *closure,
						   int elevel)
{
	List	   *dependents = tm_closure_outside_dependents(closure);
	StringInfoData list;
	int			listed = 0;
	ListCell   *lc;

	if (dependents == NIL)
		return false;

	initStringInfo(&list);
	foreach(lc, dependents)
	{
		char	   *description;

		if (listed == MAX_LISTED)
			break;
		description = describe_dependent(lfirst(lc));
		if (description == NULL)
			continue;
		appendStringInfo(&list, "%s%s", listed++ > 0 ? "\n" : "", description);
	}
	if (list_length(dependents) > MAX_LISTED)
		appendStringInfo(&list,
						 ngettext("\nand %d other object",
								  "\nand %d other objects",
								  list_length(dependents) - MAX_LISTED),
						 list_length(dependents) - MAX_LISTED);

	ereport(elevel,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop tenant \"%s\" because objects outside its schema depend on it",
					tenant->name),
			 errdetail_internal("%s", list.data),
			 errhint("Drop these objects first.")));
	return true;
}

/*
 * What an object is called, or NULL if it has gone.  What people have made is
 * the view; that it is a rule of the view that depends is of no use to them.
 */
static char *
describe_dependent(const ObjectAddress *dependent)
{
	ObjectAddress address = *dependent;
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (address.classId != RewriteRelationId)
		return getObjectDescription(&address, true);

	rel = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_rewrite_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(address.objectId));
	scan = systable_beginscan(rel, RewriteOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (tuple != NULL &&
		strcmp(NameStr(((Form_pg_rewrite) GETSTRUCT(tuple))->rulename),
			   ViewSelectRuleName) == 0)
		ObjectAddressSet(address, RelationRelationId,
						 ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return getObjectDescription(&address, true);
}

/*
 * Rename the schema and close it.  The caller holds AccessExclusiveLock on
 * it.  This is a change of the catalog rather than an ALTER SCHEMA, which
 * would demand CREATE on the database of somebody who is giving a schema up.
 */
static void
move_to_trash(const TenantInfo *tenant)
{
	char	   *trash_schema = trash_schema_name(tenant);
	Acl		   *acl = schema_acl(tenant->nspid);
	Jsonb	   *saved_acl = NULL;

	if (acl != NULL)
		saved_acl = acl_to_json(acl,
								tm_lifecycle_schema_owner(tenant->nspid));
	update_schema(tenant->nspid, trash_schema, NULL);
	tm_registry_trash(tenant, trash_schema, saved_acl, tm_trash_retention);
}

static char *
trash_schema_name(const TenantInfo *tenant)
{
	StringInfoData buf;
	int			i;

	initStringInfo(&buf);
	appendStringInfoString(&buf, TM_TRASH_PREFIX);
	for (i = 0; i < UUID_LEN; i++)
		appendStringInfo(&buf, "%02x", tenant->id.data[i]);
	return buf.data;
}

/*
 * Wait for the transactions that use a relation of the schema.  The locks
 * themselves are not taken: a large schema would not fit the lock table.
 */
static void
wait_for_users(const Closure *closure)
{
	List	   *locktags = NIL;
	int			i;

	for (i = 0; i < closure->nmembers; i++)
	{
		LOCKTAG    *locktag;

		if (closure->members[i].classid != RelationRelationId)
			continue;
		locktag = palloc(sizeof(LOCKTAG));
		SET_LOCKTAG_RELATION(*locktag, MyDatabaseId, closure->members[i].objid);
		locktags = lappend(locktags, locktag);
	}
	if (locktags != NIL)
		WaitForLockersMultiple(locktags, AccessExclusiveLock, false);
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
		tm_lifecycle_check_owner(tenant);
		tenant = tm_lifecycle_lock_schema(tenant, AccessExclusiveLock);
	}
	if (tenant == NULL || tenant->state != TENANT_TRASHED)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant \"%s\" is not in the trash",
						tm_tenant_name_printable(name))));
	tm_lifecycle_check_owner(tenant);
	if (tenant->purging)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tenant \"%s\" is being purged", tenant->name),
				 errdetail("Some of its objects are gone already."),
				 errhint("Use CALL tenant.purge() to complete it.")));
	return tenant;
}

/* An adopted schema need not be called what its tenant's name suggests. */
static char *
restored_schema_name(const TenantInfo *tenant, const char *new_name)
{
	char	   *schema = tm_registry_trash_details(tenant)->saved_schema;

	if (new_name == NULL && schema != NULL)
		return schema;

	schema = tm_tenant_name_schema(new_name ? new_name : tenant->name);
	tm_lifecycle_refuse_role_name(schema,
								  tm_lifecycle_schema_owner(tenant->nspid));
	return schema;
}

/* Another name and another list of privileges (NULL: the default) at once. */
static void
update_schema(Oid nspid, const char *new_name, Acl *new_acl)
{
	Relation	rel = table_open(NamespaceRelationId, RowExclusiveLock);
	Acl		   *old_acl = schema_acl(nspid);
	Datum		values[Natts_pg_namespace] = {0};
	bool		nulls[Natts_pg_namespace] = {0};
	bool		replace[Natts_pg_namespace] = {0};
	NameData	name;
	HeapTuple	tuple;
	HeapTuple	new_tuple;
	Oid		   *old_members = NULL;
	Oid		   *new_members = NULL;
	int			nold = old_acl ? aclmembers(old_acl, &old_members) : 0;
	int			nnew = new_acl ? aclmembers(new_acl, &new_members) : 0;

	tuple = SearchSysCacheCopy1(NAMESPACEOID, ObjectIdGetDatum(nspid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for schema %u", nspid);

	namestrcpy(&name, new_name);
	values[Anum_pg_namespace_nspname - 1] = NameGetDatum(&name);
	replace[Anum_pg_namespace_nspname - 1] = true;
	values[Anum_pg_namespace_nspacl - 1] = PointerGetDatum(new_acl);
	nulls[Anum_pg_namespace_nspacl - 1] = (new_acl == NULL);
	replace[Anum_pg_namespace_nspacl - 1] = true;
	new_tuple = heap_modify_tuple(tuple, RelationGetDescr(rel),
								  values, nulls, replace);
	CatalogTupleUpdate(rel, &new_tuple->t_self, new_tuple);

	updateAclDependencies(NamespaceRelationId, nspid, 0,
						  ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner,
						  nold, old_members, nnew, new_members);
	InvokeObjectPostAlterHook(NamespaceRelationId, nspid, 0);

	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

/* The schema's privileges, palloc'd, or NULL if it has the default ones. */
static Acl *
schema_acl(Oid nspid)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(nspid));
	Datum		value;
	bool		isnull;
	Acl		   *acl = NULL;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for schema %u", nspid);
	value = SysCacheGetAttr(NAMESPACEOID, tuple, Anum_pg_namespace_nspacl,
							&isnull);
	if (!isnull)
		acl = DatumGetAclPCopy(value);
	ReleaseSysCache(tuple);

	return acl;
}

static Jsonb *
acl_to_json(const Acl *acl, Oid owner)
{
	StringInfoData buf;
	AclItem    *items = ACL_DAT(acl);
	int			written = 0;
	int			i;
	int			j;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "{\"owner\": ");
	append_role_name(&buf, owner);
	appendStringInfoString(&buf, ", \"grants\": [");
	for (i = 0; i < ACL_NUM(acl); i++)
	{
		for (j = 0; j < lengthof(schema_privileges); j++)
		{
			AclMode		mode = schema_privileges[j].mode;

			if ((ACLITEM_GET_PRIVS(items[i]) & mode) == 0)
				continue;
			appendStringInfoString(&buf, written++ > 0 ?
								   ", {\"grantee\": " : "{\"grantee\": ");
			append_role_name(&buf, items[i].ai_grantee);
			appendStringInfoString(&buf, ", \"grantor\": ");
			append_role_name(&buf, items[i].ai_grantor);
			appendStringInfo(&buf, ", \"privilege\": \"%s\", \"grantable\": %s}",
							 schema_privileges[j].name,
							 (ACLITEM_GET_GOPTIONS(items[i]) & mode) != 0 ?
							 "true" : "false");
		}
	}
	appendStringInfoString(&buf, "]}");

	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum(buf.data)));
}

static void
append_role_name(StringInfo buf, Oid roleid)
{
	if (roleid == ACL_ID_PUBLIC)
		appendStringInfoString(buf, "null");
	else
		escape_json(buf, GetUserNameFromId(roleid, false));
}

/*
 * The privileges that acl_to_json() has written down.  Superusers may edit
 * the registry, so nothing is taken for granted here: what makes no sense is
 * passed over.
 */
static Acl *
acl_from_json(Jsonb *saved, Oid owner)
{
	char	   *old_owner = string_from_json(&saved->root, "owner");
	JsonbValue *grants;
	int			ngrants = 0;
	int			i;
	Acl		   *acl;

	grants = getKeyJsonValueFromContainer(&saved->root, "grants",
										  strlen("grants"), NULL);
	if (grants != NULL && grants->type == jbvBinary &&
		JsonContainerIsArray(grants->val.binary.data))
		ngrants = JsonContainerSize(grants->val.binary.data);

	/* There cannot be more items than grants; the length is set at the end. */
	acl = palloc0(ACL_N_SIZE(ngrants));
	acl->ndim = 1;
	acl->elemtype = ACLITEMOID;
	ARR_LBOUND(acl)[0] = 1;

	for (i = 0; i < ngrants; i++)
	{
		JsonbValue *grant;
		JsonbValue *grantable;
		JsonbContainer *container;
		char	   *privilege;
		AclMode		mode;
		Oid			grantee;
		Oid			grantor;

		grant = getIthJsonbValueFromContainer(grants->val.binary.data, i);
		if (grant->type != jbvBinary ||
			!JsonContainerIsObject(grant->val.binary.data))
			continue;
		container = grant->val.binary.data;

		privilege = string_from_json(container, "privilege");
		mode = privilege_from_name(privilege);
		if (mode == 0)
			continue;
		if (!role_from_json(container, "grantee", old_owner, owner, &grantee))
		{
			ereport(NOTICE,
					(errmsg("role \"%s\" does not exist, skipping its %s privilege",
							string_from_json(container, "grantee"),
							privilege)));
			continue;
		}
		if (!role_from_json(container, "grantor", old_owner, owner, &grantor) ||
			grantor == ACL_ID_PUBLIC)
			grantor = owner;
		grantable = getKeyJsonValueFromContainer(container, "grantable",
												 strlen("grantable"), NULL);
		grant_in_acl(acl, grantee, grantor, mode,
					 grantable != NULL && grantable->type == jbvBool &&
					 grantable->val.boolean && grantee != ACL_ID_PUBLIC);
	}
	SET_VARSIZE(acl, ACL_N_SIZE(ACL_NUM(acl)));

	return acl;
}

/* False if there is no such role any more. */
static bool
role_from_json(JsonbContainer *grant, const char *key,
			   const char *old_owner, Oid owner, Oid *roleid)
{
	char	   *name = string_from_json(grant, key);

	if (name == NULL)
	{
		*roleid = ACL_ID_PUBLIC;
		return true;
	}
	if (old_owner != NULL && strcmp(name, old_owner) == 0)
	{
		*roleid = owner;
		return true;
	}

	*roleid = get_role_oid(name, true);
	return OidIsValid(*roleid);
}

/* A string in an object, palloc'd, or NULL if it is null or not there. */
static char *
string_from_json(JsonbContainer *object, const char *key)
{
	JsonbValue *value;

	if (!JsonContainerIsObject(object))
		return NULL;
	value = getKeyJsonValueFromContainer(object, key, strlen(key), NULL);
	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static AclMode
privilege_from_name(const char *name)
{
	int			i;

	for (i = 0; i < lengthof(schema_privileges); i++)
	{
		if (name != NULL && strcmp(name, schema_privileges[i].name) == 0)
			return schema_privileges[i].mode;
	}
	return 0;
}

/* Add a privilege to the item of its grantee and grantor, made if need be. */
static void
grant_in_acl(Acl *acl, Oid grantee, Oid grantor, AclMode mode, bool grantable)
{
	AclItem    *items = ACL_DAT(acl);
	int			nitems = ACL_NUM(acl);
	int			i;

	for (i = 0; i < nitems; i++)
	{
		if (items[i].ai_grantee == grantee && items[i].ai_grantor == grantor)
			break;
	}
	if (i == nitems)
	{
		items[i].ai_grantee = grantee;
		items[i].ai_grantor = grantor;
		items[i].ai_privs = ACL_NO_RIGHTS;
		ARR_DIMS(acl)[0] = nitems + 1;
	}
	ACLITEM_SET_PRIVS_GOPTIONS(items[i],
							   ACLITEM_GET_PRIVS(items[i]) | mode,
							   ACLITEM_GET_GOPTIONS(items[i]) |
							   (grantable ? mode : ACL_NO_RIGHTS));
}
