/*
 * watch.h
 *		What happens before and after the statements of bound sessions.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_WATCH_H
#define TENANT_MGR_WATCH_H

#include "utils/inval.h"

#include "base/utility_statement.h"
#include "binding/binding_settle.h"
#include "binding/policy.h"
#include "binding/statement_tag.h"

/* Register what is called at the end of transactions. */
extern void tm_watch_init(void);

/*
 * Is all as it was when the binding was last found good?  So it is for nearly all
 * plans that are started within a transaction, and one look answers what else
 * each step asks for itself.
 */
static inline bool
tm_watch_finds_rest(void)
{
	if (!tm_binding_holds_on() || tm_verify_tag != VERIFY_TAG_OFF)
		return false;
	AcceptInvalidationMessages();
	return tm_binding_settled_at.generation == tm_registry_moves &&
		tm_policy_generation == tm_registry_moves;
}

/* Before a plan is started or goes on, and after it has ended */
extern void tm_watch_look_before_plan(PlannedStmt *pstmt);
static inline void
tm_watch_before_plan(PlannedStmt *pstmt)
{
	if (!tm_watch_finds_rest())
		tm_watch_look_before_plan(pstmt);
}

extern void tm_watch_before_more_rows(PlannedStmt *pstmt);

extern void tm_watch_look_after_plan(void);
static inline void
tm_watch_after_plan(void)
{
	if (!tm_binding_rests())
		tm_watch_look_after_plan();
}

/*
 * The steps about a utility statement.  Begin and end do not fail; the other
 * two come before and after.
 */
extern void tm_watch_before_utility(UtilityStatement *statement);
extern void tm_watch_begin_utility(UtilityStatement *statement);
extern void tm_watch_end_utility(UtilityStatement *statement);
extern void tm_watch_after_utility(UtilityStatement *statement);

#endif							/* TENANT_MGR_WATCH_H */
