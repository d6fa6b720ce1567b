/*
 * compat.h
 *		Every difference between the supported servers, in one place.
 *
 * The rest of tenant_mgr is written against these wrappers and does not look
 * at the version number.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_COMPAT_H
#define TENANT_MGR_COMPAT_H

#include "miscadmin.h"
#include "utils/acl.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"

#if PG_VERSION_NUM < 150000
#error "tenant_mgr needs PostgreSQL 15 or later"
#endif

/* Does the role own the schema (or act as its owner)? */
static inline bool
tm_schema_ownercheck(Oid nspid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(NamespaceRelationId, nspid, roleid);
#else
	return pg_namespace_ownercheck(nspid, roleid);
#endif
}

/* Does the role have these privileges on the schema? */
static inline AclResult
tm_schema_aclcheck(Oid nspid, Oid roleid, AclMode mode)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, nspid, roleid, mode);
#else
	return pg_namespace_aclcheck(nspid, roleid, mode);
#endif
}

/* Does the role have these privileges on the current database? */
static inline AclResult
tm_database_aclcheck(Oid roleid, AclMode mode)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(DatabaseRelationId, MyDatabaseId, roleid, mode);
#else
	return pg_database_aclcheck(MyDatabaseId, roleid, mode);
#endif
}

#endif							/* TENANT_MGR_COMPAT_H */
