/*
 * prepared_commit.c
 *		What is done for others when somebody commits a prepared transaction.
 *
 * What a transaction does when it commits, it does not do when somebody else
 * commits it: to wake up those whom it concerns.  All that is left of it are its
 * invalidation messages, so these say whether there is something to be done.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "utils/inval.h"

#include "binding/session_wakeup.h"
#include "binding/watch.h"
#include "connections/health.h"
#include "prepared_commit.h"
#include "tenants/registry.h"

/* as of when a prepared transaction was about to be committed */
static uint64 registry_before;
static uint64 connections_before;

void
tm_prepared_commit_before_utility(UtilityStatement *statement)
{
	TransactionStmt *stmt = (TransactionStmt *) statement->pstmt->utilityStmt;

	if (!statement->watched || !IsA(stmt, TransactionStmt) ||
		stmt->kind != TRANS_STMT_COMMIT_PREPARED || !tm_registry_installed())
		return;
	statement->commits_prepared = true;
	AcceptInvalidationMessages();
	registry_before = tm_registry_generation();
	connections_before = tm_health_table_generation();
}

void
tm_prepared_commit_after_utility(UtilityStatement *statement)
{
	if (!statement->commits_prepared)
		return;

	/* Its own messages have been sent to us as well. */
	AcceptInvalidationMessages();
	if (tm_health_table_generation() != connections_before)
		tm_health_announce_now();
	if (tm_registry_generation() != registry_before)
		tm_session_wakeup_now();
}
