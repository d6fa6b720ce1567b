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
#include "miscadmin.h"
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

static Oid	find_schema(const char *name);
static bool is_within_binding(Oid nspid);

Oid
tm_compared_schema(const char *name)
{
	Oid			nspid = find_schema(name);
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
	return nspid;
}

/* What is in the trash cannot be had by the name of its schema either. */
static Oid
find_schema(const char *name)
{
	TenantInfo *tenant = tm_registry_lookup(name, true);
	Oid			nspid = InvalidOid;

	if (tenant != NULL)
		nspid = tenant->nspid;
	else if (strlen(name) < NAMEDATALEN)
	{
		nspid = get_namespace_oid(name, true);
		tenant = tm_registry_lookup_schema(name);
	}
	if (!OidIsValid(nspid) ||
		(tenant != NULL && tenant->state == TENANT_TRASHED))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant or schema \"%s\" does not exist",
						tm_tenant_name_printable(name))));
	if (IsReservedName(get_namespace_name(nspid)))
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
