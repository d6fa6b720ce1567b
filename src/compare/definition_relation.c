/*
 * definition_relation.c
 *		Relations and their columns in statements of SQL.
 *
 * A table is made with its columns, and each column has statements of its own,
 * for when it is all that is missing.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_sequence.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/sequence.h"
#include "commands/tablespace.h"
#include "foreign/foreign.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "compare/definition_part.h"
#include "compare/definition_relation.h"
#include "compare/expression_text.h"
#include "compare/fingerprint.h"

static void define_table(Definition *definition,
						 const DefinitionSource *source, HeapTuple tup);
static void define_view(Definition *definition,
						const DefinitionSource *source, HeapTuple tup);
static void define_index(Definition *definition, HeapTuple tup);
static void define_sequence(Definition *definition,
							const DefinitionSource *source, HeapTuple tup);
static void define_column(Definition *definition,
						  const DefinitionSource *source, AttrNumber attno);
static void define_order(Definition *definition, Oid relid);
static char *table_essence(Form_pg_class form);
static char *foreign_options(Oid relid);
static void add_foreign_options(Definition *definition, const char *alter,
								Oid relid);
static DefinitionPart *add_foreign_option(Definition *definition,
										  const char *alter, DefElem *option);
static char *column_type(Form_pg_attribute att);
static char *generation(Form_pg_attribute att);
static char *column_default(Oid relid, AttrNumber attno);
static void add_column_parts(Definition *definition,
							 const DefinitionSource *source,
							 const char *table, HeapTuple tup);
static void add_column_storage(Definition *definition, const char *alter,
							   HeapTuple tup);
static void add_relation_state(Definition *definition, const char *table,
							   HeapTuple tup);
static void add_parents(Definition *definition, const char *table, Oid relid);
static void add_expression(Definition *definition, const char *alter,
						   Form_pg_attribute att);
static void add_identity(Definition *definition, const char *alter,
						 Form_pg_attribute att);
static char *sequence_name(Form_pg_attribute att);
static void add_inheritance(Definition *definition, const char *table,
							Oid relid);
static char *parents_of(Oid relid);
static List *parents(Oid relid);
static Oid	owner_of_relation(Oid relid);
static Oid	type_of_table(Oid relid);
static const char *name_of_relation(Oid relid);
static const char *kind_name(char relkind);

void
tm_define_relation(Definition *definition, const DefinitionSource *source)
{
	Oid			relid = definition->object.objectId;
	int32		subid = definition->object.objectSubId;
	HeapTuple	tup;

	if (subid == TM_COLUMN_ORDER)
	{
		define_order(definition, relid);
		return;
	}
	if (subid != 0)
	{
		define_column(definition, source, subid);
		return;
	}
	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tup))
		return;
	switch (((Form_pg_class) GETSTRUCT(tup))->relkind)
	{
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			define_view(definition, source, tup);
			break;
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			define_index(definition, tup);
			break;
		case RELKIND_SEQUENCE:
			define_sequence(definition, source, tup);
			break;
		default:
			define_table(definition, source, tup);
			break;
	}
	ReleaseSysCache(tup);
}

void
tm_define_index_state(Definition *definition, Oid indexid)
{
	HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexid));
	HeapTuple	class_tup = SearchSysCache1(RELOID, ObjectIdGetDatum(indexid));
	const char *name = quote_identifier(get_rel_name(indexid));
	Form_pg_index form;
	const char *table;
	Datum		options;
	bool		isnull;

	if (!HeapTupleIsValid(tup) || !HeapTupleIsValid(class_tup))
		return;
	form = (Form_pg_index) GETSTRUCT(tup);
	table = quote_identifier(get_rel_name(form->indrelid));
	if (((Form_pg_class) GETSTRUCT(class_tup))->relispartition)
		tm_definition_add(definition, "partition",
						  psprintf("ALTER INDEX %s ATTACH PARTITION %s",
								   name_of_relation(get_partition_parent(indexid, true)),
								   name), NULL)->late = true;
	options = SysCacheGetAttr(RELOID, class_tup, Anum_pg_class_reloptions,
							  &isnull);
	tm_definition_add_options(definition, psprintf("ALTER INDEX %s", name),
							  options, isnull, "");
	if (form->indisclustered)
		tm_definition_add(definition, "cluster",
						  psprintf("ALTER TABLE %s CLUSTER ON %s", table, name),
						  psprintf("ALTER TABLE %s SET WITHOUT CLUSTER", table));
	if (form->indisreplident)
		tm_definition_add(definition, "replica identity",
						  psprintf("ALTER TABLE %s REPLICA IDENTITY USING INDEX %s",
								   table, name),
						  NULL);
	for (int i = 1; i <= form->indnatts; i++)
	{
		HeapTuple	att = SearchSysCache2(ATTNUM, ObjectIdGetDatum(indexid),
										  Int16GetDatum(i));
		int			target;

		if (!HeapTupleIsValid(att))
			continue;
		target = tm_definition_number(AttributeRelationId, att,
									  Anum_pg_attribute_attstattarget);
		if (target >= 0)
			tm_definition_add(definition, psprintf("statistics %d", i),
							  psprintf("ALTER INDEX %s ALTER COLUMN %d SET STATISTICS %d",
									   name, i, target),
							  psprintf("ALTER INDEX %s ALTER COLUMN %d SET STATISTICS -1",
									   name, i));
		ReleaseSysCache(att);
	}
	ReleaseSysCache(class_tup);
	ReleaseSysCache(tup);
}

char *
tm_rule_definition(HeapTuple tup)
{
	Form_pg_rewrite form = (Form_pg_rewrite) GETSTRUCT(tup);
	Relation	rel = table_open(RewriteRelationId, AccessShareLock);
	StringInfoData buf;
	Node	   *actions;
	char	   *condition;
	char	   *texts;
	bool		isnull;
	Datum		value;

	value = heap_getattr(tup, Anum_pg_rewrite_ev_action, RelationGetDescr(rel),
						 &isnull);
	actions = stringToNode(TextDatumGetCString(value));
	value = heap_getattr(tup, Anum_pg_rewrite_ev_qual, RelationGetDescr(rel),
						 &isnull);
	condition = tm_rule_condition(stringToNode(TextDatumGetCString(value)),
								  copyObject(actions));
	texts = tm_rule_actions(actions, InvalidOid);
	table_close(rel, AccessShareLock);

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE RULE %s AS ON %s TO %s%s%s DO %s",
					 quote_identifier(NameStr(form->rulename)),
					 form->ev_type == '2' ? "UPDATE" :
					 form->ev_type == '3' ? "INSERT" : "DELETE",
					 quote_identifier(get_rel_name(form->ev_class)),
					 condition == NULL ? "" : " WHERE ",
					 condition == NULL ? "" : condition,
					 form->is_instead ? "INSTEAD " : "");
	if (list_length((List *) actions) == 1)
		appendBinaryStringInfo(&buf, texts, strlen(texts) - 1);
	else
		appendStringInfo(&buf, "(%s)", texts);
	return buf.data;
}

/* A table of any kind, or a composite type. */
static void
define_table(Definition *definition, const DefinitionSource *source,
			 HeapTuple tup)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tup);
	const char *name = quote_identifier(NameStr(form->relname));
	const char *kind = kind_name(form->relkind);
	char	   *object = psprintf("%s %s", kind, name);
	StringInfoData buf;
	DefinitionPart *part;
	char	   *essence;
	Datum		value;
	bool		isnull;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE %s%s %s",
					 form->relpersistence == RELPERSISTENCE_UNLOGGED ?
					 "UNLOGGED " : "", kind, name);
	if (OidIsValid(form->reloftype))
		appendStringInfo(&buf, " OF %s", format_type_be(form->reloftype));
	else
		appendStringInfo(&buf, " (%s)", tm_define_columns(form->oid));
	if (!form->relispartition)
		appendStringInfoString(&buf, parents_of(form->oid));
	essence = table_essence(form);
	appendStringInfoString(&buf, essence);
	if (form->relkind == RELKIND_FOREIGN_TABLE)
		appendStringInfoString(&buf, foreign_options(form->oid));
	part = tm_definition_add(definition, "create", buf.data,
							 psprintf("DROP %s", object));
	part->essence = psprintf("%s%s", kind, essence);
	part->lossy = form->relkind != RELKIND_FOREIGN_TABLE;
	if (form->relkind == RELKIND_FOREIGN_TABLE)
		add_foreign_options(definition, psprintf("ALTER %s", object), form->oid);
	if (OidIsValid(form->reloftype))
		tm_definition_add(definition, "type",
						  psprintf("ALTER TABLE %s OF %s", name,
								   format_type_be(form->reloftype)),
						  psprintf("ALTER TABLE %s NOT OF", name))->usual = true;

	add_relation_state(definition, name, tup);
	add_parents(definition, name, form->oid);
	tm_definition_add_owner(definition, source, object, form->relowner);
	value = SysCacheGetAttr(RELOID, tup, Anum_pg_class_relacl, &isnull);
	tm_definition_add_grants(definition, source, psprintf("TABLE %s", name),
							 OBJECT_TABLE, form->relowner, value, isnull, NULL);
	tm_definition_add_comment(definition, object, &definition->object);
}

