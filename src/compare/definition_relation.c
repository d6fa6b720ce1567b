/*
 * definition_relation.c
 *		Relations in statements of SQL.
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
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "compare/definition_column.h"
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
static void define_order(Definition *definition, Oid relid);
static char *table_essence(Form_pg_class form);
static char *foreign_options(Oid relid);
static void add_foreign_options(Definition *definition, const char *alter,
								Oid relid);
static void add_relation_state(Definition *definition, const char *table,
							   HeapTuple tup);
static void add_parents(Definition *definition, const char *table, Oid relid);
static void add_inheritance(Definition *definition, const char *table,
							Oid relid);
static bool is_reordered(Oid relid);
static List *column_names(Relation rel);
static char *parents_of(Oid relid);

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
		tm_define_column(definition, source, subid);
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
	const char *name = tm_definition_relation(indexid);
	Form_pg_index form;
	const char *table;
	Datum		options;
	bool		isnull;

	if (!HeapTupleIsValid(tup) || !HeapTupleIsValid(class_tup))
		return;
	form = (Form_pg_index) GETSTRUCT(tup);
	table = tm_definition_relation(form->indrelid);
	if (((Form_pg_class) GETSTRUCT(class_tup))->relispartition)
		tm_definition_add(definition, "partition",
						  psprintf("ALTER INDEX %s ATTACH PARTITION %s",
								   tm_definition_relation(get_partition_parent(indexid, true)),
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
	texts = tm_rule_actions(actions);
	table_close(rel, AccessShareLock);

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE RULE %s AS ON %s TO %s%s%s DO %s",
					 quote_identifier(NameStr(form->rulename)),
					 form->ev_type == '2' ? "UPDATE" :
					 form->ev_type == '3' ? "INSERT" : "DELETE",
					 tm_definition_relation(form->ev_class),
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
	const char *name = tm_definition_relation(form->oid);
	const char *kind = tm_definition_kind(form->relkind);
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
	{
		appendStringInfoString(&buf, parents_of(form->oid));
		definition->reordered = is_reordered(form->oid);
	}
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

	/* what partitions that are made later shall have */
	if (form->relkind == RELKIND_PARTITIONED_TABLE && OidIsValid(form->relam))
		tm_definition_add(definition, "access method",
						  psprintf("ALTER TABLE %s SET ACCESS METHOD %s", name,
								   quote_identifier(get_am_name(form->relam))),
						  psprintf("ALTER TABLE %s SET ACCESS METHOD DEFAULT",
								   name));
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
		tm_define_foreign_option(definition, alter,
								 lfirst(lc))->usual = true;
}

static void
define_view(Definition *definition, const DefinitionSource *source,
			HeapTuple tup)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tup);
	const char *name = quote_identifier(NameStr(form->relname));
	char	   *object = psprintf("%s %s", tm_definition_kind(form->relkind), name);
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
	const char *name = tm_definition_relation(form->oid);

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
	const char *name = tm_definition_relation(form->oid);
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
							 psprintf("CREATE %s %s", object, options),
							 psprintf("DROP %s", object));
	part->essence = psprintf("CREATE %s", object);
	part->lossy = true;
	tm_definition_add(definition, "values",
					  psprintf("ALTER %s %s", object, options), NULL)->usual =
		!definition->inherited;
	if (sequenceIsOwned(form->oid, DEPENDENCY_AUTO, &tableid, &column))
		tm_definition_add(definition, "owned by",
						  psprintf("ALTER %s OWNED BY %s.%s", object,
								   tm_definition_relation(tableid),
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

/* It cannot be changed, but it can be told. */
static void
define_order(Definition *definition, Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	definition->names = column_names(rel);
	foreach(lc, definition->names)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 quote_identifier(lfirst(lc)));
	definition->text = buf.data;
	relation_close(rel, AccessShareLock);
}

/* A table that is made with parents has the columns of these first. */
static bool
is_reordered(Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	List	   *names = column_names(rel);
	List	   *inherited = NIL;
	ListCell   *lc;
	int			n = 0;

	relation_close(rel, AccessShareLock);
	foreach(lc, tm_definition_parents(relid))
	{
		Relation	parent = relation_open(lfirst_oid(lc), AccessShareLock);
		ListCell   *name;

		foreach(name, column_names(parent))
			inherited = list_append_unique(inherited,
										   makeString(lfirst(name)));
		relation_close(parent, AccessShareLock);
	}
	foreach(lc, inherited)
	{
		if (n >= list_length(names) ||
			strcmp(list_nth(names, n++), strVal(lfirst(lc))) != 0)
			return true;
	}
	return false;
}

/* Those that are not dropped, in their order; palloc'd */
static List *
column_names(Relation rel)
{
	List	   *result = NIL;

	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

		if (!att->attisdropped)
			result = lappend(result, pstrdup(NameStr(att->attname)));
	}
	return result;
}

/* Settings of a table or a materialized view. */
static void
add_relation_state(Definition *definition, const char *table, HeapTuple tup)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tup);
	char	   *alter = psprintf("ALTER %s %s", tm_definition_kind(form->relkind), table);
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
	if (form->relkind != RELKIND_FOREIGN_TABLE &&
		form->relreplident != REPLICA_IDENTITY_INDEX)
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
		const char *parent = tm_definition_relation(get_partition_parent(relid, true));
		char	   *limits = deparse_expression(stringToNode(TextDatumGetCString(bound)),
												NIL, false, false);

		definition->attached = true;
		part = tm_definition_add(definition, "partition",
								 psprintf("ALTER TABLE %s ATTACH PARTITION %s %s",
										  parent, table, limits),
								 psprintf("ALTER TABLE %s DETACH PARTITION %s",
										  parent, table));
		part->essence = psprintf("PARTITION OF %s %s", parent, limits);
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

	foreach(lc, tm_definition_parents(relid))
	{
		const char *parent = tm_definition_relation(lfirst_oid(lc));

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
	foreach(lc, tm_definition_parents(relid))
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : " INHERITS (",
						 tm_definition_relation(lfirst_oid(lc)));
	if (buf.len > 0)
		appendStringInfoChar(&buf, ')');
	return buf.data;
}
