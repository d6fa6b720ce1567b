/*
 * doctor_settings.c
 *		Whether what has been set to protect the database can be read.
 *
 * The server passes over lines of its files, and settings of databases and roles,
 * that it does not understand, and says so in a log that nobody reads.  Values of
 * settings that protect count as the strictest ones then (wall.c), which keeps
 * people from working.  Here is which these are, and where.
 *
 * So are some settings of the server that are for repairs only, and have been left
 * as they were then.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "binding/policy.h"
#include "binding/wall.h"
#include "doctor.h"

/* What the doctor's role may not read is not looked at. */
#define FILE_QUERY \
	"SELECT name, setting, sourcefile || ', line ' || sourceline," \
	" CASE WHEN NOT applied THEN error END" \
	" FROM pg_file_settings" \
	" WHERE name ~* '^tenant_mgr[.]' AND (applied OR error IS NOT NULL)"
#define MAY_READ_FILES \
	"SELECT 1 WHERE" \
	" has_table_privilege('pg_file_settings', 'SELECT') AND" \
	" has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')"
#define ROLE_QUERY \
	"SELECT split_part(entry, '=', 1)," \
	" substr(entry, strpos(entry, '=') + 1)," \
	" pg_get_userbyid(nullif(setrole, 0)), d.datname" \
	" FROM pg_db_role_setting s" \
	" LEFT JOIN pg_database d ON d.oid = setdatabase," \
	" LATERAL unnest(setconfig) entry" \
	" WHERE entry ~* '^tenant_mgr[.]' AND setdatabase IN (0," \
	" (SELECT oid FROM pg_database WHERE datname = current_database()))" \
	" ORDER BY 1, 3, 4"

/* Settings of the server under which tenants are not what they seem to be */
#define UNSAFE_SETTINGS \
	"(VALUES ('allow_system_table_mods', 'on')," \
	" ('event_triggers', 'off')," \
	" ('ignore_checksum_failure', 'on')," \
	" ('ignore_system_indexes', 'on')," \
	" ('session_replication_role', 'replica')," \
	" ('zero_damaged_pages', 'on')) AS unsafe (name, value)"
#define UNSAFE_QUERY \
	"SELECT s.name, s.setting, NULL, NULL FROM pg_settings s" \
	" JOIN " UNSAFE_SETTINGS " ON s.name = unsafe.name" \
	" AND s.setting = unsafe.value" \
	" UNION ALL SELECT unsafe.name, unsafe.value," \
	" pg_get_userbyid(nullif(setrole, 0)), d.datname" \
	" FROM pg_db_role_setting r" \
	" LEFT JOIN pg_database d ON d.oid = setdatabase," \
	" LATERAL unnest(setconfig) entry JOIN " UNSAFE_SETTINGS \
	" ON entry = unsafe.name || '=' || unsafe.value" \
	" WHERE setdatabase IN (0," \
	" (SELECT oid FROM pg_database WHERE datname = current_database()))" \
	" ORDER BY 1, 3, 4"

/* The columns of one row, palloc'd */
#define NUM_TEXTS	4

static void check_files(ReturnSetInfo *rsinfo);
static void check_databases_and_roles(ReturnSetInfo *rsinfo);
static char *setting_of(const char *setting, const char *role,
						const char *database);
static void check_policies(ReturnSetInfo *rsinfo);
static void check_unsafe(ReturnSetInfo *rsinfo);
static bool is_unreadable(const char *setting, const char *value,
						  WallId *wall);
static bool is_known(const char *setting);
static int	run_query(const char *query, char *(**rows)[NUM_TEXTS]);

void
tm_doctor_check_settings(ReturnSetInfo *rsinfo)
{
	int			save_nestlevel = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	check_files(rsinfo);
	check_databases_and_roles(rsinfo);
	check_policies(rsinfo);
	check_unsafe(rsinfo);
	AtEOXact_GUC(true, save_nestlevel);
}

static void
check_files(ReturnSetInfo *rsinfo)
{
	char	   *(*rows)[NUM_TEXTS];
	int			nrows;
	WallId		wall;

	if (run_query(MAY_READ_FILES, &rows) == 0)
		return;
	nrows = run_query(FILE_QUERY, &rows);
	for (int i = 0; i < nrows; i++)
	{
		char	   *object = psprintf(_("setting \"%s\""), rows[i][0]);

		if (rows[i][3] != NULL)
			tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
							 psprintf(_("its value in file %s, is not in force: %s"),
									  rows[i][2], rows[i][3]),
							 _("Correct the file and reload the configuration."));
		else if (is_unreadable(rows[i][0], rows[i][1], &wall))
			tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
							 psprintf(_("its value \"%s\" in file %s, cannot be read, and counts as \"%s\""),
									  rows[i][1], rows[i][2],
									  tm_wall_value(wall, tm_wall_strictest(wall))),
							 psprintf(_("Available values: %s."),
									  tm_wall_values(wall)));
	}
}

