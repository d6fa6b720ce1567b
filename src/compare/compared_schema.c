/*
 * compared_schema.c
 *		Which schema is to be compared, and who may ask for it.
 *
 * What a schema is made of tells much about whoever works with it, so only the
 * owner of the schema may ask, who may clone it as well.  A session that is bound
 * to a tenant may ask for the schema of that tenant only.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/binding_in_force.h"
#include "binding/ownership.h"
#include "compare/compared_schema.h"
#include "tenants/schema_owner.h"
#include "tenants/tenant_name.h"

static Oid	find_schema(const char *name, bool missing_ok);
static void check_access(Oid nspid);
static bool is_within_binding(Oid nspid);

/* Whoever waits for the lock looks again: names may lead elsewhere by then. */
Oid
tm_compared_schema(const char *name, bool missing_ok)
{
	Oid			nspid;

	while (OidIsValid(nspid = find_schema(name, missing_ok)))
	{
		check_access(nspid);
		LockDatabaseObject(NamespaceRelationId, nspid, 0, AccessShareLock);
		if (find_schema(name, missing_ok) == nspid)
		{
			check_access(nspid);
			break;
		}
		tm_compared_schema_release(nspid);
	}
	return nspid;
}

void
tm_compared_schema_release(Oid nspid)
{
	UnlockDatabaseObject(NamespaceRelationId, nspid, 0, AccessShareLock);
}

static void
check_access(Oid nspid)
{
	SchemaOwner owner;

	if (tm_schema_owner(nspid, &owner))
		tm_ownership_refuse_other(&owner.id);
	if (!is_within_binding(nspid))
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
				 errmsg("cannot compare schema \"%s\" while the session is bound to another tenant",
						get_namespace_name(nspid)),
				 errhint("Use tenant.reset() first.")));
	if (!tm_schema_ownercheck(nspid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA,
					   get_namespace_name(nspid));
}

/* What is in the trash cannot be had by the name of its schema either. */
static Oid
find_schema(const char *name, bool missing_ok)
{
	TenantInfo *tenant = tm_registry_lookup(name, true);
	Oid			nspid = InvalidOid;
	const char *found;

	if (tenant != NULL)
		nspid = tenant->nspid;
	else if (strlen(name) < NAMEDATALEN)
	{
		nspid = get_namespace_oid(name, true);
		tenant = tm_registry_lookup_schema(name);
	}

	/* The name of one that is just being dropped can be gone already. */
	found = OidIsValid(nspid) ? get_namespace_name(nspid) : NULL;
	if (found == NULL || (tenant != NULL && tenant->state == TENANT_TRASHED))
	{
		if (missing_ok)
			return InvalidOid;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant or schema \"%s\" does not exist",
						tm_tenant_name_printable(name))));
	}
	if (IsReservedName(found))
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("schema \"%s\" cannot be compared", name),
				 errdetail("It belongs to the server.")));
	return nspid;
}

/* Is it a schema of the tenant that the session is bound to, if it is bound? */
static bool
is_within_binding(Oid nspid)
{
	Binding    *binding = tm_binding_in_force();
	SchemaOwner owner;

	if (binding == NULL)
		return true;
	return tm_schema_owner(nspid, &owner) &&
		tm_uuid_equals(&owner.id, &binding->id);
}
