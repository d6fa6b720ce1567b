/*
 * schema_acl.h
 *		The name and the privileges of a schema, taken away and given back.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_ACL_H
#define TENANT_MGR_SCHEMA_ACL_H

#include "utils/acl.h"
#include "utils/jsonb.h"

/*
 * Give the schema another name and another list of privileges (NULL: only the
 * owner's) at once.  The caller holds a lock on it that keeps others from
 * doing the same and has checked every privilege.  A command counter
 * increment has been done on return.
 */
extern void tm_schema_acl_update(Oid nspid, const char *new_name, Acl *new_acl);

/* The schema's privileges, palloc'd, or NULL if it has the default ones. */
extern Acl *tm_schema_acl(Oid nspid);

/* The same for the registry, and back; palloc'd. */
extern Jsonb *tm_schema_acl_to_json(const Acl *acl, Oid owner);
extern Acl *tm_schema_acl_from_json(Jsonb *saved, Oid owner);

#endif							/* TENANT_MGR_SCHEMA_ACL_H */
