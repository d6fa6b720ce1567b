/*
 * definition_type.c
 *		Types and collations in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_range.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "compare/definition_column.h"
#include "compare/definition_part.h"
#include "compare/definition_type.h"

static void define_enum(Definition *definition, Oid typid, const char *type);
static void define_domain(Definition *definition, HeapTuple tup,
						  const char *type);
static void define_composite(Definition *definition, Oid relid,
							 const char *type);
static void define_range(Definition *definition, Oid typid, const char *type);
static void define_base_type(Definition *definition, HeapTuple tup,
							 const char *type);
static void append_layout(StringInfo buf, Form_pg_type form);
static void add_properties(Definition *definition, Form_pg_type form,
						   const char *type);
static void add_early(Definition *definition, const char *type);
static List *enum_labels(Oid typid);
static void append_function(StringInfo buf, const char *name, Oid function);
static const char *storage_name(char storage);
static const char *alignment_name(char alignment);
static void append_text(StringInfo buf, HeapTuple tup, const char *name,
						const char *column);

void
tm_define_type(Definition *definition, const DefinitionSource *source,
			   HeapTuple tup)
{
	Form_pg_type form = (Form_pg_type) GETSTRUCT(tup);
	const char *type = quote_identifier(NameStr(form->typname));
	char	   *name = psprintf("%s %s", form->typtype == TYPTYPE_DOMAIN ?
								"DOMAIN" : "TYPE", type);
	Datum		acl;
	bool		isnull;

	switch (form->typtype)
	{
		case TYPTYPE_ENUM:
			define_enum(definition, form->oid, type);
			break;
		case TYPTYPE_DOMAIN:
			define_domain(definition, tup, type);
			break;
		case TYPTYPE_COMPOSITE:
			define_composite(definition, form->typrelid, type);
			break;
		case TYPTYPE_RANGE:
			define_range(definition, form->oid, type);
			break;
		case TYPTYPE_PSEUDO:
			tm_definition_add(definition, "create",
							  psprintf("CREATE TYPE %s", type),
							  psprintf("DROP TYPE %s", type));
			break;
		default:
			define_base_type(definition, tup, type);
			break;
	}
	tm_definition_add_owner(definition, source, name, form->typowner);
	acl = SysCacheGetAttr(TYPEOID, tup, Anum_pg_type_typacl, &isnull);
	tm_definition_add_grants(definition, source, psprintf("TYPE %s", type),
							 OBJECT_TYPE, form->typowner, acl, isnull, NULL);
	tm_definition_add_comment(definition, name, &definition->object);
}

void
tm_define_collation(Definition *definition, const DefinitionSource *source,
					HeapTuple tup)
{
	Form_pg_collation form = (Form_pg_collation) GETSTRUCT(tup);
	char	   *name = psprintf("COLLATION %s",
								quote_identifier(NameStr(form->collname)));
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE %s (PROVIDER = %s", name,
					 form->collprovider == COLLPROVIDER_ICU ? "icu" :
					 form->collprovider == COLLPROVIDER_LIBC ? "libc" :
					 form->collprovider == COLLPROVIDER_DEFAULT ? "default" :
					 "builtin");
	append_text(&buf, tup, "LC_COLLATE", "collcollate");
	append_text(&buf, tup, "LC_CTYPE", "collctype");
	append_text(&buf, tup, "LOCALE", "colllocale");
	append_text(&buf, tup, "LOCALE", "colliculocale");
	append_text(&buf, tup, "RULES", "collicurules");
	if (!form->collisdeterministic)
		appendStringInfoString(&buf, ", DETERMINISTIC = false");
	appendStringInfoChar(&buf, ')');
	tm_definition_add(definition, "create", buf.data, psprintf("DROP %s", name));
	tm_definition_add_owner(definition, source, name, form->collowner);
	tm_definition_add_comment(definition, name, &definition->object);
}

/* Labels can be added one by one, each after the one before, and not removed. */
static void
define_enum(Definition *definition, Oid typid, const char *type)
{
	List	   *labels = enum_labels(typid);
	StringInfoData buf;
	DefinitionPart *part;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, labels)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 (char *) lfirst(lc));
	part = tm_definition_add(definition, "create",
							 psprintf("CREATE TYPE %s AS ENUM (%s)", type,
									  buf.data),
							 psprintf("DROP TYPE %s", type));
	part->essence = pstrdup("enum");
	definition->names = labels;
	for (int i = 0; i < list_length(labels); i++)
	{
		char	   *label = list_nth(labels, i);
		char	   *place = "";

		if (i > 0)
			place = psprintf(" AFTER %s", (char *) list_nth(labels, i - 1));
		else if (list_length(labels) > 1)
			place = " BEFORE";
		part = tm_definition_add(definition, psprintf("label %s", label),
								 psprintf("ALTER TYPE %s ADD VALUE %s%s", type,
										  label, place), NULL);
		part->essence = label;
	}
}

