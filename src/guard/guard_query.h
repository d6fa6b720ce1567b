/*
 * guard_query.h
 *		What a bound session's expressions name, before they are planned.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_QUERY_H
#define TENANT_MGR_GUARD_QUERY_H

#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

/* Judge a query before it is planned, if the guard is on. */
extern void tm_guard_before_planning(Query *parse);

/*
 * Judge everything that an analyzed query or expression names, and let
 * sequences that are named by an expression be judged when it has a value.
 * Changes the tree in place.
 */
extern void tm_guard_query(Node *node);

/* Judge the partitions of a table that rows are about to be put into. */
extern void tm_guard_partitions(Oid relid);

/*
 * The same for an expression that is evaluated as it is, without us: sequences
 * that are named by an expression are refused.
 */
extern void tm_guard_kept_expression(Node *node);

/*
 * Judge what a relation that is about to be written evaluates by itself, as its
 * tenant's; and the same of all that a plan writes.
 */
extern void tm_guard_stored_expressions(Oid relid);
extern void tm_guard_stored_of_plan(const PlannedStmt *pstmt);

/* An expression with its constants worked out, as far as they are known now */
extern Node *tm_guard_fold(Node *node);

/*
 * Must an SQL function be kept from being made part of the query that calls
 * it, because its text needs to be judged by the above?
 */
extern bool tm_guard_keeps_apart(Oid funcid);

/* Forget what the former has answered. */
extern void tm_guard_query_forget(void);

#endif							/* TENANT_MGR_GUARD_QUERY_H */
