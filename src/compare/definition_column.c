/*
 * definition_column.c
 *		Columns in statements of SQL.
 *
 * A table is made with its columns, and each column has statements of its own,
 * for when it is all that is missing.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "compare/definition_column.h"
#include "compare/definition_part.h"

static void add_column_parts(Definition *definition,
							 const DefinitionSource *source,
							 const char *table, HeapTuple tup);
static bool a_parent_has_default(Form_pg_attribute att);
static char *column_type(Form_pg_attribute att);
static char *generation(Form_pg_attribute att);
static char *column_default(Oid relid, AttrNumber attno);
static void add_expression(Definition *definition, const char *alter,
						   Form_pg_attribute att);
static void add_identity(Definition *definition, const char *alter,
						 Form_pg_attribute att);
static char *sequence_name(Form_pg_attribute att);
static void add_column_storage(Definition *definition, const char *alter,
							   HeapTuple tup);
static Oid	owner_of_relation(Oid relid);
static Oid	type_of_table(Oid relid);

void
tm_define_column(Definition *definition, const DefinitionSource *source,
				 AttrNumber attno)
{
	Oid			relid = definition->object.objectId;
	HeapTuple	tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
									  Int16GetDatum(attno));
	const char *table;

	if (!HeapTupleIsValid(tup))
		return;
	table = tm_definition_relation(relid);
	add_column_parts(definition, source, table, tup);
	ReleaseSysCache(tup);
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
		bool		told;

		/* before version 16 a child cannot say what its parent says of it */
		told = TM_SERVER_MAJOR < 16 && att->attinhcount > 0 &&
			!rel->rd_rel->relispartition;
		if (!att->attisdropped &&
			(att->attislocal || rel->rd_rel->relispartition))
			appendStringInfo(&buf, "%s%s %s%s", buf.len > 0 ? ", " : "",
							 quote_identifier(NameStr(att->attname)),
							 column_type(att), told ? "" : generation(att));
	}
	relation_close(rel, AccessShareLock);
	return buf.data;
}

DefinitionPart *
tm_define_foreign_option(Definition *definition, const char *alter, DefElem *option)
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
add_column_parts(Definition *definition, const DefinitionSource *source,
				 const char *table, HeapTuple tup)
{
	Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(tup);
	char		relkind = get_rel_relkind(att->attrelid);
	const char *name = quote_identifier(NameStr(att->attname));
	const char *kind = relkind == RELKIND_COMPOSITE_TYPE ? "TYPE" :
		tm_definition_kind(relkind);
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
	{
		if (relkind != RELKIND_VIEW)
			part->filled = psprintf("%s DEFAULT %s", part->sql, text);
		tm_definition_add(definition, "default",
						  psprintf("%s SET DEFAULT %s", alter_only, text),
						  psprintf("%s DROP DEFAULT", alter_only));
	}
	else if (a_parent_has_default(att))
		tm_definition_add(definition, "no default",
						  psprintf("%s DROP DEFAULT", alter_only),
						  NULL)->at_birth = true;
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

/* A child's column is born with the default that its parent's has. */
static bool
a_parent_has_default(Form_pg_attribute att)
{
	ListCell   *lc;

	if (att->attinhcount == 0)
		return false;
	foreach(lc, tm_definition_parents(att->attrelid))
	{
		HeapTuple	tup = SearchSysCacheAttName(lfirst_oid(lc),
												NameStr(att->attname));
		bool		has = HeapTupleIsValid(tup) &&
			((Form_pg_attribute) GETSTRUCT(tup))->atthasdef;

		if (HeapTupleIsValid(tup))
			ReleaseSysCache(tup);
		if (has)
			return true;
	}
	return false;
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
		psprintf(" (SEQUENCE NAME %s)", tm_definition_relation(sequence)) : "";
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
			(void) tm_define_foreign_option(definition, alter, lfirst(lc));
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