/* What is said of a table when it is made, apart from its columns. */
static char *
table_essence(Form_pg_class form)
{
	if (form->relkind == RELKIND_PARTITIONED_TABLE)
		return psprintf(" PARTITION BY %s",
						TextDatumGetCString(DirectFunctionCall1(pg_get_partkeydef,
																ObjectIdGetDatum(form->oid))));
	if (form->relkind == RELKIND_FOREIGN_TABLE)
		return psprintf(" SERVER %s",
						quote_identifier(GetForeignServer(GetForeignTable(form->oid)->serverid)->servername));
	if (form->relkind == RELKIND_RELATION && form->relam != HEAP_TABLE_AM_OID)
		return psprintf(" USING %s", quote_identifier(get_am_name(form->relam)));
	return "";
}

static char *
foreign_options(Oid relid)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, GetForeignTable(relid)->options)
	{
		DefElem    *option = lfirst(lc);

		appendStringInfo(&buf, "%s%s %s", buf.len > 0 ? ", " : " OPTIONS (",
						 quote_identifier(option->defname),
						 quote_literal_cstr(defGetString(option)));
	}
	if (buf.len > 0)
		appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* It is made with them, for a wrapper may want to have some from the start. */
static void
add_foreign_options(Definition *definition, const char *alter, Oid relid)
{
	ListCell   *lc;

	foreach(lc, GetForeignTable(relid)->options)
		add_foreign_option(definition, alter, lfirst(lc))->usual = true;
}

