/*
 * derived_value.c
 *		What is computed from OIDs, and is something else in a clone.
 *
 * Values that hold OIDs of the schema are others in the clone and mean the
 * same (valuemap.c).  Whatever compares them, or looks at what they mean, gets
 * the same results.  Whatever looks at the number gets another one: the hash of
 * an enum value, a regclass as an oid, a row's tableoid.  Functions that people
 * have written may do either; those that are not immutable read what may have
 * changed since, so a check that calls one was true once, and says no more in
 * the source either.
 *
 * So an expression is taken to depend on OIDs if it calls anything with such a
 * value that is not known to look at the meaning only.  To be wrong in this
 * costs time: generated columns are computed anew, checks and foreign keys are
 * looked at for each row.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "clone/derived_value.h"
#include "clone/valuemap.h"

/* What an expression is about */
typedef struct Expression
{
	const OidMap *map;			/* OIDs of the schema */
	Relation	table;			/* whose columns it names, or NULL */
} Expression;

static Oid	base_of_domain(Oid domain);
static bool depends_on_oids(Node *node, void *context);
static bool column_depends_on_oids(const Var *var, Expression *expression);
static Node *generation_expression(Relation table, AttrNumber attnum);
static bool call_depends_on_oids(Node *node, const Expression *expression);
static bool any_holds_oids(List *arguments, const OidMap *map);
static bool holds_oids(Node *node, const OidMap *map);
static bool is_enum(Node *node);
static bool may_look_at_oids(Oid funcid);
static bool looks_at_meaning(Oid funcid);

Bitmapset *
tm_derived_columns(Relation table, const OidMap *map)
{
	TupleDesc	tupdesc = RelationGetDescr(table);
	Expression	expression = {map, table};
	Bitmapset  *result = NULL;

	if (tupdesc->constr == NULL || !tupdesc->constr->has_generated_stored)
		return NULL;
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped &&
			att->attgenerated == ATTRIBUTE_GENERATED_STORED &&
			depends_on_oids(generation_expression(table, att->attnum),
							&expression))
			result = bms_add_member(result, att->attnum);
	}
	return result;
}

bool
tm_derived_checks(Relation table, const OidMap *map)
{
	TupleDesc	tupdesc = RelationGetDescr(table);

	for (int i = 0; tupdesc->constr != NULL && i < tupdesc->constr->num_check; i++)
	{
		if (tm_derived_check(table, map, &tupdesc->constr->check[i]))
			return true;
	}
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped && tm_derived_domain(att->atttypid, map))
			return true;
	}
	return false;
}

bool
tm_derived_check(Relation table, const OidMap *map, const ConstrCheck *check)
{
	Expression	expression = {map, table};

	return check->ccvalid &&
		depends_on_oids(stringToNode(check->ccbin), &expression);
}

bool
tm_derived_domain(Oid domain, const OidMap *map)
{
	Expression	expression = {map, NULL};
	Relation	rel;
	bool		result = false;

	if (get_typtype(domain) != TYPTYPE_DOMAIN ||
		!tm_valuemap_holds_oids(map, domain))
		return false;

	rel = table_open(ConstraintRelationId, AccessShareLock);
	while (!result && get_typtype(domain) == TYPTYPE_DOMAIN)
	{
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tup;

		ScanKeyInit(&key, Anum_pg_constraint_contypid,
					BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(domain));
		scan = systable_beginscan(rel, ConstraintTypidIndexId, true, NULL,
								  1, &key);
		while (!result && HeapTupleIsValid(tup = systable_getnext(scan)))
		{
			bool		isnull;
			Datum		tree = heap_getattr(tup, Anum_pg_constraint_conbin,
											RelationGetDescr(rel), &isnull);

			result = !isnull &&
				((Form_pg_constraint) GETSTRUCT(tup))->convalidated &&
				depends_on_oids(stringToNode(TextDatumGetCString(tree)),
								&expression);
		}
		systable_endscan(scan);
		domain = base_of_domain(domain);
	}
	table_close(rel, AccessShareLock);
	return result;
}

/* The type that a domain is made of, which may be a domain in turn. */
static Oid
base_of_domain(Oid domain)
{
	HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(domain));
	Oid			base;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for type %u", domain);
	base = ((Form_pg_type) GETSTRUCT(tup))->typbasetype;
	ReleaseSysCache(tup);
	return base;
}

/* expression_tree_walker callback. */
static bool
depends_on_oids(Node *node, void *context)
{
	Expression *expression = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return column_depends_on_oids((Var *) node, expression);
	return call_depends_on_oids(node, expression) ||
		expression_tree_walker(node, depends_on_oids, context);
}

