/*
 * definition_function.c
 *		Functions, and what is made of them, in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "clone/function_settings.h"
#include "clone/function_text.h"
#include "compare/definition_function.h"
#include "compare/definition_part.h"

static char *function_statement(const DefinitionSource *source, HeapTuple tup);
static char *with_path(char *statement, const DefinitionSource *source,
					   HeapTuple tup);
static char *path_clause(const char *path);
static void define_aggregate(Definition *definition, Form_pg_proc form,
							 const char *signature);
static void append_plain_state(StringInfo buf, Form_pg_aggregate form,
							   const char *initial);
static void append_moving_state(StringInfo buf, Form_pg_aggregate form,
								const char *initial);
static char *initial_value(HeapTuple tup, AttrNumber attno);
static void append_function(StringInfo buf, const char *name, Oid function);
static void append_modification(StringInfo buf, const char *name, char how,
								char usual);

void
tm_define_function(Definition *definition, const DefinitionSource *source,
				   HeapTuple tup)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tup);
	bool		aggregate = form->prokind == PROKIND_AGGREGATE;
	const char *kind = form->prokind == PROKIND_PROCEDURE ? "PROCEDURE" :
		aggregate ? "AGGREGATE" : "FUNCTION";
	char	   *arguments = TextDatumGetCString(DirectFunctionCall1(pg_get_function_identity_arguments,
																	ObjectIdGetDatum(form->oid)));
	const char *own_name = quote_identifier(NameStr(form->proname));
	char	   *signature = psprintf("%s(%s)", own_name,
									 aggregate && arguments[0] == '\0' ? "*" :
									 arguments);
	char	   *name = psprintf("%s %s", kind, signature);
	Datum		acl;
	bool		isnull;

	if (aggregate)
		define_aggregate(definition, form, signature);
	else
	{
		char	   *spelled = function_statement(source, tup);
		size_t		length = strlen(spelled);
		DefinitionPart *part;

		if (length > 0 && spelled[length - 1] == '\n')
			spelled[length - 1] = '\0';
		spelled = tm_definition_unqualified(spelled,
											psprintf("CREATE OR REPLACE %s ",
													 kind), source->nspid);
		part = tm_definition_add(definition, "create", spelled,
								 psprintf("DROP %s", name));
		part->change = part->sql;
	}
	tm_definition_add_owner(definition, source, name, form->proowner);
	acl = SysCacheGetAttr(PROCOID, tup, Anum_pg_proc_proacl, &isnull);
	tm_definition_add_grants(definition, source,
							 aggregate ?
							 psprintf("FUNCTION %s",
									  format_procedure(form->oid)) : name,
							 OBJECT_FUNCTION, form->proowner, acl, isnull, NULL);
	tm_definition_add_comment(definition, name, &definition->object);
}

/* In its text and path, the schema is called as the one that is shown. */
static char *
function_statement(const DefinitionSource *source, HeapTuple tup)
{
	SchemaText	text;
	char	   *body = NULL;

	if (tm_function_text_of_row(&text, tup))
		body = tm_function_text_retarget(&text,
										 get_namespace_name(source->nspid),
										 source->shown_name);
	return with_path(tm_function_definition(tup, body), source, tup);
}

static char *
with_path(char *statement, const DefinitionSource *source, HeapTuple tup)
{
	const char *schema = get_namespace_name(source->nspid);
	Datum	   *settings;
	int			nsettings;
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, tup, Anum_pg_proc_proconfig,
										&isnull);

	if (isnull)
		return statement;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &settings, NULL, &nsettings);
	for (int i = 0; i < nsettings; i++)
	{
		const char *setting = TextDatumGetCString(settings[i]);
		const char *changed = tm_function_setting_retarget(setting, schema,
														   source->shown_name);
		const char *clause;
		const char *place;

		if (changed == NULL ||
			strncmp(setting, "search_path=", strlen("search_path=")) != 0)
			continue;
		clause = path_clause(strchr(setting, '=') + 1);
		place = strstr(statement, clause);
		if (place != NULL)
			return psprintf("%.*s%s%s", (int) (place - statement), statement,
							path_clause(strchr(changed, '=') + 1),
							place + strlen(clause));
	}
	return statement;
}

/* A path as the server spells it in the definition of a function */
static char *
path_clause(const char *path)
{
	StringInfoData buf;
	List	   *names;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "\n SET search_path TO ");
	if (!SplitGUCList(pstrdup(path), ',', &names))
		return buf.data;
	foreach(lc, names)
		appendStringInfo(&buf, "%s%s", lc == list_head(names) ? "" : ", ",
						 quote_literal_cstr(lfirst(lc)));
	appendStringInfoChar(&buf, '\n');
	return buf.data;
}

void
tm_define_cast(Definition *definition, const DefinitionSource *source,
			   HeapTuple tup)
{
	Form_pg_cast form = (Form_pg_cast) GETSTRUCT(tup);
	char	   *name = psprintf("CAST (%s AS %s)",
								format_type_be(form->castsource),
								format_type_be(form->casttarget));
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE %s ", name);
	switch (form->castmethod)
	{
		case COERCION_METHOD_FUNCTION:
			appendStringInfo(&buf, "WITH FUNCTION %s",
							 format_procedure(form->castfunc));
			break;
		case COERCION_METHOD_INOUT:
			appendStringInfoString(&buf, "WITH INOUT");
			break;
		default:
			appendStringInfoString(&buf, "WITHOUT FUNCTION");
			break;
	}
	if (form->castcontext == COERCION_CODE_ASSIGNMENT)
		appendStringInfoString(&buf, " AS ASSIGNMENT");
	else if (form->castcontext == COERCION_CODE_IMPLICIT)
		appendStringInfoString(&buf, " AS IMPLICIT");

	/* that of a range comes with the type */
	definition->inherited = form->casttarget ==
		get_range_multirange(form->castsource);
	tm_definition_add(definition, "create", buf.data, psprintf("DROP %s", name));
	tm_definition_add_comment(definition, name, &definition->object);
}

