/*
 * nodetree.c
 *		OIDs inside stored expression trees.
 *
 * Defaults, checks, index expressions, rules, policies, trigger conditions,
 * SQL-standard function bodies, partition bounds and statistics expressions
 * are kept as serialized node trees.  They are read back into nodes, walked
 * with the server's own walkers, changed in place and written again.
 *
 * Most trees in a schema mention built-in objects only.  Reading and writing
 * those would be most of the work, so a cheap look at the text comes first:
 * a number in it must be that of a cloned object, or a constant must be of a
 * reg* type, whose value is shown as bytes and not as a number.  The look can
 * be wrong in one direction only.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"

#include "base/compat.h"
#include "clone/nodetree.h"
#include "clone/valuemap.h"

/* Replace one OID field, given the catalog that it refers to */
#define MAP_OID(field, catalog) \
	((field) = tm_oidmap_translate(map, (catalog), (field)))
#define MAP_CLASS(field)	MAP_OID(field, RelationRelationId)
#define MAP_COLLATION(field) MAP_OID(field, CollationRelationId)
#define MAP_OPERATOR(field) MAP_OID(field, OperatorRelationId)
#define MAP_PROC(field)		MAP_OID(field, ProcedureRelationId)
#define MAP_TYPE(field)		MAP_OID(field, TypeRelationId)

/* A walk through one tree */
typedef struct TreeWalk
{
	const OidMap *map;			/* what becomes of OIDs */
	NodeTag		unknown;		/* the first node that nobody here knows */
} TreeWalk;

static bool may_hold_oids(const OidMap *map, const char *tree);
static bool map_walker(Node *node, void *context);
static bool map_query(Query *query, TreeWalk *walk);
static void map_range_table_entry(RangeTblEntry *rte, const OidMap *map);
static bool map_partition_bound(PartitionBoundSpec *bound, TreeWalk *walk);
static bool map_set_operation(SetOperationStmt *setop, TreeWalk *walk);
static void map_const(Const *con, const OidMap *map);
static bool map_call(Node *node, const OidMap *map);
static bool map_coercion(Node *node, const OidMap *map);
static bool map_constructor(Node *node, const OidMap *map);
static bool map_clause(Node *node, const OidMap *map);
static bool map_newer(Node *node, const OidMap *map);
static bool holds_no_oids(Node *node);
static void map_oid_list(List *oids, Oid catalog, const OidMap *map);

char *
tm_nodetree_map(const OidMap *map, char *tree, int *unknown)
{
	TreeWalk	walk = {.map = map};
	Node	   *node;

	if (!may_hold_oids(map, tree))
		return tree;

	node = stringToNode(tree);
	if (map_walker(node, &walk))
	{
		*unknown = walk.unknown;
		return NULL;
	}
	return nodeToString(node);
}

/*
 * Could there be an OID of a cloned object in this tree?  Every number is
 * taken for an OID, and every type of a constant for one whose values may
 * hold some.
 */
static bool
may_hold_oids(const OidMap *map, const char *tree)
{
	static const char consttype[] = ":consttype ";
	const size_t label_len = sizeof(consttype) - 1;
	const char *p = tree;

	while (*p)
	{
		const char *start = p;
		char	   *end;
		unsigned long number;

		if (*p < '0' || *p > '9')
		{
			p++;
			continue;
		}
		number = strtoul(p, &end, 10);
		p = end;

		if (number > PG_UINT32_MAX)
			continue;
		if (number >= FirstUnpinnedObjectId &&
			tm_oidmap_contains_number(map, (Oid) number))
			return true;
		if (start - tree >= (ptrdiff_t) label_len &&
			memcmp(start - label_len, consttype, label_len) == 0 &&
			tm_valuemap_holds_oids(map, (Oid) number))
			return true;
	}
	return false;
}

/*
 * Change the OIDs of one node and go on to its children.  The nodes are sorted
 * by what they do, each group in a function of its own.  One that is in none of
 * them may have come with a version of the server that we have not seen; it ends
 * the walk.
 */
