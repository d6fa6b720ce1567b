/*
 * doctor_installation.c
 *		Whether the objects of the extension are as its scripts made them.
 *
 * Triggers can be disabled, indexes dropped and made anew in another way,
 * privileges granted, columns added, and the one who installed all this may be
 * no superuser any more.  Each check is a query of the catalogs whose rows say
 * what the object is called, and what the messages need besides.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/own_table.h"
#include "doctor.h"
#include "tenants/event.h"

/* Our tables, with what comes of tm_own_table_at(); and their indexes */
#define OWN_TABLES	" unnest($1, $2) AS own (name, ncolumns) "
#define OWN_INDEXES \
	"(VALUES ('registry', 'registry_pkey'), ('registry', 'registry_name_idx')," \
	" ('registry', 'registry_name_key_key')," \
	" ('registry', 'registry_schema_name_key')," \
	" ('registry', 'registry_purge_after_idx'), ('event', 'event_pkey')," \
	" ('event', 'event_happened_at_idx')," \
	" ('assigned_role', 'assigned_role_pkey')," \
	" ('assigned_role', 'assigned_role_tenant_id_idx')," \
	" ('domain', 'domain_pkey'), ('domain', 'domain_tenant_id_idx')," \
	" ('snapshot_registry', 'snapshot_registry_pkey')," \
	" ('snapshot_registry', 'snapshot_registry_schema_name_key')," \
	" ('data_key', 'data_key_pkey')," \
	" ('connection', 'connection_pkey')," \
	" ('connection', 'connection_connection_name_key')," \
	" ('assignment', 'assignment_pkey')," \
	" ('assignment', 'assignment_connection_id_idx')," \
	" ('outside_link', 'outside_link_pkey')," \
	" ('policy', 'policy_pkey')," \
	" ('migration', 'migration_pkey')," \
	" ('migration_statement', 'migration_statement_pkey')," \
	" ('migration_run', 'migration_run_pkey')," \
	" ('applied_migration', 'applied_migration_pkey')," \
	" ('kept_fingerprint', 'kept_fingerprint_pkey')," \
	" ('structure_change', 'structure_change_pkey')," \
	" ('snapshot_migration', 'snapshot_migration_pkey')) AS own (name, index)"

/* Their triggers, with the state in which they are made; and constraints */
#define TELLING_TRIGGERS(name) \
	" ('" name "', '" name "_changed', 'A')," \
	" ('" name "', '" name "_row_changed', 'R'),"
#define OWN_TRIGGERS \
	"(VALUES" TELLING_TRIGGERS("registry") TELLING_TRIGGERS("policy") \
	TELLING_TRIGGERS("assigned_role") TELLING_TRIGGERS("snapshot_registry") \
	TELLING_TRIGGERS("data_key") TELLING_TRIGGERS("connection") \
	TELLING_TRIGGERS("assignment") TELLING_TRIGGERS("hook") \
	" ('connection', 'connection_written', 'A')) AS own (name, trigger, state)"
#define OWN_CONSTRAINTS \
	"(VALUES ('registry', 'registry_name_check')," \
	" ('registry', 'registry_schema_name_check')," \
	" ('registry', 'registry_state_check')," \
	" ('applied_migration', 'applied_migration_state_check')," \
	" ('migration', 'migration_version_check')," \
	" ('migration_run', 'migration_run_state_check')," \
	" ('connection', 'connection_database_name_check')," \
	" ('connection', 'connection_host_check')," \
	" ('connection', 'connection_name_check')," \
	" ('connection', 'connection_options_check')," \
	" ('connection', 'connection_pool_max_size_check')," \
	" ('connection', 'connection_pool_min_size_check')," \
	" ('connection', 'connection_pool_recycle_seconds_check')," \
	" ('connection', 'connection_pool_timeout_seconds_check')," \
	" ('connection', 'connection_port_check')," \
	" ('connection', 'connection_region_check')," \
	" ('connection', 'connection_role_check')," \
	" ('connection', 'connection_ssl_mode_check')," \
	" ('connection', 'connection_type_check')," \
	" ('connection', 'connection_username_check')," \
	" ('connection', 'connection_weight_check')) AS own (name, constraint_name)"

