/*
 * health_memory.h
 *		How much is kept of the health of connections, and under which locks.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_HEALTH_MEMORY_H
#define TENANT_MGR_HEALTH_MEMORY_H

#include "storage/lwlock.h"

extern int	tm_health_slots;	/* connections in shared memory, or 0 */

/* What is guarded by a lock of its own */
typedef enum HealthLock
{
	HEALTH_LOCK_STATES,
	HEALTH_LOCK_SCHEDULE
} HealthLock;

/* Ask for them while the server starts; one of them, from then on. */
extern void tm_health_request_locks(void);
extern LWLock *tm_health_lock(HealthLock lock);

#endif							/* TENANT_MGR_HEALTH_MEMORY_H */
