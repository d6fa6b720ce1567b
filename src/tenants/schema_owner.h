/*
 * schema_owner.h
 *		Which tenant a schema belongs to.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_OWNER_H
#define TENANT_MGR_SCHEMA_OWNER_H

#include "utils/uuid.h"

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

#endif							/* TENANT_MGR_SCHEMA_OWNER_H */