static DefinitionPart *
add_foreign_option(Definition *definition, const char *alter, DefElem *option)
{
	const char *name = quote_identifier(option->defname);
	const char *value = quote_literal_cstr(defGetString(option));
	DefinitionPart *part;

	part = tm_definition_add(definition,
							 psprintf("foreign option %s", name),
							 psprintf("%s OPTIONS (ADD %s %s)", alter, name,
									  value),
							 psprintf("%s OPTIONS (DROP %s)", alter, name));
	part->change = psprintf("%s OPTIONS (SET %s %s)", alter, name, value);
	return part;
}

static void
define_view(Definition *definition, const DefinitionSource *source,
			HeapTuple tup)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tup);
	const char *name = quote_identifier(NameStr(form->relname));
	char	   *object = psprintf("%s %s", kind_name(form->relkind), name);
	char	   *query = tm_view_query(form->oid);
	size_t		length = strlen(query);
	DefinitionPart *part;
	Datum		value;
	bool		isnull;

	if (length > 0 && query[length - 1] == ';')
		query[length - 1] = '\0';
	part = tm_definition_add(definition, "create",
							 form->relkind == RELKIND_VIEW ?
							 psprintf("CREATE OR REPLACE VIEW %s AS\n%s", name,
									  query) :
							 psprintf("CREATE %s AS\n%s\nWITH NO DATA", object,
									  query),
							 psprintf("DROP %s", object));
	if (form->relkind == RELKIND_VIEW)
		part->change = part->sql;
	value = SysCacheGetAttr(RELOID, tup, Anum_pg_class_reloptions, &isnull);
	tm_definition_add_options(definition, psprintf("ALTER %s", object), value,
							  isnull, "");
	if (form->relkind == RELKIND_MATVIEW)
		add_relation_state(definition, name, tup);
	tm_definition_add_owner(definition, source, object, form->relowner);
	value = SysCacheGetAttr(RELOID, tup, Anum_pg_class_relacl, &isnull);
	tm_definition_add_grants(definition, source, psprintf("TABLE %s", name),
							 OBJECT_TABLE, form->relowner, value, isnull, NULL);
	tm_definition_add_comment(definition, object, &definition->object);
}