#define OWN_CLASS \
	" JOIN pg_class c ON c.relname = own.name" \
	" AND c.relnamespace = 'tenant'::regnamespace "

/* Rows of a catalog about what is in our schema, without reading all of it */
#define OWN_OBJECTS(catalog) \
	"(SELECT o.* FROM pg_depend d JOIN " catalog " o ON o.oid = d.objid" \
	" WHERE d.classid = '" catalog "'::regclass" \
	" AND d.refclassid = 'pg_namespace'::regclass" \
	" AND d.refobjid = 'tenant'::regnamespace)"

/* One check; each format takes the query's columns, from the first on */
typedef struct InstallationCheck
{
	const char *severity;		/* of what it finds */
	const char *query;			/* three texts a row, one a format */
	const char *object;			/* format of the first text */
	const char *problem;		/* format of the second text */
	const char *hint;			/* format of the third text */
} InstallationCheck;

static const InstallationCheck checks[] =
{
	{
		DOCTOR_ERROR,
		"SELECT evtname, NULL, quote_ident(evtname)"
		" FROM pg_event_trigger JOIN pg_proc p ON p.oid = evtfoid"
		" WHERE pronamespace = 'tenant'::regnamespace"
		" AND proname <> 'structure_changed' AND evtenabled <> 'A'",
		gettext_noop("event trigger \"%s\""),
		gettext_noop("it does not fire, so tenants whose schemas are dropped or renamed get lost"),
		gettext_noop("Use ALTER EVENT TRIGGER %s ENABLE ALWAYS.")
	},
	{
		DOCTOR_WARNING,
		"SELECT own.name, NULL, own.name FROM (VALUES"
		" ('tenant_mgr_structure_start'), ('tenant_mgr_structure_end'),"
		" ('tenant_mgr_structure_drop')) AS own (name)"
		" WHERE NOT EXISTS (SELECT FROM pg_event_trigger"
		" WHERE evtname = own.name AND evtenabled = 'A')",
		gettext_noop("event trigger \"%s\""),
		gettext_noop("it does not fire, so fingerprints cannot be kept, and tenant.drift reads all schemas each time"),
		gettext_noop("Use ALTER EVENT TRIGGER %s ENABLE ALWAYS.")
	},
	{
		DOCTOR_ERROR,
		"SELECT proname, NULL, NULL FROM " OWN_OBJECTS("pg_proc") " p"
		" WHERE proname <> 'structure_changed'"
		" AND prorettype = 'event_trigger'::regtype"
		" AND NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtfoid = p.oid)",
		gettext_noop("function \"tenant.%s()\""),
		gettext_noop("its event trigger does not exist, so tenants whose schemas are dropped or renamed get lost"),
		gettext_noop("Drop the extension and create it again, or restore a dump.")
	},
	{
		DOCTOR_ERROR,
		"SELECT own.name, own.trigger,"
		" CASE own.state WHEN 'A' THEN 'ALWAYS' ELSE 'REPLICA' END"
		" FROM " OWN_TRIGGERS OWN_CLASS
		" WHERE NOT EXISTS (SELECT FROM pg_trigger t"
		" JOIN pg_proc p ON p.oid = t.tgfoid"
		" WHERE t.tgrelid = c.oid AND t.tgname = own.trigger"
		" AND t.tgenabled = own.state::\"char\""
		" AND p.pronamespace = 'tenant'::regnamespace)",
		gettext_noop("table \"tenant.%s\""),
		gettext_noop("its trigger \"%s\" does not fire whenever it should: what is edited, restored or replicated is not noticed"),
		gettext_noop("Use ALTER TABLE ... ENABLE %s TRIGGER; if there is none, create the extension again and restore a dump.")
	},
	{
		DOCTOR_ERROR,
		"SELECT own.name, own.constraint_name, NULL"
		" FROM " OWN_CONSTRAINTS OWN_CLASS
		" WHERE NOT EXISTS (SELECT FROM pg_constraint k"
		" WHERE k.conrelid = c.oid AND k.conname = own.constraint_name"
		" AND k.convalidated)",
		gettext_noop("table \"tenant.%s\""),
		gettext_noop("its constraint \"%s\" is missing or has not been validated"),
		gettext_noop("Add it as the script of the extension does, after looking at the rows that it would refuse.")
	},
	{
		DOCTOR_WARNING,
		"SELECT own.name, own.index, NULL FROM " OWN_INDEXES OWN_CLASS
		" WHERE NOT EXISTS (SELECT FROM pg_index i"
		" JOIN pg_class ic ON ic.oid = indexrelid"
		" WHERE indrelid = c.oid AND ic.relname = own.index"
		" AND indisvalid AND indpred IS NULL AND indexprs IS NULL)",
		gettext_noop("table \"tenant.%s\""),
		gettext_noop("its index \"%s\" is missing or is not the one that was made with it"),
		gettext_noop("Without it everything works, and takes longer.")
	},
	{
		DOCTOR_WARNING,
		"SELECT own.name, a.attname, NULL FROM " OWN_TABLES OWN_CLASS
		" JOIN pg_attribute a ON a.attrelid = c.oid"
		" WHERE a.attnum > own.ncolumns AND NOT a.attisdropped"
		" AND a.attgenerated = ''",
		gettext_noop("table \"tenant.%s\""),
		gettext_noop("column \"%s\" has been added, so a dump cannot be restored"),
		gettext_noop("Keep what belongs to tenants in their metadata, or in a table of your own that refers to the registry's id.")
	},
	{
		DOCTOR_WARNING,
		"SELECT own.name, r.rulename, NULL FROM " OWN_TABLES OWN_CLASS
		" JOIN pg_rewrite r ON r.ev_class = c.oid",
		gettext_noop("table \"tenant.%s\""),
		gettext_noop("rule \"%s\" is not applied when the extension writes the table"),
		gettext_noop("Use a trigger.")
	},
	{
		DOCTOR_WARNING,
		"SELECT own.name, CASE g.grantee WHEN 0 THEN 'PUBLIC'"
		" ELSE pg_get_userbyid(g.grantee) END,"
		" string_agg(g.privilege_type, ', ') FROM " OWN_TABLES OWN_CLASS
		", LATERAL aclexplode(c.relacl) g WHERE g.grantee <> c.relowner"
		" AND (g.privilege_type <> 'SELECT'"
		" OR own.name IN ('data_key', 'connection'))"
		" AND g.privilege_type <> 'REFERENCES' GROUP BY 1, g.grantee",
		gettext_noop("table \"tenant.%s\""),
		gettext_noop("role \"%s\" has privileges on it that circumvent the functions"),
		gettext_noop("Revoke %s, unless that is meant.")
	},
	{
		DOCTOR_WARNING,
		"SELECT p.proname, CASE g.grantee WHEN 0 THEN 'PUBLIC'"
		" ELSE pg_get_userbyid(g.grantee) END, NULL"
		" FROM " OWN_OBJECTS("pg_proc") " p, LATERAL aclexplode(p.proacl) g"
		" WHERE p.proname IN ('password', 'conninfo')"
		" AND g.grantee <> p.proowner",
		gettext_noop("function \"tenant.%s\""),
		gettext_noop("role \"%s\" may execute it, and see passwords of connections"),
		gettext_noop("Revoke EXECUTE, unless that is meant.")
	},
	{
		DOCTOR_ERROR,
		"SELECT extname, rolname, NULL FROM pg_extension"
		" JOIN pg_roles r ON r.oid = extowner"
		" WHERE extname = 'tenant_mgr' AND NOT rolsuper",
		gettext_noop("extension \"%s\""),
		gettext_noop("its owner, role \"%s\", is no superuser any more: it can still write the registry, and cannot restore a dump"),
		gettext_noop("Use REASSIGN OWNED to give it to a superuser.")
	},
	{
		DOCTOR_ERROR,
		"SELECT kind, rolname, NULL FROM ("
		" SELECT 'schema', nspowner FROM pg_namespace"
		" WHERE nspname = 'tenant'"
		" UNION SELECT 'a table or view in schema', relowner"
		" FROM " OWN_OBJECTS("pg_class") " c"
		" UNION SELECT 'a function in schema', proowner"
		" FROM " OWN_OBJECTS("pg_proc") " p"
		" UNION SELECT 'an event trigger of schema', evtowner"
		" FROM pg_event_trigger JOIN pg_proc p ON p.oid = evtfoid"
		" WHERE pronamespace = 'tenant'::regnamespace) AS o (kind, owner)"
		" JOIN pg_roles r ON r.oid = owner WHERE NOT rolsuper"
		" ORDER BY 1, 2",
		gettext_noop("%s \"tenant\""),
		gettext_noop("its owner, role \"%s\", is no superuser, and can change what the extension and superusers rely on"),
		gettext_noop("Use REASSIGN OWNED, or ALTER ... OWNER TO, to give it to a superuser.")
	},
};