static bool
map_walker(Node *node, void *context)
{
	TreeWalk   *walk = context;
	const OidMap *map = walk->map;

	if (node == NULL)
		return false;
	check_stack_depth();

	switch (nodeTag(node))
	{
		case T_Query:
			return map_query((Query *) node, walk);
		case T_RangeTblEntry:
			/* range_table_walker sees to its children */
			map_range_table_entry((RangeTblEntry *) node, map);
			return false;
		case T_PartitionBoundSpec:
			return map_partition_bound((PartitionBoundSpec *) node, walk);
		case T_SetOperationStmt:
			if (map_set_operation((SetOperationStmt *) node, walk))
				return true;
			break;
		case T_Const:
			map_const((Const *) node, map);
			break;
		default:
			if (map_call(node, map) || map_coercion(node, map) ||
				map_constructor(node, map) || map_clause(node, map) ||
				map_newer(node, map) || holds_no_oids(node))
				break;
			walk->unknown = nodeTag(node);
			return true;
	}
	return expression_tree_walker(node, map_walker, context);
}

static bool
map_query(Query *query, TreeWalk *walk)
{
	ListCell   *lc;

	map_oid_list(query->constraintDeps, ConstraintRelationId, walk->map);
	foreach(lc, tm_query_permissions(query))
		* tm_permission_relid(lfirst(lc)) =
		tm_oidmap_translate(walk->map, RelationRelationId,
							*tm_permission_relid(lfirst(lc)));
	return query_tree_walker(query, map_walker, walk,
							 QTW_EXAMINE_RTES_BEFORE | QTW_EXAMINE_SORTGROUP);
}

static void
map_range_table_entry(RangeTblEntry *rte, const OidMap *map)
{
	MAP_CLASS(rte->relid);
	map_oid_list(rte->coltypes, TypeRelationId, map);
	map_oid_list(rte->colcollations, CollationRelationId, map);
}

static bool
map_partition_bound(PartitionBoundSpec *bound, TreeWalk *walk)
{
	ListCell   *lc;
	List	   *ranges = list_concat_copy(bound->lowerdatums,
										  bound->upperdatums);

	foreach(lc, ranges)
	{
		if (map_walker(lfirst_node(PartitionRangeDatum, lc)->value, walk))
			return true;
	}
	return map_walker((Node *) bound->listdatums, walk);
}

/* The walker goes to both sides, but not to the columns. */
static bool
map_set_operation(SetOperationStmt *setop, TreeWalk *walk)
{
	map_oid_list(setop->colTypes, TypeRelationId, walk->map);
	map_oid_list(setop->colCollations, CollationRelationId, walk->map);
	return map_walker((Node *) setop->groupClauses, walk);
}

static void
map_const(Const *con, const OidMap *map)
{
	if (!con->constisnull && tm_valuemap_holds_oids(map, con->consttype))
		con->constvalue = tm_valuemap_value(map, con->constvalue, con->consttype);
	MAP_TYPE(con->consttype);
	MAP_COLLATION(con->constcollid);
}

/* Nodes that call a function or an operator. */
static bool
map_call(Node *node, const OidMap *map)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			{
				FuncExpr   *func = (FuncExpr *) node;

				MAP_PROC(func->funcid);
				MAP_TYPE(func->funcresulttype);
				MAP_COLLATION(func->funccollid);
				MAP_COLLATION(func->inputcollid);
				break;
			}
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			{
				OpExpr	   *op = (OpExpr *) node;

				MAP_OPERATOR(op->opno);
				MAP_PROC(op->opfuncid);
				MAP_TYPE(op->opresulttype);
				MAP_COLLATION(op->opcollid);
				MAP_COLLATION(op->inputcollid);
				break;
			}
		case T_ScalarArrayOpExpr:
			{
				ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) node;

				MAP_OPERATOR(op->opno);
				MAP_PROC(op->opfuncid);
				MAP_PROC(op->hashfuncid);
				MAP_PROC(op->negfuncid);
				MAP_COLLATION(op->inputcollid);
				break;
			}
		case T_Aggref:
			{
				Aggref	   *agg = (Aggref *) node;

				MAP_PROC(agg->aggfnoid);
				MAP_TYPE(agg->aggtype);
				MAP_TYPE(agg->aggtranstype);
				MAP_COLLATION(agg->aggcollid);
				MAP_COLLATION(agg->inputcollid);
				map_oid_list(agg->aggargtypes, TypeRelationId, map);
				break;
			}
		case T_WindowFunc:
			{
				WindowFunc *func = (WindowFunc *) node;

				MAP_PROC(func->winfnoid);
				MAP_TYPE(func->wintype);
				MAP_COLLATION(func->wincollid);
				MAP_COLLATION(func->inputcollid);
				break;
			}
		case T_NextValueExpr:
			MAP_CLASS(((NextValueExpr *) node)->seqid);
			MAP_TYPE(((NextValueExpr *) node)->typeId);
			break;
		case T_TableSampleClause:
			MAP_PROC(((TableSampleClause *) node)->tsmhandler);
			break;
		default:
			return false;
	}
	return true;
}

