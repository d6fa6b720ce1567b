/*
 * key_lock.h
 *		Locks on the data keys of a scope.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_KEY_LOCK_H
#define TENANT_MGR_KEY_LOCK_H

#include "utils/uuid.h"

/* All are held until the transaction ends, or is prepared; relid is tenant.data_key. */

/* To seal with the newest key, which is not shredded meanwhile. */
extern void tm_key_lock_to_seal(Oid relid, const pg_uuid_t *scope);

/*
 * To make a key, after the first; nobody else makes one meanwhile, and the
 * caller has to look again.  There may be one that can be seen by nobody, in a
 * transaction that has been prepared.
 */
extern void tm_key_lock_to_make(Oid relid, const pg_uuid_t *scope);

/* This transaction has made one under that lock. */
extern void tm_key_lock_note_made(const pg_uuid_t *scope);

/* To wrap the keys again. */
extern void tm_key_lock_to_rewrap(Oid relid, const pg_uuid_t *scope);

/*
 * To take all keys away.  Raises 55006 if a prepared transaction has made one.
 */
extern void tm_key_lock_to_remove(Oid relid, const pg_uuid_t *scope);

#endif							/* TENANT_MGR_KEY_LOCK_H */