static void use_setting(const char *name, const char *value);
static void run_check(ReturnSetInfo *rsinfo, const InstallationCheck *check,
					  Datum *values, MemoryContext context);
static void own_table_arrays(Datum *values);

void
tm_doctor_check_installation(ReturnSetInfo *rsinfo)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2];
	int			save_nestlevel = NewGUCNestLevel();

	/*
	 * Catalogs are as large as there are tenants, and their indexes will do.
	 * Where there is none, the price put on the scan would have plans
	 * compiled.
	 */
	use_setting("search_path", "pg_catalog, pg_temp");
	use_setting("enable_seqscan", "off");
	use_setting("jit", "off");
	own_table_arrays(values);
	SPI_connect();
	for (int i = 0; i < lengthof(checks); i++)
		run_check(rsinfo, &checks[i], values, context);
	SPI_finish();
	AtEOXact_GUC(true, save_nestlevel);

	if (tm_event_sequence_is_behind())
		tm_doctor_report(rsinfo, DOCTOR_WARNING,
						 _("sequence \"tenant.event_event_id_seq\""),
						 _("its next number is that of an event already, as after a second restore"),
						 _("Events get the next number that is free; set the sequence to the largest event_id to save the search."));
}

static void
use_setting(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

static void
run_check(ReturnSetInfo *rsinfo, const InstallationCheck *check,
		  Datum *values, MemoryContext context)
{
	Oid			types[] = {TEXTARRAYOID, INT4ARRAYOID};

	if (SPI_execute_with_args(check->query, lengthof(types), types, values,
							  NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look at the objects of the extension");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *texts[3];
		MemoryContext spi_context;

		for (int j = 0; j < lengthof(texts); j++)
		{
			texts[j] = SPI_getvalue(tuple, desc, j + 1);
			if (texts[j] == NULL)
				texts[j] = "";
		}
		spi_context = MemoryContextSwitchTo(context);
		tm_doctor_report(rsinfo, check->severity,
						 psprintf(_(check->object), texts[0]),
						 psprintf(_(check->problem), texts[1]),
						 psprintf(_(check->hint), texts[2]));
		MemoryContextSwitchTo(spi_context);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Names and numbers of columns of our tables, as arrays. */
static void
own_table_arrays(Datum *values)
{
	ArrayBuildState *names = NULL;
	ArrayBuildState *counts = NULL;

	for (int i = 0; tm_own_table_at(i) != NULL; i++)
	{
		names = accumArrayResult(names,
								 CStringGetTextDatum(tm_own_table_at(i)->name),
								 false, TEXTOID, CurrentMemoryContext);
		counts = accumArrayResult(counts,
								  Int32GetDatum(tm_own_table_at(i)->natts),
								  false, INT4OID, CurrentMemoryContext);
	}
	values[0] = makeArrayResult(names, CurrentMemoryContext);
	values[1] = makeArrayResult(counts, CurrentMemoryContext);
}
