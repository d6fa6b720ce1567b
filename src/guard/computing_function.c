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
#include "catalog/pg_cast.h"
#include "catalog/pg_language.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

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
static bool signature_may_work(HeapTuple tuple);
static bool raw_work_walker(Node *node, void *context);
static bool name_may_work(const char *name, bool unknown);
static bool field_may_work(List *fields, int first);
static bool operator_may_work(List *name);
static bool typename_may_work(const TypeName *type);
static bool work_walker(Node *node, void *context);
static bool reads_elsewhere(const Query *query, const WorkSearch *search);
static bool types_may_work(List *types);
static bool type_may_work(Oid typid);
static bool turns_into_json_by_work(Oid typid);
static bool cast_works(Oid source, Oid target);
static bool any_column(Oid typid, bool (*may_work) (Oid typid));
static bool function_may_work(Oid funcid, void *context);
static bool reads_any_type(Oid funcid);

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

	if (signature_may_work(tuple))
		return false;
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

/*
 * The last query's columns are brought to the types that were declared.  Values
 * of arguments are there already.
 */
static bool
signature_may_work(HeapTuple tuple)
{
	Oid		   *types;
	char	  **names;
	char	   *modes;
	int			ntypes = get_func_arg_info(tuple, &types, &names, &modes);

	for (int i = 0; modes != NULL && i < ntypes; i++)
	{
		if (modes[i] != PROARGMODE_IN && modes[i] != PROARGMODE_VARIADIC &&
			type_may_work(types[i]))
			return true;
	}
	for (int i = 0; i < ntypes; i++)
	{
		if (turns_into_json_by_work(types[i]))
			return true;
	}
	return type_may_work(((Form_pg_proc) GETSTRUCT(tuple))->prorettype);
}

/*
 * A field can be a call as well, and a statement within WITH changes something.
 */
static bool
raw_work_walker(Node *node, void *context)
{
	const WorkSearch *search = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_RangeVar:
			return !search->may_read ||
				((RangeVar *) node)->schemaname != NULL;
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return true;
		case T_FuncCall:
			if (name_may_work(strVal(llast(((FuncCall *) node)->funcname)),
							  true))
				return true;
			break;
		case T_ColumnRef:
			if (field_may_work(((ColumnRef *) node)->fields, 1))
				return true;
			break;
		case T_A_Indirection:
			if (field_may_work(((A_Indirection *) node)->indirection, 0))
				return true;
			break;
		case T_A_Expr:
			if (operator_may_work(((A_Expr *) node)->name))
				return true;
			break;
		case T_SubLink:
			if (operator_may_work(((SubLink *) node)->operName))
				return true;
			break;
		case T_TypeName:
			if (typename_may_work((TypeName *) node))
				return true;
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, raw_work_walker, context);
}

/*
 * Might a function of that name, in whatever schema, do more than compute?  The
 * second argument is the answer if there is none.
 */
static bool
name_may_work(const char *name, bool unknown)
{
	CatCList   *candidates;
	bool		result;

	candidates = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	result = candidates->n_members == 0 && unknown;
	for (int i = 0; i < candidates->n_members && !result; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&candidates->members[i]->tuple);

		result = function_may_work(form->oid, NULL);
	}
	ReleaseSysCacheList(candidates);
	return result;
}

/* May one of these fields, from the first that counts, be a call? */
static bool
field_may_work(List *fields, int first)
{
	ListCell   *lc;

	for_each_from(lc, fields, first)
	{
		if (IsA(lfirst(lc), String) &&
			name_may_work(strVal(lfirst(lc)), false))
			return true;
	}
	return false;
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
		{
			result = OidIsValid(form->oprcode) &&
				function_may_work(form->oprcode, NULL);
			continue;
		}
		function = SearchSysCache1(PROCOID, ObjectIdGetDatum(form->oprcode));
		if (!HeapTupleIsValid(function))
			continue;
		result = ((Form_pg_proc) GETSTRUCT(function))->prolang != ClanguageId;
		ReleaseSysCache(function);
	}
	ReleaseSysCacheList(candidates);
	return result;
}

