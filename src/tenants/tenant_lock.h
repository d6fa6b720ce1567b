/*
 * tenant_lock.h
 *		What functions that change tenants lock and look at first.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TENANT_LOCK_H
#define TENANT_MGR_TENANT_LOCK_H

#include "tenants/registry.h"
#include "storage/lockdefs.h"

/* Raise an error unless the transaction may write; for C that writes rows. */
extern void tm_tenant_lock_begin(const char *command);

/* Called by it, to raise errors of its own; set by hooks.c. */
extern void (*tm_tenant_lock_begin_hook) (const char *command);

/*
 * Lock one or two tenant names (the second may be NULL) until the end of the
 * transaction, so that nobody else creates, takes or gives up these names.
 * Names that differ only in case are the same name.  Taken before any lock
 * on a schema.
 */
extern void tm_tenant_lock_names(const char *name, const char *other);

/* Raise 42501 unless the current user has CREATE on the database. */
extern void tm_tenant_lock_check_create(void);

/* The owner of an existing schema. */
extern Oid	tm_tenant_lock_schema_owner(Oid nspid);

/*
 * Raise 42710 if the schema would be found through "$user" by a role that
 * does not own it.
 */
extern void tm_tenant_lock_refuse_role_name(const char *schema, Oid owner);

/* Raise 42P06 if there is such a schema, or a tenant that has lost it. */
extern void tm_tenant_lock_refuse_taken_schema(const char *schema,
											   const char *hint);

/*
 * Lock the tenant's schema and read the registry again; the result is true
 * at the time of return and palloc'd.  NULL when the tenant has been removed
 * meanwhile.  Its nspid is InvalidOid, and nothing is locked, if there is no
 * such schema.  The caller holds the lock on the tenant's name.
 */
extern TenantInfo *tm_tenant_lock_schema(const TenantInfo *tenant,
										 LOCKMODE lockmode);

/*
 * Lock a schema that is to become a tenant's.  3F000 if there is none, 42501
 * unless it is the current user's, 42P06 if it is a tenant's already.
 */
extern Oid	tm_tenant_lock_free_schema(const char *schema);

/*
 * The schema that a clone of "source" would copy: that of the tenant called
 * so, or else the schema called so.  3F000 when there is neither; no lock, no
 * check of privileges.
 */
extern Oid	tm_tenant_lock_find_source(const char *source, bool *is_template);

#endif							/* TENANT_MGR_TENANT_LOCK_H */
