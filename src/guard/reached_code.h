/*
 * reached_code.h
 *		Whose code runs by what a statement goes on to.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REACHED_CODE_H
#define TENANT_MGR_REACHED_CODE_H

#include "nodes/plannodes.h"

#include "binding/running_code.h"

/*
 * The server has changed a table for a foreign key: triggers of it wait for the
 * end of the statement that was going on before.
 */
extern void tm_reached_code_of_key(RunningCode *before,
								   const PlannedStmt *pstmt);

/* A utility statement, which is nobody's code by what it names, begins. */
extern void tm_reached_code_of_utility(Node *stmt);

#endif							/* TENANT_MGR_REACHED_CODE_H */
