/*
 * catalog_rules.c
 *		Which columns of a catalog have to change in a clone, and how.
 *
 * The server's own list of references between catalogs (the one behind
 * pg_get_catalog_foreign_keys()) names every column that holds an OID and the
 * catalog it points to.  It is generated with the server, so a column that a
 * later version adds is known here without a change.  Columns of a few types
 * with OIDs inside are added to it.
 *
 * Pairs of a table and a column number are in that list as well.  A clone skips
 * them, because the table stands in it once more on its own and the number does
 * not change; who compares schemas wants to know the numbers' meaning.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_range.h"
#include "catalog/pg_sequence.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_config_map.h"
#include "catalog/pg_type.h"
#include "catalog/system_fk_info.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "clone/catalog_rules.h"

const PartCatalog tm_part_catalogs[] = {
	{RelationRelationId, 0, AttributeRelationId,
	AttributeRelidNumIndexId, false},
	{RelationRelationId, RELKIND_INDEX, IndexRelationId,
	IndexRelidIndexId, false},
	{RelationRelationId, RELKIND_PARTITIONED_INDEX, IndexRelationId,
	IndexRelidIndexId, false},
	{RelationRelationId, 0, InheritsRelationId,
	InheritsRelidSeqnoIndexId, false},
	{RelationRelationId, RELKIND_SEQUENCE, SequenceRelationId,
	SequenceRelidIndexId, false},
	{RelationRelationId, RELKIND_PARTITIONED_TABLE, PartitionedRelationId,
	PartitionedRelidIndexId, false},
	{RelationRelationId, RELKIND_FOREIGN_TABLE, ForeignTableRelationId,
	ForeignTableRelidIndexId, false},
	{RelationRelationId, RELKIND_RELATION, StatisticRelationId,
	StatisticRelidAttnumInhIndexId, true},
	{RelationRelationId, RELKIND_MATVIEW, StatisticRelationId,
	StatisticRelidAttnumInhIndexId, true},
	{RelationRelationId, RELKIND_PARTITIONED_TABLE, StatisticRelationId,
	StatisticRelidAttnumInhIndexId, true},
	{RelationRelationId, RELKIND_INDEX, StatisticRelationId,
	StatisticRelidAttnumInhIndexId, true},
	{StatisticExtRelationId, 0, StatisticExtDataRelationId,
	StatisticExtDataStxoidInhIndexId, true},
	{ProcedureRelationId, PROKIND_AGGREGATE, AggregateRelationId,
	AggregateFnoidIndexId, false},
	{TypeRelationId, TYPTYPE_ENUM, EnumRelationId,
	EnumTypIdSortOrderIndexId, false},
	{TypeRelationId, TYPTYPE_RANGE, RangeRelationId,
	RangeTypidIndexId, false},
	{TSConfigRelationId, 0, TSConfigMapRelationId,
	TSConfigMapIndexId, false},
};
const int	tm_part_catalogs_count = lengthof(tm_part_catalogs);

static void add_reference_rules(CatalogRules *rules, Relation catalog);
static void add_type_rules(CatalogRules *rules, Relation catalog);
static AttrNumber column_of_list(Relation catalog, const char *columns,
								 int which);
static AttrNumber column_named(Relation catalog, const char *name);
static void add_rule(CatalogRules *rules, Relation catalog, AttrNumber attno,
					 ColumnKind kind, Oid refclass);
static int	fixed_offset(TupleDesc tupdesc, AttrNumber attno);

CatalogRules *
tm_catalog_rules(Relation catalog)
{
	int			natts = RelationGetNumberOfAttributes(catalog);
	CatalogRules *rules = palloc0(sizeof(CatalogRules));
	AttrNumber	attno = column_named(catalog, "oid");

	rules->fixed = palloc(sizeof(ColumnRule) * (natts + 1));
	rules->variable = palloc(sizeof(ColumnRule) * (natts + 1));

	if (attno != InvalidAttrNumber)
		add_rule(rules, catalog, attno, COLUMN_OID, RelationGetRelid(catalog));
	add_reference_rules(rules, catalog);
	add_type_rules(rules, catalog);
	return rules;
}

List *
tm_catalog_column_numbers(Relation catalog)
{
	Oid			relid = RelationGetRelid(catalog);
	List	   *result = NIL;

	for (int i = 0; i < (int) lengthof(sys_fk_relationships); i++)
	{
		const SysFKRelationship *fk = &sys_fk_relationships[i];
		ColumnNumbers *numbers;

		if (fk->fk_table != relid || fk->pk_table != AttributeRelationId ||
			strchr(fk->fk_columns, ',') == NULL)
			continue;
		numbers = palloc(sizeof(ColumnNumbers));
		numbers->relation = column_of_list(catalog, fk->fk_columns, 0);
		numbers->numbers = column_of_list(catalog, fk->fk_columns, 1);
		numbers->is_array = fk->is_array;
		result = lappend(result, numbers);
	}
	return result;
}

bool
tm_catalog_identity(Oid catalog, Oid *index, AttrNumber *attno)
{
	if (is_objectclass_supported(catalog))
	{
		*index = get_object_oid_index(catalog);
		*attno = get_object_attnum_oid(catalog);
		return OidIsValid(*index);
	}

	switch (catalog)
	{
		case AttrDefaultRelationId:
			*index = AttrDefaultOidIndexId;
			*attno = Anum_pg_attrdef_oid;
			return true;
		case DefaultAclRelationId:
			*index = DefaultAclOidIndexId;
			*attno = Anum_pg_default_acl_oid;
			return true;
		default:
			return false;
	}
}

/* Columns that hold OIDs, from the server's own list. */
static void
add_reference_rules(CatalogRules *rules, Relation catalog)
{
	for (int i = 0; i < (int) lengthof(sys_fk_relationships); i++)
	{
		const SysFKRelationship *fk = &sys_fk_relationships[i];
		char	   *column;
		AttrNumber	attno;

		if (fk->fk_table != RelationGetRelid(catalog) ||
			strchr(fk->fk_columns, ',') != NULL)
			continue;

		/* the name comes in the braces of an array literal */
		column = pnstrdup(fk->fk_columns + 1, strlen(fk->fk_columns) - 2);
		attno = column_named(catalog, column);
		if (attno == InvalidAttrNumber)
			elog(ERROR, "catalog \"%s\" has no column \"%s\"",
				 RelationGetRelationName(catalog), column);
		add_rule(rules, catalog, attno,
				 fk->is_array ? COLUMN_OID_ARRAY : COLUMN_OID, fk->pk_table);
		pfree(column);
	}
}

