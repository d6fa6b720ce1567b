/*
 * clone_lock.h
 *		What must not change while a clone is made, and what must be final.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CLONE_LOCK_H
#define TENANT_MGR_CLONE_LOCK_H

#include "clone/clone_state.h"

/* What may happen to the source meanwhile */
typedef enum CloneLock
{
	CLONE_LOCK_NONE,			/* the source may be written to meanwhile */
	CLONE_LOCK_SHARE			/* the source may be read meanwhile */
} CloneLock;

extern int	tm_clone_lock;		/* a CloneLock */

/*
 * Lock what the source consists of, take the snapshot and collect the
 * members, so that both are there and agree with what is locked.
 */
extern void tm_clone_lock_source(CloneState *state);

/*
 * Are the rows of the table, or those of one that it is a partition of, to be
 * left out?  The answer stays the same once the source is locked.
 */
extern bool tm_clone_excludes(const CloneRequest *request, Oid relid);

/*
 * Raise 55006 if this transaction has yet to check rows that are about to
 * travel.  Which ones do has been decided.
 */
extern void tm_clone_refuse_pending_checks(const CloneState *state);

/*
 * Remember that the table outside of the source gets a trigger or a child by
 * the clone, and has to be locked in this mode for it.  For now it is kept
 * from being altered.
 */
extern void tm_clone_note_outside(CloneState *state, Oid relid,
								  LOCKMODE lockmode);

/*
 * Keep an object outside, a role or a tablespace on which an object of the
 * clone depends from being dropped before that is known; an error if it has
 * been.
 */
extern void tm_clone_hold_outside(CloneState *state, Oid classid, Oid objid);

/*
 * Remember a foreign key of the clone to a table outside of it; OIDs are
 * those of the clone.
 */
extern void tm_clone_note_reference(CloneState *state, Oid constraint,
									Oid child, Oid parent);

/* The same for one, inside or outside, between columns that change apart. */
extern void tm_clone_note_moving_reference(CloneState *state, Oid constraint,
										   Oid child, Oid parent);

/*
 * Lock the tables outside, after all that takes time, and make sure that the
 * clone's foreign keys know all of their partitions, and that the rows there
 * are that the clone's refer to.
 */
extern void tm_clone_lock_outside(CloneState *state);

/*
 * Raise 0A000 in a transaction that sees an old snapshot.  A clone shows what
 * is in the files now, which is something else.
 */
extern void tm_clone_refuse_old_snapshot(void);

#endif							/* TENANT_MGR_CLONE_LOCK_H */
