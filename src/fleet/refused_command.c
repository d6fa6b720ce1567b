/*
 * refused_command.c
 *		Functions that change tenants, where statements are recorded or repeated.
 *
 * A migration is about what is in the schema of a tenant.  The functions of
 * tenant_mgr are about tenants, their rights and their connections: in a migration
 * each tenant would call them once more, and what one of them does to the tenant
 * at hand would take it out of the hands of the run.  So they are refused where a
 * migration is applied, however deep in functions and DO blocks, and while one is
 * recorded, for it could not be applied.  tenant.encrypt() is about rows, and has
 * the key of each tenant.
 *
 * Hooks are called before and after the statements, and are free to call them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "binding/binding.h"
#include "fleet/recording.h"
#include "fleet/refused_command.h"

static bool is_about_rows(const char *command);
static bool says_so_itself(const char *command);

/* Are statements of a migration being executed? */
static bool in_migration = false;

void
tm_refused_command_begin(void)
{
	in_migration = true;
}

void
tm_refused_command_end(void)
{
	in_migration = false;
}

void
tm_refused_command_check(const char *command)
{
	if (is_about_rows(command))
		return;
	if (in_migration)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot be called in a migration", command),
				 errdetail("Each tenant would call it once more."),
				 errhint("Call it once, outside of migrations, or for each tenant in a hook.")));
	if (tm_recording_is_on() && tm_binding_current() != NULL &&
		!says_so_itself(command))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot be called while migration \"%s\" is being recorded",
						command, tm_record),
				 errdetail("In a migration each tenant would call it once more."),
				 errhint("Call it in another session, or use tenant.record_stop() first.")));
}

static bool
is_about_rows(const char *command)
{
	return strcmp(command, "tenant.encrypt()") == 0;
}

static bool
says_so_itself(const char *command)
{
	return strcmp(command, "tenant.migrate()") == 0 ||
		strcmp(command, "tenant.record()") == 0 ||
		strcmp(command, "tenant.record_stop()") == 0;
}