/* One of two columns, whose names come as an array literal. */
static AttrNumber
column_of_list(Relation catalog, const char *columns, int which)
{
	const char *comma = strchr(columns, ',');
	char	   *name;
	AttrNumber	attno;

	if (which == 0)
		name = pnstrdup(columns + 1, comma - columns - 1);
	else
	{
		name = pstrdup(comma + strspn(comma, ", "));
		name[strlen(name) - 1] = '\0';
	}
	attno = column_named(catalog, name);
	if (attno == InvalidAttrNumber)
		elog(ERROR, "catalog \"%s\" has no column \"%s\"",
			 RelationGetRelationName(catalog), name);
	pfree(name);
	return attno;
}

/* The number of a column, or InvalidAttrNumber.  The catalog is open already. */
static AttrNumber
column_named(Relation catalog, const char *name)
{
	TupleDesc	tupdesc = RelationGetDescr(catalog);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		if (namestrcmp(&TupleDescAttr(tupdesc, i)->attname, name) == 0)
			return i + 1;
	}
	return InvalidAttrNumber;
}

/* Columns of types with OIDs inside. */
static void
add_type_rules(CatalogRules *rules, Relation catalog)
{
	TupleDesc	tupdesc = RelationGetDescr(catalog);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		switch (TupleDescAttr(tupdesc, i)->atttypid)
		{
			case PG_NODE_TREEOID:
				add_rule(rules, catalog, i + 1, COLUMN_NODE_TREE, InvalidOid);
				break;
			case ACLITEMARRAYOID:
				add_rule(rules, catalog, i + 1, COLUMN_ACL, InvalidOid);
				break;
			case ANYARRAYOID:
				add_rule(rules, catalog, i + 1, COLUMN_ANYARRAY, InvalidOid);
				break;
			default:
				break;
		}
	}
	if (RelationGetRelid(catalog) == ProcedureRelationId)
		add_rule(rules, catalog, Anum_pg_proc_proconfig, COLUMN_SETTINGS,
				 InvalidOid);
}

static void
add_rule(CatalogRules *rules, Relation catalog, AttrNumber attno,
		 ColumnKind kind, Oid refclass)
{
	ColumnRule	rule;

	rule.attno = attno;
	rule.kind = kind;
	rule.refclass = refclass;
	rule.offset = kind == COLUMN_OID ?
		fixed_offset(RelationGetDescr(catalog), attno) : -1;

	if (rule.offset >= 0)
		rules->fixed[rules->nfixed++] = rule;
	else
		rules->variable[rules->nvariable++] = rule;
}

/*
 * Where a column is in every row of the catalog, or -1.  The columns before
 * the first one of variable width are never null.
 */
static int
fixed_offset(TupleDesc tupdesc, AttrNumber attno)
{
	int			offset = 0;

	for (int i = 0; i < attno; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attlen < 0 || !att->attnotnull)
			return -1;
		offset = att_align_nominal(offset, att->attalign);
		if (i < attno - 1)
			offset += att->attlen;
	}
	return offset;
}
