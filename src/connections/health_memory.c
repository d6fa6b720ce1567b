/*
 * health_memory.c
 *		How much is kept of the health of connections, and under which locks.
 *
 * Each of the two modules that keep something of it in shared memory has one
 * of the locks, and neither waits for the other's while it holds its own.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"

#include "connections/health_memory.h"

#define TRANCHE_NAME	"tenant_mgr health"

/* the setting; written by the GUC machinery only */
int			tm_health_slots = 256;

void
tm_health_request_locks(void)
{
	RequestNamedLWLockTranche(TRANCHE_NAME, HEALTH_LOCK_SCHEDULE + 1);
}

LWLock *
tm_health_lock(HealthLock lock)
{
	return &GetNamedLWLockTranche(TRANCHE_NAME)[lock].lock;
}
