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
 * Pairs of a table and a column number are in that list as well; they are
 * skipped, because the table stands in it once more on its own and the number
 * does not change.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "catalog/system_fk_info.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "clone/catalog_rules.h"

static void add_reference_rules(CatalogRules *rules, Relation catalog);
static void add_type_rules(CatalogRules *rules, Relation catalog);
static void add_rule(CatalogRules *rules, Relation catalog, AttrNumber attno,
					 ColumnKind kind, Oid refclass);
static int	fixed_offset(TupleDesc tupdesc, AttrNumber attno);

CatalogRules *
tm_catalog_rules(Relation catalog)
{
	int			natts = RelationGetNumberOfAttributes(catalog);
	CatalogRules *rules = palloc0(sizeof(CatalogRules));
	AttrNumber	attno = get_attnum(RelationGetRelid(catalog), "oid");

	rules->fixed = palloc(sizeof(ColumnRule) * (natts + 1));
	rules->variable = palloc(sizeof(ColumnRule) * (natts + 1));

	if (attno != InvalidAttrNumber)
		add_rule(rules, catalog, attno, COLUMN_OID, RelationGetRelid(catalog));
	add_reference_rules(rules, catalog);
	add_type_rules(rules, catalog);
	return rules;
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
		attno = get_attnum(fk->fk_table, column);
		if (attno == InvalidAttrNumber)
			elog(ERROR, "catalog \"%s\" has no column \"%s\"",
				 RelationGetRelationName(catalog), column);
		add_rule(rules, catalog, attno,
				 fk->is_array ? COLUMN_OID_ARRAY : COLUMN_OID, fk->pk_table);
		pfree(column);
	}
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