static void
define_index(Definition *definition, HeapTuple tup)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tup);
	const char *name = quote_identifier(NameStr(form->relname));

	tm_definition_add(definition, "create",
					  TextDatumGetCString(DirectFunctionCall3(pg_get_indexdef_ext,
															  ObjectIdGetDatum(form->oid),
															  Int32GetDatum(0),
															  BoolGetDatum(true))),
					  psprintf("DROP INDEX %s", name));
	tm_define_index_state(definition, form->oid);
	if (OidIsValid(form->reltablespace))
		tm_definition_add(definition, "tablespace",
						  psprintf("ALTER INDEX %s SET TABLESPACE %s", name,
								   quote_identifier(get_tablespace_name(form->reltablespace))),
						  NULL);
	tm_definition_add_comment(definition, psprintf("INDEX %s", name),
							  &definition->object);
}

static void
define_sequence(Definition *definition, const DefinitionSource *source,
				HeapTuple tup)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tup);
	const char *name = quote_identifier(NameStr(form->relname));
	char	   *object = psprintf("SEQUENCE %s", name);
	HeapTuple	seqtup = SearchSysCache1(SEQRELID, ObjectIdGetDatum(form->oid));
	Form_pg_sequence seq;
	DefinitionPart *part;
	char	   *options;
	Oid			tableid;
	int32		column;
	Datum		value;
	bool		isnull;

	if (!HeapTupleIsValid(seqtup))
		return;
	seq = (Form_pg_sequence) GETSTRUCT(seqtup);
	options = psprintf("AS %s INCREMENT BY " INT64_FORMAT " MINVALUE " INT64_FORMAT
					   " MAXVALUE " INT64_FORMAT " START WITH " INT64_FORMAT
					   " CACHE " INT64_FORMAT " %sCYCLE",
					   format_type_be(seq->seqtypid), seq->seqincrement,
					   seq->seqmin, seq->seqmax, seq->seqstart, seq->seqcache,
					   seq->seqcycle ? "" : "NO ");
	ReleaseSysCache(seqtup);

	/* that of an identity column comes with the column */
	definition->inherited = sequenceIsOwned(form->oid, DEPENDENCY_INTERNAL,
											&tableid, &column);
	part = tm_definition_add(definition, "create",
							 psprintf("CREATE SEQUENCE %s", name),
							 psprintf("DROP %s", object));
	part->lossy = true;
	tm_definition_add(definition, "values",
					  psprintf("ALTER %s %s", object, options), NULL);
	if (sequenceIsOwned(form->oid, DEPENDENCY_AUTO, &tableid, &column))
		tm_definition_add(definition, "owned by",
						  psprintf("ALTER %s OWNED BY %s.%s", object,
								   quote_identifier(get_rel_name(tableid)),
								   quote_identifier(get_attname(tableid, column,
																false))),
						  psprintf("ALTER %s OWNED BY NONE", object))->late = true;
	if (!definition->inherited)
		tm_definition_add(definition, "persistence",
						  psprintf("ALTER %s SET %s", object,
								   form->relpersistence == RELPERSISTENCE_UNLOGGED ?
								   "UNLOGGED" : "LOGGED"), NULL)->usual =
			form->relpersistence == RELPERSISTENCE_PERMANENT;
	if (!definition->inherited)
		tm_definition_add_owner(definition, source, object, form->relowner);
	value = SysCacheGetAttr(RELOID, tup, Anum_pg_class_relacl, &isnull);
	tm_definition_add_grants(definition, source, object, OBJECT_SEQUENCE,
							 form->relowner, value, isnull, NULL);
	tm_definition_add_comment(definition, object, &definition->object);
}

