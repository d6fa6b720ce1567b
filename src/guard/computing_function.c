/*
 * computing_function.c
 *		SQL functions that do nothing but compute.
 *
 * A tenant's function that neither reads a table nor calls anything that might
 * has nothing to be judged, and can become part of the query that calls it.
 * Any other function is not inlined, so that it is judged apart from its caller's
 * code.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "guard/computing_function.h"
#include "guard/function_answer.h"

/* Looking for work in the body of an SQL function */
typedef struct WorkSearch
{
	Oid			nspid;			/* the function's schema */
	bool		may_read;		/* is it none to read a table? */
} WorkSearch;

/* answers of tm_only_computes */
static FunctionAnswers computing_functions = {
	.name = "tenant_mgr computing functions"
};

static bool body_only_computes(HeapTuple tuple);
static bool raw_work_walker(Node *node, void *context);
static bool name_may_work(List *funcname);
static bool operator_may_work(List *name);
static bool type_may_work(const TypeName *type);
static bool work_walker(Node *node, void *context);
static bool reads_elsewhere(const Query *query, const WorkSearch *search);
static bool function_may_work(Oid funcid, void *context);

bool
tm_only_computes(Oid funcid)
{
	HeapTuple	tuple;
	bool		computing;

	if (tm_function_answer_known(&computing_functions, funcid, &computing))
		return computing;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return false;
	computing = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId &&
		body_only_computes(tuple);
	ReleaseSysCache(tuple);
	tm_function_answer_keep(&computing_functions, funcid, computing);
	return computing;
}

/*
 * A function that returns a set can become part of a query with the tables it
 * reads, which is worth more than to know whose it is: what it names by
 * another tenant's schema is looked for anyway (tm_guard_keeps_apart).
 */
static bool
body_only_computes(HeapTuple tuple)
{
	WorkSearch	search = {
		.nspid = ((Form_pg_proc) GETSTRUCT(tuple))->pronamespace,
		.may_read = ((Form_pg_proc) GETSTRUCT(tuple))->proretset
	};
	Datum		datum;
	bool		isnull;
	List	   *stmts;
	Node	   *stmt;

	datum = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);
	if (!isnull)
		return !work_walker(stringToNode(TextDatumGetCString(datum)), &search);

	datum = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
	if (isnull)
		return false;
	stmts = pg_parse_query(TextDatumGetCString(datum));
	if (list_length(stmts) != 1)
		return false;
	stmt = linitial_node(RawStmt, stmts)->stmt;
	return IsA(stmt, SelectStmt) && !raw_work_walker(stmt, &search);
}

static bool
raw_work_walker(Node *node, void *context)
{
	const WorkSearch *search = context;

	if (node == NULL)
		return false;
	if (IsA(node, RangeVar))
		return !search->may_read || ((RangeVar *) node)->schemaname != NULL;
	if ((IsA(node, FuncCall) && name_may_work(((FuncCall *) node)->funcname)) ||
		(IsA(node, A_Expr) && operator_may_work(((A_Expr *) node)->name)) ||
		(IsA(node, SubLink) && operator_may_work(((SubLink *) node)->operName)) ||
		(IsA(node, TypeName) && type_may_work((TypeName *) node)))
		return true;
	return raw_expression_tree_walker(node, raw_work_walker, context);
}

/*
 * Might one of that name, in whatever schema, do more than compute?  Built-in
 * functions that are not volatile have nothing but their arguments.
 */
static bool
name_may_work(List *funcname)
{
	CatCList   *candidates;
	bool		result;

	candidates = SearchSysCacheList1(PROCNAMEARGSNSP,
									 CStringGetDatum(strVal(llast(funcname))));
	result = candidates->n_members == 0;
	for (int i = 0; i < candidates->n_members && !result; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&candidates->members[i]->tuple);

		result = function_may_work(form->oid, NULL);
	}
	ReleaseSysCacheList(candidates);
	return result;
}

/*
 * The same of an operator.  Extensions have many, of names that everybody uses,
 * but they are C and compute.
 */
static bool
operator_may_work(List *name)
{
	CatCList   *candidates;
	bool		result = false;

	if (name == NIL)
		return false;
	candidates = SearchSysCacheList1(OPERNAMENSP,
									 CStringGetDatum(strVal(llast(name))));
	for (int i = 0; i < candidates->n_members && !result; i++)
	{
		Form_pg_operator form = (Form_pg_operator) GETSTRUCT(&candidates->members[i]->tuple);
		HeapTuple	function;

		if (form->oprcode < FirstNormalObjectId)
			continue;
		function = SearchSysCache1(PROCOID, ObjectIdGetDatum(form->oprcode));
		if (!HeapTupleIsValid(function))
			continue;
		result = ((Form_pg_proc) GETSTRUCT(function))->prolang != ClanguageId;
		ReleaseSysCache(function);
	}
	ReleaseSysCacheList(candidates);
	return result;
}

/* And of a type: the checks of a domain may do anything. */
static bool
type_may_work(const TypeName *type)
{
	CatCList   *candidates;
	bool		result = false;

	if (type->names == NIL)
		return false;
	candidates = SearchSysCacheList1(TYPENAMENSP,
									 CStringGetDatum(strVal(llast(type->names))));
	for (int i = 0; i < candidates->n_members && !result; i++)
	{
		Form_pg_type form = (Form_pg_type) GETSTRUCT(&candidates->members[i]->tuple);

		result = form->oid >= FirstNormalObjectId &&
			form->typtype == TYPTYPE_DOMAIN;
	}
	ReleaseSysCacheList(candidates);
	return result;
}

/* The same of a body that was parsed when the function was made */
static bool
work_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, List))
		return expression_tree_walker(node, work_walker, context);
	if (IsA(node, Query))
		return ((Query *) node)->commandType != CMD_SELECT ||
			reads_elsewhere((Query *) node, context) ||
			query_tree_walker((Query *) node, work_walker, context, 0);
	if (IsA(node, CoerceToDomain) &&
		((CoerceToDomain *) node)->resulttype >= FirstNormalObjectId)
		return true;
	if (check_functions_in_node(node, function_may_work, NULL))
		return true;
	return expression_tree_walker(node, work_walker, context);
}

/* Does it read what is not of the function's own schema? */
static bool
reads_elsewhere(const Query *query, const WorkSearch *search)
{
	ListCell   *lc;

	if (query->rtable != NIL && !search->may_read)
		return true;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->relid >= FirstNormalObjectId &&
			get_rel_namespace(rte->relid) != search->nspid)
			return true;
	}
	return false;
}

static bool
function_may_work(Oid funcid, void *context)
{
	return funcid >= FirstNormalObjectId ||
		func_volatile(funcid) == PROVOLATILE_VOLATILE;
}