/* Nodes that stand for a value or turn one type into another. */
static bool
map_coercion(Node *node, const OidMap *map)
{
	switch (nodeTag(node))
	{
		case T_Var:
			MAP_TYPE(((Var *) node)->vartype);
			MAP_COLLATION(((Var *) node)->varcollid);
			break;
		case T_Param:
			MAP_TYPE(((Param *) node)->paramtype);
			MAP_COLLATION(((Param *) node)->paramcollid);
			break;
		case T_FieldSelect:
			MAP_TYPE(((FieldSelect *) node)->resulttype);
			MAP_COLLATION(((FieldSelect *) node)->resultcollid);
			break;
		case T_FieldStore:
			MAP_TYPE(((FieldStore *) node)->resulttype);
			break;
		case T_RelabelType:
			MAP_TYPE(((RelabelType *) node)->resulttype);
			MAP_COLLATION(((RelabelType *) node)->resultcollid);
			break;
		case T_CoerceViaIO:
			MAP_TYPE(((CoerceViaIO *) node)->resulttype);
			MAP_COLLATION(((CoerceViaIO *) node)->resultcollid);
			break;
		case T_ArrayCoerceExpr:
			MAP_TYPE(((ArrayCoerceExpr *) node)->resulttype);
			MAP_COLLATION(((ArrayCoerceExpr *) node)->resultcollid);
			break;
		case T_ConvertRowtypeExpr:
			MAP_TYPE(((ConvertRowtypeExpr *) node)->resulttype);
			break;
		case T_CoerceToDomain:
			MAP_TYPE(((CoerceToDomain *) node)->resulttype);
			MAP_COLLATION(((CoerceToDomain *) node)->resultcollid);
			break;
		case T_CoerceToDomainValue:
			MAP_TYPE(((CoerceToDomainValue *) node)->typeId);
			MAP_COLLATION(((CoerceToDomainValue *) node)->collation);
			break;
		case T_CaseTestExpr:
			MAP_TYPE(((CaseTestExpr *) node)->typeId);
			MAP_COLLATION(((CaseTestExpr *) node)->collation);
			break;
		case T_SetToDefault:
			MAP_TYPE(((SetToDefault *) node)->typeId);
			MAP_COLLATION(((SetToDefault *) node)->collation);
			break;
		case T_CollateExpr:
			MAP_COLLATION(((CollateExpr *) node)->collOid);
			break;
		case T_SQLValueFunction:
			MAP_TYPE(((SQLValueFunction *) node)->type);
			break;
		case T_XmlExpr:
			MAP_TYPE(((XmlExpr *) node)->type);
			break;
		default:
			return false;
	}
	return true;
}

/* Nodes that make one value of several. */
static bool
map_constructor(Node *node, const OidMap *map)
{
	switch (nodeTag(node))
	{
		case T_SubscriptingRef:
			{
				SubscriptingRef *ref = (SubscriptingRef *) node;

				MAP_TYPE(ref->refcontainertype);
				MAP_TYPE(ref->refelemtype);
				MAP_TYPE(ref->refrestype);
				MAP_COLLATION(ref->refcollid);
				break;
			}
		case T_ArrayExpr:
			MAP_TYPE(((ArrayExpr *) node)->array_typeid);
			MAP_TYPE(((ArrayExpr *) node)->element_typeid);
			MAP_COLLATION(((ArrayExpr *) node)->array_collid);
			break;
		case T_RowExpr:
			MAP_TYPE(((RowExpr *) node)->row_typeid);
			break;
		case T_RowCompareExpr:
			{
				RowCompareExpr *compare = (RowCompareExpr *) node;

				map_oid_list(compare->opnos, OperatorRelationId, map);
				map_oid_list(compare->opfamilies, OperatorFamilyRelationId, map);
				map_oid_list(compare->inputcollids, CollationRelationId, map);
				break;
			}
		case T_CaseExpr:
			MAP_TYPE(((CaseExpr *) node)->casetype);
			MAP_COLLATION(((CaseExpr *) node)->casecollid);
			break;
		case T_CoalesceExpr:
			MAP_TYPE(((CoalesceExpr *) node)->coalescetype);
			MAP_COLLATION(((CoalesceExpr *) node)->coalescecollid);
			break;
		case T_MinMaxExpr:
			MAP_TYPE(((MinMaxExpr *) node)->minmaxtype);
			MAP_COLLATION(((MinMaxExpr *) node)->minmaxcollid);
			MAP_COLLATION(((MinMaxExpr *) node)->inputcollid);
			break;
		default:
			return false;
	}
	return true;
}

