/*
 * column_form.c
 *		Which columns of a catalog count in a comparison, and how.
 *
 * How a column is turned into bytes follows from the server's own list of
 * references (catalog_rules.c): OIDs become names, numbers of columns become
 * their names, expressions are printed.  All other columns are taken as they are,
 * so a column that a later version adds counts without a change here.
 *
 * What has to be listed is what does not count: what only says where and how an
 * object is stored, what is counted or cached there, and what follows from
 * other columns.  The measure is what pg_dump -s shows.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_ts_config_map.h"
#include "catalog/pg_type.h"

#include "clone/catalog_rules.h"
#include "compare/column_form.h"

/* Columns that do not count, besides those called "oid" */
typedef struct IgnoredColumns
{
	Oid			catalog;		/* their catalog */
	const char *names;			/* their names, each between spaces */
} IgnoredColumns;

static const IgnoredColumns ignored_columns[] = {
	{AttributeRelationId, " attlen attnum attndims attcacheoff attbyval"
		" attalign atthasdef atthasmissing attmissingval attisdropped"
	" attinhcount "},
	{RelationRelationId, " reltype relfilenode relpages reltuples relallvisible"
		" relallfrozen reltoastrelid relhasindex relisshared relnatts relchecks"
		" relhasrules relhastriggers relhassubclass relispopulated relrewrite"
	" relfrozenxid relminmxid "},
	{CollationRelationId, " collencoding collversion "},
	{ConstraintRelationId, " coninhcount conpfeqop conppeqop conffeqop "},
	{EnumRelationId, " enumsortorder "},
	{IndexRelationId, " indcheckxmin indisready indislive indisvalid "},
	{InheritsRelationId, " inhseqno inhdetachpending "},
	{NamespaceRelationId, " nspname "},
	{PartitionedRelationId, " partdefid "},
	{TriggerRelationId, " tgconstraint tgconstrindid "},
	{TSConfigMapRelationId, " mapseqno "},
	{TypeRelationId, " typrelid typarray typndims "},
};

static void apply_rules(ViewColumn *columns, Relation catalog,
						const ColumnRule *rules, int nrules);
static void apply_numbers(ViewColumn *columns, Relation catalog);
static bool is_ignored(Oid catalog, const char *column);

ViewColumn *
tm_column_forms(Relation catalog)
{
	TupleDesc	tupdesc = RelationGetDescr(catalog);
	CatalogRules *rules = tm_catalog_rules(catalog);
	ViewColumn *columns = palloc0(sizeof(ViewColumn) * tupdesc->natts);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		const char *name = NameStr(att->attname);
		size_t		length = strlen(name);

		columns[i].form = FORM_PLAIN;
		if (att->atttypid == TEXTARRAYOID && length > 7 &&
			strcmp(name + length - 7, "options") == 0)
			columns[i].form = FORM_OPTIONS;
	}
	apply_rules(columns, catalog, rules->fixed, rules->nfixed);
	apply_rules(columns, catalog, rules->variable, rules->nvariable);
	apply_numbers(columns, catalog);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		if (is_ignored(RelationGetRelid(catalog),
					   NameStr(TupleDescAttr(tupdesc, i)->attname)))
			columns[i].form = FORM_IGNORED;
	}
	return columns;
}

bool
tm_option_counts(const char *option)
{
	static const char version[] = "pg_attver=";

	return strncmp(option, version, sizeof(version) - 1) != 0;
}

/* How the rules of a clone are read here. */
static void
apply_rules(ViewColumn *columns, Relation catalog, const ColumnRule *rules,
			int nrules)
{
	for (int i = 0; i < nrules; i++)
	{
		ViewColumn *column = &columns[rules[i].attno - 1];

		column->refclass = rules[i].refclass;
		switch (rules[i].kind)
		{
			case COLUMN_OID:
				column->form = FORM_OID;
				break;
			case COLUMN_OID_ARRAY:
				column->form = FORM_OID_ARRAY;
				break;
			case COLUMN_NODE_TREE:
				column->form = FORM_EXPRESSION;
				break;
			case COLUMN_ACL:
				column->form = FORM_ACL;
				break;
			case COLUMN_SETTINGS:
				column->form = FORM_SETTINGS;
				break;
			case COLUMN_ANYARRAY:
				/* values of rows */
				column->form = FORM_IGNORED;
				break;
		}
	}
}

/* Columns that hold numbers of a table's columns. */
static void
apply_numbers(ViewColumn *columns, Relation catalog)
{
	ListCell   *lc;

	foreach(lc, tm_catalog_column_numbers(catalog))
	{
		ColumnNumbers *numbers = lfirst(lc);
		ViewColumn *column = &columns[numbers->numbers - 1];

		column->form = numbers->is_array ? FORM_COLUMN_ARRAY : FORM_COLUMN;
		column->relation = numbers->relation;
	}

	if (RelationGetRelid(catalog) == ProcedureRelationId)
		columns[Anum_pg_proc_prosrc - 1].form = FORM_BODY;

	/* the server's list has forgotten this one */
	if (RelationGetRelid(catalog) == ConstraintRelationId)
	{
		ViewColumn *column;

		column = &columns[Anum_pg_constraint_confdelsetcols - 1];
		column->form = FORM_COLUMN_ARRAY;
		column->relation = Anum_pg_constraint_conrelid;
	}
}

static bool
is_ignored(Oid catalog, const char *column)
{
	if (strcmp(column, "oid") == 0)
		return true;
	for (int i = 0; i < (int) lengthof(ignored_columns); i++)
	{
		if (ignored_columns[i].catalog == catalog)
			return strstr(ignored_columns[i].names,
						  psprintf(" %s ", column)) != NULL;
	}
	return false;
}
