/*
 * retarget.c
 *		tenant.retarget(): texts of a tenant that name another schema.
 *
 * A clone, and a tenant that has been renamed, can have functions whose texts name
 * the schema that they were written for.  Here these places are listed, and what
 * certainly is that name can be changed to the tenant's own.
 *
 * A function is changed by the statements that a user would write, CREATE OR
 * REPLACE and ALTER, with the privileges of whoever calls: so the server checks who
 * may do that, event triggers see it, and owner, privileges and comments stay.
 * Names in these statements are qualified, for the search path is pinned; whether
 * the new text is valid is looked at afterwards, on the path of the tenant.  Each
 * function is a subtransaction: one that cannot be changed does not keep others from
 * it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/attempt.h"
#include "base/name_scan.h"
#include "base/tenant_mgr.h"
#include "binding/ownership.h"
#include "clone/function_settings.h"
#include "clone/function_text.h"
#include "clone/schema_mention.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"

#define RETARGET_COLUMNS	5

/* What is done */
typedef struct Retarget
{
	const char *schema;			/* name that is looked for, */
	const char *new_schema;		/* and what is to be in its place */
	bool		apply;			/* are functions changed? */
	bool		changed;		/* has one been? */
	List	   *rows;			/* RetargetRow */
} Retarget;

/* A place */
typedef struct RetargetRow
{
	char	   *object;			/* whose text it is in, */
	int			line;			/* the line there, or 0 */
	char	   *before;			/* what is written, NULL if it is not shown, */
	char	   *after;			/* and what would be, or NULL */
	bool		certain;		/* is it the schema without a doubt? */
	int			position;		/* among all as they were found */
} RetargetRow;

/* A function that is changed */
typedef struct FunctionChange
{
	HeapTuple	proc;			/* its row, */
	char	   *body;			/* its new text, or NULL */
	List	   *settings;		/* and settings, "name=value" */
} FunctionChange;

static TenantInfo *find_tenant(const char *name, bool apply);
static bool is_name(const char *name, void *arg);
static void retarget_function(Retarget *retarget, Oid funcid, char *object);
static void list_places(Retarget *retarget, FunctionChange *change,
						char *object);
static void list_settings(Retarget *retarget, FunctionChange *change,
						  char *object);
static void list_expressions(Retarget *retarget, const FunctionChange *change,
							 char *object);
static void change_function(void *arg);
static char *setting_statement(HeapTuple proc, const char *setting);
static void execute(const char *sql);
static void add_row(Retarget *retarget, char *object, int line,
					char *before, char *after);
static void put_rows(ReturnSetInfo *rsinfo, List *rows);
static int	compare_rows(const ListCell *a, const ListCell *b);

PG_FUNCTION_INFO_V1(tenant_retarget);

/* retarget(name, from_schema, apply): a row for each place. */
Datum
tenant_retarget(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Retarget	retarget = {0};
	TenantInfo *tenant;
	ListCell   *lc;

	retarget.schema = text_to_cstring(PG_GETARG_TEXT_PP(1));
	retarget.apply = PG_GETARG_BOOL(2);
	tenant = find_tenant(name, retarget.apply);
	retarget.new_schema = tenant->schema_name;
	if (strcmp(retarget.schema, retarget.new_schema) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("schema \"%s\" is that of tenant \"%s\" itself",
						retarget.schema, tenant->name),
				 errhint("Give the schema that is named in its texts instead.")));

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, tm_mentions_in_schema(tenant->nspid, is_name,
									  unconstify(char *, retarget.schema)))
	{
		const SchemaMention *mention = lfirst(lc);
		char	   *object = getObjectDescription(&mention->address, true);

		CHECK_FOR_INTERRUPTS();
		if (object == NULL)
			continue;
		if (mention->address.classId == ProcedureRelationId)
			retarget_function(&retarget, mention->address.objectId, object);
		else
			add_row(&retarget, object, 0, NULL, NULL);
	}
	if (retarget.changed)
		tm_event_record("retarget", tenant, retarget.schema, NULL);
	put_rows((ReturnSetInfo *) fcinfo->resultinfo, retarget.rows);
	return (Datum) 0;
}

/* The tenant, its schema locked and found to be the current user's. */
static TenantInfo *
find_tenant(const char *name, bool apply)
{
	TenantInfo *tenant;

	if (apply)
	{
		tm_tenant_lock_begin("tenant.retarget()");
		return tm_ownership_lock_tenant(name, AccessShareLock, false);
	}
	tenant = tm_registry_lookup(name, false);
	tm_ownership_check(tenant);
	tenant = tm_tenant_lock_schema(tenant, AccessShareLock);
	if (tenant == NULL)
		tenant = tm_registry_lookup(name, false);
	tm_ownership_check(tenant);
	return tenant;
}

static bool
is_name(const char *name, void *arg)
{
	return strcmp(name, arg) == 0;
}

static void
retarget_function(Retarget *retarget, Oid funcid, char *object)
{
	FunctionChange change = {NULL, NULL, NIL};
	int			nbefore = list_length(retarget->rows);
	char	   *reason;

	change.proc = SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(change.proc))
		return;
	list_places(retarget, &change, object);
	list_settings(retarget, &change, object);
	list_expressions(retarget, &change, object);
	if (!retarget->apply || (change.body == NULL && change.settings == NIL))
		return;

	reason = tm_attempt(change_function, &change);
	if (reason == NULL)
	{
		retarget->changed = true;
		return;
	}
	ereport(WARNING,
			(errmsg("%s has not been changed", object),
			 errdetail_internal("%s", reason)));
	for (int i = nbefore; i < list_length(retarget->rows); i++)
		((RetargetRow *) list_nth(retarget->rows, i))->certain = false;
}

