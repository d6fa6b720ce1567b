/*
 * standby_catchup.h
 *		Bound sessions on a standby, which nobody wakes up.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_STANDBY_CATCHUP_H
#define TENANT_MGR_STANDBY_CATCHUP_H

/*
 * The transaction of a bound session has ended: where nobody would wake it up,
 * have it catch up when the next command comes in.
 */
extern void tm_standby_catchup_arm(void);

#endif							/* TENANT_MGR_STANDBY_CATCHUP_H */