/* And of a type */
static bool
typename_may_work(const TypeName *type)
{
	CatCList   *candidates;
	bool		result = false;

	if (type->names == NIL)
		return false;
	candidates = SearchSysCacheList1(TYPENAMENSP,
									 CStringGetDatum(strVal(llast(type->names))));
	result = candidates->n_members == 0;
	for (int i = 0; i < candidates->n_members && !result; i++)
	{
		Form_pg_type form = (Form_pg_type) GETSTRUCT(&candidates->members[i]->tuple);

		result = type_may_work(form->oid);
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
	if ((IsA(node, CoerceToDomain) || IsA(node, CoerceViaIO) ||
		 IsA(node, FuncExpr) || IsA(node, RowExpr)) &&
		type_may_work(exprType(node)))
		return true;
	if ((IsA(node, Const) || IsA(node, Var) || IsA(node, FieldSelect)) &&
		turns_into_json_by_work(exprType(node)))
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
		if (rte->rtekind == RTE_TABLEFUNC &&
			types_may_work(rte->tablefunc->coltypes))
			return true;
		if (rte->rtekind == RTE_FUNCTION)
		{
			ListCell   *lcf;

			foreach(lcf, rte->functions)
			{
				if (types_may_work(((RangeTblFunction *) lfirst(lcf))->funccoltypes))
					return true;
			}
		}
	}
	return false;
}

static bool
types_may_work(List *types)
{
	ListCell   *lc;

	foreach(lc, types)
	{
		if (type_may_work(lfirst_oid(lc)))
			return true;
	}
	return false;
}

/* The checks of a domain may do anything, whatever the domain is a part of. */
static bool
type_may_work(Oid typid)
{
	Oid			element;

	check_stack_depth();
	if (typid < FirstNormalObjectId)
		return false;
	element = get_element_type(typid);
	if (OidIsValid(element))
		return type_may_work(element);
	switch (get_typtype(typid))
	{
		case TYPTYPE_BASE:
		case TYPTYPE_ENUM:
			return turns_into_json_by_work(typid);
		case TYPTYPE_RANGE:
			return turns_into_json_by_work(typid) ||
				type_may_work(get_range_subtype(typid));
		case TYPTYPE_MULTIRANGE:
			return turns_into_json_by_work(typid) ||
				type_may_work(get_multirange_range(typid));
		case TYPTYPE_COMPOSITE:
			return any_column(typid, type_may_work);
		default:
			return true;
	}
}

/*
 * to_json() and all that makes JSON of any value look for a cast of its type.
 * Functions in C have been made by superusers.
 */
static bool
turns_into_json_by_work(Oid typid)
{
	Oid			element;

	check_stack_depth();
	typid = getBaseType(typid);
	if (typid < FirstNormalObjectId)
		return false;
	element = get_element_type(typid);
	if (OidIsValid(element))
		return turns_into_json_by_work(element);
	if (type_is_rowtype(typid))
		return any_column(typid, turns_into_json_by_work);
	return cast_works(typid, JSONOID) || cast_works(typid, JSONBOID);
}

static bool
cast_works(Oid source, Oid target)
{
	HeapTuple	tuple = SearchSysCache2(CASTSOURCETARGET,
										ObjectIdGetDatum(source),
										ObjectIdGetDatum(target));
	HeapTuple	function;
	bool		result = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	function = SearchSysCache1(PROCOID,
							   ObjectIdGetDatum(((Form_pg_cast) GETSTRUCT(tuple))->castfunc));
	if (HeapTupleIsValid(function))
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(function);

		result = form->prolang != ClanguageId &&
			form->prolang != INTERNALlanguageId;
		ReleaseSysCache(function);
	}
	ReleaseSysCache(tuple);
	return result;
}

static bool
any_column(Oid typid, bool (*may_work) (Oid typid))
{
	TupleDesc	row = lookup_rowtype_tupdesc_noerror(typid, -1, true);
	bool		result = row == NULL;

	for (int i = 0; row != NULL && i < row->natts && !result; i++)
	{
		Form_pg_attribute column = TupleDescAttr(row, i);

		result = !column->attisdropped && may_work(column->atttypid);
	}
	if (row != NULL)
		ReleaseTupleDesc(row);
	return result;
}

/*
 * Built-in functions that are not volatile have nothing but their arguments,
 * except for those that execute queries, such as table_to_xml(), which are not
 * for parallel workers, and those that are told the type of their result, such as
 * domain_in(): they read a value of whatever type it is.
 */
static bool
function_may_work(Oid funcid, void *context)
{
	return funcid >= FirstNormalObjectId ||
		func_volatile(funcid) == PROVOLATILE_VOLATILE ||
		func_parallel(funcid) != PROPARALLEL_SAFE ||
		reads_any_type(funcid);
}

/* Those of the server have a C string and the OID of a type, or texts of both. */
static bool
reads_any_type(Oid funcid)
{
	Oid		   *types = NULL;
	int			ntypes;
	bool		result;

	if (funcid == F_PG_INPUT_IS_VALID || funcid == F_PG_INPUT_ERROR_INFO)
		return true;
	(void) get_func_signature(funcid, &types, &ntypes);
	result = ntypes > 1 && types[0] == CSTRINGOID && types[1] == OIDOID;
	pfree(types);
	return result;
}
