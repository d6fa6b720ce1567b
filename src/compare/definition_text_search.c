/*
 * definition_text_search.c
 *		What text search is made of in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_config_map.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "commands/defrem.h"
#include "tsearch/ts_public.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compare/definition_part.h"
#include "compare/definition_text_search.h"

static void add_function(StringInfo buf, const char *name, Oid function);
static char *object_name(int cache, Oid objid, AttrNumber name,
						 AttrNumber schema, bool visible);
static void add_options(Definition *definition, const char *name,
						Datum options);
static void add_mappings(Definition *definition, const char *name,
						 Form_pg_ts_config form);
static void add_mapping(Definition *definition, const char *name,
						const char *token, const char *dictionaries);
static const char *token_name(const LexDescr *tokens, int number);

void
tm_define_ts_parser(Definition *definition, HeapTuple tup)
{
	Form_pg_ts_parser form = (Form_pg_ts_parser) GETSTRUCT(tup);
	char	   *name = psprintf("TEXT SEARCH PARSER %s",
								quote_identifier(NameStr(form->prsname)));
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE %s (", name);
	add_function(&buf, "START", form->prsstart);
	add_function(&buf, ", GETTOKEN", form->prstoken);
	add_function(&buf, ", END", form->prsend);
	add_function(&buf, ", HEADLINE", form->prsheadline);
	add_function(&buf, ", LEXTYPES", form->prslextype);
	appendStringInfoChar(&buf, ')');
	tm_definition_add(definition, "create", buf.data, psprintf("DROP %s", name));
	tm_definition_add_comment(definition, name, &definition->object);
}

void
tm_define_ts_template(Definition *definition, HeapTuple tup)
{
	Form_pg_ts_template form = (Form_pg_ts_template) GETSTRUCT(tup);
	char	   *name = psprintf("TEXT SEARCH TEMPLATE %s",
								quote_identifier(NameStr(form->tmplname)));
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE %s (", name);
	add_function(&buf, "LEXIZE", form->tmpllexize);
	add_function(&buf, ", INIT", form->tmplinit);
	appendStringInfoChar(&buf, ')');
	tm_definition_add(definition, "create", buf.data, psprintf("DROP %s", name));
	tm_definition_add_comment(definition, name, &definition->object);
}

void
tm_define_ts_dictionary(Definition *definition, const DefinitionSource *source,
						HeapTuple tup)
{
	Form_pg_ts_dict form = (Form_pg_ts_dict) GETSTRUCT(tup);
	char	   *name = psprintf("TEXT SEARCH DICTIONARY %s",
								quote_identifier(NameStr(form->dictname)));
	char	   *template = object_name(TSTEMPLATEOID, form->dicttemplate,
									   Anum_pg_ts_template_tmplname,
									   Anum_pg_ts_template_tmplnamespace,
									   TSTemplateIsVisible(form->dicttemplate));
	DefinitionPart *part;
	Datum		options;
	bool		isnull;

	options = SysCacheGetAttr(TSDICTOID, tup, Anum_pg_ts_dict_dictinitoption,
							  &isnull);
	part = tm_definition_add(definition, "create",
							 psprintf("CREATE %s (TEMPLATE = %s%s%s)", name,
									  template, isnull ? "" : ", ",
									  isnull ? "" : TextDatumGetCString(options)),
							 psprintf("DROP %s", name));
	part->essence = template;
	if (!isnull)
		add_options(definition, name, options);
	tm_definition_add_owner(definition, source, name, form->dictowner);
	tm_definition_add_comment(definition, name, &definition->object);
}

void
tm_define_ts_configuration(Definition *definition,
						   const DefinitionSource *source, HeapTuple tup)
{
	Form_pg_ts_config form = (Form_pg_ts_config) GETSTRUCT(tup);
	char	   *name = psprintf("TEXT SEARCH CONFIGURATION %s",
								quote_identifier(NameStr(form->cfgname)));

	tm_definition_add(definition, "create",
					  psprintf("CREATE %s (PARSER = %s)", name,
							   object_name(TSPARSEROID, form->cfgparser,
										   Anum_pg_ts_parser_prsname,
										   Anum_pg_ts_parser_prsnamespace,
										   TSParserIsVisible(form->cfgparser))),
					  psprintf("DROP %s", name));
	add_mappings(definition, name, form);
	tm_definition_add_owner(definition, source, name, form->cfgowner);
	tm_definition_add_comment(definition, name, &definition->object);
}

static void
add_function(StringInfo buf, const char *name, Oid function)
{
	if (OidIsValid(function))
		appendStringInfo(buf, "%s = %s", name,
						 tm_definition_function(function));
}

/* Qualified unless it is found by the search path. */
static char *
object_name(int cache, Oid objid, AttrNumber name, AttrNumber schema,
			bool visible)
{
	HeapTuple	tup = SearchSysCache1(cache, ObjectIdGetDatum(objid));
	Datum		value;
	bool		isnull;
	char	   *own;
	char	   *result;

	if (!HeapTupleIsValid(tup))
		return psprintf("%u", objid);
	value = SysCacheGetAttr(cache, tup, name, &isnull);
	own = NameStr(*DatumGetName(value));
	value = SysCacheGetAttr(cache, tup, schema, &isnull);
	result = quote_qualified_identifier(visible ? NULL :
										get_namespace_name(DatumGetObjectId(value)),
										own);
	ReleaseSysCache(tup);
	return result;
}

