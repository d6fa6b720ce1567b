/*
 * guard_raw.c
 *		Calls that work on a relation, in trees that the parser has made.
 *
 * nextval() and its like are built in, and nothing asks before they are
 * called.  In a query the planner's hook sees to them (guard_query.c), but not
 * every expression is planned as a query: arguments of EXECUTE and conditions
 * of COPY are not, nor are expressions that a definition evaluates on the spot
 * or that the server will evaluate by itself later, such as a CHECK
 * constraint.  Of those there is only the tree that the parser has made, in
 * which functions are names.
 *
 * A call can be spelled as a function, as a field ("(x).nextval") or as an
 * operator.  What an operator's name will turn out to be depends on the types
 * of its arguments; if one of that name calls such a function, whichever it
 * is, it is taken to be that one.
 *
 * An expression that is gone after the statement has the argument wrapped in a
 * call of a function of ours, which judges its value.  In one that is kept the
 * argument must be a constant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "guard/guard.h"
#include "guard/guard_raw.h"
#include "guard/guard_statistics.h"
#include "tenants/registry.h"

/* Built-in functions that work on the relation which is their first argument */
static const struct
{
	Oid			funcid;
	const char *name;
}			relation_functions[] =

{
	{F_NEXTVAL, "nextval"},
	{F_CURRVAL, "currval"},
	{F_SETVAL_REGCLASS_INT8, "setval"},
	{F_SETVAL_REGCLASS_INT8_BOOL, "setval"},
	{F_PG_SEQUENCE_LAST_VALUE, "pg_sequence_last_value"},
	{TM_F_PG_GET_SEQUENCE_DATA, "pg_get_sequence_data"},
	{F_BRIN_SUMMARIZE_NEW_VALUES, "brin_summarize_new_values"},
	{F_BRIN_SUMMARIZE_RANGE, "brin_summarize_range"},
	{F_BRIN_DESUMMARIZE_RANGE, "brin_desummarize_range"},
	{F_GIN_CLEAN_PENDING_LIST, "gin_clean_pending_list"}
};

/* Types through which a constant keeps its meaning as the name of a relation */
static const char *const name_types[] = {
	"regclass", "oid", "text", "varchar", "name", "int4", "int8"
};

static bool raw_calls_walker(Node *node, void *context);
static Node *own_relation(Node *arg);
static void refuse_statistics(Node *node);
static bool body_walker(Node *node, void *context);
static bool definition_walker(Node *node, void *context);
static void judge_parts(List *parts, bool with_defaults);
static void judge_part(Node *part, bool with_defaults);
static void judge_expression(Node *expr);
static void judge_argument(Node *arg, const char *name);
static bool constant_relation(Node *arg, Oid *relid);
static bool keeps_meaning(const TypeName *type);
static Oid	relation_of_text(const char *text);
static const char *call_name(Node *node);
static const char *called_name(List *names);
static int	called_field(const A_Indirection *node);
static bool operator_works_on_relation(List *names);
static bool names_other_tenant(List *names);

bool
tm_guard_works_on_relation(Oid funcid)
{
	int			i;

	if (funcid >= FirstNormalObjectId)
		return false;
	for (i = 0; i < lengthof(relation_functions); i++)
	{
		if (relation_functions[i].funcid == funcid)
			return OidIsValid(funcid);
	}
	return false;
}

void
tm_guard_raw_calls(Node *node)
{
	(void) raw_calls_walker(node, NULL);
}

void
tm_guard_raw_definition(Node *stmt)
{
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_CreateStmt:
		case T_CreateForeignTableStmt:
			/* The latter begins with the former. */
			judge_parts(((CreateStmt *) stmt)->tableElts, false);
			judge_part((Node *) ((CreateStmt *) stmt)->partbound, false);
			break;
		case T_AlterTableStmt:
			foreach(lc, ((AlterTableStmt *) stmt)->cmds)
				judge_part(lfirst_node(AlterTableCmd, lc)->def, true);
			break;
		case T_CreateDomainStmt:
			judge_parts(((CreateDomainStmt *) stmt)->constraints, false);
			break;
		case T_AlterDomainStmt:
			judge_part(((AlterDomainStmt *) stmt)->def, false);
			break;
		case T_CreateTrigStmt:
			judge_expression(((CreateTrigStmt *) stmt)->whenClause);
			break;
		default:
			break;
	}
}

