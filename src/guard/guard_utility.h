/*
 * guard_utility.h
 *		What a bound session's utility statement names.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_UTILITY_H
#define TENANT_MGR_GUARD_UTILITY_H

#include "base/utility_statement.h"

/*
 * The steps about a utility statement: before it is executed, after that, and
 * at its end, which is also called after an error and does not fail.
 */
extern void tm_guard_before_utility(UtilityStatement *statement);
extern void tm_guard_after_utility(UtilityStatement *statement);
extern void tm_guard_end_utility(UtilityStatement *statement);

#endif							/* TENANT_MGR_GUARD_UTILITY_H */
