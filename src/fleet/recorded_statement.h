/*
 * recorded_statement.h
 *		Statements of a session that records.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_RECORDED_STATEMENT_H
#define TENANT_MGR_RECORDED_STATEMENT_H

#include "executor/execdesc.h"
#include "tcop/utility.h"

#include "base/utility_statement.h"
#include "fleet/recording.h"

/* Before a plan is started */
extern void tm_record_plan(QueryDesc *queryDesc);
static inline void
tm_record_before_plan(QueryDesc *queryDesc)
{
	if (tm_recording_is_on())
		tm_record_plan(queryDesc);
}

/*
 * The steps about a utility statement.  The last one does not fail, and is
 * called in any case if the first one has been.
 */
extern void tm_record_before_utility(UtilityStatement *statement,
									 const char *query,
									 ProcessUtilityContext context);
static inline ProcessUtilityContext
tm_record_context(const UtilityStatement *statement,
				  ProcessUtilityContext context)
{
	/* A transaction that it ended could not be repeated in another. */
	return statement->record_runs_code ? PROCESS_UTILITY_QUERY : context;
}

extern void tm_record_after_utility(UtilityStatement *statement);
extern void tm_record_end_utility(UtilityStatement *statement);

#endif							/* TENANT_MGR_RECORDED_STATEMENT_H */