bool
tm_guard_raw_body(Node *node)
{
	return body_walker(node, NULL);
}

/* Wrap the first argument of calls by name, in SQL's own terms. */
static bool
raw_calls_walker(Node *node, void *context)
{
	const char *name;

	if (node == NULL)
		return false;
	refuse_statistics(node);
	name = tm_registry_installed() ? call_name(node) : NULL;
	if (name != NULL && IsA(node, FuncCall))
	{
		FuncCall   *call = (FuncCall *) node;

		linitial(call->args) = own_relation(linitial(call->args));
	}
	else if (name != NULL && IsA(node, A_Indirection))
	{
		A_Indirection *field = (A_Indirection *) node;
		int			position = called_field(field);
		Node	   *arg = field->arg;

		if (position > 0)
		{
			A_Indirection *before = makeNode(A_Indirection);

			before->arg = arg;
			before->indirection = list_truncate(list_copy(field->indirection),
												position);
			arg = (Node *) before;
		}
		field->arg = own_relation(arg);
		field->indirection = list_copy_tail(field->indirection, position);
	}
	else if (name != NULL)
		tm_guard_refuse_computed(name);
	return raw_expression_tree_walker(node, raw_calls_walker, context);
}

static Node *
own_relation(Node *arg)
{
	List	   *name = list_make2(makeString(TM_SCHEMA_NAME),
								  makeString(TM_GUARD_OWN_RELATION));

	return (Node *) makeFuncCall(name, list_make1(arg), COERCE_EXPLICIT_CALL,
								 exprLocation(arg));
}

/* Nobody has a use for these where there is no query. */
static void
refuse_statistics(Node *node)
{
	const char *name = !IsA(node, FuncCall) ? NULL :
		tm_guard_statistics_name(((FuncCall *) node)->funcname);

	if (name != NULL)
		tm_guard_refuse_computed(name);
}

static bool
body_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (call_name(node) != NULL ||
		(IsA(node, FuncCall) &&
		 (names_other_tenant(((FuncCall *) node)->funcname) ||
		  tm_guard_statistics_name(((FuncCall *) node)->funcname) != NULL)) ||
		(IsA(node, TypeName) &&
		 names_other_tenant(((TypeName *) node)->names)))
		return true;
	return raw_expression_tree_walker(node, body_walker, context);
}

static void
judge_parts(List *parts, bool with_defaults)
{
	ListCell   *lc;

	foreach(lc, parts)
		judge_part(lfirst(lc), with_defaults);
}

/*
 * A part of a definition.  A default is evaluated only where there are rows
 * already; later it becomes part of queries.
 */
static void
judge_part(Node *part, bool with_defaults)
{
	if (part == NULL)
		return;
	switch (nodeTag(part))
	{
		case T_ColumnDef:
			judge_expression(((ColumnDef *) part)->raw_default);
			judge_parts(((ColumnDef *) part)->constraints, with_defaults);
			break;
		case T_Constraint:
			if (((Constraint *) part)->contype != CONSTR_DEFAULT ||
				with_defaults)
				judge_expression(((Constraint *) part)->raw_expr);
			break;
		case T_PartitionBoundSpec:
			judge_expression((Node *) ((PartitionBoundSpec *) part)->listdatums);
			judge_expression((Node *) ((PartitionBoundSpec *) part)->lowerdatums);
			judge_expression((Node *) ((PartitionBoundSpec *) part)->upperdatums);
			break;
		case T_PartitionCmd:
			judge_part((Node *) ((PartitionCmd *) part)->bound, with_defaults);
			break;
		default:
			break;
	}
}

static void
judge_expression(Node *expr)
{
	(void) definition_walker(expr, NULL);
}

static bool
definition_walker(Node *node, void *context)
{
	const char *name;

	/* Bounds of partitions that have been looked at are there again. */
	if (node == NULL || IsA(node, PartitionRangeDatum) || IsA(node, Const))
		return false;
	refuse_statistics(node);
	name = call_name(node);
	if (name != NULL && IsA(node, FuncCall))
		judge_argument(linitial(((FuncCall *) node)->args), name);
	else if (name != NULL && IsA(node, A_Indirection) &&
			 called_field((A_Indirection *) node) == 0)
		judge_argument(((A_Indirection *) node)->arg, name);
	else if (name != NULL)
		tm_guard_refuse_computed(name);
	return raw_expression_tree_walker(node, definition_walker, context);
}