/* Nodes that are clauses of a query. */
static bool
map_clause(Node *node, const OidMap *map)
{
	switch (nodeTag(node))
	{
		case T_TargetEntry:
			MAP_CLASS(((TargetEntry *) node)->resorigtbl);
			break;
		case T_SortGroupClause:
			MAP_OPERATOR(((SortGroupClause *) node)->eqop);
			MAP_OPERATOR(((SortGroupClause *) node)->sortop);
			break;
		case T_WindowClause:
			MAP_PROC(((WindowClause *) node)->startInRangeFunc);
			MAP_PROC(((WindowClause *) node)->endInRangeFunc);
			MAP_COLLATION(((WindowClause *) node)->inRangeColl);
			break;
		case T_CommonTableExpr:
			{
				CommonTableExpr *cte = (CommonTableExpr *) node;

				map_oid_list(cte->ctecoltypes, TypeRelationId, map);
				map_oid_list(cte->ctecolcollations, CollationRelationId, map);
				break;
			}
		case T_CTECycleClause:
			MAP_TYPE(((CTECycleClause *) node)->cycle_mark_type);
			MAP_COLLATION(((CTECycleClause *) node)->cycle_mark_collation);
			MAP_OPERATOR(((CTECycleClause *) node)->cycle_mark_neop);
			break;
		case T_RangeTblFunction:
			{
				RangeTblFunction *func = (RangeTblFunction *) node;

				map_oid_list(func->funccoltypes, TypeRelationId, map);
				map_oid_list(func->funccolcollations, CollationRelationId, map);
				break;
			}
		case T_TableFunc:
			map_oid_list(((TableFunc *) node)->coltypes, TypeRelationId, map);
			map_oid_list(((TableFunc *) node)->colcollations,
						 CollationRelationId, map);
			break;
		case T_OnConflictExpr:
			MAP_OID(((OnConflictExpr *) node)->constraint, ConstraintRelationId);
			break;
		case T_InferenceElem:
			MAP_COLLATION(((InferenceElem *) node)->infercollid);
			MAP_OID(((InferenceElem *) node)->inferopclass,
					OperatorClassRelationId);
			break;
		default:
			return false;
	}
	return true;
}

/* Nodes that came with a later server than PostgreSQL 15 */
static bool
map_newer(Node *node, const OidMap *map)
{
	Oid		   *type;
	Oid		   *collation;

	if (!tm_node_is_newer(node, &type, &collation))
		return false;
	if (type != NULL)
		MAP_TYPE(*type);
	if (collation != NULL)
		MAP_COLLATION(*collation);
	return true;
}

/* Nodes of stored expressions that have to do with OIDs by their children only */
static bool
holds_no_oids(Node *node)
{
	switch (nodeTag(node))
	{
		case T_List:
		case T_BoolExpr:
		case T_BooleanTest:
		case T_CTESearchClause:
		case T_CurrentOfExpr:
		case T_FromExpr:
		case T_GroupingFunc:
		case T_JoinExpr:
		case T_MergeAction:
		case T_NamedArgExpr:
		case T_NullTest:
		case T_RangeTblRef:
		case T_SubLink:
		case T_WithCheckOption:
			return true;
		default:
			return false;
	}
}

static void
map_oid_list(List *oids, Oid catalog, const OidMap *map)
{
	ListCell   *lc;

	foreach(lc, oids)
		lfirst_oid(lc) = tm_oidmap_translate(map, catalog, lfirst_oid(lc));
}
