/*
 * assignment.h
 *		Which connections a tenant has: rows of tenant.assignment.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ASSIGNMENT_H
#define TENANT_MGR_ASSIGNMENT_H

#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/uuid.h"

/*
 * The connections of a tenant, or, if there are none, those that tenants
 * without any of their own have: a palloc'd list of ConnectionInfo, in no
 * order.  Needs no privilege and locks nothing.
 */
extern List *tm_assignment_list(const pg_uuid_t *tenant_id);

/* How many tenants have this connection. */
extern int	tm_assignment_count(const pg_uuid_t *connection_id);

/* An assignment, by the ids of both sides */
typedef struct AssignmentKey
{
	pg_uuid_t	tenant_id;		/* zeros for all tenants without any */
	pg_uuid_t	connection_id;	/* may be that of nothing */
} AssignmentKey;

/* Those whose tenant or connection does not exist: a palloc'd list. */
extern List *tm_assignment_orphans(void);

/*
 * Lock a connection until the end of the transaction: AccessShareLock by who
 * assigns it, AccessExclusiveLock by who drops it.
 */
extern void tm_assignment_lock_connection(const pg_uuid_t *connection_id,
										  LOCKMODE lockmode);

/*
 * Remove the assignments of a tenant that is gone for good, or of a
 * connection.  The caller has checked the privileges.
 */
extern void tm_assignment_forget_tenant(const pg_uuid_t *tenant_id);
extern void tm_assignment_forget_connection(const pg_uuid_t *connection_id);

#endif							/* TENANT_MGR_ASSIGNMENT_H */