/* They are made with the dictionary. */
static void
add_options(Definition *definition, const char *name, Datum options)
{
	ListCell   *lc;

	foreach(lc, deserialize_deflist(options))
	{
		DefElem    *option = lfirst(lc);
		DefinitionPart *part;

		part = tm_definition_add(definition,
								 psprintf("option %s", option->defname),
								 psprintf("ALTER %s (%s = %s)", name,
										  quote_identifier(option->defname),
										  quote_literal_cstr(defGetString(option))),
								 psprintf("ALTER %s (%s)", name,
										  quote_identifier(option->defname)));
		part->usual = true;
	}
}

/* The dictionaries of each kind of token, in their order. */
static void
add_mappings(Definition *definition, const char *name, Form_pg_ts_config form)
{
	Relation	rel = table_open(TSConfigMapRelationId, AccessShareLock);
	Relation	index = index_open(TSConfigMapIndexId, AccessShareLock);
	HeapTuple	parser = SearchSysCache1(TSPARSEROID,
										 ObjectIdGetDatum(form->cfgparser));
	LexDescr   *tokens = NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	int			number = -1;
	StringInfoData buf;

	if (HeapTupleIsValid(parser))
	{
		Oid			lister = ((Form_pg_ts_parser) GETSTRUCT(parser))->prslextype;

		tokens = (LexDescr *) DatumGetPointer(OidFunctionCall1(lister,
															   (Datum) 0));
		ReleaseSysCache(parser);
	}
	initStringInfo(&buf);
	ScanKeyInit(&key, Anum_pg_ts_config_map_mapcfg, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(form->oid));
	scan = systable_beginscan_ordered(rel, index, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext_ordered(scan,
														   ForwardScanDirection)))
	{
		Form_pg_ts_config_map map = (Form_pg_ts_config_map) GETSTRUCT(tup);

		if (map->maptokentype != number)
		{
			if (number >= 0)
				add_mapping(definition, name, token_name(tokens, number),
							buf.data);
			resetStringInfo(&buf);
			number = map->maptokentype;
		}
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 object_name(TSDICTOID, map->mapdict,
									 Anum_pg_ts_dict_dictname,
									 Anum_pg_ts_dict_dictnamespace,
									 TSDictionaryIsVisible(map->mapdict)));
	}
	if (number >= 0)
		add_mapping(definition, name, token_name(tokens, number), buf.data);
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
}

static void
add_mapping(Definition *definition, const char *name, const char *token,
			const char *dictionaries)
{
	DefinitionPart *part;

	part = tm_definition_add(definition, psprintf("mapping for %s", token),
							 psprintf("ALTER %s ADD MAPPING FOR %s WITH %s",
									  name, token, dictionaries),
							 psprintf("ALTER %s DROP MAPPING FOR %s", name,
									  token));
	part->change = psprintf("ALTER %s ALTER MAPPING FOR %s WITH %s", name,
							token, dictionaries);
}

/* What the parser calls a kind of token. */
static const char *
token_name(const LexDescr *tokens, int number)
{
	for (const LexDescr *token = tokens; token != NULL && token->lexid != 0;
		 token++)
	{
		if (token->lexid == number)
			return quote_identifier(token->alias);
	}
	return psprintf("\"%d\"", number);
}
