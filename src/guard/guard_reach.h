/*
 * guard_reach.h
 *		What a bound session's utility statement can reach.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_REACH_H
#define TENANT_MGR_GUARD_REACH_H

#include "nodes/nodes.h"

/*
 * Judge everything that a statement about objects can reach, before it is
 * executed.  To be called while guard_access.c listens, which judges schemas
 * that are named on the way.
 */
extern void tm_guard_reach(Node *stmt);

#endif							/* TENANT_MGR_GUARD_REACH_H */
