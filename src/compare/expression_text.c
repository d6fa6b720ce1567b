/*
 * expression_text.c
 *		Stored expressions, as the server prints them.
 *
 * An expression tree says more than pg_dump shows: where in a statement a node
 * stood, whether a cast was written or implied, how conditions were nested.  None
 * of that survives a dump, so trees are compared by the text that the server
 * makes of them.  It is printed while the schema is the first one of the search
 * path, so that names of what is in it are not qualified, and what the server
 * brings along is qualified where the schema hides it.
 *
 * Most expressions are one of a few: that a column is now(), or greater than
 * zero.  To print one is to read its tree, and to open the table if it is about
 * columns.  So a text is kept for others whose tree is the same, but for places
 * in statements, and means columns of the same names.
 *
 * Constants are printed by the output functions of their types, as the owner of
 * the schema (see fingerprint.c).  The functions of the server that run queries on
 * catalogs, for rules and views, are not used: an operator of the schema would get
 * into these queries.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "binding/binding_path.h"
#include "compare/expression_text.h"
#include "compare/object_name.h"

/* Entry of SchemaView.expressions */
typedef struct PrintedExpression
{
	ObjectName	tree;			/* stands for the tree, see name_of_tree() */
	char	   *text;			/* how it is printed */
} PrintedExpression;

static AttrNumber relation_column(Oid catalog);
static const char *printed_once(SchemaView *view, const char *tree,
								Oid relid);
static HTAB *start_expressions(SchemaView *view);
static bool name_of_tree(SchemaView *view, const char *tree, Oid relid,
						 ObjectName *name);
static char *expression_on(const char *tree, Oid relid);
static bool note_columns(Node *node, void *context);
static char *rule_text(SchemaView *view, ViewCatalog *catalog,
					   AttrNumber attno, Node *node);
static char *view_text(SchemaView *view, Oid viewid, Query *query);
static void name_columns(SchemaView *view, Oid viewid, Query *query);
static void name_targets(SchemaView *view, Oid viewid, List *targets);

void
tm_expression_settings(const char *nspname)
{
	static const char *const settings[][2] = {
		{"bytea_output", "hex"},
		{"DateStyle", "ISO, MDY"},
		{"extra_float_digits", "1"},
		{"IntervalStyle", "postgres"},
		{"lc_monetary", "C"},
		{"quote_all_identifiers", "off"},
		{"standard_conforming_strings", "on"},
		{"TimeZone", "UTC"},
		{"xmlbinary", "base64"},
	};

	for (int i = 0; i < (int) lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	tm_binding_path_borrow(psprintf("%s, pg_catalog, pg_temp",
									quote_identifier(nspname)));
}

const char *
tm_expression_text(SchemaView *view, ViewCatalog *catalog, AttrNumber attno)
{
	Datum	   *values = catalog->values;
	AttrNumber	relation = relation_column(catalog->catalog);
	char	   *tree;

	switch (catalog->catalog)
	{
		case ProcedureRelationId:
			if (attno == Anum_pg_proc_prosqlbody)
				return TextDatumGetCString(DirectFunctionCall1(pg_get_function_sqlbody,
															   values[Anum_pg_proc_oid - 1]));
			break;
		case TriggerRelationId:
			return TextDatumGetCString(DirectFunctionCall2(pg_get_triggerdef_ext,
														   values[Anum_pg_trigger_oid - 1],
														   BoolGetDatum(true)));
		default:
			break;
	}

	tree = TextDatumGetCString(values[attno - 1]);
	if (catalog->catalog == RewriteRelationId)
	{
		Node	   *node = stringToNode(tree);

		return node == NULL ? "" : rule_text(view, catalog, attno, node);
	}
	return printed_once(view, tree,
						relation == InvalidAttrNumber ? InvalidOid :
						DatumGetObjectId(values[relation - 1]));
}

char *
tm_view_query(Oid viewid)
{
	Relation	rel = relation_open(viewid, AccessShareLock);
	char	   *text = NULL;

	for (int i = 0; rel->rd_rules != NULL && i < rel->rd_rules->numLocks; i++)
	{
		RewriteRule *rule = rel->rd_rules->rules[i];

		if (rule->event == CMD_SELECT)
		{
			Query	   *query = copyObject(linitial_node(Query, rule->actions));

			name_columns(NULL, viewid, query);
			text = pg_get_querydef(query, true);
		}
	}
	relation_close(rel, AccessShareLock);
	return text;
}

char *
tm_rule_actions(Node *actions)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, castNode(List, actions))
	{
		Query	   *query = lfirst_node(Query, lc);

		(void) note_columns((Node *) query, NULL);
		appendStringInfo(&buf, "%s;", pg_get_querydef(query, false));
	}
	return buf.data;
}

