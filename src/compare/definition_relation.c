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

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_sequence.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/tablespace.h"
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
static char *column_list(Oid relid);
static char *column_type(Form_pg_attribute att);
static char *column_default(Oid relid, AttrNumber attno);
static void add_column_parts(Definition *definition,
							 const DefinitionSource *source,
							 const char *table, HeapTuple tup);
static void add_column_storage(Definition *definition, const char *alter,
							   HeapTuple tup);
static void add_relation_state(Definition *definition, const char *table,
							   HeapTuple tup);
static void add_parents(Definition *definition, const char *table, Oid relid);
static void add_identity(Definition *definition, const char *alter,
						 Form_pg_attribute att);
static void add_inheritance(Definition *definition, const char *table,
							Oid relid);
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
	Datum		value;
	bool		isnull;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE %s%s %s (%s)",
					 form->relpersistence == RELPERSISTENCE_UNLOGGED ?
					 "UNLOGGED " : "", kind, name, column_list(form->oid));
	if (form->relkind == RELKIND_PARTITIONED_TABLE)
		appendStringInfo(&buf, " PARTITION BY %s",
						 TextDatumGetCString(DirectFunctionCall1(pg_get_partkeydef,
																 ObjectIdGetDatum(form->oid))));
	if (form->relkind == RELKIND_FOREIGN_TABLE || OidIsValid(form->reloftype))
		definition->complete = false;
	part = tm_definition_add(definition, "create", buf.data,
							 psprintf("DROP %s", object));
	part->lossy = true;

	add_relation_state(definition, name, tup);
	add_parents(definition, name, form->oid);
	tm_definition_add_owner(definition, source, object, form->relowner);
	value = SysCacheGetAttr(RELOID, tup, Anum_pg_class_relacl, &isnull);
	tm_definition_add_grants(definition, source, psprintf("TABLE %s", name),
							 OBJECT_TABLE, form->relowner, value, isnull, NULL);
	tm_definition_add_comment(definition, object, &definition->object);
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

	/* a partition has it from the table */
	if (form->relispartition)
		definition->complete = false;
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
	if (sequenceIsOwned(form->oid, DEPENDENCY_INTERNAL, &tableid, &column))
		definition->complete = false;
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
						  psprintf("ALTER %s OWNED BY NONE", object));
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
		definition->columns = lappend(definition->columns,
									  pstrdup(NameStr(att->attname)));
	}
	tm_definition_add(definition, "create", buf.data, NULL);
	definition->complete = false;
	relation_close(rel, AccessShareLock);
}

/* The columns as CREATE TABLE has them: what must be there from the start. */
static char *
column_list(Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

		if (!att->attisdropped)
			appendStringInfo(&buf, "%s%s %s", buf.len > 0 ? ", " : "",
							 quote_identifier(NameStr(att->attname)),
							 column_type(att));
	}
	relation_close(rel, AccessShareLock);
	return buf.data;
}

/* Type, collation, and what a column is generated from. */
static char *
column_type(Form_pg_attribute att)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, format_type_with_typemod(att->atttypid,
														  att->atttypmod));
	if (OidIsValid(att->attcollation) &&
		att->attcollation != get_typcollation(att->atttypid))
		appendStringInfo(&buf, " COLLATE %s",
						 generate_collation_name(att->attcollation));
	if (att->attgenerated != '\0')
		appendStringInfo(&buf, " GENERATED ALWAYS AS (%s)%s",
						 column_default(att->attrelid, att->attnum),
						 att->attgenerated == ATTRIBUTE_GENERATED_STORED ?
						 " STORED" : "");
	return buf.data;
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
	char	   *text;
	DefinitionPart *part;
	Datum		value;
	bool		isnull;

	/* it comes and goes with the query, or with the parent's */
	if (relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW ||
		!att->attislocal)
		definition->complete = false;
	part = tm_definition_add(definition, "create",
							 relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW ?
							 psprintf("COLUMN %s.%s %s", table, name,
									  column_type(att)) :
							 psprintf("ALTER %s %s ADD %s %s %s", kind, table,
									  unit, name, column_type(att)),
							 psprintf("ALTER %s %s DROP %s %s", kind, table,
									  unit, name));
	part->lossy = true;
	if (att->attgenerated == '\0')
		part->change = psprintf("%s TYPE %s", alter, column_type(att));
	text = att->attgenerated == '\0' ?
		column_default(att->attrelid, att->attnum) : NULL;

	if (text !=NULL)
		tm_definition_add(definition, "default",
						  psprintf("%s SET DEFAULT %s", alter, text),
						  psprintf("%s DROP DEFAULT", alter));
	if (att->attnotnull)
		tm_definition_add(definition, "not null",
						  psprintf("%s SET NOT NULL", alter),
						  psprintf("%s DROP NOT NULL", alter));
	if (att->attidentity != '\0')
		add_identity(definition, alter, att);
	add_column_storage(definition, alter, tup);

	value = SysCacheGetAttr(ATTNUM, tup, Anum_pg_attribute_attacl, &isnull);
	if (!isnull)
		tm_definition_add_grants(definition, source,
								 psprintf("TABLE %s", table), OBJECT_COLUMN,
								 InvalidOid, value, false, name);
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

static void
add_identity(Definition *definition, const char *alter, Form_pg_attribute att)
{
	const char *when = att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS ?
		"ALWAYS" : "BY DEFAULT";
	DefinitionPart *part;

	part = tm_definition_add(definition, "identity",
							 psprintf("%s ADD GENERATED %s AS IDENTITY", alter,
									  when),
							 psprintf("%s DROP IDENTITY", alter));
	part->change = psprintf("%s SET GENERATED %s", alter, when);
	part->lossy = true;
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
	Datum		bound;
	bool		isnull;

	if (!HeapTupleIsValid(tup))
		return;
	bound = SysCacheGetAttr(RELOID, tup, Anum_pg_class_relpartbound, &isnull);
	if (!isnull)
	{
		const char *parent = name_of_relation(get_partition_parent(relid, true));

		tm_definition_add(definition, "partition",
						  psprintf("ALTER TABLE %s ATTACH PARTITION %s %s",
								   parent, table,
								   deparse_expression(stringToNode(TextDatumGetCString(bound)),
													  NIL, false, false)),
						  psprintf("ALTER TABLE %s DETACH PARTITION %s", parent,
								   table));
	}
	else
		add_inheritance(definition, table, relid);
	ReleaseSysCache(tup);
}

static void
add_inheritance(Definition *definition, const char *table, Oid relid)
{
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InheritsRelidSeqnoIndexId, true, NULL, 1,
							  &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		const char *parent = name_of_relation(((Form_pg_inherits) GETSTRUCT(tup))->inhparent);

		tm_definition_add(definition, psprintf("parent %s", parent),
						  psprintf("ALTER TABLE %s INHERIT %s", table, parent),
						  psprintf("ALTER TABLE %s NO INHERIT %s", table,
								   parent));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
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
