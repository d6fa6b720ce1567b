/*
 * registry.h
 *		The tenants: rows of tenant.registry.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REGISTRY_H
#define TENANT_MGR_REGISTRY_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "tenants/registry_generation.h"

typedef enum TenantState
{
	TENANT_ACTIVE,
	TENANT_SUSPENDED,
	TENANT_TRASHED
} TenantState;

/* One tenant, as the registry knows it */
typedef struct TenantInfo
{
	pg_uuid_t	id;				/* never reused, survives rename and dump */
	char		name[NAMEDATALEN];	/* as created, case kept */
	char		schema_name[NAMEDATALEN];	/* present name of its schema */
	TenantState state;			/* as stored; "missing" is nspid being 0 */
	bool		is_template;	/* exists to be cloned */
	bool		purging;		/* partly gone, cannot be restored */
	bool		key_fits;		/* is the name found by its folded form? */
	TimestampTz created_at;		/* when the row was made */
	bool		has_template;	/* is there one that it is to be like? */
	pg_uuid_t	template_id;	/* this one, which may be gone */
	Oid			nspid;			/* the schema, InvalidOid when missing, or
								 * when it cannot be a tenant's */
} TenantInfo;

/* What only a trashed tenant has */
typedef struct TenantTrash
{
	char	   *saved_schema;	/* name its schema had, or NULL */
	Jsonb	   *saved_acl;		/* privileges its schema had, or NULL */
	bool		was_suspended;	/* restoring it suspends it again */
} TenantTrash;

/*
 * Accessors.  They need a transaction but no privilege; results are palloc'd
 * in the caller's context.  Nothing is locked: whoever acts on a result locks
 * the name or the schema first and looks then (or again).  All of them raise
 * 55000 when the extension is not installed in this database.
 *
 * tm_registry_lookup() takes the exact name of an active or suspended tenant
 * and usually answers from memory; without missing_ok it raises 3F000.
 * tm_registry_lookup_fold() does not care about case, tm_registry_lookup_id()
 * and tm_registry_lookup_schema() do not care about the state, and
 * tm_registry_lookup_trashed() finds the latest tenant of that exact name to
 * have been dropped; these four return NULL when there is none.
 */
extern TenantInfo *tm_registry_lookup(const char *name, bool missing_ok);
extern TenantInfo *tm_registry_lookup_fold(const char *name);
extern TenantInfo *tm_registry_lookup_id(const pg_uuid_t *id);
extern TenantInfo *tm_registry_lookup_schema(const char *schema);
extern TenantInfo *tm_registry_lookup_trashed(const char *name);

/* What a restore needs to know about a trashed tenant. */
extern TenantTrash *tm_registry_trash_details(const TenantInfo *tenant);

/*
 * The template that the tenant is to be like, palloc'd, or NULL if there is none
 * any more.
 */
extern TenantInfo *tm_registry_template(const TenantInfo *tenant);

/* Why the tenant was suspended, palloc'd, or NULL. */
extern char *tm_registry_suspend_reason(const TenantInfo *tenant);

/* Trashed tenants whose time has come then, a palloc'd list of TenantInfo. */
extern List *tm_registry_due(TimestampTz at);

/* All tenants in every state, in no order; a palloc'd list of TenantInfo. */
extern List *tm_registry_list(void);

/* Is the extension installed (and not just being created or dropped)? */
extern bool tm_registry_installed(void);

/*
 * Move the generation in all sessions, for what is remembered elsewhere as
 * long as it stays.  Does a command counter increment.
 */
extern void tm_registry_announce(void);

/*
 * Modifiers.  The caller holds the lock on the tenant's name and has checked
 * every privilege.  A command counter increment has been done on return.
 */
extern void tm_registry_insert(const char *name, const char *schema_name,
							   bool is_template, Jsonb *metadata,
							   const char *cloned_from,
							   const TenantInfo *source);
extern void tm_registry_assign_template(const TenantInfo *tenant,
										const TenantInfo *template);
extern void tm_registry_rename(const TenantInfo *tenant, const char *new_name,
							   const char *new_schema);
extern void tm_registry_suspend(const TenantInfo *tenant, const char *reason);
extern void tm_registry_resume(const TenantInfo *tenant);
extern void tm_registry_trash(const TenantInfo *tenant, const pg_uuid_t *id,
							  const char *trash_schema, Jsonb *saved_acl,
							  int retention);
extern void tm_registry_restore(const TenantInfo *tenant, const char *name,
								const char *schema_name);

/* What a trashed tenant has becomes a tenant of its own in the trash. */
extern void tm_registry_part(const TenantInfo *tenant, const pg_uuid_t *id,
							 const char *trash_schema);
extern void tm_registry_begin_purge(const TenantInfo *tenant);
extern void tm_registry_set_template(const TenantInfo *tenant,
									 bool is_template);
extern void tm_registry_set_metadata(const TenantInfo *tenant,
									 Jsonb *metadata);
extern void tm_registry_delete(const TenantInfo *tenant);

#endif							/* TENANT_MGR_REGISTRY_H */
