/*
 * guard_utility.h
 *		What a bound session's utility statement names.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_UTILITY_H
#define TENANT_MGR_GUARD_UTILITY_H

/* Install the hook. */
extern void tm_guard_utility_init(void);

#endif							/* TENANT_MGR_GUARD_UTILITY_H */
