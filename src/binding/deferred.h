/*
 * deferred.h
 *		Constraints and triggers that were deferred, and for whom.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DEFERRED_H
#define TENANT_MGR_DEFERRED_H

#include "executor/execdesc.h"
#include "base/utility_statement.h"

/* A plan is about to be started, and about to end. */
extern void tm_deferred_before_plan(PlannedStmt *plan);
extern void tm_deferred_plan_ends(QueryDesc *queryDesc);

/* The steps about a utility statement */
extern void tm_deferred_before_utility(UtilityStatement *statement);
extern void tm_deferred_after_utility(UtilityStatement *statement);

/* A statement has ended; the session may be elsewhere now. */
extern void tm_deferred_after_statement(void);

/*
 * Run what waits, under the binding under which it was deferred: what is of
 * other bindings, before the session is locked; and what was deferred while it
 * was locked, before it is unlocked.
 */
extern void tm_deferred_run_others(void);
extern void tm_deferred_run_locked(void);

/* A subtransaction is undone, and a transaction has ended. */
extern void tm_deferred_abort_subtransaction(SubTransactionId subid);
extern void tm_deferred_end_of_transaction(void);

/*
 * The schema of the tenant whose deferred triggers are being fired, if so in a
 * session that is not bound; pg_catalog if it may be one of several.
 */
extern Oid	tm_deferred_tenant(void);

#endif							/* TENANT_MGR_DEFERRED_H */