/*
 * The condition is printed as that of a query among the same relations, OLD and
 * NEW among them.
 */
char *
tm_rule_condition(Node *condition, Node *actions)
{
	Query	   *action;
	Query	   *query = makeNode(Query);
	char	   *text;
	char	   *where;

	if (condition == NULL)
		return NULL;
	action = linitial_node(Query, castNode(List, actions));
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = action->rtable;
	query->jointree = makeFromExpr(NIL, condition);
	text = pg_get_querydef(query, false);

	where = strstr(text, "WHERE ");
	return where == NULL ? text : where + strlen("WHERE ");
}

/* The relation whose columns the expressions in a catalog are about. */
static AttrNumber
relation_column(Oid catalog)
{
	switch (catalog)
	{
		case AttrDefaultRelationId:
			return Anum_pg_attrdef_adrelid;
		case ConstraintRelationId:
			return Anum_pg_constraint_conrelid;
		case IndexRelationId:
			return Anum_pg_index_indrelid;
		case PartitionedRelationId:
			return Anum_pg_partitioned_table_partrelid;
		case PolicyRelationId:
			return Anum_pg_policy_polrelid;
		case StatisticExtRelationId:
			return Anum_pg_statistic_ext_stxrelid;
		default:
			return InvalidAttrNumber;
	}
}

