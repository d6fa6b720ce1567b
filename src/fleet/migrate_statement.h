/*
 * migrate_statement.h
 *		One statement of a migration is executed.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_STATEMENT_H
#define TENANT_MGR_MIGRATE_STATEMENT_H

#include "nodes/parsenodes.h"

#include "fleet/migration.h"

/*
 * The statement as the parser reads it under the present settings; 42601 if the
 * text is none, or more than one.
 */
extern RawStmt *tm_migrate_parse(const char *text);

/*
 * Execute it within the transaction, as whoever is the current user.  There is
 * an active snapshot.
 */
extern void tm_migrate_execute(const MigrationStatement *statement);

/* Does it set something that is to be there for the statements after it? */
extern bool tm_migrate_is_setting(const MigrationStatement *statement);

#endif							/* TENANT_MGR_MIGRATE_STATEMENT_H */
