/*
 * migrate_alone.h
 *		Statements that cannot be part of a transaction.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_ALONE_H
#define TENANT_MGR_MIGRATE_ALONE_H

#include "fleet/migration.h"
#include "tenants/registry.h"

/* What is known of an earlier try of a statement */
typedef enum AloneBefore
{
	ALONE_NEW,					/* there was none */
	ALONE_FAILED,				/* an error, but something may be left of it */
	ALONE_UNKNOWN				/* it may even have been completed */
} AloneBefore;

/* Is it one of those that are executed here? */
extern bool tm_migrate_is_alone(const MigrationStatement *statement);

/*
 * Execute one of the statements, counted from 0, as the owner of the tenant's
 * schema, bound to the tenant, in transactions of its own and with what those
 * before it have set.  Ends the present transaction and the connection of SPI, and begins
 * new ones.  The result is NULL or the error, palloc'd.
 */
extern ErrorData *tm_migrate_alone(const List *statements, int number,
								   const TenantInfo *tenant,
								   AloneBefore before);

#endif							/* TENANT_MGR_MIGRATE_ALONE_H */