static void
define_domain(Definition *definition, HeapTuple tup, const char *type)
{
	Form_pg_type form = (Form_pg_type) GETSTRUCT(tup);
	Datum		value;
	bool		isnull;

	tm_definition_add(definition, "create",
					  psprintf("CREATE DOMAIN %s AS %s%s", type,
							   format_type_with_typemod(form->typbasetype,
														form->typtypmod),
							   OidIsValid(form->typcollation) &&
							   form->typcollation != get_typcollation(form->typbasetype) ?
							   psprintf(" COLLATE %s",
										generate_collation_name(form->typcollation)) : ""),
					  psprintf("DROP DOMAIN %s", type));
	value = SysCacheGetAttr(TYPEOID, tup, Anum_pg_type_typdefaultbin, &isnull);
	if (!isnull)
		tm_definition_add(definition, "default",
						  psprintf("ALTER DOMAIN %s SET DEFAULT %s", type,
								   deparse_expression(stringToNode(TextDatumGetCString(value)),
													  NIL, false, false)),
						  psprintf("ALTER DOMAIN %s DROP DEFAULT", type));
	if (form->typnotnull && !TM_DOMAIN_NOT_NULL_CONSTRAINTS)
		tm_definition_add(definition, "not null",
						  psprintf("ALTER DOMAIN %s SET NOT NULL", type),
						  psprintf("ALTER DOMAIN %s DROP NOT NULL", type));
}

static void
define_composite(Definition *definition, Oid relid, const char *type)
{
	DefinitionPart *part;

	part = tm_definition_add(definition, "create",
							 psprintf("CREATE TYPE %s AS (%s)", type,
									  tm_define_columns(relid)),
							 psprintf("DROP TYPE %s", type));
	part->essence = pstrdup("composite");
}

static void
define_range(Definition *definition, Oid typid, const char *type)
{
	HeapTuple	tup = SearchSysCache1(RANGETYPE, ObjectIdGetDatum(typid));
	Form_pg_range form;
	StringInfoData buf;

	if (!HeapTupleIsValid(tup))
		return;
	form = (Form_pg_range) GETSTRUCT(tup);
	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE TYPE %s AS RANGE (SUBTYPE = %s", type,
					 format_type_be(form->rngsubtype));
	appendStringInfo(&buf, ", MULTIRANGE_TYPE_NAME = %s",
					 quote_identifier(tm_definition_type_name(form->rngmultitypid)));
	if (form->rngsubopc != GetDefaultOpClass(form->rngsubtype, BTREE_AM_OID))
		appendStringInfo(&buf, ", SUBTYPE_OPCLASS = %s",
						 tm_definition_opclass(form->rngsubopc));
	if (OidIsValid(form->rngcollation) &&
		form->rngcollation != get_typcollation(form->rngsubtype))
		appendStringInfo(&buf, ", COLLATION = %s",
						 generate_collation_name(form->rngcollation));
	append_function(&buf, ", CANONICAL", form->rngcanonical);
	append_function(&buf, ", SUBTYPE_DIFF", form->rngsubdiff);
	appendStringInfoChar(&buf, ')');
	if (OidIsValid(form->rngcanonical))
		add_early(definition, type);
	ReleaseSysCache(tup);
	tm_definition_add(definition, "create", buf.data,
					  psprintf("DROP TYPE %s", type));
}

/*
 * Its functions need the type, and the type needs them, so it is a name only at
 * first.
 */
