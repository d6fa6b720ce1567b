/*
 * prepared_commit.h
 *		What is done for others when somebody commits a prepared transaction.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PREPARED_COMMIT_H
#define TENANT_MGR_PREPARED_COMMIT_H

#include "base/utility_statement.h"

/* Before COMMIT PREPARED, if it is one, and after it. */
extern void tm_prepared_commit_before_utility(UtilityStatement *statement);
extern void tm_prepared_commit_after_utility(UtilityStatement *statement);

#endif							/* TENANT_MGR_PREPARED_COMMIT_H */
