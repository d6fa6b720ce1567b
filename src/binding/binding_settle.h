/*
 * binding_settle.h
 *		A binding goes on to be true, or is refused.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BINDING_SETTLE_H
#define TENANT_MGR_BINDING_SETTLE_H

#include "miscadmin.h"

#include "base/compat.h"
#include "binding/binding_path.h"
#include "binding/session_lock.h"
#include "tenants/persistent_schemas.h"
#include "tenants/registry_generation.h"

/*
 * Is there nothing to look at before the next statement?  Processes pending
 * invalidations, costs next to nothing, and is also true when unbound.
 */
extern bool tm_binding_is_settled(void);

/*
 * For what that was last found true, of a session that is not locked and may stay
 * as it is for as long as it likes.  Written by binding_settle.c only.
 */
typedef struct SettledAt
{
	uint64		generation;		/* of the registry */
	uint64		path_generation;	/* of the persistent schemas */
	Oid			roleid;			/* outer user, InvalidOid if another binding
								 * has come since, or a lock may have gone */
	Oid			session_user;	/* who may be assigned to a tenant */
	LocalTransactionId lxid;	/* transaction */
} SettledAt;

extern SettledAt tm_binding_settled_at;

/*
 * As far as messages have been processed: is the binding as it was then, and is
 * it still true?
 */
static inline bool
tm_binding_rests(void)
{
	const SettledAt *at = &tm_binding_settled_at;

	return OidIsValid(at->roleid) && at->generation == tm_registry_moves &&
		at->path_generation == tm_persistent_schemas_generation &&
		!tm_session_locked && !tm_binding_path_is_orphan() &&
		at->session_user == GetSessionUserId();
}

static inline bool
tm_binding_holds_on(void)
{
	return tm_binding_rests() &&
		tm_binding_settled_at.roleid == GetOuterUserId() &&
		tm_binding_settled_at.lxid == tm_local_transaction_id();
}

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

/* Is the session known to be bound so already, for as long as is asked for? */
extern bool tm_binding_is_there(const char *name, bool local);

/*
 * The values of settings from before a transaction are about to come back, or
 * have done so.
 */
extern void tm_binding_end_of_transaction(void);

/* The lock on the tenant's schema may be gone. */
extern void tm_binding_forget_lock(void);

/*
 * The binding in force has just been verified and its schema locked; or there is
 * another one, of which this is not known.  For the assign hook.
 */
extern void tm_binding_note_settled(void);
extern void tm_binding_unsettle(void);

#endif							/* TENANT_MGR_BINDING_SETTLE_H */
