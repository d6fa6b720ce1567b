/*
 * tenant_name.h
 *		Which names a tenant may have.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TENANT_NAME_H
#define TENANT_MGR_TENANT_NAME_H

#include "utils/guc.h"

/* Schemas of dropped tenants are called this and the tenant's id */
#define TM_TRASH_PREFIX		"tenant_trash_"

/* Schemas of snapshots are called this and an id of their own */
#define TM_SNAPSHOT_PREFIX	"tenant_snapshot_"

extern char *tm_schema_prefix;	/* goes before a tenant's name */

/* The check hook of that. */
extern bool tm_tenant_name_check_prefix(char **newval, void **extra,
										GucSource source);

/* Raise 42602, saying why, unless a tenant may have this name. */
extern void tm_tenant_name_check(const char *name);

/*
 * The name of the schema of a new tenant: tenant_mgr.schema_prefix and the
 * name, both checked as above; palloc'd.
 */
extern char *tm_tenant_name_schema(const char *name);

/* Raise 42602 for a schema that every tenant or the server itself uses. */
extern void tm_tenant_name_refuse_schema(const char *schema);

/*
 * The name in lower case: two tenants must differ in this form; palloc'd.  It
 * need not be a name that a tenant may have.
 */
extern char *tm_tenant_name_fold(const char *name);

/*
 * The name as it may appear in a message: whatever is not plainly visible is
 * escaped, a long one is cut; palloc'd.  To be used for every name that has
 * not passed tm_tenant_name_check().
 */
extern char *tm_tenant_name_printable(const char *name);

/*
 * Can a schema of this name be that of a tenant?  A trashed one's can have any
 * name, for its owner may rename it; the names of trash are for trash only.
 * Persistent schemas can, for that is a matter of settings.
 */
extern bool tm_tenant_name_is_possible_schema(const char *schema,
											  bool trashed);

/* Is this a name that no tenant or tenant's schema may have? */
extern bool tm_tenant_name_is_reserved(const char *name);

/* Is this a name that tm_tenant_name_check() accepts? */
extern bool tm_tenant_name_is_valid(const char *name);

#endif							/* TENANT_MGR_TENANT_NAME_H */
