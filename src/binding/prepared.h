/*
 * prepared.h
 *		Statements that were prepared by SQL, and for whom.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PREPARED_H
#define TENANT_MGR_PREPARED_H

#include "nodes/params.h"
#include "tcop/pquery.h"
#include "utils/portal.h"

#include "base/utility_statement.h"
#include "binding/open_plan.h"

/*
 * The steps about a utility statement.  The first raises an error if it would
 * execute or drop what was prepared under another binding; what is left of the
 * statement to do is in its place then.
 */
extern void tm_prepared_before_utility(UtilityStatement *statement);
extern void tm_prepared_after_utility(UtilityStatement *statement);

/*
 * A plan is about to be started, perhaps of a statement that SQL prepared.  Plans
 * within one that runs are not what the client has asked for.
 */
extern void tm_prepared_before_execution(const ParamListInfoData *params);
static inline void
tm_prepared_before_plan(const ParamListInfoData *params)
{
	if (ActivePortal != NULL && ActivePortal->prepStmtName != NULL &&
		!tm_open_plan_is_nested())
		tm_prepared_before_execution(params);
}

/*
 * Are there parameters of types that belong to a tenant, which have to be
 * looked at before the next message?  Written by prepared.c only.
 */
extern bool tm_prepared_own_types;

/* A statement has ended; the session may be elsewhere now. */
extern void tm_prepared_follow(void);
static inline void
tm_prepared_after_statement(void)
{
	if (tm_prepared_own_types)
		tm_prepared_follow();
}

/* Drop what was prepared while the session was locked. */
extern void tm_prepared_unlocked(void);

#endif							/* TENANT_MGR_PREPARED_H */
