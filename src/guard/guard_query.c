/*
 * guard_query.c
 *		What a bound session's expressions name, before they are planned.
 *
 * The planner gets a query after views and rules have been put in, which is
 * when all relations, functions and types in it can be judged by their OIDs.
 *
 * Sequences need more than that.  nextval() and its like are built in, and
 * nothing asks before they are called.  Where such a function is given a
 * constant, which is how defaults and applications call it, the sequence is
 * judged here; any other argument is wrapped in a call of a function of ours
 * that judges its value.  What never gets to the planner is the business of
 * guard_raw.c.
 *
 * An SQL function may become part of the query within the planner, too late
 * for us.  If it calls a function of that kind, or names something of another
 * tenant, it is kept apart: then its queries come by here on their own.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "partitioning/partdesc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/own_schema.h"
#include "base/tenant_mgr.h"
#include "binding/guard_mode.h"
#include "binding/object_schema.h"
#include "binding/running_code.h"
#include "guard/function_answer.h"
#include "guard/guard.h"
#include "guard/guard_query.h"
#include "guard/guard_raw.h"
#include "guard/guard_statistics.h"
#include "guard/stored_call.h"
#include "tenants/registry.h"

/* answers of tm_guard_keeps_apart */
static FunctionAnswers apart_functions = {
	.name = "tenant_mgr functions kept apart"
};

static bool is_ours(Oid funcid);
static bool query_walker(Node *node, void *context);
static void check_table_entry(const RangeTblEntry *rte);
static void check_partitions(const Query *query);
static void judge_stored(List *expressions);
static void check_type(Oid typid);
static Oid	type_of_node(Node *node);
static bool check_function(Oid funcid, void *context);
static List **arguments_of(Node *node, Oid *funcid);
static void guard_argument(List *args, Oid callee, bool kept);
static void check_aggregate(Oid aggfnoid);
static void check_defaults(HeapTuple tuple);
static bool body_needs_judging(HeapTuple tuple);
static bool body_walker(Node *node, void *context);
static bool body_function(Oid funcid, void *context);

PG_FUNCTION_INFO_V1(tenant_own_relation);

/* own_relation(relation): hands it through if it is not another tenant's. */
Datum
tenant_own_relation(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);

	if (tm_guard_is_on())
		tm_guard_check_object(RelationRelationId, relid);
	PG_RETURN_OID(relid);
}

void
tm_guard_before_planning(Query *parse)
{
	if (tm_guard_is_on())
		tm_guard_query((Node *) parse);
	else
		tm_guard_note_unjudged();
}

void
tm_guard_query(Node *node)
{
	(void) query_walker(node, NULL);
}

void
tm_guard_kept_expression(Node *node)
{
	bool		kept = true;

	(void) query_walker(node, &kept);
}

/* Constants are to be found as such, be they cast or looked up. */
Node *
tm_guard_fold(Node *node)
{
	PlannerInfo *root = makeNode(PlannerInfo);

	root->parse = makeNode(Query);
	root->glob = makeNode(PlannerGlobal);
	return estimate_expression_value(root, node);
}

/*
 * The answer depends on the session's tenant.  Should a schema get another
 * owner meanwhile, only types can be missed, which an inlined function names.
 */
bool
tm_guard_keeps_apart(Oid funcid)
{
	HeapTuple	tuple;
	bool		apart = false;

	/* A session that does nothing but switch need not keep answers. */
	if (apart_functions.table == NULL && is_ours(funcid))
		return false;
	if (tm_function_answer_known(&apart_functions, funcid, &apart))
		return apart;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return false;
	check_defaults(tuple);
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId)
		apart = body_needs_judging(tuple);
	ReleaseSysCache(tuple);
	tm_function_answer_keep(&apart_functions, funcid, apart);
	return apart;
}

/* Our functions name nothing of a tenant's. */
static bool
is_ours(Oid funcid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	result = form->prolang == ClanguageId &&
		form->pronamespace == tm_own_schema();
	ReleaseSysCache(tuple);
	return result;
}

