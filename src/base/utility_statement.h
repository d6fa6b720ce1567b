/*
 * utility_statement.h
 *		A utility statement on its way through the steps that hooks.c calls.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_UTILITY_STATEMENT_H
#define TENANT_MGR_UTILITY_STATEMENT_H

#include "nodes/plannodes.h"

/* What one step finds out and a later one goes by */
typedef struct UtilityStatement
{
	PlannedStmt *pstmt;			/* a step that changes it puts a copy here */
	bool		alone;			/* the client has sent nothing else with it */
	bool		watched;		/* the session is looked after, by watch.c */
	bool		tagged;			/* a tag is about it as a whole */
	bool		plain;			/* it evaluates no expressions */
	bool		begins;			/* it begins a transaction block */
	bool		done;			/* a step has executed it */
	const char *prepares;		/* a statement of this name, by prepared.c */
	bool		deallocates;	/* prepared statements */
	Oid			copied;			/* the table that COPY writes to, by
								 * deferred.c */
	bool		listened;		/* guard_access.c hears what it does */
	bool		commits_prepared;	/* a transaction, by prepared_commit.c */
	Oid			drops_database; /* for guard_stats.c */
	bool		records;		/* recorded_statement.c has seen it */
	const char *record;			/* what of it is kept, NULL for nothing */
	bool		record_alone;	/* it cannot be a part of a transaction */
	bool		record_runs_code;	/* of somebody's */
	uint32		record_lxid;	/* the transaction that it began in */
} UtilityStatement;

#endif							/* TENANT_MGR_UTILITY_STATEMENT_H */
