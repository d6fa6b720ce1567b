/*
 * open_plan.h
 *		Statements and cursors that still read from a tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OPEN_PLAN_H
#define TENANT_MGR_OPEN_PLAN_H

#include "executor/execdesc.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
#include "utils/uuid.h"

#include "base/utility_statement.h"

/* A statement on its way, kept by who executes it */
typedef struct RunningPlan
{
	const PlannedStmt *plan;	/* what is executed */
	struct RunningPlan *outer;	/* the statement that it is a part of */
	Oid			code;			/* schema of the tenant whose code it is */
} RunningPlan;

/* Is a cursor just being opened that is to be held? */
static inline bool
tm_open_plan_is_lasting(void)
{
	return ActivePortal != NULL && ActivePortal->status == PORTAL_DEFINED &&
		(ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0;
}

/* A plan is about to be started, and has been. */
extern void tm_open_plan_refuse_hold(void);
static inline void
tm_open_plan_before_start(void)
{
	if (tm_open_plan_is_lasting())
		tm_open_plan_refuse_hold();
}
extern void tm_open_plan_started(QueryDesc *queryDesc);

/*
 * A plan is run; the second is called after an error, too.  If it was started
 * under another binding, the session goes back to that one, or refuses to; the
 * result is for tm_origin_leave.  So it is with a tenant's code that started it,
 * which the caller has to enter.
 */
extern int	tm_open_plan_begin(RunningPlan *statement, QueryDesc *queryDesc);
extern void tm_open_plan_end(const RunningPlan *statement);

/*
 * The first column of a set-returning function without arguments, a List of C
 * strings palloc'd.  The server shows its portals and prepared statements to
 * nobody but by the functions behind pg_cursors and pg_prepared_statements.
 */
extern List *tm_open_plan_names(Oid funcid);

/* Is the present statement a part of another one? */
extern bool tm_open_plan_is_nested(void);

/* Or is it all that the client has asked for? */
extern bool tm_open_plan_is_whole_command(void);

/*
 * Raise an error if something that is open reads from another tenant than the
 * one that the session is about to be bound to, NULL for none.
 */
extern void tm_open_plan_refuse(const pg_uuid_t *tenant_id);

/* The same if the session is about to be locked to this tenant. */
extern void tm_open_plan_refuse_lock(const pg_uuid_t *tenant_id);

/* Close the cursors that were opened while the session was locked. */
extern void tm_open_plan_unlocked(void);

/* Raise an error if it fetches rows of another tenant that are in store. */
extern void tm_open_plan_before_utility(UtilityStatement *statement);

#endif							/* TENANT_MGR_OPEN_PLAN_H */