static bool
query_walker(Node *node, void *context)
{
	List	  **args;
	Oid			funcid;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		check_partitions((Query *) node);
		return query_tree_walker((Query *) node, query_walker, context,
								 QTW_EXAMINE_RTES_BEFORE);
	}
	if (IsA(node, RangeTblEntry))
	{
		check_table_entry((RangeTblEntry *) node);
		return false;			/* its parts come next */
	}
	if (IsA(node, NextValueExpr))
		tm_guard_check_object(RelationRelationId,
							  ((NextValueExpr *) node)->seqid);
	else
	{
		if (IsA(node, CoerceToDomain))
			judge_stored(tm_stored_calls_of_domain(((CoerceToDomain *) node)->resulttype));
		check_type(type_of_node(node));
		(void) check_functions_in_node(node, check_function, NULL);
		if (IsA(node, Aggref))
			check_aggregate(((Aggref *) node)->aggfnoid);
		else if (IsA(node, WindowFunc))
			check_aggregate(((WindowFunc *) node)->winfnoid);
		args = arguments_of(node, &funcid);
		if (args != NULL && tm_guard_works_on_relation(funcid))
			guard_argument(*args, funcid, context != NULL);
		else if (args != NULL && tm_guard_is_statistics(funcid))
			tm_guard_statistics_call((FuncExpr *) node);
	}
	return expression_tree_walker(node, query_walker, context);
}

static void
check_table_entry(const RangeTblEntry *rte)
{
	ListCell   *lc;

	if ((rte->rtekind == RTE_RELATION || rte->rtekind == RTE_SUBQUERY) &&
		rte->relid >= FirstNormalObjectId)
		tm_guard_check_object(RelationRelationId, rte->relid);
	if (rte->rtekind != RTE_FUNCTION)
		return;
	foreach(lc, rte->functions)
	{
		ListCell   *lct;

		foreach(lct, ((RangeTblFunction *) lfirst(lc))->funccoltypes)
			check_type(lfirst_oid(lct));
	}
}

/* Rows that go to a partition do not ask whose it is. */
static void
check_partitions(const Query *query)
{
	RangeTblEntry *rte;

	if (query->resultRelation == 0 || query->commandType == CMD_DELETE)
		return;
	rte = list_nth_node(RangeTblEntry, query->rtable,
						query->resultRelation - 1);
	if (rte->rtekind == RTE_RELATION &&
		rte->relkind == RELKIND_PARTITIONED_TABLE)
		tm_guard_partitions(rte->relid);
}

void
tm_guard_partitions(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	PartitionDesc desc = RelationGetPartitionDesc(rel, true);
	int			i;

	check_stack_depth();
	for (i = 0; i < desc->nparts; i++)
	{
		tm_guard_check_object(RelationRelationId, desc->oids[i]);
		if (!desc->is_leaf[i])
			tm_guard_partitions(desc->oids[i]);
	}
	table_close(rel, AccessShareLock);
}

void
tm_guard_stored_expressions(Oid relid)
{
	List	   *expressions;
	RunningCode before;
	Oid			nspid;

	if (relid < FirstNormalObjectId || tm_guard == GUARD_OFF)
		return;
	expressions = tm_stored_calls_of_relation(relid);
	if (expressions == NIL)
		return;
	nspid = tm_object_tenant_schema(RelationRelationId, relid);
	if (!OidIsValid(nspid) && !tm_guard_is_on())
		return;
	before = tm_running_code;
	tm_running_code_enter(nspid);
	PG_TRY();
	{
		judge_stored(expressions);
	}
	PG_FINALLY();
	{
		tm_running_code_end(&before);
	}
	PG_END_TRY();
}

void
tm_guard_stored_of_plan(const PlannedStmt *pstmt)
{
	ListCell   *lc;

	foreach(lc, pstmt->resultRelations)
		tm_guard_stored_expressions(rt_fetch(lfirst_int(lc),
											 pstmt->rtable)->relid);
}

static void
judge_stored(List *expressions)
{
	ListCell   *lc;

	foreach(lc, expressions)
		tm_guard_kept_expression(tm_guard_fold(lfirst(lc)));
}

static void
check_type(Oid typid)
{
	if (typid >= FirstNormalObjectId)
		tm_guard_check_object(TypeRelationId, typid);
}

/*
 * The type that a node brings in.  Those that only pass on what their
 * arguments have are left out.
 */
static Oid
type_of_node(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_Aggref:
		case T_WindowFunc:
		case T_SubscriptingRef:
		case T_FuncExpr:
		case T_OpExpr:
		case T_FieldSelect:
		case T_FieldStore:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_CoerceToDomain:
			return exprType(node);
		default:
			return InvalidOid;
	}
}

