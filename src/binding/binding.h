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
	Authorization		authorization;		/* by what right, and until when */
	uint64		generation;		/* of the registry when last looked at */
	uint64		path_generation;	/* of the persistent schemas in path */
	Size		prior_offset;	/* where in path the prior path begins */
	char		path[FLEXIBLE_ARRAY_MEMBER];	/* the tenant's search path,
												 * and after its null byte the
												 * one before binding */
} Binding;

/* The binding as a setting, '' when unbound. */
extern char *tm_tenant;

/* Its hooks, and what follows its definition. */
extern bool tm_binding_check_tenant(char **newval, void **extra,
									GucSource source);
extern void tm_binding_assign_tenant(const char *newval, void *extra);
extern void tm_binding_start(void);

/*
 * Called when the session has got another tenant, or none; may be called
 * whenever settings can change.  Set by hooks.c.
 */
extern void (*tm_binding_changed_hook) (void);

/* Called when a function has bound the session.  Set by hooks.c. */
extern void (*tm_switched_hook) (void);

/* Of another one, which tells parallel workers, and its variable */
#define TM_VERIFIED_SETTING	"tenant_mgr.verified"
extern bool tm_tenant_verified;
extern bool tm_binding_check_verified(bool *newval, void **extra,
									  GucSource source);
extern void tm_binding_assign_verified(bool newval, void *extra);

/*
 * Bind the session, the rest of the transaction or of a nesting level of
 * settings to a tenant; an empty name unbinds.
 */
extern void tm_binding_set(const char *name, GucAction action);

/*
 * Bind the session to a tenant until the present nesting level of settings
 * ends, whatever its role may do there and also if the tenant is suspended: an
 * operation that its caller was entitled to works for the tenant.
 */
extern void tm_binding_lend(const char *name);

/*
 * Warn, as SET LOCAL does, that this function binds nothing that comes after it:
 * what the client has sent is a transaction of its own.
 */
extern void tm_binding_warn_unconfined(const char *function);

/* Is the session known to be bound so already, for as long as is asked for? */
extern bool tm_binding_is_there(const char *name, bool local);

/* Is it unbound, with nothing that could come back? */
extern bool tm_binding_is_pristine(void);

/* The binding in force, or NULL; valid until the setting changes. */
extern Binding *tm_binding_current(void);

/*
 * The binding if it has been verified, or NULL, also when it is not the one
 * that the session is locked to.  Only its id and schema are of use to a
 * parallel worker.  Needs a transaction.
 */
extern Binding *tm_binding_in_force(void);

/*
 * Is there nothing to look at before the next statement?  Processes pending
 * invalidations, costs next to nothing, and is also true when unbound.
 */
extern bool tm_binding_is_settled(void);

/*
 * Lock the tenant's schema against being dropped or renamed until the end of
 * the transaction, make sure that the role may still work there, and follow
 * the tenant if its name, its schema or the persistent schemas have changed.
 * Raises an error if the binding is broken.
 */
extern void tm_binding_validate(void);

/*
 * The same as far as it goes without an error, and without waiting for a lock
 * unless told to.
 */
extern void tm_binding_settle(bool wait);

/* Something may have to be settled. */
extern bool tm_binding_needs_settling(void);

/* Does the binding end with the transaction, or with a function? */
extern bool tm_binding_is_passing(void);

/* Does it end with a function, or another nesting level of settings? */
extern bool tm_binding_is_of_function(void);

/*
 * The values of settings from before a transaction are about to come back, or
 * have done so.
 */
extern void tm_binding_end_of_transaction(void);

/* The lock on the tenant's schema may be gone. */
extern void tm_binding_forget_lock(void);

/*
 * Bring this session's binding in line with changes that the current
 * transaction has made to tenants, and see to it that idle sessions look at
 * theirs once it has committed.  To be called after the last change of a
 * name, a state or a schema; does a command counter increment.
 */
extern void tm_binding_poke_at_commit(void);

#endif							/* TENANT_MGR_BINDING_H */
