/*
 * open_plan.h
 *		Statements and cursors that still read from a tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OPEN_PLAN_H
#define TENANT_MGR_OPEN_PLAN_H

#include "access/parallel.h"
#include "executor/execdesc.h"
#include "nodes/execnodes.h"
#include "nodes/memnodes.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/uuid.h"

#include "base/utility_statement.h"
#include "binding/origin.h"

/*
 * A statement on its way, kept by who executes it.  Those that there are form a
 * list within the server's stack of what adds words to errors, which is as it
 * was before once an error has been caught.
 */
typedef struct RunningPlan
{
	ErrorContextCallback link;	/* adds nothing */
	const PlannedStmt *plan;	/* what is executed */
	Oid			code;			/* schema of the tenant whose code it is */
} RunningPlan;

/* Is a cursor just being opened that is to be held? */
static inline bool
tm_open_plan_is_lasting(void)
{
	return ActivePortal != NULL && ActivePortal->status == PORTAL_DEFINED &&
		(ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0;
}

/*
 * A plan is about to be started, and has been.  The memory of what is executed
 * says under which binding that was.  A held cursor outlives that memory.
 */
extern void tm_open_plan_refuse_hold(void);
static inline void
tm_open_plan_before_start(void)
{
	if (tm_open_plan_is_lasting())
		tm_open_plan_refuse_hold();
}
extern void tm_open_plan_note_held_cursor(void);
static inline void
tm_open_plan_started(QueryDesc *queryDesc)
{
	if (IsParallelWorker())
		return;
	queryDesc->estate->es_query_cxt->ident = tm_origin_label();
	if (tm_open_plan_is_lasting())
		tm_open_plan_note_held_cursor();
}

/*
 * A plan is run; after an error the second is not needed.  If it was started
 * under another binding, the session goes back to that one, or refuses to; the
 * result is for tm_origin_leave.  So it is with a tenant's code that started it,
 * which the caller has to enter.
 */
extern void tm_open_plan_is_running(void *arg);
extern int	tm_open_plan_go_back(RunningPlan *statement, const char *label);
static inline int
tm_open_plan_begin(RunningPlan *statement, QueryDesc *queryDesc)
{
	const char *label = queryDesc->estate->es_query_cxt->ident;
	int			save_nestlevel = 0;

	statement->code = InvalidOid;
	if (!IsParallelWorker() && label != tm_origin_label())
		save_nestlevel = tm_open_plan_go_back(statement, label);
	statement->plan = queryDesc->plannedstmt;
	statement->link.callback = tm_open_plan_is_running;
	statement->link.arg = statement;
	statement->link.previous = error_context_stack;
	error_context_stack = &statement->link;
	return save_nestlevel;
}

static inline void
tm_open_plan_end(const RunningPlan *statement)
{
	error_context_stack = statement->link.previous;
}

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
