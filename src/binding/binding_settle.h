/*
 * binding_settle.h
 *		A binding goes on to be true, or is refused.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BINDING_SETTLE_H
#define TENANT_MGR_BINDING_SETTLE_H

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
