/*
 * guard_mode.h
 *		How strict the guard is.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_MODE_H
#define TENANT_MGR_GUARD_MODE_H

/* What happens when a bound session uses something of another tenant */
typedef enum GuardMode
{
	GUARD_OFF,
	GUARD_LOG,
	GUARD_ENFORCE
} GuardMode;

extern int	tm_guard;			/* a GuardMode */

#endif							/* TENANT_MGR_GUARD_MODE_H */
