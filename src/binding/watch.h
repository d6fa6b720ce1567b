/*
 * watch.h
 *		What happens before and after the statements of bound sessions.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_WATCH_H
#define TENANT_MGR_WATCH_H

#include "base/utility_statement.h"

/* Register what is called at the end of transactions. */
extern void tm_watch_init(void);

/* Before a plan is started or goes on, and after it has ended */
extern void tm_watch_before_plan(PlannedStmt *pstmt);
extern void tm_watch_before_more_rows(PlannedStmt *pstmt);
extern void tm_watch_after_plan(void);

/*
 * The steps about a utility statement.  Begin and end do not fail; the other
 * two come before and after.
 */
extern void tm_watch_before_utility(UtilityStatement *statement);
extern void tm_watch_begin_utility(UtilityStatement *statement);
extern void tm_watch_end_utility(UtilityStatement *statement);
extern void tm_watch_after_utility(UtilityStatement *statement);

#endif							/* TENANT_MGR_WATCH_H */