/* Printed now, or when its like was met before */
static const char *
printed_once(SchemaView *view, const char *tree, Oid relid)
{
	ObjectName	name;
	PrintedExpression *entry;
	char	   *text;

	if (!name_of_tree(view, tree, relid, &name))
		return expression_on(tree, relid);
	if (view->expressions == NULL)
		view->expressions = start_expressions(view);
	entry = hash_search(view->expressions, &name, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->text;

	text = MemoryContextStrdup(view->context, expression_on(tree, relid));
	entry = hash_search(view->expressions, &name, HASH_ENTER, NULL);
	entry->text = text;
	return text;
}

static HTAB *
start_expressions(SchemaView *view)
{
	HASHCTL		ctl;

	ctl.hcxt = view->context;
	ctl.keysize = sizeof(ObjectName);
	ctl.entrysize = sizeof(PrintedExpression);
	return hash_create("tenant_mgr printed expressions", 256, &ctl,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * A digest of the tree, without places in statements and with the names of the
 * columns that it means.  False if there may be more that its text depends on: a
 * query in it, or the table as a whole, is printed with the table's name.
 *
 * In the text of a tree there is no blank within a name or a string.
 */
static bool
name_of_tree(SchemaView *view, const char *tree, Oid relid, ObjectName *name)
{
	static const char location[] = ":location ";
	static const char column[] = ":varattno ";
	const char *start = tree;
	const char *field;
	StringInfoData buf;

	if (strstr(tree, "{SUBLINK ") != NULL || strstr(tree, "{QUERY ") != NULL)
		return false;
	initStringInfo(&buf);
	while ((field = strstr(start, location)) != NULL)
	{
		field += sizeof(location) - 1;
		appendBinaryStringInfo(&buf, start, field - start);
		start = field + strspn(field, "-0123456789");
	}
	appendStringInfoString(&buf, start);

	for (field = strstr(tree, column); field != NULL;
		 field = strstr(field, column))
	{
		AttrNumber	attno;
		const char *text;

		field += sizeof(column) - 1;
		attno = atoi(field);
		if (attno == InvalidAttrNumber || !OidIsValid(relid))
			return false;
		text = tm_column_name(view, relid, attno);
		tm_canonical_bytes(&buf, text, strlen(text));
	}
	*name = tm_name_of_bytes(&buf);
	return true;
}

/* To print names of columns the relation is opened, so not without need. */
static char *
expression_on(const char *tree, Oid relid)
{
	Node	   *node = stringToNode(tree);
	List	   *context = NIL;

	if (node == NULL)
		return "";
	if (OidIsValid(relid) &&
		(contain_var_clause(node) || checkExprHasSubLink(node)))
		context = deparse_context_for(get_rel_name(relid), relid);
	return deparse_expression(node, context, false, false);
}

/*
 * To print a query with joins, the server looks up each column of each table in it,
 * for it may have been dropped.  The first time in a session, one look at all
 * columns of a table costs a fraction of that.
 */
static bool
note_columns(Node *node, void *context)
{
	Query	   *query;
	bool		joins = false;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, note_columns, context);
	query = (Query *) node;
	foreach(lc, query->rtable)
		joins |= lfirst_node(RangeTblEntry, lc)->rtekind == RTE_JOIN;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (joins && rte->rtekind == RTE_RELATION)
			ReleaseCatCacheList(SearchSysCacheList1(ATTNUM,
													ObjectIdGetDatum(rte->relid)));
	}
	return query_tree_walker(query, note_columns, context, 0);
}

/* Those of a row that has been taken apart. */
static char *
rule_text(SchemaView *view, ViewCatalog *catalog, AttrNumber attno, Node *node)
{
	Datum	   *values = catalog->values;

	if (attno == Anum_pg_rewrite_ev_qual)
		return tm_rule_condition(node,
								 stringToNode(TextDatumGetCString(values[Anum_pg_rewrite_ev_action - 1])));
	if (DatumGetChar(values[Anum_pg_rewrite_ev_type - 1]) != '1')
		return tm_rule_actions(node);
	return view_text(view,
					 DatumGetObjectId(values[Anum_pg_rewrite_ev_class - 1]),
					 linitial_node(Query, castNode(List, node)));
}

/*
 * The query of a view, as an action of its rule.  To print it the server opens all
 * relations in it, and among them are two entries for the view itself, which it
 * keeps there for their names only.  So that is all we leave of them: to open the
 * view is to read its query once more.
 */
static char *
view_text(SchemaView *view, Oid viewid, Query *query)
{
	for (int i = 0; i < TM_VIEW_PLACEHOLDERS; i++)
	{
		RangeTblEntry *rte = list_nth_node(RangeTblEntry, query->rtable, i);

		if (rte->rtekind == RTE_RELATION && rte->relid == viewid)
			rte->rtekind = RTE_RESULT;
	}
	(void) note_columns((Node *) query, NULL);
	name_columns(view, viewid, query);
	return psprintf("%s;", pg_get_querydef(query, false));
}

/*
 * The columns of a view may have been renamed since its query was stored, which
 * the query does not know.
 */
static void
name_columns(SchemaView *view, Oid viewid, Query *query)
{
	ListCell   *lc;

	name_targets(view, viewid, query->targetList);
	if (query->setOperations == NULL)
		return;

	/* the members of UNION and the like have the same columns */
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY && rte->subquery != NULL)
			name_columns(view, viewid, rte->subquery);
	}
}

/* While a schema is read, it is known how its columns are called. */
static void
name_targets(SchemaView *view, Oid viewid, List *targets)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);
		const char *name;

		if (target->resjunk)
			continue;
		name = view == NULL ? get_attname(viewid, target->resno, true) :
			tm_column_name(view, viewid, target->resno);
		if (name != NULL && *name != '\0')
			target->resname = pstrdup(name);
	}
}
