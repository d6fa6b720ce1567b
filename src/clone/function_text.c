/*
 * function_text.c
 *		The text of a function, and the same for another schema.
 *
 * The text of a function in SQL or PL/pgSQL is a text for the server, to be taken
 * apart by schema_place.c.  That of a function in another language is not known
 * to be one.  A body in SQL syntax is stored as a tree and has no text.
 *
 * A text has no entries in pg_depend, so a function whose text changes keeps all that
 * it depends on.  What a session has made of the text is found to be out of date by
 * the row's version.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/proclang.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/attempt.h"
#include "base/name_scan.h"
#include "binding/binding.h"
#include "clone/function_text.h"
#include "guard/run_as.h"

/* A function that gets another text */
typedef struct TextChange
{
	Oid			funcid;			/* the function */
	const char *body;			/* its text */
} TextChange;

static char *column_text(HeapTuple proc, AttrNumber attno);
static bool settings_name(HeapTuple proc, const char *schema);
static void change_text(void *arg);
static void apply_settings(HeapTuple proc);

bool
tm_function_text(SchemaText *text, Oid language, const char *name,
				 const char *source)
{
	if (language == INTERNALlanguageId || language == ClanguageId)
		return false;
	text->text = source;
	text->function = name;
	if (language == SQLlanguageId)
		text->language = TEXT_SQL;
	else if (language == get_language_oid("plpgsql", true))
		text->language = TEXT_PLPGSQL;
	else
		text->language = TEXT_OTHER;
	return true;
}

bool
tm_function_text_of_row(SchemaText *text, HeapTuple proc)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(proc);

	return tm_function_text(text, form->prolang,
							pstrdup(NameStr(form->proname)),
							column_text(proc, Anum_pg_proc_prosrc));
}

char *
tm_function_text_retarget(const SchemaText *text, const char *schema,
						  const char *new_schema)
{
	return tm_schema_places_replace(text, tm_schema_places(text, schema),
									new_schema);
}

/*
 * The definition ends with the text between two tags that do not occur in it, and
 * a newline.
 */
char *
tm_function_definition(HeapTuple proc, const char *body)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(proc);
	char	   *spelled = TextDatumGetCString(DirectFunctionCall1(pg_get_functiondef,
																  ObjectIdGetDatum(form->oid)));
	int			length = strlen(spelled) - 1;	/* without the newline */
	int			tag = length - 1;
	StringInfoData delimiter;

	if (body == NULL)
		return spelled;
	do
		tag--;
	while (tag > 0 && spelled[tag] != '$');

	initStringInfo(&delimiter);
	appendBinaryStringInfo(&delimiter, spelled + tag, length - tag - 1);
	while (strstr(body, delimiter.data) != NULL)
		appendStringInfoChar(&delimiter, 'x');
	appendStringInfoChar(&delimiter, '$');

	/* to the tag before the text */
	tag -= strlen(column_text(proc, Anum_pg_proc_prosrc)) + length - tag;
	return psprintf("%.*s%s%s%s\n", tag, spelled, delimiter.data, body,
					delimiter.data);
}

bool
tm_function_text_names(Oid funcid, const char *schema)
{
	HeapTuple	proc = SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(funcid));
	SchemaText	text;

	if (!HeapTupleIsValid(proc))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	return settings_name(proc, schema) ||
		(tm_function_text_of_row(&text, proc) &&
		 tm_schema_places(&text, schema) != NIL);
}

bool
tm_function_text_follow(Oid funcid, const char *schema,
						const char *new_schema, char **reason)
{
	HeapTuple	proc = SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(funcid));
	SchemaText	text;
	List	   *places;
	ListCell   *lc;
	TextChange	change = {funcid, NULL};

	*reason = NULL;
	if (!HeapTupleIsValid(proc))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	if (!tm_function_text_of_row(&text, proc))
		return !settings_name(proc, schema);
	places = tm_schema_places(&text, schema);
	change.body = tm_schema_places_replace(&text, places, new_schema);
	if (change.body != NULL)
		*reason = tm_attempt(change_text, &change);
	if (*reason != NULL)
		return false;
	foreach(lc, places)
	{
		if (!((SchemaPlace *) lfirst(lc))->certain)
			return false;
	}
	return !settings_name(proc, schema);
}