/* A generated column is what it is generated from. */
static bool
column_depends_on_oids(const Var *var, Expression *expression)
{
	if (var->varattno == TableOidAttributeNumber)
		return true;
	if (var->varattno <= 0 || expression->table == NULL ||
		TupleDescAttr(RelationGetDescr(expression->table),
					  var->varattno - 1)->attgenerated == '\0')
		return false;
	return depends_on_oids(generation_expression(expression->table,
												 var->varattno),
						   expression);
}

static Node *
generation_expression(Relation table, AttrNumber attnum)
{
	TupleConstr *constr = RelationGetDescr(table)->constr;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
	{
		if (constr->defval[i].adnum == attnum)
			return stringToNode(constr->defval[i].adbin);
	}
	elog(ERROR, "no generation expression found for column number %d of table \"%s\"",
		 attnum, RelationGetRelationName(table));
	return NULL;				/* keep compiler quiet */
}

/* Does this node itself turn an OID into something else, as far as we know? */
static bool
call_depends_on_oids(Node *node, const Expression *expression)
{
	const OidMap *map = expression->map;

	switch (nodeTag(node))
	{
		case T_FuncExpr:
			return any_holds_oids(((FuncExpr *) node)->args, map) &&
				may_look_at_oids(((FuncExpr *) node)->funcid);
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			return any_holds_oids(((OpExpr *) node)->args, map) &&
				may_look_at_oids(get_opcode(((OpExpr *) node)->opno));
		case T_ScalarArrayOpExpr:
			return any_holds_oids(((ScalarArrayOpExpr *) node)->args, map) &&
				may_look_at_oids(get_opcode(((ScalarArrayOpExpr *) node)->opno));
		case T_RelabelType:
			return holds_oids((Node *) ((RelabelType *) node)->arg, map) &&
				!holds_oids(node, map);
		case T_CoerceViaIO:
			return holds_oids((Node *) ((CoerceViaIO *) node)->arg, map) &&
				!is_enum((Node *) ((CoerceViaIO *) node)->arg);
		case T_MinMaxExpr:
			return holds_oids(node, map) && !is_enum(node);
		case T_RowCompareExpr:
			return any_holds_oids(((RowCompareExpr *) node)->largs, map);
		case T_ArrayCoerceExpr:
		case T_ArrayExpr:
		case T_BoolExpr:
		case T_BooleanTest:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_CaseWhen:
		case T_CoalesceExpr:
		case T_CoerceToDomain:
		case T_CoerceToDomainValue:
		case T_CollateExpr:
		case T_Const:
		case T_ConvertRowtypeExpr:
		case T_FieldSelect:
		case T_FieldStore:
		case T_List:
		case T_NamedArgExpr:
		case T_NullTest:
		case T_RowExpr:
		case T_SQLValueFunction:
		case T_SubscriptingRef:
			return false;
		default:
			return true;
	}
}

static bool
any_holds_oids(List *arguments, const OidMap *map)
{
	ListCell   *lc;

	foreach(lc, arguments)
	{
		if (holds_oids(lfirst(lc), map))
			return true;
	}
	return false;
}

static bool
holds_oids(Node *node, const OidMap *map)
{
	Oid			typid = exprType(node);

	return typid == RECORDOID || tm_valuemap_holds_oids(map, typid);
}

static bool
is_enum(Node *node)
{
	return get_typtype(getBaseType(exprType(node))) == TYPTYPE_ENUM;
}

/* Somebody's function counts if it promises the same result for ever. */
static bool
may_look_at_oids(Oid funcid)
{
	if (funcid >= FirstNormalObjectId)
		return func_volatile(funcid) == PROVOLATILE_IMMUTABLE;
	return !looks_at_meaning(funcid);
}

/* Functions of the server that get the same results from what is the same. */
static bool
looks_at_meaning(Oid funcid)
{
	switch (funcid)
	{
		case F_ARRAYCONTAINED:
		case F_ARRAYCONTAINS:
		case F_ARRAYOVERLAP:
		case F_ARRAY_EQ:
		case F_ARRAY_LENGTH:
		case F_ARRAY_NDIMS:
		case F_ARRAY_NE:
		case F_CARDINALITY:
		case F_ENUM_CMP:
		case F_ENUM_EQ:
		case F_ENUM_FIRST:
		case F_ENUM_GE:
		case F_ENUM_GT:
		case F_ENUM_LARGER:
		case F_ENUM_LAST:
		case F_ENUM_LE:
		case F_ENUM_LT:
		case F_ENUM_NE:
		case F_ENUM_OUT:
		case F_ENUM_RANGE_ANYENUM:
		case F_ENUM_RANGE_ANYENUM_ANYENUM:
		case F_ENUM_SMALLER:
		case F_NUM_NONNULLS:
		case F_NUM_NULLS:
		case F_RECORD_EQ:
		case F_RECORD_NE:
			return true;
		default:
			return false;
	}
}
