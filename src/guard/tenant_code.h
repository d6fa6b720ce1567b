/*
 * tenant_code.h
 *		How it comes to be known that a tenant's code is run.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TENANT_CODE_H
#define TENANT_MGR_TENANT_CODE_H

#include "miscadmin.h"
#include "nodes/plannodes.h"

#include "binding/deferred.h"
#include "binding/running_code.h"
#include "guard/guard.h"
#include "guard/reached_code.h"

/* Does this process evaluate what tables have, and execute nothing of its own? */
extern bool tm_tenant_code_is_all(void);

/*
 * Is there nothing to find out when something begins?  Then what is known of
 * the code that runs stays as it is, and need not be put back.
 */
static inline bool
tm_tenant_code_rests(void)
{
	return tm_running_code.plan == NULL &&
		!OidIsValid(tm_running_code.offered) &&
		!tm_deferred_any &&
		(MyBackendType == B_BACKEND || !tm_tenant_code_is_all()) &&
		(tm_running_code.referential || !InNoForceRLSOperation());
}

/*
 * A query is planned, a plan or a utility statement executed: before that; the
 * end of it is tm_running_code_end().
 */
extern void tm_tenant_code_find_out(RunningCode *before);
static inline void
tm_tenant_code_begin(RunningCode *before)
{
	if (!tm_tenant_code_rests())
		tm_tenant_code_find_out(before);
	else
	{
		*before = tm_running_code;
		before->nestlevel = 0;
	}
}

/*
 * And once it has been judged itself.  The parts of a query that tenants'
 * views, rules and policies have brought in are judged here, as those
 * tenants'; the tree is changed in place.
 */
extern void tm_tenant_code_enter_query(Query *query);

/*
 * Have the plan of a query say that policies are a part of it, of which the server
 * leaves no trace there.  For its plan cache the flag means what the query has told it
 * already: that the plan is good for one role only.
 */
static inline void
tm_tenant_code_note_policies(const Query *query, PlannedStmt *plan)
{
	plan->dependsOnRole |= query->hasRowSecurity;
}
extern void tm_tenant_code_enter_utility(Node *stmt);

/*
 * A plan is started: functions are called then to find out which partitions are left
 * out.
 */
extern bool tm_tenant_code_runs_at_start(const PlannedStmt *pstmt);
extern void tm_tenant_code_start_plan(const PlannedStmt *pstmt);

/*
 * The same of a plan; in a session that is bound it is known whose code it is.
 * Then nothing is entered.
 */
extern void tm_tenant_code_enter_plan(RunningCode *before,
									  const PlannedStmt *pstmt);
static inline bool
tm_tenant_code_is_known(const PlannedStmt *pstmt)
{
	return tm_tenant_code_rests() && !pstmt->parallelModeNeeded &&
		(OidIsValid(tm_running_code.schema) || !tm_running_code_is_open());
}

/* A plan has been executed without an error; before its end. */
static inline void
tm_tenant_code_finish(RunningCode *before, const PlannedStmt *pstmt)
{
	if (before->nestlevel > 0)
		tm_guard_leave_own(before->nestlevel);
	if (tm_running_code.referential && pstmt->resultRelations != NIL)
		tm_reached_code_of_key(before, pstmt);
}

/* Does the function manager have to tell when the function is called? */
extern bool tm_tenant_code_watches(Oid funcid);

/*
 * Is it a tenant's function that is a part of a statement about several
 * tenants?  Then nobody has to be asked whether it may be called.
 */
extern bool tm_tenant_code_admits(Oid funcid);

/* It tells that one is called, and that the call has ended or failed. */
extern void tm_tenant_code_call_begins(Oid funcid);
extern void tm_tenant_code_call_ends(void);

#endif							/* TENANT_MGR_TENANT_CODE_H */
