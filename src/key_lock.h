/*
 * key_lock.h
 *		Locks on the data keys of a scope.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_KEY_LOCK_H
#define TENANT_MGR_KEY_LOCK_H

#include "utils/uuid.h"

/* All are held until the end of the transaction; relid is tenant.data_key. */

/* To seal with the newest key, which is not shredded meanwhile. */
extern void tm_key_lock_to_seal(Oid relid, const pg_uuid_t *scope);

/*
 * To make a key; nobody else makes one meanwhile, and the caller has to look
 * again.  True if somebody may have made one in a transaction that has been
 * prepared, so that it can be seen by nobody.
 */
extern bool tm_key_lock_to_make(Oid relid, const pg_uuid_t *scope);

/* To wrap the keys again. */
extern void tm_key_lock_to_rewrap(Oid relid, const pg_uuid_t *scope);

/*
 * To take all keys away.  Raises 55006 if a prepared transaction has made one.
 */
extern void tm_key_lock_to_remove(Oid relid, const pg_uuid_t *scope);

#endif							/* TENANT_MGR_KEY_LOCK_H */
