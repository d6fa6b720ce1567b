/*
 * schema_acl.c
 *		The name and the privileges of a schema, taken away and given back.
 *
 * A schema that is put aside, be it in the trash or as a snapshot, loses every
 * privilege but its owner's.  These are changes of the catalog rather than
 * ALTER SCHEMA and REVOKE, which would demand CREATE on the database of
 * somebody who is giving a schema up.
 *
 * Privileges are remembered by the names of the roles, because that is what
 * survives a dump, and by their OIDs, because a name may be another role's by
 * the time: {"system": identifier, "owner": name, "owner_oid": OID,
 * "grants": [{"grantee": name or null for PUBLIC, "grantee_oid": OID,
 * "grantor": name, "grantor_oid": OID, "privilege": name, "grantable":
 * boolean}, ...]}.  The OIDs count where the system is the same.  Privileges
 * of roles that do not exist any more, or that such roles have granted, are
 * left out when they are given back; what the old owner had and granted is the
 * present owner's then.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "clone/function_settings.h"
#include "lifecycle/schema_acl.h"
#include "tenants/structure_change.h"

/* The privileges that a schema can have */
static const struct
{
	AclMode		mode;
	const char *name;
}			schema_privileges[] = {
	{ACL_USAGE, "USAGE"},
	{ACL_CREATE, "CREATE"}
};

/* How the roles of remembered privileges are found */
typedef struct SavedRoles
{
	bool		by_oid;			/* they are this system's */
	char	   *old_name;		/* name of the owner then, or NULL */
	char	   *old_owner;		/* its OID, or NULL */
	Oid			owner;			/* who takes its place */
} SavedRoles;

static void append_role(StringInfo buf, const char *key, Oid roleid);
static bool role_from_json(JsonbContainer *grant, const char *key,
						   const SavedRoles *roles, Oid *roleid);
static char *string_from_json(JsonbContainer *object, const char *key);
static AclMode privilege_from_name(const char *name);
static void grant_in_acl(Acl *acl, Oid grantee, Oid grantor, AclMode mode,
						 bool grantable);

void
tm_schema_acl_update(Oid nspid, const char *new_name, Acl *new_acl)
{
	Relation	rel = table_open(NamespaceRelationId, RowExclusiveLock);
	Acl		   *old_acl = tm_schema_acl(nspid);
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
	tm_structure_changed(nspid);
	tm_function_settings_follow_schema(nspid,
									   NameStr(((Form_pg_namespace) GETSTRUCT(tuple))->nspname),
									   new_name);

	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

Acl *
tm_schema_acl(Oid nspid)
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

Jsonb *
tm_schema_acl_to_json(const Acl *acl, Oid owner)
{
	StringInfoData buf;
	AclItem    *items = ACL_DAT(acl);
	int			written = 0;
	int			i;
	int			j;

	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"system\": \"" UINT64_FORMAT "\", ",
					 GetSystemIdentifier());
	append_role(&buf, "owner", owner);
	appendStringInfoString(&buf, ", \"grants\": [");
	for (i = 0; i < ACL_NUM(acl); i++)
	{
		for (j = 0; j < lengthof(schema_privileges); j++)
		{
			AclMode		mode = schema_privileges[j].mode;

			if ((ACLITEM_GET_PRIVS(items[i]) & mode) == 0)
				continue;
			appendStringInfoString(&buf, written++ > 0 ? ", {" : "{");
			append_role(&buf, "grantee", items[i].ai_grantee);
			appendStringInfoString(&buf, ", ");
			append_role(&buf, "grantor", items[i].ai_grantor);
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
append_role(StringInfo buf, const char *key, Oid roleid)
{
	appendStringInfo(buf, "\"%s\": ", key);
	if (roleid == ACL_ID_PUBLIC)
		appendStringInfoString(buf, "null");
	else
		escape_json(buf, GetUserNameFromId(roleid, false));
	appendStringInfo(buf, ", \"%s_oid\": \"%u\"", key, roleid);
}

/*
 * The privileges that tm_schema_acl_to_json() has written down.  Superusers
 * may edit the registry, so nothing is taken for granted here: what makes no
 * sense is passed over.
 */
Acl *
tm_schema_acl_from_json(Jsonb *saved, Oid owner)
{
	char	   *system = string_from_json(&saved->root, "system");
	char	   *present_system = psprintf(UINT64_FORMAT, GetSystemIdentifier());
	SavedRoles	roles;
	JsonbValue *grants;
	int			ngrants = 0;
	int			i;
	Acl		   *acl;

	grants = getKeyJsonValueFromContainer(&saved->root, "grants",
										  strlen("grants"), NULL);
	if (grants != NULL && grants->type == jbvBinary &&
		JsonContainerIsArray(grants->val.binary.data))
		ngrants = JsonContainerSize(grants->val.binary.data);

	roles.by_oid = system != NULL && strcmp(system, present_system) == 0;
	roles.old_name = string_from_json(&saved->root, "owner");
	roles.old_owner = string_from_json(&saved->root, "owner_oid");
	roles.owner = owner;

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
		if (!role_from_json(container, "grantee", &roles, &grantee))
		{
			ereport(NOTICE,
					(errmsg("role \"%s\" does not exist, skipping its %s privilege",
							string_from_json(container, "grantee"),
							privilege)));
			continue;
		}

		/* With its grantor gone, DROP ROLE would have taken it as well. */
		if (!role_from_json(container, "grantor", &roles, &grantor) ||
			grantor == ACL_ID_PUBLIC)
		{
			ereport(NOTICE,
					(errmsg("role \"%s\" does not exist, skipping the %s privilege that it has granted",
							string_from_json(container, "grantor"),
							privilege)));
			continue;
		}
		grantable = getKeyJsonValueFromContainer(container, "grantable",
												 strlen("grantable"), NULL);
		grant_in_acl(acl, grantee, grantor, mode,
					 grantable != NULL && grantable->type == jbvBool &&
					 grantable->val.boolean && grantee != ACL_ID_PUBLIC);
	}
	SET_VARSIZE(acl, ACL_N_SIZE(ACL_NUM(acl)));

	return acl;
}

/*
 * The role under this key, by its OID where that means something.  False if
 * there is no such role any more.
 */
static bool
role_from_json(JsonbContainer *grant, const char *key,
			   const SavedRoles *roles, Oid *roleid)
{
	char	   *name = string_from_json(grant, key);
	char	   *oid = string_from_json(grant, psprintf("%s_oid", key));

	if (name == NULL)
	{
		*roleid = ACL_ID_PUBLIC;
		return true;
	}

	/* The old owner need not exist any more. */
	if (roles->old_owner != NULL && oid != NULL ?
		strcmp(oid, roles->old_owner) == 0 :
		roles->old_name != NULL && strcmp(name, roles->old_name) == 0)
	{
		*roleid = roles->owner;
		return true;
	}

	if (roles->by_oid && oid != NULL)
		*roleid = (Oid) strtoul(oid, NULL, 10);
	else
		*roleid = get_role_oid(name, true);
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(*roleid));
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