void
tm_define_conversion(Definition *definition, const DefinitionSource *source,
					 HeapTuple tup)
{
	Form_pg_conversion form = (Form_pg_conversion) GETSTRUCT(tup);
	char	   *name = psprintf("CONVERSION %s",
								quote_identifier(NameStr(form->conname)));

	tm_definition_add(definition, "create",
					  psprintf("CREATE %s%s FOR %s TO %s FROM %s",
							   form->condefault ? "DEFAULT " : "", name,
							   quote_literal_cstr(pg_encoding_to_char(form->conforencoding)),
							   quote_literal_cstr(pg_encoding_to_char(form->contoencoding)),
							   tm_definition_function(form->conproc)),
					  psprintf("DROP %s", name));
	tm_definition_add_owner(definition, source, name, form->conowner);
	tm_definition_add_comment(definition, name, &definition->object);
}

static void
define_aggregate(Definition *definition, Form_pg_proc form,
				 const char *signature)
{
	HeapTuple	tup = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(form->oid));
	Form_pg_aggregate aggregate;
	StringInfoData buf;

	if (!HeapTupleIsValid(tup))
		return;
	aggregate = (Form_pg_aggregate) GETSTRUCT(tup);
	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE AGGREGATE %s (", signature);
	append_plain_state(&buf, aggregate,
					   initial_value(tup, Anum_pg_aggregate_agginitval));
	if (OidIsValid(aggregate->aggmtransfn))
		append_moving_state(&buf, aggregate,
							initial_value(tup, Anum_pg_aggregate_aggminitval));
	if (OidIsValid(aggregate->aggsortop))
		appendStringInfo(&buf, ", SORTOP = %s",
						 tm_definition_operator(aggregate->aggsortop));
	if (form->proparallel != PROPARALLEL_UNSAFE)
		appendStringInfo(&buf, ", PARALLEL = %s",
						 form->proparallel == PROPARALLEL_SAFE ? "SAFE" :
						 "RESTRICTED");
	if (aggregate->aggkind == AGGKIND_HYPOTHETICAL)
		appendStringInfoString(&buf, ", HYPOTHETICAL");
	appendStringInfoChar(&buf, ')');
	ReleaseSysCache(tup);
	tm_definition_add(definition, "create", buf.data,
					  psprintf("DROP AGGREGATE %s", signature));
}

static void
append_plain_state(StringInfo buf, Form_pg_aggregate form, const char *initial)
{
	appendStringInfo(buf, "SFUNC = %s, STYPE = %s",
					 tm_definition_function(form->aggtransfn),
					 format_type_be(form->aggtranstype));
	if (form->aggtransspace != 0)
		appendStringInfo(buf, ", SSPACE = %d", form->aggtransspace);
	append_function(buf, "FINALFUNC", form->aggfinalfn);
	if (form->aggfinalextra)
		appendStringInfoString(buf, ", FINALFUNC_EXTRA");
	append_modification(buf, "FINALFUNC_MODIFY", form->aggfinalmodify,
						form->aggkind == AGGKIND_NORMAL ? AGGMODIFY_READ_ONLY :
						AGGMODIFY_READ_WRITE);
	append_function(buf, "COMBINEFUNC", form->aggcombinefn);
	append_function(buf, "SERIALFUNC", form->aggserialfn);
	append_function(buf, "DESERIALFUNC", form->aggdeserialfn);
	if (initial != NULL)
		appendStringInfo(buf, ", INITCOND = %s", initial);
}

static void
append_moving_state(StringInfo buf, Form_pg_aggregate form, const char *initial)
{
	append_function(buf, "MSFUNC", form->aggmtransfn);
	append_function(buf, "MINVFUNC", form->aggminvtransfn);
	appendStringInfo(buf, ", MSTYPE = %s", format_type_be(form->aggmtranstype));
	if (form->aggmtransspace != 0)
		appendStringInfo(buf, ", MSSPACE = %d", form->aggmtransspace);
	append_function(buf, "MFINALFUNC", form->aggmfinalfn);
	if (form->aggmfinalextra)
		appendStringInfoString(buf, ", MFINALFUNC_EXTRA");
	append_modification(buf, "MFINALFUNC_MODIFY", form->aggmfinalmodify,
						form->aggkind == AGGKIND_NORMAL ? AGGMODIFY_READ_ONLY :
						AGGMODIFY_READ_WRITE);
	if (initial != NULL)
		appendStringInfo(buf, ", MINITCOND = %s", initial);
}

static char *
initial_value(HeapTuple tup, AttrNumber attno)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(AGGFNOID, tup, attno, &isnull);

	return isnull ? NULL : quote_literal_cstr(TextDatumGetCString(value));
}

static void
append_function(StringInfo buf, const char *name, Oid function)
{
	if (OidIsValid(function))
		appendStringInfo(buf, ", %s = %s", name,
						 tm_definition_function(function));
}

static void
append_modification(StringInfo buf, const char *name, char how, char usual)
{
	if (how != usual)
		appendStringInfo(buf, ", %s = %s", name,
						 how == AGGMODIFY_READ_ONLY ? "READ_ONLY" :
						 how == AGGMODIFY_SHAREABLE ? "SHAREABLE" :
						 "READ_WRITE");
}