static void
define_column(Definition *definition, const DefinitionSource *source,
			  AttrNumber attno)
{
	Oid			relid = definition->object.objectId;
	HeapTuple	tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
									  Int16GetDatum(attno));
	const char *table;

	if (!HeapTupleIsValid(tup))
		return;
	table = quote_identifier(get_rel_name(relid));
	add_column_parts(definition, source, table, tup);
	ReleaseSysCache(tup);
}

/* It cannot be changed, but it can be told. */
static void
define_order(Definition *definition, Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

		if (att->attisdropped)
			continue;
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 quote_identifier(NameStr(att->attname)));
		definition->names = lappend(definition->names,
									pstrdup(NameStr(att->attname)));
	}
	definition->text = buf.data;
	relation_close(rel, AccessShareLock);
}

/* What must be there from the start; a child has the columns of its parents. */
char *
tm_define_columns(Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

		if (!att->attisdropped &&
			(att->attislocal || rel->rd_rel->relispartition))
			appendStringInfo(&buf, "%s%s %s%s", buf.len > 0 ? ", " : "",
							 quote_identifier(NameStr(att->attname)),
							 column_type(att), generation(att));
	}
	relation_close(rel, AccessShareLock);
	return buf.data;
}

/* Type and collation. */
static char *
column_type(Form_pg_attribute att)
{
	char	   *type = format_type_with_typemod(att->atttypid, att->atttypmod);

	if (!OidIsValid(att->attcollation) ||
		att->attcollation == get_typcollation(att->atttypid))
		return type;
	return psprintf("%s COLLATE %s", type,
					generate_collation_name(att->attcollation));
}

/* What a column is generated from. */
static char *
generation(Form_pg_attribute att)
{
	if (att->attgenerated == '\0')
		return "";
	return psprintf(" GENERATED ALWAYS AS (%s)%s",
					column_default(att->attrelid, att->attnum),
					att->attgenerated == ATTRIBUTE_GENERATED_STORED ?
					" STORED" : "");
}

/* The default as the server prints it, or NULL. */
static char *
column_default(Oid relid, AttrNumber attno)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	char	   *text = NULL;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
	{
		if (constr->defval[i].adnum == attno)
			text = deparse_expression(stringToNode(constr->defval[i].adbin),
									  deparse_context_for(RelationGetRelationName(rel),
														  relid), false, false);
	}

	relation_close(rel, AccessShareLock);
	return text;
}

