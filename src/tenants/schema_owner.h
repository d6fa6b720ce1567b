/*
 * schema_owner.h
 *		Which tenant a schema belongs to.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_OWNER_H
#define TENANT_MGR_SCHEMA_OWNER_H

#include "commands/extension.h"
#include "utils/uuid.h"

#include "tenants/persistent_schemas.h"
#include "tenants/registry_generation.h"

/* A tenant, as the owner of a schema */
typedef struct SchemaOwner
{
	pg_uuid_t	id;				/* the tenant */
	char		name[NAMEDATALEN];	/* its name, '' when it is gone for good */
} SchemaOwner;

/*
 * The tenant that a schema belongs to: as its own, in the trash or not, or as
 * one of its snapshots, put into *owner unless that is NULL.  False for all
 * others, for persistent schemas whatever they are, and where the extension is
 * not installed.  Needs a transaction, but no privilege.
 */
extern bool tm_schema_owner(Oid nspid, SchemaOwner *owner);

/*
 * The schema that was last found to be a tenant's, and the generations, of the
 * registry and of the persistent schemas, for which that holds.  Written by
 * schema_owner.c only.
 */
typedef struct OwnedSchema
{
	Oid			nspid;			/* InvalidOid if there is none */
	uint64		as_of;			/* the sum of both */
} OwnedSchema;

extern OwnedSchema tm_schema_owned;

/* Is it a tenant's?  Mostly the same one is asked about again. */
static inline bool
tm_schema_is_owned(Oid nspid)
{
	if (!OidIsValid(nspid))
		return false;
	return (tm_schema_owned.nspid == nspid && !creating_extension &&
			tm_schema_owned.as_of ==
			tm_registry_moves + tm_persistent_schemas_generation) ||
		tm_schema_owner(nspid, NULL);
}

#endif							/* TENANT_MGR_SCHEMA_OWNER_H */
