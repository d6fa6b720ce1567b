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

/*
 * Has anything been noted in this transaction?  Mostly not, and then there is
 * nothing else to ask.  Written by deferred.c only.
 */
extern bool tm_deferred_any;

/* A plan is about to be started, and about to end. */
extern void tm_deferred_run_before_plan(PlannedStmt *plan);
extern void tm_deferred_note_changes(QueryDesc *queryDesc);

static inline void
tm_deferred_before_plan(PlannedStmt *plan)
{
	if (tm_deferred_any)
		tm_deferred_run_before_plan(plan);
}

static inline void
tm_deferred_plan_ends(QueryDesc *queryDesc)
{
	if (queryDesc->operation != CMD_SELECT ||
		queryDesc->plannedstmt->hasModifyingCTE)
		tm_deferred_note_changes(queryDesc);
}

/* The steps about a utility statement */
extern void tm_deferred_before_utility(UtilityStatement *statement);
extern void tm_deferred_after_utility(UtilityStatement *statement);

/* A statement has ended; the session may be elsewhere now. */
extern void tm_deferred_run_after_statement(void);
static inline void
tm_deferred_after_statement(void)
{
	if (tm_deferred_any)
		tm_deferred_run_after_statement();
}

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
extern Oid	tm_deferred_waiting_tenant(void);
static inline Oid
tm_deferred_tenant(void)
{
	return tm_deferred_any ? tm_deferred_waiting_tenant() : InvalidOid;
}

#endif							/* TENANT_MGR_DEFERRED_H */
