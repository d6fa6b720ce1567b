/*
 * tenant_lock.c
 *		What functions that change tenants lock and look at first.
 *
 * The name is locked, then the tenant is looked up, privileges are checked
 * (ownership.c), the schema is locked, and what has been looked at before is
 * looked at again.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/dbcommands.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "tenants/schema_owner.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

/* whoever has to know that such a function is called */
void		(*tm_tenant_lock_begin_hook) (const char *command) = NULL;

static uint32 name_lock_key(const char *name);

void
tm_tenant_lock_begin(const char *command)
{
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	if (tm_tenant_lock_begin_hook != NULL)
		tm_tenant_lock_begin_hook(command);
}

void
tm_tenant_lock_names(const char *name, const char *other)
{
	uint32		first = name_lock_key(name);
	uint32		second = (other != NULL) ? name_lock_key(other) : first;
	Oid			relid = tm_own_table_relid("registry");

	LockDatabaseObject(relid, Min(first, second), 0, ExclusiveLock);
	if (first != second)
		LockDatabaseObject(relid, Max(first, second), 0, ExclusiveLock);
}

static uint32
name_lock_key(const char *name)
{
	char	   *folded = tm_tenant_name_fold(name);

	return DatumGetUInt32(hash_any((unsigned char *) folded, strlen(folded)));
}

void
tm_tenant_lock_check_create(void)
{
	AclResult	aclresult = tm_database_aclcheck(GetUserId(), ACL_CREATE);

	if (aclresult != ACLCHECK_OK)
		aclcheck_error(aclresult, OBJECT_DATABASE,
					   get_database_name(MyDatabaseId));
}

Oid
tm_tenant_lock_schema_owner(Oid nspid)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(nspid));
	Oid			owner;

	/* Whoever asks before it is locked can be too late. */
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema with OID %u does not exist", nspid)));
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);

	return owner;
}

void
tm_tenant_lock_refuse_role_name(const char *schema, Oid owner)
{
	Oid			roleid = get_role_oid(schema, true);

	if (OidIsValid(roleid) && roleid != owner)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("role \"%s\" already exists", schema),
				 errdetail("The default search path of the role would lead it into the tenant's schema."),
				 errhint("Choose another name, or make the role the owner of the tenant.")));
}

void
tm_tenant_lock_refuse_taken_schema(const char *schema, const char *hint)
{
	TenantInfo *tenant;

	if (OidIsValid(get_namespace_oid(schema, true)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_SCHEMA),
				 errmsg("schema \"%s\" already exists", schema),
				 errhint("%s", hint)));

	/* It may have been lost, and still be somebody else's. */
	tenant = tm_registry_lookup_schema(schema);
	if (tenant != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_SCHEMA),
				 errmsg("schema \"%s\" belongs to tenant \"%s\" already",
						schema, tenant->name)));
}

TenantInfo *
tm_tenant_lock_schema(const TenantInfo *tenant, LOCKMODE lockmode)
{
	for (;;)
	{
		Oid			nspid;

		/* The wait for the name's lock may have been long. */
		tenant = tm_registry_lookup_id(&tenant->id);
		if (tenant == NULL || !OidIsValid(tenant->nspid))
			return unconstify(TenantInfo *, tenant);

		/* Likewise here; raw DDL does not know about locks on names. */
		nspid = tenant->nspid;
		LockDatabaseObject(NamespaceRelationId, nspid, 0, lockmode);
		tenant = tm_registry_lookup_id(&tenant->id);
		if (tenant != NULL && tenant->nspid == nspid)
			return unconstify(TenantInfo *, tenant);

		UnlockDatabaseObject(NamespaceRelationId, nspid, 0, lockmode);
		if (tenant == NULL)
			return NULL;
	}
}

Oid
tm_tenant_lock_free_schema(const char *schema)
{
	SchemaOwner owner;
	Oid			nspid = InvalidOid;

	if (strlen(schema) < NAMEDATALEN)
		nspid = get_namespace_oid(schema, true);
	if (OidIsValid(nspid))
	{
		if (!tm_schema_ownercheck(nspid, GetUserId()))
			aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA, schema);

		/* While we waited, it may have been dropped or given away. */
		LockDatabaseObject(NamespaceRelationId, nspid, 0, AccessShareLock);
		if (get_namespace_oid(schema, true) != nspid)
			nspid = InvalidOid;
	}
	if (!OidIsValid(nspid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" does not exist",
						tm_tenant_name_printable(schema))));
	if (!tm_schema_ownercheck(nspid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA, schema);

	if (tm_schema_owner(nspid, &owner))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_SCHEMA),
				 errmsg("schema \"%s\" belongs to tenant \"%s\" already",
						schema, owner.name)));
	return nspid;
}

Oid
tm_tenant_lock_find_source(const char *source, bool *is_template)
{
	TenantInfo *tenant = tm_registry_lookup(source, true);
	Oid			nspid = InvalidOid;

	if (tenant != NULL)
		nspid = tenant->nspid;
	else if (strlen(source) < NAMEDATALEN)
	{
		nspid = get_namespace_oid(source, true);
		tenant = tm_registry_lookup_schema(source);
	}

	/* What is in the trash cannot be had by the name of its schema either. */
	if (!OidIsValid(nspid) ||
		(tenant != NULL && tenant->state == TENANT_TRASHED))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant or schema \"%s\" does not exist",
						tm_tenant_name_printable(source))));

	if (tenant == NULL &&
		(IsReservedName(source) ||
		 strcmp(source, "information_schema") == 0 ||
		 strcmp(source, TM_SCHEMA_NAME) == 0))
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NOT_CLONABLE),
				 errmsg("schema \"%s\" cannot be cloned", source),
				 errdetail("It belongs to the server or to an extension.")));

	*is_template = (tenant != NULL && tenant->is_template);
	return nspid;
}
