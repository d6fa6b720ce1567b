/*
 * binding.h
 *		The tenant that a session or transaction works for.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BINDING_H
#define TENANT_MGR_BINDING_H

#include "utils/guc.h"
#include "utils/uuid.h"

#include "binding/authorization.h"

#define TM_TENANT_SETTING	"tenant_mgr.tenant"

/*
 * What is remembered beside the value of tenant_mgr.tenant.  One chunk of
 * memory that belongs to the GUC machinery, which keeps it for as long as it
 * may restore the value.
 */
typedef struct Binding
{
	pg_uuid_t	id;				/* the tenant, whatever it is called now */
	Oid			nspid;			/* its schema */
	bool		bound;			/* false where the value is '' */
	bool		verified;		/* the tenant was looked up, the path set */
	bool		prior_is_reset; /* unbinding resets the search path */
	bool		lent;			/* by an operation, whatever the role may */
	Authorization authorization;	/* by what right, and until when */
	uint64		generation;		/* of the registry when last looked at */
	uint64		path_generation;	/* of the persistent schemas in path */
	Size		prior_offset;	/* where in path the prior path begins */
	char		path[FLEXIBLE_ARRAY_MEMBER];	/* the tenant's search path,
												 * and after its null byte the
												 * one before binding */
} Binding;

/* The binding as a setting, '' when unbound. */
extern char *tm_tenant;

/* Another setting, which tells parallel workers that it has been verified */
extern bool tm_tenant_verified;

/* The record of the setting, NULL before the library has started. */
extern struct config_generic *tm_binding_record;
extern void tm_binding_start(void);

/*
 * Bind the session, the rest of the transaction or of a nesting level of
 * settings to a tenant; an empty name unbinds.
 */
extern void tm_binding_set(const char *name, GucAction action);

/* The same; what is in the way is reported with this level. */
extern void tm_binding_try_set(const char *name, GucAction action, int elevel);

/*
 * Bind the session to a tenant until the present nesting level of settings
 * ends, whatever its role may do there and also if the tenant is suspended: an
 * operation that its caller was entitled to works for the tenant.  One of
 * several transactions has it for the session, and sees to its end.
 */
extern void tm_binding_lend(const char *name, bool to_session);

/* Is it unbound, with nothing that could come back? */
extern bool tm_binding_is_pristine(void);

/* Written by binding_setting.c only */
extern Binding *tm_current_binding;

/*
 * The session's binding, verified or not, or NULL; valid until the setting
 * changes.
 */
static inline Binding *
tm_binding_current(void)
{
	return tm_current_binding;
}

/* Does the binding end with the transaction, or with a function? */
extern bool tm_binding_is_passing(void);

/* Does it end with a function, or another nesting level of settings? */
extern bool tm_binding_is_of_function(void);

#endif							/* TENANT_MGR_BINDING_H */