static void
add_column_parts(Definition *definition, const DefinitionSource *source,
				 const char *table, HeapTuple tup)
{
	Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(tup);
	char		relkind = get_rel_relkind(att->attrelid);
	const char *name = quote_identifier(NameStr(att->attname));
	const char *kind = relkind == RELKIND_COMPOSITE_TYPE ? "TYPE" :
		kind_name(relkind);
	const char *unit = relkind == RELKIND_COMPOSITE_TYPE ? "ATTRIBUTE" :
		"COLUMN";
	char	   *alter = psprintf("ALTER %s %s ALTER %s %s", kind, table, unit,
								 name);
	/* what the children have of it is a matter of theirs */
	char	   *alter_only = relkind == RELKIND_COMPOSITE_TYPE ||
		relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW ? alter :
		psprintf("ALTER %s ONLY %s ALTER %s %s", kind, table, unit, name);
	const char *cascade = relkind == RELKIND_COMPOSITE_TYPE ? " CASCADE" : "";
	char	   *text;
	DefinitionPart *part;
	Datum		value;
	bool		isnull;

	/* it comes and goes with the query, or with the parent's */
	definition->inherited = relkind == RELKIND_VIEW ||
		relkind == RELKIND_MATVIEW || !att->attislocal ||
		OidIsValid(type_of_table(att->attrelid));
	part = tm_definition_add(definition, "create",
							 relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW ?
							 psprintf("COLUMN %s.%s %s", table, name,
									  column_type(att)) :
							 psprintf("ALTER %s %s ADD %s %s %s%s%s", kind,
									  table, unit, name, column_type(att),
									  generation(att), cascade),
							 psprintf("ALTER %s %s DROP %s %s%s", kind, table,
									  unit, name, cascade));
	part->lossy = true;
	part->essence = column_type(att);
	part->change = psprintf("%s TYPE %s%s", alter, column_type(att), cascade);
	if (att->attislocal && att->attinhcount > 0)
		tm_definition_add(definition, "local",
						  psprintf("column %s is declared in the table itself, too",
								   name), NULL)->note = true;
	if (att->attgenerated != '\0')
		add_expression(definition, alter_only, att);
	else if ((text = column_default(att->attrelid, att->attnum)) != NULL)
		tm_definition_add(definition, "default",
						  psprintf("%s SET DEFAULT %s", alter_only, text),
						  psprintf("%s DROP DEFAULT", alter_only));
	if (att->attnotnull && !TM_COLUMN_NOT_NULL_CONSTRAINTS)
		tm_definition_add(definition, "not null",
						  psprintf("%s SET NOT NULL",
								   relkind == RELKIND_PARTITIONED_TABLE ?
								   alter : alter_only),
						  psprintf("%s DROP NOT NULL",
								   relkind == RELKIND_PARTITIONED_TABLE ?
								   alter : alter_only));
	if (att->attidentity != '\0')
		add_identity(definition, alter, att);
	add_column_storage(definition, alter_only, tup);

	value = SysCacheGetAttr(ATTNUM, tup, Anum_pg_attribute_attacl, &isnull);
	if (!isnull)
		tm_definition_add_grants(definition, source,
								 psprintf("TABLE %s", table), OBJECT_COLUMN,
								 owner_of_relation(att->attrelid), value, false,
								 name);
	tm_definition_add_comment(definition,
							  psprintf("COLUMN %s.%s", table, name),
							  &definition->object);
}

/* Where values are stored and how they are counted. */
static void
add_column_storage(Definition *definition, const char *alter, HeapTuple tup)
{
	Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(tup);
	char		relkind = get_rel_relkind(att->attrelid);
	int			target = tm_definition_number(AttributeRelationId, tup,
											  Anum_pg_attribute_attstattarget);
	Datum		value;
	bool		isnull;

	if (relkind == RELKIND_VIEW || relkind == RELKIND_COMPOSITE_TYPE)
		return;
	tm_definition_add(definition, "storage",
					  psprintf("%s SET STORAGE %s", alter,
							   att->attstorage == TYPSTORAGE_PLAIN ? "PLAIN" :
							   att->attstorage == TYPSTORAGE_EXTERNAL ? "EXTERNAL" :
							   att->attstorage == TYPSTORAGE_EXTENDED ? "EXTENDED" :
							   "MAIN"), NULL)->usual =
		att->attstorage == get_typstorage(att->atttypid);
	if (relkind == RELKIND_FOREIGN_TABLE)
	{
		ListCell   *lc;

		foreach(lc, GetForeignColumnOptions(att->attrelid, att->attnum))
			(void) add_foreign_option(definition, alter, lfirst(lc));
	}
	if (att->attcompression != '\0')
		tm_definition_add(definition, "compression",
						  psprintf("%s SET COMPRESSION %s", alter,
								   att->attcompression == 'l' ? "lz4" : "pglz"),
						  psprintf("%s SET COMPRESSION DEFAULT", alter));
	if (target >= 0)
		tm_definition_add(definition, "statistics",
						  psprintf("%s SET STATISTICS %d", alter, target),
						  psprintf("%s SET STATISTICS -1", alter));
	value = SysCacheGetAttr(ATTNUM, tup, Anum_pg_attribute_attoptions, &isnull);
	tm_definition_add_options(definition, alter, value, isnull, "");
}