static void
check_databases_and_roles(ReturnSetInfo *rsinfo)
{
	char	   *(*rows)[NUM_TEXTS];
	int			nrows = run_query(ROLE_QUERY, &rows);

	for (int i = 0; i < nrows; i++)
	{
		const char *setting = rows[i][0];
		char	   *object = setting_of(setting, rows[i][2], rows[i][3]);
		WallId		wall;

		if (!is_known(setting))
			tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
							 _("there is no such setting"),
							 _("Use ALTER DATABASE or ALTER ROLE with RESET."));
		else if (is_unreadable(setting, rows[i][1], &wall))
			tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
							 psprintf(_("its value \"%s\" cannot be read, and counts as \"%s\""),
									  rows[i][1],
									  tm_wall_value(wall, tm_wall_strictest(wall))),
							 psprintf(_("Available values: %s."),
									  tm_wall_values(wall)));
	}
}

/* How people call a setting that is stored for these, which may be NULL. */
static char *
setting_of(const char *setting, const char *role, const char *database)
{
	if (role == NULL && database == NULL)
		return psprintf(_("setting \"%s\" of all roles"), setting);
	if (role == NULL)
		return psprintf(_("setting \"%s\" of database \"%s\""), setting,
						database);
	if (database == NULL)
		return psprintf(_("setting \"%s\" of role \"%s\""), setting, role);
	return psprintf(_("setting \"%s\" of role \"%s\" in database \"%s\""),
					setting, role, database);
}

/*
 * What lets triggers and constraints be passed over, catalogs be written to, or
 * damage go unnoticed: for this session, or stored for others.
 */
static void
check_unsafe(ReturnSetInfo *rsinfo)
{
	char	   *(*rows)[NUM_TEXTS];
	int			nrows = run_query(UNSAFE_QUERY, &rows);

	for (int i = 0; i < nrows; i++)
	{
		bool		stored = rows[i][2] != NULL || rows[i][3] != NULL;

		tm_doctor_report(rsinfo, DOCTOR_WARNING,
						 stored ? setting_of(rows[i][0], rows[i][2], rows[i][3]) :
						 psprintf(_("setting \"%s\""), rows[i][0]),
						 psprintf(_("it is \"%s\", so the server passes over what keeps data and catalogs right"),
								  rows[i][1]),
						 stored ? _("Use ALTER DATABASE or ALTER ROLE with RESET.") :
						 _("Use RESET, or correct the configuration: it is meant for repairs only."));
	}
}

/* Rows that others have written, or a later version of the extension */
static void
check_policies(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_policy_list())
	{
		const Policy *policy = lfirst(lc);
		char	   *object = psprintf(_("policy \"%s\""), policy->setting);
		WallId		wall;

		if (is_unreadable(policy->setting, policy->value, &wall))
			tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
							 psprintf(_("its value \"%s\" cannot be read, and counts as \"%s\""),
									  policy->value,
									  tm_wall_value(wall, tm_wall_strictest(wall))),
							 psprintf(_("Available values: %s."),
									  tm_wall_values(wall)));
		else if (!tm_policy_is_possible(tm_wall_find(policy->setting)))
			tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
							 _("the setting cannot be a policy, so it has no effect"),
							 _("Delete the row from tenant.policy."));
	}
}

static bool
is_unreadable(const char *setting, const char *value, WallId *wall)
{
	int			level;

	*wall = tm_wall_find(setting);
	return *wall != WALL_NONE && !tm_wall_read(*wall, value, &level);
}

static bool
is_known(const char *setting)
{
	struct config_generic *record = tm_guc_find(setting);

	return record != NULL && (record->flags & GUC_CUSTOM_PLACEHOLDER) == 0;
}

/* The rows of a query, as many as are returned, in the caller's context. */
static int
run_query(const char *query, char *(**rows)[NUM_TEXTS])
{
	MemoryContext context = CurrentMemoryContext;
	int			nrows;

	SPI_connect();
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look at settings");
	nrows = (int) SPI_processed;
	*rows = MemoryContextAllocZero(context,
								   (nrows + 1) * sizeof(**rows));
	for (int i = 0; i < nrows; i++)
	{
		TupleDesc	desc = SPI_tuptable->tupdesc;

		for (int j = 0; j < Min(NUM_TEXTS, desc->natts); j++)
		{
			char	   *value = SPI_getvalue(SPI_tuptable->vals[i], desc, j + 1);

			if (value != NULL)
				(*rows)[i][j] = MemoryContextStrdup(context, value);
		}
	}
	SPI_finish();
	return nrows;
}