static void
define_base_type(Definition *definition, HeapTuple tup, const char *type)
{
	Form_pg_type form = (Form_pg_type) GETSTRUCT(tup);
	StringInfoData buf;
	DefinitionPart *part;
	Datum		value;
	bool		isnull;

	add_early(definition, type);
	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE TYPE %s (", type);
	append_function(&buf, "INPUT", form->typinput);
	append_function(&buf, ", OUTPUT", form->typoutput);
	append_layout(&buf, form);
	value = SysCacheGetAttr(TYPEOID, tup, Anum_pg_type_typdefault, &isnull);
	if (!isnull)
		appendStringInfo(&buf, ", DEFAULT = %s",
						 quote_literal_cstr(TextDatumGetCString(value)));
	part = tm_definition_add(definition, "create", NULL,
							 psprintf("DROP TYPE %s CASCADE", type));
	part->essence = pstrdup(buf.data);
	part->lossy = true;
	append_function(&buf, ", RECEIVE", form->typreceive);
	append_function(&buf, ", SEND", form->typsend);
	append_function(&buf, ", TYPMOD_IN", form->typmodin);
	append_function(&buf, ", TYPMOD_OUT", form->typmodout);
	append_function(&buf, ", ANALYZE", form->typanalyze);
	append_function(&buf, ", SUBSCRIPT", form->typsubscript);
	appendStringInfo(&buf, ", STORAGE = %s)", storage_name(form->typstorage));
	part->sql = buf.data;
	add_properties(definition, form, type);
}

/* What the server has to know to store values. */
static void
append_layout(StringInfo buf, Form_pg_type form)
{
	if (form->typlen == -1)
		appendStringInfoString(buf, ", INTERNALLENGTH = VARIABLE");
	else
		appendStringInfo(buf, ", INTERNALLENGTH = %d", form->typlen);
	if (form->typbyval)
		appendStringInfoString(buf, ", PASSEDBYVALUE");
	appendStringInfo(buf, ", ALIGNMENT = %s", alignment_name(form->typalign));
	if (OidIsValid(form->typelem))
		appendStringInfo(buf, ", ELEMENT = %s", format_type_be(form->typelem));
	if (form->typdelim != ',')
		appendStringInfo(buf, ", DELIMITER = %s",
						 quote_literal_cstr(psprintf("%c", form->typdelim)));
	appendStringInfo(buf, ", CATEGORY = %s",
					 quote_literal_cstr(psprintf("%c", form->typcategory)));
	if (form->typispreferred)
		appendStringInfoString(buf, ", PREFERRED = true");
	if (OidIsValid(form->typcollation))
		appendStringInfoString(buf, ", COLLATABLE = true");
}

/* What can be changed later; it is made with them. */
static void
add_properties(Definition *definition, Form_pg_type form, const char *type)
{
	const struct
	{
		const char *name;
		Oid			function;
	}			functions[] = {
		{"RECEIVE", form->typreceive},
		{"SEND", form->typsend},
		{"TYPMOD_IN", form->typmodin},
		{"TYPMOD_OUT", form->typmodout},
		{"ANALYZE", form->typanalyze},
		{"SUBSCRIPT", form->typsubscript},
	};
	DefinitionPart *part;

	for (int i = 0; i < (int) lengthof(functions); i++)
	{
		if (!OidIsValid(functions[i].function))
			continue;
		part = tm_definition_add(definition,
								 psprintf("property %s", functions[i].name),
								 psprintf("ALTER TYPE %s SET (%s = %s)", type,
										  functions[i].name,
										  tm_definition_function(functions[i].function)),
								 psprintf("ALTER TYPE %s SET (%s = NONE)", type,
										  functions[i].name));
		part->usual = true;
	}
	part = tm_definition_add(definition, "storage",
							 psprintf("ALTER TYPE %s SET (STORAGE = %s)", type,
									  storage_name(form->typstorage)), NULL);
	part->usual = true;
}

static void
add_early(Definition *definition, const char *type)
{
	DefinitionPart *part;

	part = tm_definition_add(definition, "name",
							 psprintf("CREATE TYPE %s", type), NULL);
	part->early = true;
}

/* The labels of an enum type, quoted, in their order. */
static List *
enum_labels(Oid typid)
{
	Relation	rel = table_open(EnumRelationId, AccessShareLock);
	Relation	index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	List	   *labels = NIL;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(typid));
	scan = systable_beginscan_ordered(rel, index, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext_ordered(scan,
														   ForwardScanDirection)))
		labels = lappend(labels,
						 quote_literal_cstr(NameStr(((Form_pg_enum) GETSTRUCT(tup))->enumlabel)));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	return labels;
}

static void
append_function(StringInfo buf, const char *name, Oid function)
{
	if (OidIsValid(function))
		appendStringInfo(buf, "%s = %s", name,
						 tm_definition_function(function));
}

static const char *
storage_name(char storage)
{
	switch (storage)
	{
		case TYPSTORAGE_EXTERNAL:
			return "external";
		case TYPSTORAGE_EXTENDED:
			return "extended";
		case TYPSTORAGE_MAIN:
			return "main";
		default:
			return "plain";
	}
}

static const char *
alignment_name(char alignment)
{
	switch (alignment)
	{
		case TYPALIGN_CHAR:
			return "char";
		case TYPALIGN_SHORT:
			return "int2";
		case TYPALIGN_DOUBLE:
			return "double";
		default:
			return "int4";
	}
}

/* A column of pg_collation that not every server has. */
static void
append_text(StringInfo buf, HeapTuple tup, const char *name, const char *column)
{
	AttrNumber	attno = get_attnum(CollationRelationId, column);
	Datum		value;
	bool		isnull;

	if (attno == InvalidAttrNumber)
		return;
	value = SysCacheGetAttr(COLLOID, tup, attno, &isnull);
	if (!isnull)
		appendStringInfo(buf, ", %s = %s", name,
						 quote_literal_cstr(TextDatumGetCString(value)));
}