void
tm_function_validate(Oid funcid)
{
	HeapTuple	proc = SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc form;
	HeapTuple	language;
	Oid			validator;
	RunAs		before;

	if (!HeapTupleIsValid(proc) || !check_function_bodies)
		return;
	form = (Form_pg_proc) GETSTRUCT(proc);
	language = SearchSysCache1(LANGOID, ObjectIdGetDatum(form->prolang));
	if (!HeapTupleIsValid(language))
		elog(ERROR, "cache lookup failed for language %u", form->prolang);
	validator = ((Form_pg_language) GETSTRUCT(language))->lanvalidator;
	ReleaseSysCache(language);
	if (!OidIsValid(validator))
		return;

	tm_run_as_begin(&before, form->proowner, form->pronamespace);
	apply_settings(proc);
	OidFunctionCall1(validator, ObjectIdGetDatum(funcid));
	tm_run_as_end(&before);
}

/* A column that is not null */
static char *
column_text(HeapTuple proc, AttrNumber attno)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, proc, attno, &isnull);

	Assert(!isnull);
	return TextDatumGetCString(value);
}

/* Does one of its SET clauses name it? */
static bool
settings_name(HeapTuple proc, const char *schema)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, proc, Anum_pg_proc_proconfig,
										&isnull);
	Datum	   *settings;
	int			nsettings;

	if (isnull)
		return false;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &settings, NULL, &nsettings);
	for (int i = 0; i < nsettings; i++)
	{
		char	   *setting = TextDatumGetCString(settings[i]);
		char	   *text = strchr(setting, '=');

		/* the name decides whether the value is a list of schemas */
		if (tm_scan_for_name(setting, schema) ||
			(text != NULL && tm_scan_for_name(text + 1, schema)))
			return true;
	}
	return false;
}

/* To be undone by a subtransaction if the function is not valid any more. */
static void
change_text(void *arg)
{
	const TextChange *change = arg;
	Relation	rel = table_open(ProcedureRelationId, RowExclusiveLock);
	HeapTuple	proc = SearchSysCache1(PROCOID,
									   ObjectIdGetDatum(change->funcid));
	Datum		values[Natts_pg_proc] = {0};
	bool		nulls[Natts_pg_proc] = {0};
	bool		replace[Natts_pg_proc] = {0};
	HeapTuple	changed;

	if (!HeapTupleIsValid(proc))
		elog(ERROR, "cache lookup failed for function %u", change->funcid);
	values[Anum_pg_proc_prosrc - 1] = CStringGetTextDatum(change->body);
	replace[Anum_pg_proc_prosrc - 1] = true;
	changed = heap_modify_tuple(proc, RelationGetDescr(rel), values, nulls,
								replace);
	CatalogTupleUpdate(rel, &changed->t_self, changed);
	InvokeObjectPostAlterHook(ProcedureRelationId, change->funcid, 0);
	ReleaseSysCache(proc);
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
	tm_function_validate(change->funcid);
}

/*
 * As CREATE FUNCTION does before it checks the text.  A tenant that is about to be
 * made cannot be bound to yet.
 */
static void
apply_settings(HeapTuple proc)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, proc, Anum_pg_proc_proconfig,
										&isnull);
	ArrayType  *settings;

	if (isnull)
		return;
	settings = GUCArrayDelete(DatumGetArrayTypeP(value), TM_TENANT_SETTING);
	if (settings != NULL)
		ProcessGUCArray(settings, superuser() ? PGC_SUSET : PGC_USERSET,
						PGC_S_SESSION, GUC_ACTION_SAVE);
}