/* Of the function's text, and what it is to be. */
static void
list_places(Retarget *retarget, FunctionChange *change, char *object)
{
	SchemaText	text;
	List	   *places;
	ListCell   *lc;

	if (!tm_function_text_of_row(&text, change->proc))
		return;
	places = tm_schema_places(&text, retarget->schema);
	foreach(lc, places)
	{
		const SchemaPlace *place = lfirst(lc);

		add_row(retarget, object, place->line,
				tm_schema_place_before(&text, place),
				tm_schema_place_after(&text, place, retarget->new_schema));
	}
	change->body = tm_schema_places_replace(&text, places,
											retarget->new_schema);
}

/* Of the function's SET clauses likewise. */
static void
list_settings(Retarget *retarget, FunctionChange *change, char *object)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, change->proc,
										Anum_pg_proc_proconfig, &isnull);
	Datum	   *settings;
	int			nsettings;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &settings, NULL, &nsettings);
	for (int i = 0; i < nsettings; i++)
	{
		char	   *setting = TextDatumGetCString(settings[i]);
		char	   *after = tm_function_setting_retarget(setting,
														 retarget->schema,
														 retarget->new_schema);

		if (after != NULL)
			change->settings = lappend(change->settings, after);
		if (after != NULL ||
			tm_scan_for_name(strchr(setting, '=') + 1, retarget->schema))
			add_row(retarget, object, 0, setting, after);
	}
}

/* Strings in defaults of arguments, and in a body in SQL syntax, are not changed. */
static void
list_expressions(Retarget *retarget, const FunctionChange *change,
				 char *object)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(change->proc);
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, change->proc,
										Anum_pg_proc_proargdefaults, &isnull);
	char	   *printed;

	if (!isnull)
	{
		printed = deparse_expression(stringToNode(TextDatumGetCString(value)),
									 NIL, false, false);
		if (tm_scan_for_name(printed, retarget->schema))
			add_row(retarget, object, 0, NULL, NULL);
	}
	(void) SysCacheGetAttr(PROCOID, change->proc, Anum_pg_proc_prosqlbody,
						   &isnull);
	if (!isnull)
	{
		printed = TextDatumGetCString(DirectFunctionCall1(pg_get_function_sqlbody,
														  ObjectIdGetDatum(form->oid)));
		if (tm_scan_for_name(printed, retarget->schema))
			add_row(retarget, object, 0, NULL, NULL);
	}
}

/* To be undone by a subtransaction if the function is not valid any more. */
static void
change_function(void *arg)
{
	const FunctionChange *change = arg;
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(change->proc);
	int			save_nestlevel = NewGUCNestLevel();
	ListCell   *lc;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("check_function_bodies", "off", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (change->body != NULL)
		execute(tm_function_definition(change->proc, change->body));
	foreach(lc, change->settings)
		execute(setting_statement(change->proc, lfirst(lc)));
	AtEOXact_GUC(false, save_nestlevel);
	tm_function_validate(form->oid);
}

static char *
setting_statement(HeapTuple proc, const char *setting)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(proc);
	const char *value = strchr(setting, '=') + 1;
	char	   *name = pnstrdup(setting, value - 1 - setting);
	char	   *arguments = TextDatumGetCString(DirectFunctionCall1(pg_get_function_identity_arguments,
																	ObjectIdGetDatum(form->oid)));
	List	   *values = list_make1(unconstify(char *, value));
	ListCell   *lc;
	StringInfoData sql;

	/* the only list among the settings that are changed */
	if (pg_strcasecmp(name, "search_path") == 0)
		(void) SplitIdentifierString(pstrdup(value), ',', &values);
	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER ROUTINE %s(%s) SET %s TO ",
					 quote_qualified_identifier(get_namespace_name(form->pronamespace),
												NameStr(form->proname)),
					 arguments, name);
	foreach(lc, values)
		appendStringInfo(&sql, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 quote_literal_cstr(lfirst(lc)));
	return sql.data;
}

static void
execute(const char *sql)
{
	SPI_connect();
	(void) SPI_execute(sql, false, 0);
	SPI_finish();
}

/* A place is certain if it is known what to write there. */
static void
add_row(Retarget *retarget, char *object, int line, char *before, char *after)
{
	RetargetRow *row = palloc(sizeof(RetargetRow));

	row->object = object;
	row->line = line;
	row->before = before;
	row->after = after;
	row->certain = after != NULL;
	row->position = list_length(retarget->rows);
	retarget->rows = lappend(retarget->rows, row);
}

static void
put_rows(ReturnSetInfo *rsinfo, List *rows)
{
	ListCell   *lc;

	list_sort(rows, compare_rows);
	foreach(lc, rows)
	{
		const RetargetRow *row = lfirst(lc);
		Datum		values[RETARGET_COLUMNS] = {0};
		bool		nulls[RETARGET_COLUMNS] = {0};

		values[0] = CStringGetTextDatum(row->object);
		nulls[1] = row->line == 0;
		values[1] = Int32GetDatum(row->line);
		nulls[2] = row->before == NULL;
		if (!nulls[2])
			values[2] = CStringGetTextDatum(row->before);
		nulls[3] = row->after == NULL || !row->certain;
		if (!nulls[3])
			values[3] = CStringGetTextDatum(row->after);
		values[4] = BoolGetDatum(row->certain);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* list_sort comparator: by object and as they were found, lines in their order */
static int
compare_rows(const ListCell *a, const ListCell *b)
{
	const RetargetRow *left = lfirst(a);
	const RetargetRow *right = lfirst(b);
	int			order = strcmp(left->object, right->object);

	return order != 0 ? order : left->position - right->position;
}
