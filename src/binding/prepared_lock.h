/*
 * prepared_lock.h
 *		Which prepared transaction holds a lock.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PREPARED_LOCK_H
#define TENANT_MGR_PREPARED_LOCK_H

/*
 * The name of a prepared transaction that holds a lock, of whatever strength, on
 * an object of this database; palloc'd, or NULL.
 */
extern char *tm_prepared_lock_holder(Oid classid, Oid objid, uint16 part);

#endif							/* TENANT_MGR_PREPARED_LOCK_H */
