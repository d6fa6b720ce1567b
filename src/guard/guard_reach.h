/*
 * guard_reach.h
 *		What a bound session's utility statement can reach.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_REACH_H
#define TENANT_MGR_GUARD_REACH_H

#include "nodes/nodes.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

/*
 * Judge everything that a statement about objects can reach, before it is
 * executed.  To be called while guard_access.c listens, which judges schemas
 * that are named on the way.
 */
extern void tm_guard_reach(Node *stmt);

/*
 * Judge a relation by its name, as the server will look it up; InvalidOid if
 * there is none.  What is not there yet, or not any more, is judged by its
 * schema.
 */
extern Oid	tm_guard_reach_relation(const RangeVar *relation);

/* The same of one that is changed, which may be a shared one. */
extern Oid	tm_guard_reach_changed(const RangeVar *relation);

/*
 * Judge schemas by their names; InvalidOid if there is none, or none that may
 * be used.
 */
extern Oid	tm_guard_reach_schema(const char *name);
extern void tm_guard_reach_schemas(List *names);

#endif							/* TENANT_MGR_GUARD_REACH_H */
