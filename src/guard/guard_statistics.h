/*
 * guard_statistics.h
 *		Functions that change statistics of a relation, which they are told by name.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_STATISTICS_H
#define TENANT_MGR_GUARD_STATISTICS_H

#include "nodes/primnodes.h"

/* Is it one of these functions? */
extern bool tm_guard_is_statistics(Oid funcid);

/* Or is it called like one?  The name, or NULL. */
extern const char *tm_guard_statistics_name(List *funcname);

/* Judge the relation that a call names. */
extern void tm_guard_statistics_call(const FuncExpr *call);

#endif							/* TENANT_MGR_GUARD_STATISTICS_H */
