/*
 * tenant_code.h
 *		For which tenant's object the server works just now.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TENANT_CODE_H
#define TENANT_MGR_TENANT_CODE_H

#include "fmgr.h"
#include "nodes/plannodes.h"
#include "utils/uuid.h"

/*
 * The schema of the tenant whose code is being run, or InvalidOid while there
 * is nothing but what the session's own statements say.  Needs a transaction.
 */
extern Oid	tm_tenant_code_schema(void);

/* What was before something began */
typedef struct RunningCode
{
	Oid			schema;			/* whose code ran */
	const PlannedStmt *plan;	/* by which that was known, or NULL */
	Oid			offered;		/* and whose would, had it come to any */
	bool		referential;	/* for the sake of a foreign key */
	bool		in_statement;	/* within a statement */
	int			nestlevel;		/* settings for parallel workers, or 0 */
} RunningCode;

/* A query is planned, a plan or a utility statement executed: before that, */
extern void tm_tenant_code_begin(RunningCode *code);

/*
 * and once it has been judged itself.  The parts of a query that tenants'
 * views, rules and policies have brought in are judged here, as those
 * tenants'; the tree is changed in place.
 */
extern void tm_tenant_code_enter_query(Query *query);
extern void tm_tenant_code_enter_plan(RunningCode *code,
									  const PlannedStmt *pstmt);
extern void tm_tenant_code_enter_utility(Node *stmt);

/* The same, of a schema's code that is run by nothing of the kind */
extern void tm_tenant_code_enter_schema(Oid nspid);

/*
 * The end of it.  The first one has to be called on error, too, the
 * second one before it where there was none.
 */
extern void tm_tenant_code_end(const RunningCode *code);
extern void tm_tenant_code_finish(const RunningCode *code);

/*
 * Raise an error if code of another tenant than this one is run, or of any
 * tenant if it is NULL.
 */
extern void tm_tenant_code_refuse_other(const pg_uuid_t *tenant_id);

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
