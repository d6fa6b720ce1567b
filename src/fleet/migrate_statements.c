/*
 * migrate_statements.c
 *		The statements of a migration are executed in a tenant.
 *
 * Bound to the tenant, as the owner of its schema, in a security-restricted
 * operation; one after the other, each under the settings that it was written
 * for.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "fleet/migrate_statement.h"
#include "fleet/migrate_statements.h"
#include "fleet/refused_command.h"
#include "fleet/statement_settings.h"
#include "lifecycle/tenant_work.h"
#include "tenants/tenant_lock.h"

static void execute_statements(const TenantInfo *tenant, List *statements,
							   int first, int end);
static void refuse_superuser(const TenantInfo *tenant);
static void check_place(const TenantInfo *tenant, const char *path);

void
tm_migrate_run_statements(const TenantInfo *tenant, List *statements,
						  int first, int end)
{
	TenantWork	work;

	refuse_superuser(tenant);
	tm_work_begin_alone(&work, tenant,
						tm_tenant_lock_schema_owner(tenant->nspid));
	tm_refused_command_begin();
	PG_TRY();
	{
		execute_statements(tenant, statements, first, end);
	}
	PG_FINALLY();
	{
		tm_refused_command_end();
	}
	PG_END_TRY();
	tm_work_end(&work);
}

static void
execute_statements(const TenantInfo *tenant, List *statements, int first,
				   int end)
{
	const MigrationStatement *before = NULL;
	const char *path = pstrdup(namespace_search_path);

	for (int i = 0; i < end; i++)
	{
		const MigrationStatement *statement = list_nth(statements, i);

		/* What was set before those that are committed is set again. */
		if (i < first && !tm_migrate_is_setting(statement))
			continue;
		CHECK_FOR_INTERRUPTS();
		if (before == NULL ||
			!tm_statement_settings_same(before->settings,
										statement->settings))
			tm_statement_settings_apply(statement->settings);
		before = statement;
		tm_migrate_execute(statement);
		CommandCounterIncrement();
		check_place(tenant, path);
	}
}

/* A superuser's rights are not for whoever may act as the owner otherwise. */
static void
refuse_superuser(const TenantInfo *tenant)
{
	Oid			owner = tm_tenant_lock_schema_owner(tenant->nspid);

	if (superuser_arg(owner) && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to migrate tenant \"%s\"",
						tenant->name),
				 errdetail("Superuser \"%s\" owns schema \"%s\", and statements run as the owner.",
						   GetUserNameFromId(owner, false),
						   tenant->schema_name),
				 errhint("Let an ordinary role own the schema.")));
}

/* What comes next would be somewhere else, or nowhere. */
static void
check_place(const TenantInfo *tenant, const char *path)
{
	if (!SearchSysCacheExists1(NAMESPACEOID,
							   ObjectIdGetDatum(tenant->nspid)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a statement of a migration has dropped schema \"%s\" of tenant \"%s\"",
						tenant->schema_name, tenant->name),
				 errhint("Use tenant.drop(), outside of migrations.")));
	if (strcmp(namespace_search_path, path) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a statement of a migration has changed the search path of tenant \"%s\"",
						tenant->name),
				 errhint("A function can have a path of its own by its SET clause.")));
}