/*
 * It is made with the column.  That a column is generated cannot be said later, but
 * from what.
 */
static void
add_expression(Definition *definition, const char *alter,
			   Form_pg_attribute att)
{
	char	   *text = column_default(att->attrelid, att->attnum);
	DefinitionPart *part;

	part = tm_definition_add(definition, "expression",
							 psprintf("column %s is%s",
									  quote_identifier(NameStr(att->attname)),
									  generation(att)),
							 att->attgenerated == ATTRIBUTE_GENERATED_STORED ?
							 psprintf("%s DROP EXPRESSION", alter) : NULL);
	part->note = true;
	part->usual = true;
	part->change = TM_SET_EXPRESSION ?
		psprintf("%s SET EXPRESSION AS (%s)", alter, text) : NULL;
}

static void
add_identity(Definition *definition, const char *alter, Form_pg_attribute att)
{
	const char *when = att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS ?
		"ALWAYS" : "BY DEFAULT";
	DefinitionPart *part;

	part = tm_definition_add(definition, "identity",
							 psprintf("%s ADD GENERATED %s AS IDENTITY%s", alter,
									  when, sequence_name(att)),
							 psprintf("%s DROP IDENTITY", alter));
	part->change = psprintf("%s SET GENERATED %s", alter, when);
	part->lossy = true;
	part->late = true;
}

static char *
sequence_name(Form_pg_attribute att)
{
	Oid			sequence = tm_identity_sequence(att->attrelid, att->attnum);

	return OidIsValid(sequence) ?
		psprintf(" (SEQUENCE NAME %s)", name_of_relation(sequence)) : "";
}

/* Settings of a table or a materialized view. */
static void
add_relation_state(Definition *definition, const char *table, HeapTuple tup)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tup);
	char	   *alter = psprintf("ALTER %s %s", kind_name(form->relkind), table);
	HeapTuple	toast;
	Datum		value;
	bool		isnull;

	if (form->relkind == RELKIND_RELATION)
		tm_definition_add(definition, "persistence",
						  psprintf("%s SET %s", alter,
								   form->relpersistence == RELPERSISTENCE_UNLOGGED ?
								   "UNLOGGED" : "LOGGED"), NULL)->usual = true;
	if (form->relkind != RELKIND_MATVIEW)
	{
		value = SysCacheGetAttr(RELOID, tup, Anum_pg_class_reloptions, &isnull);
		tm_definition_add_options(definition, alter, value, isnull, "");
	}
	toast = OidIsValid(form->reltoastrelid) ?
		SearchSysCache1(RELOID, ObjectIdGetDatum(form->reltoastrelid)) : NULL;
	if (HeapTupleIsValid(toast))
	{
		value = SysCacheGetAttr(RELOID, toast, Anum_pg_class_reloptions,
								&isnull);
		tm_definition_add_options(definition, alter, value, isnull, "toast.");
		ReleaseSysCache(toast);
	}
	tm_definition_add(definition, "tablespace",
					  psprintf("%s SET TABLESPACE %s", alter,
							   OidIsValid(form->reltablespace) ?
							   quote_identifier(get_tablespace_name(form->reltablespace)) :
							   "pg_default"), NULL)->usual =
		!OidIsValid(form->reltablespace);
	if (form->relrowsecurity)
		tm_definition_add(definition, "row security",
						  psprintf("%s ENABLE ROW LEVEL SECURITY", alter),
						  psprintf("%s DISABLE ROW LEVEL SECURITY", alter));
	if (form->relforcerowsecurity)
		tm_definition_add(definition, "forced row security",
						  psprintf("%s FORCE ROW LEVEL SECURITY", alter),
						  psprintf("%s NO FORCE ROW LEVEL SECURITY", alter));
	if (form->relreplident != REPLICA_IDENTITY_INDEX)
		tm_definition_add(definition, "replica identity",
						  psprintf("%s REPLICA IDENTITY %s", alter,
								   form->relreplident == REPLICA_IDENTITY_FULL ? "FULL" :
								   form->relreplident == REPLICA_IDENTITY_NOTHING ?
								   "NOTHING" : "DEFAULT"), NULL)->usual =
			form->relreplident == REPLICA_IDENTITY_DEFAULT;
}

