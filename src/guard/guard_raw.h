/*
 * guard_raw.h
 *		Calls that work on a relation, in trees that the parser has made.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_RAW_H
#define TENANT_MGR_GUARD_RAW_H

#include "nodes/nodes.h"

/* The function, in our schema, that judges a relation and hands it through */
#define TM_GUARD_OWN_RELATION	"own_relation"

/* Is it a built-in function that works on its first argument, a relation? */
extern bool tm_guard_works_on_relation(Oid funcid);

/*
 * Let relations be judged when the calls in an expression are executed.
 * Changes the tree in place.
 */
extern void tm_guard_raw_calls(Node *node);

/* Judge what a statement evaluates, or makes others evaluate, unplanned. */
extern void tm_guard_raw_definition(Node *stmt);

/*
 * Must an SQL function whose text has been parsed be kept from becoming part
 * of a query that has been judged?
 */
extern bool tm_guard_raw_body(Node *node);

#endif							/* TENANT_MGR_GUARD_RAW_H */