static bool
check_function(Oid funcid, void *context)
{
	if (funcid >= FirstNormalObjectId)
		tm_guard_check_object(ProcedureRelationId, funcid);
	return false;
}

/* If the node is a call of one function, that function and its arguments */
static List **
arguments_of(Node *node, Oid *funcid)
{
	if (IsA(node, FuncExpr))
	{
		*funcid = ((FuncExpr *) node)->funcid;
		return &((FuncExpr *) node)->args;
	}
	if (IsA(node, OpExpr) && ((OpExpr *) node)->opno >= FirstNormalObjectId)
	{
		*funcid = get_opcode(((OpExpr *) node)->opno);
		return &((OpExpr *) node)->args;
	}
	return NULL;
}

/*
 * The first argument is a relation.  If its value is known judge it, or else
 * arrange for that, unless the expression is to be kept as it is.
 */
static void
guard_argument(List *args, Oid callee, bool kept)
{
	Node	   *arg;
	Oid			argtype = REGCLASSOID;
	List	   *name;
	Oid			funcid;

	if (args == NIL)
		return;
	arg = linitial(args);
	if (IsA(arg, Const))
	{
		Const	   *value = (Const *) arg;

		if (!value->constisnull)
			tm_guard_check_object(RelationRelationId,
								  DatumGetObjectId(value->constvalue));
		return;
	}
	if (!tm_registry_installed())
		return;
	if (kept)
	{
		tm_guard_refuse_computed(get_func_name(callee));
		return;
	}
	name = list_make2(makeString(TM_SCHEMA_NAME),
					  makeString(TM_GUARD_OWN_RELATION));
	funcid = LookupFuncName(name, 1, &argtype, false);
	linitial(args) = makeFuncExpr(funcid, REGCLASSOID, list_make1(arg),
								  InvalidOid, InvalidOid,
								  COERCE_EXPLICIT_CALL);
}

/* An aggregate has parts that are called without being asked about. */
static void
check_aggregate(Oid aggfnoid)
{
	HeapTuple	tuple;
	Form_pg_aggregate form;

	if (aggfnoid < FirstNormalObjectId)
		return;
	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggfnoid));
	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	if (tm_guard_works_on_relation(form->aggtransfn) ||
		tm_guard_works_on_relation(form->aggfinalfn) ||
		tm_guard_works_on_relation(form->aggmtransfn) ||
		tm_guard_works_on_relation(form->aggminvtransfn) ||
		tm_guard_works_on_relation(form->aggmfinalfn))
		tm_guard_refuse_computed(get_func_name(aggfnoid));
	ReleaseSysCache(tuple);
}

/* Defaults of a function's arguments become part of a query within the planner. */
static void
check_defaults(HeapTuple tuple)
{
	Datum		datum;
	bool		isnull;

	datum = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults,
							&isnull);
	if (!isnull)
		tm_guard_kept_expression(tm_guard_fold((Node *)
											   stringToNode(TextDatumGetCString(datum))));
}

/*
 * Only a single SELECT can become part of another query.  A text that cannot
 * be parsed will raise its error where it is executed.
 */
static bool
body_needs_judging(HeapTuple tuple)
{
	Datum		datum;
	bool		isnull;
	List	   *stmts;
	Node	   *stmt;

	datum = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);
	if (!isnull)
		return body_walker(stringToNode(TextDatumGetCString(datum)), NULL);

	datum = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
	if (isnull)
		return false;
	stmts = pg_parse_query(TextDatumGetCString(datum));
	if (list_length(stmts) != 1)
		return false;
	stmt = linitial_node(RawStmt, stmts)->stmt;
	return IsA(stmt, SelectStmt) && tm_guard_raw_body(stmt);
}

/* A body that was parsed when the function was made; lists of queries, too. */
static bool
body_walker(Node *node, void *context)
{
	Oid			funcid;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, body_walker, context, 0);
	if (arguments_of(node, &funcid) != NULL &&
		(tm_guard_works_on_relation(funcid) || tm_guard_is_statistics(funcid)))
		return true;
	if (tm_guard_out_of_reach(TypeRelationId, type_of_node(node)) ||
		check_functions_in_node(node, body_function, NULL))
		return true;
	return expression_tree_walker(node, body_walker, context);
}

static bool
body_function(Oid funcid, void *context)
{
	return tm_guard_out_of_reach(ProcedureRelationId, funcid);
}

void
tm_guard_query_forget(void)
{
	tm_function_answers_forget(&apart_functions);
}
