/*
 * migration_admin.c
 *		What an administrator does with migrations.
 *
 * Whoever adds a migration decides what the owners of all tenants execute, once
 * somebody calls tenant.migrate().  EXECUTE is not enough for that: it takes
 * INSERT on tenant.migration, as if the row was written by SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "base/argument.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "binding/ownership.h"
#include "fleet/migrate_lock.h"
#include "fleet/migration.h"
#include "fleet/migration_admin.h"
#include "fleet/migration_ledger.h"
#include "fleet/statement_refusal.h"
#include "fleet/statement_settings.h"
#include "fleet/statement_text.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

static void refuse_drop(const char *version, const LedgerHolder *holder);
static List *read_statements(const char *sql, bool transactional);
static bool is_there_already(const char *version, const char *checksum,
							 bool transactional);
static void tell_late(const char *version);

PG_FUNCTION_INFO_V1(tenant_add_migration);
PG_FUNCTION_INFO_V1(tenant_drop_migration);
PG_FUNCTION_INFO_V1(tenant_baseline);

/*
 * add_migration(version, sql, description, transactional): a text for all
 * tenants.
 */
Datum
tenant_add_migration(PG_FUNCTION_ARGS)
{
	char	   *version = tm_argument_text(fcinfo, 0, "version");
	char	   *sql = tm_argument_text(fcinfo, 1, "text of a migration");
	Migration	migration = {.version = version,.complete = true};
	MigrationStatement whole = {.text = sql};
	List	   *statements;
	ListCell   *lc;

	migration.transactional = PG_ARGISNULL(3) || PG_GETARG_BOOL(3);
	if (!PG_ARGISNULL(2))
		migration.description = text_to_cstring(PG_GETARG_TEXT_PP(2));
	tm_tenant_lock_begin("tenant.add_migration()");
	tm_ownership_refuse_other(NULL);
	tm_migration_check_permission("add");
	tm_migration_check_version(version);
	migration.checksum = tm_migration_checksum(list_make1(&whole),
											   migration.transactional);

	tm_migration_lock();
	if (is_there_already(version, migration.checksum, migration.transactional))
		PG_RETURN_VOID();
	statements = read_statements(sql, migration.transactional);
	tell_late(version);
	tm_migration_insert(&migration);
	foreach(lc, statements)
		tm_migration_add_statement(version, lfirst(lc));
	tm_event_record("add_migration", NULL, version,
					tm_event_detail("description", migration.description, NULL));
	PG_RETURN_VOID();
}

/* drop_migration(version): nobody gets it any more, and nobody has had it. */
Datum
tenant_drop_migration(PG_FUNCTION_ARGS)
{
	char	   *version = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Migration  *migration;
	LedgerHolder holder;

	tm_tenant_lock_begin("tenant.drop_migration()");
	tm_ownership_refuse_other(NULL);
	tm_migration_check_permission("drop");
	tm_migration_lock();
	tm_migration_lock_out(version);
	migration = tm_migration_lookup(version, false);
	if (!migration->complete)
		tm_migration_hold_recording(version, false);
	if (migration->complete && tm_ledger_who_has(version, &holder))
		refuse_drop(version, &holder);
	tm_ledger_forget_version(version);
	tm_migration_delete(version);
	tm_event_record("drop_migration", NULL, version, NULL);
	PG_RETURN_VOID();
}

static void
refuse_drop(const char *version, const LedgerHolder *holder)
{
	if (holder->label != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot drop migration \"%s\" because snapshot \"%s\" of tenant \"%s\" has it",
						version, holder->label, holder->tenant),
				 errhint("Use tenant.drop_snapshot(), or add a migration that takes back what it does.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("cannot drop migration \"%s\" because tenant \"%s\" has it",
					version, holder->tenant),
			 errhint("Add a migration that takes back what it does.")));
}

/* baseline(name, version): the tenant has all migrations up to this one. */
Datum
tenant_baseline(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *version = text_to_cstring(PG_GETARG_TEXT_PP(1));
	TenantInfo *tenant;
	ListCell   *lc;

	tm_tenant_lock_begin("tenant.baseline()");
	(void) tm_migration_lookup(version, false);
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	tm_ledger_lock(&tenant->id);

	/* A run that goes statement by statement holds nothing else meanwhile. */
	(void) tm_tenant_lock_schema(tenant, TM_MIGRATE_SCHEMA_LOCK);
	tm_migration_lock_shared();
	foreach(lc, tm_migration_list(version))
	{
		const Migration *migration = lfirst(lc);
		LedgerAttempt attempt = {
			.tenant_id = tenant->id,
			.version = migration->version,
			.state = LEDGER_BASELINE,
			.started_at = GetCurrentTimestamp()
		};

		if (!tm_ledger_has(&tenant->id, migration->version))
			tm_ledger_record(&attempt);
	}
	tm_event_record("baseline", tenant, version, NULL);
	PG_RETURN_VOID();
}

void
tm_migration_check_permission(const char *verb)
{
	if (!tm_migration_may_write())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to %s migrations", verb),
				 errdetail("The owners of all tenants execute them."),
				 errhint("INSERT on tenant.migration is needed.")));
}

/* The statements of a text, a list of MigrationStatement, none of them refused. */
static List *
read_statements(const char *sql, bool transactional)
{
	List	   *settings = tm_statement_settings();
	List	   *statements = NIL;
	ListCell   *lc;

	tm_statement_refuse_client(sql);
	foreach(lc, tm_statement_split(sql))
	{
		const ParsedStatement *parsed = lfirst(lc);
		MigrationStatement *statement = palloc0(sizeof(MigrationStatement));

		CHECK_FOR_INTERRUPTS();
		tm_statement_refuse_unrepeatable(parsed->tree);
		tm_statement_refuse_schema(parsed->text, InvalidOid);
		if (transactional && tm_statement_is_alone(parsed->tree))
			ereport(ERROR,
					(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
					 errmsg("%s cannot run inside a transaction block",
							tm_statement_tag_of(parsed->tree)),
					 errdetail("The migration would be applied in one transaction."),
					 errhint("Add it as a migration of its own with transactional => false.")));
		statement->ordinal = list_length(statements) + 1;
		statement->text = parsed->text;
		statement->settings = settings;
		statements = lappend(statements, statement);
	}
	return statements;
}

/* Whoever adds it again gets what he has; another one is refused. */
static bool
is_there_already(const char *version, const char *checksum, bool transactional)
{
	Migration  *present = tm_migration_lookup(version, true);

	if (present == NULL)
		return false;
	if (!present->complete)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("migration \"%s\" is being recorded", version),
				 errhint("Use tenant.drop_migration() to discard what has been recorded.")));
	if (present->recorded || strcmp(present->checksum, checksum) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("migration \"%s\" already exists with another text",
						version),
				 errdetail("It came at %s from role \"%s\".",
						   timestamptz_to_str(present->created_at),
						   present->created_by),
				 errhint("Add what has changed as a migration of its own, under another version.")));
	ereport(NOTICE,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("migration \"%s\" already exists, skipping", version)));
	return true;
}

/* One that comes after later ones is applied where it is missing. */
static void
tell_late(const char *version)
{
	List	   *migrations = tm_migration_list(NULL);
	const Migration *last = migrations != NIL ? llast(migrations) : NULL;

	if (last != NULL && tm_migration_compare(last->version, version) > 0)
		ereport(NOTICE,
				(errmsg("migration \"%s\" comes after migration \"%s\", which some tenants may have already",
						version, last->version),
				 errdetail("It is applied to all that do not have it.")));
}