/* Tables that it inherits from, or the one that it is a partition of. */
static void
add_parents(Definition *definition, const char *table, Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	DefinitionPart *part;
	Datum		bound;
	bool		isnull;

	if (!HeapTupleIsValid(tup))
		return;
	bound = SysCacheGetAttr(RELOID, tup, Anum_pg_class_relpartbound, &isnull);
	if (!isnull)
	{
		const char *parent = name_of_relation(get_partition_parent(relid, true));

		definition->attached = true;
		part = tm_definition_add(definition, "partition",
								 psprintf("ALTER TABLE %s ATTACH PARTITION %s %s",
										  parent, table,
										  deparse_expression(stringToNode(TextDatumGetCString(bound)),
															 NIL, false, false)),
								 psprintf("ALTER TABLE %s DETACH PARTITION %s",
										  parent, table));
		part->change = NULL;
		part->late = true;
	}
	else
		add_inheritance(definition, table, relid);
	ReleaseSysCache(tup);
}

static void
add_inheritance(Definition *definition, const char *table, Oid relid)
{
	ListCell   *lc;

	foreach(lc, parents(relid))
	{
		const char *parent = name_of_relation(lfirst_oid(lc));

		tm_definition_add(definition, psprintf("parent %s", parent),
						  psprintf("ALTER TABLE %s INHERIT %s", table, parent),
						  psprintf("ALTER TABLE %s NO INHERIT %s", table,
								   parent))->usual = true;
	}
}

/* As CREATE TABLE has it. */
static char *
parents_of(Oid relid)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, parents(relid))
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : " INHERITS (",
						 name_of_relation(lfirst_oid(lc)));
	if (buf.len > 0)
		appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* Their OIDs, in their order. */
static List *
parents(Oid relid)
{
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	Relation	index = index_open(InheritsRelidSeqnoIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	List	   *result = NIL;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan_ordered(rel, index, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext_ordered(scan,
														   ForwardScanDirection)))
		result = lappend_oid(result,
							 ((Form_pg_inherits) GETSTRUCT(tup))->inhparent);
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	return result;
}

static Oid
owner_of_relation(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tup))
	{
		owner = ((Form_pg_class) GETSTRUCT(tup))->relowner;
		ReleaseSysCache(tup);
	}
	return owner;
}

/* The type that a table is of, if it is of one. */
static Oid
type_of_table(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			type = InvalidOid;

	if (HeapTupleIsValid(tup))
	{
		type = ((Form_pg_class) GETSTRUCT(tup))->reloftype;
		ReleaseSysCache(tup);
	}
	return type;
}

/* Qualified unless it is found by the search path, which begins with the schema. */
static const char *
name_of_relation(Oid relid)
{
	if (RelationIsVisible(relid))
		return quote_identifier(get_rel_name(relid));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

static const char *
kind_name(char relkind)
{
	switch (relkind)
	{
		case RELKIND_VIEW:
			return "VIEW";
		case RELKIND_MATVIEW:
			return "MATERIALIZED VIEW";
		case RELKIND_FOREIGN_TABLE:
			return "FOREIGN TABLE";
		default:
			return "TABLE";
	}
}