static void
judge_argument(Node *arg, const char *name)
{
	Oid			relid;

	if (!constant_relation(arg, &relid))
		tm_guard_refuse_computed(name);
	else if (OidIsValid(relid))
		tm_guard_check_object(RelationRelationId, relid);
}

/* The relation that a constant stands for; false if it is something else. */
static bool
constant_relation(Node *arg, Oid *relid)
{
	A_Const    *constant;

	*relid = InvalidOid;
	while (IsA(arg, TypeCast) && keeps_meaning(((TypeCast *) arg)->typeName))
		arg = ((TypeCast *) arg)->arg;
	if (!IsA(arg, A_Const))
		return false;
	constant = (A_Const *) arg;
	if (constant->isnull)
		return true;
	switch (nodeTag(&constant->val))
	{
		case T_Integer:
			*relid = (Oid) intVal(&constant->val);
			return true;
		case T_Float:
			*relid = atooid(castNode(Float, &constant->val)->fval);
			return true;
		case T_String:
			*relid = relation_of_text(strVal(&constant->val));
			return true;
		default:
			return false;
	}
}

/* A cast to an array or to a type of somebody else's may do anything. */
static bool
keeps_meaning(const TypeName *type)
{
	int			i;

	if (type->arrayBounds != NIL || type->setof || type->pct_type ||
		list_length(type->names) > 2 ||
		(list_length(type->names) == 2 &&
		 strcmp(strVal(linitial(type->names)), "pg_catalog") != 0))
		return false;
	for (i = 0; i < lengthof(name_types); i++)
	{
		if (strcmp(strVal(llast(type->names)), name_types[i]) == 0)
			return true;
	}
	return false;
}

/* As the type regclass reads it; InvalidOid if there is no such relation. */
static Oid
relation_of_text(const char *text)
{
	List	   *names;

	if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text))
		return atooid(text);
	names = textToQualifiedNameList(cstring_to_text(text));
	return RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);
}

/*
 * If the node is a call that works on its first argument, the name that it is
 * called by, whichever function or operator it will turn out to be.
 */
static const char *
call_name(Node *node)
{
	if (IsA(node, FuncCall) && ((FuncCall *) node)->args != NIL)
		return called_name(((FuncCall *) node)->funcname);
	if (IsA(node, A_Indirection))
	{
		int			position = called_field((A_Indirection *) node);

		return position < 0 ? NULL :
			strVal(list_nth(((A_Indirection *) node)->indirection, position));
	}
	if (IsA(node, A_Expr) && operator_works_on_relation(((A_Expr *) node)->name))
		return strVal(llast(((A_Expr *) node)->name));
	return NULL;
}

/* One that is said to be in another schema is not built in. */
static const char *
called_name(List *names)
{
	const char *name = strVal(llast(names));
	int			i;

	if (list_length(names) > 1 &&
		strcmp(strVal(list_nth(names, list_length(names) - 2)),
			   "pg_catalog") != 0)
		return NULL;
	for (i = 0; i < lengthof(relation_functions); i++)
	{
		if (strcmp(relation_functions[i].name, name) == 0)
			return name;
	}
	return NULL;
}

/* The first field that is called like a function of ours, or -1 */
static int
called_field(const A_Indirection *node)
{
	ListCell   *lc;

	foreach(lc, node->indirection)
	{
		if (IsA(lfirst(lc), String) &&
			called_name(list_make1(lfirst(lc))) != NULL)
			return foreach_current_index(lc);
	}
	return -1;
}

/* Does an operator of that name call such a function, in any schema? */
static bool
operator_works_on_relation(List *names)
{
	CatCList   *operators;
	bool		found = false;
	int			i;

	if (names == NIL)
		return false;
	operators = SearchSysCacheList1(OPERNAMENSP,
									CStringGetDatum(strVal(llast(names))));
	for (i = 0; i < operators->n_members; i++)
	{
		HeapTuple	tuple = &operators->members[i]->tuple;

		if (tm_guard_works_on_relation(((Form_pg_operator) GETSTRUCT(tuple))->oprcode))
			found = true;
	}
	ReleaseSysCacheList(operators);
	return found;
}

static bool
names_other_tenant(List *names)
{
	const char *schema;

	if (list_length(names) < 2)
		return false;
	schema = strVal(list_nth(names, list_length(names) - 2));
	return tm_guard_out_of_reach(NamespaceRelationId,
								 get_namespace_oid(schema, true));
}
