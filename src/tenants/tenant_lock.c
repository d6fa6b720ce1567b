/*
 * tenant_lock.c
 *		What all functions that change tenants begin with.
 *
 * The name is locked, then the tenant is looked up, privileges are checked,
 * the schema is locked, and what has been looked at before is looked at again.
 * Nobody waits for a lock on what is not his.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "binding/running_code.h"
#include "binding/session_lock.h"
#include "tenants/schema_owner.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

void
tm_lifecycle_begin(const char *command)
{
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
}

/*
 * Who is to be kept with one tenant must not rename, drop or rewrite others,
 * nor make new ones, whatever the role is entitled to.
 */
void
tm_lifecycle_refuse_other(const pg_uuid_t *tenant_id)
{
	tm_session_lock_refuse_other(tenant_id);
	tm_running_code_refuse_other(tenant_id);
}

void
tm_lifecycle_check_create(void)
{
	AclResult	aclresult = tm_database_aclcheck(GetUserId(), ACL_CREATE);

	if (aclresult != ACLCHECK_OK)
		aclcheck_error(aclresult, OBJECT_DATABASE,
					   get_database_name(MyDatabaseId));
}

void
tm_lifecycle_refuse_old_snapshot(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot clone a schema in a transaction of isolation level REPEATABLE READ or SERIALIZABLE"),
				 errhint("Use isolation level READ COMMITTED.")));
}

Oid
tm_lifecycle_schema_owner(Oid nspid)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(nspid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for schema %u", nspid);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);

	return owner;
}

void
tm_lifecycle_check_owner(const TenantInfo *tenant)
{
	tm_lifecycle_refuse_other(&tenant->id);
	if (!OidIsValid(tenant->nspid) &&
		OidIsValid(get_namespace_oid(tenant->schema_name, true)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("schema \"%s\" cannot be that of tenant \"%s\"",
						tenant->schema_name, tenant->name),
				 errhint("Use tenant.doctor() to find out what is wrong.")));
	if (!OidIsValid(tenant->nspid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" of tenant \"%s\" does not exist",
						tenant->schema_name, tenant->name)));
	if (tm_schema_ownercheck(tenant->nspid, GetUserId()))
		return;

	/* The name of a schema in the trash would mean nothing to them. */
	if (tenant->state == TENANT_TRASHED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of tenant %s", tenant->name)));
	aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA, tenant->schema_name);
}

void
tm_lifecycle_refuse_role_name(const char *schema, Oid owner)
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
tm_lifecycle_refuse_taken_schema(const char *schema, const char *hint)
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
tm_lifecycle_lock_schema(const TenantInfo *tenant, LOCKMODE lockmode)
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
tm_lifecycle_lock_free_schema(const char *schema)
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
tm_lifecycle_find_source(const char *source, bool *is_template)
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

TenantInfo *
tm_lifecycle_lock_tenant(const char *name, LOCKMODE lockmode, bool missing_ok)
{
	TenantInfo *tenant;

	tm_registry_lock_names(name, NULL);
	tenant = tm_registry_lookup(name, false);
	if (!OidIsValid(tenant->nspid) && missing_ok)
		return tenant;

	/* Nobody shall wait for, or hold, a lock on what is not theirs. */
	tm_lifecycle_check_owner(tenant);
	if (lockmode == NoLock)
		return tenant;

	tenant = tm_lifecycle_lock_schema(tenant, lockmode);
	if (tenant == NULL || tenant->state == TENANT_TRASHED)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant \"%s\" does not exist",
						tm_tenant_name_printable(name))));
	if (OidIsValid(tenant->nspid) || !missing_ok)
		tm_lifecycle_check_owner(tenant);

	return tenant;
}
