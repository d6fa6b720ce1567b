/*
 * tenant_code.h
 *		How it comes to be known that a tenant's code is run.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TENANT_CODE_H
#define TENANT_MGR_TENANT_CODE_H

#include "fmgr.h"
#include "nodes/plannodes.h"

#include "binding/running_code.h"

/*
 * A query is planned, a plan or a utility statement executed: before that; the
 * end of it is tm_running_code_end().
 */
extern void tm_tenant_code_begin(RunningCode *before);

/*
 * And once it has been judged itself.  The parts of a query that tenants'
 * views, rules and policies have brought in are judged here, as those
 * tenants'; the tree is changed in place.
 */
extern void tm_tenant_code_enter_query(Query *query);
extern void tm_tenant_code_enter_plan(RunningCode *before,
									  const PlannedStmt *pstmt);
extern void tm_tenant_code_enter_utility(Node *stmt);

/* A plan has been executed without an error; before its end. */
extern void tm_tenant_code_finish(const RunningCode *before);

/* Does the function manager have to tell when the function is called? */
extern bool tm_tenant_code_watches(Oid funcid);

/*
 * Is it a tenant's function that is a part of a statement about several
 * tenants?  Then nobody has to be asked whether it may be called.
 */
extern bool tm_tenant_code_admits(Oid funcid);

/* What it tells. */
extern void tm_tenant_code_called(FmgrHookEventType event, Oid funcid);

#endif							/* TENANT_MGR_TENANT_CODE_H */
