/*
 * sql_name.c
 *		Which names in a parsed text are those of a schema.
 *
 * In "a.b" the grammar alone often knows what "a" is, whatever exists in the
 * database: the name of a table after FROM, of a function before its arguments,
 * of a type after "::" can be qualified by nothing but a schema.  A column "a.b"
 * can not be qualified by one, for then it would need three names: that "a" is a
 * table, an alias or a variable.  What is left are columns "a.b.c".  Where the
 * same statement reads a table "b" under its own name, and the function has no
 * label "a" that could qualify a variable "b", they are columns of that table.
 *
 * Names are not changed in the tree, which nobody could turn into the text again.
 * Nodes tell where in the text they were, and the token there is marked.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"

#include "clone/sql_name.h"

/* A piece that is gone through */
typedef struct NameSearch
{
	SqlNames   *names;			/* what is looked for */
	int			location;		/* where the piece begins */
	List	   *tables;			/* names of tables that have no alias */
	List	   *columns;		/* ColumnRef of three names */
} NameSearch;

static void decide_statement(NameSearch *search, RawStmt *raw);
static void decide_columns(NameSearch *search);
static bool decide_node(Node *node, NameSearch *search);
static void decide_utility(NameSearch *search, RawStmt *raw);
static void decide_table(NameSearch *search, RangeVar *table);
static void decide_tables(NameSearch *search, List *tables);
static void decide_column(NameSearch *search, ColumnRef *column);
static void decide_setting(NameSearch *search, VariableSetStmt *stmt);
static void decide_all(NameSearch *search, RawStmt *raw);
static void decide_name(NameSearch *search, List *name, int location,
						int skipped);
static bool names_schema(NameSearch *search, List *name, int position);
static void mark(NameSearch *search, int location, int skipped,
				 NameStatus status);

void
tm_sql_names_decide(SqlNames *names, List *trees, int location)
{
	ListCell   *lc;

	foreach(lc, trees)
	{
		NameSearch	search = {names, location, NIL, NIL};
		Node	   *tree = lfirst(lc);

		if (IsA(tree, RawStmt))
			decide_statement(&search, (RawStmt *) tree);
		else
			(void) decide_node(tree, &search);
		decide_columns(&search);
	}
}

int
tm_sql_names_token_at(const SqlTokens *tokens, int location)
{
	int			low = 0;
	int			high = tokens->ntokens - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (tokens->tokens[middle].location == location)
			return middle;
		if (tokens->tokens[middle].location < location)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

/* The server's walker knows statements that are planned, and what is in them. */
static void
decide_statement(NameSearch *search, RawStmt *raw)
{
	switch (nodeTag(raw->stmt))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
		case T_PLAssignStmt:
			(void) decide_node(raw->stmt, search);
			break;
		default:
			decide_utility(search, raw);
			break;
	}
}

/* Is there a table whose columns they are? */
static void
decide_columns(NameSearch *search)
{
	ListCell   *lc;

	foreach(lc, search->columns)
	{
		ColumnRef  *column = lfirst(lc);
		Node	   *table = lsecond(column->fields);

		if (!search->names->is_label && IsA(table, String) &&
			list_member(search->tables, table))
			mark(search, column->location, 0, NAME_SCHEMA);
	}
}

static bool
decide_node(Node *node, NameSearch *search)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_RangeVar:
			decide_table(search, (RangeVar *) node);
			break;
		case T_FuncCall:
			decide_name(search, ((FuncCall *) node)->funcname,
						((FuncCall *) node)->location, 0);
			break;
		case T_TypeName:
			if (!((TypeName *) node)->pct_type)
				decide_name(search, ((TypeName *) node)->names,
							((TypeName *) node)->location, 0);
			break;
		case T_CollateClause:
			/* COLLATE name */
			decide_name(search, ((CollateClause *) node)->collname,
						((CollateClause *) node)->location, 1);
			break;
		case T_A_Expr:
			/* OPERATOR ( name ) */
			decide_name(search, ((A_Expr *) node)->name,
						((A_Expr *) node)->location, 2);
			break;
		case T_SubLink:
			decide_name(search, ((SubLink *) node)->operName,
						((SubLink *) node)->location, 2);
			break;
		case T_SortBy:
			decide_name(search, ((SortBy *) node)->useOp,
						((SortBy *) node)->location, 2);
			break;
		case T_ColumnRef:
			decide_column(search, (ColumnRef *) node);
			break;
		case T_ResTarget:
			/* a field of a column that is assigned to */
			if (((ResTarget *) node)->name != NULL &&
				((ResTarget *) node)->indirection != NIL)
				mark(search, ((ResTarget *) node)->location, 0,
					 NAME_NO_SCHEMA);
			break;
		case T_PLAssignStmt:
			mark(search, ((PLAssignStmt *) node)->location, 0,
				 NAME_NO_SCHEMA);
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, decide_node, search);
}

/*
 * What of a utility statement is known here.  Of others nothing is decided.
 */
static void
decide_utility(NameSearch *search, RawStmt *raw)
{
	Node	   *stmt = raw->stmt;

	switch (nodeTag(stmt))
	{
		case T_CallStmt:
			(void) decide_node((Node *) castNode(CallStmt, stmt)->funccall,
							   search);
			break;
		case T_CreateTableAsStmt:
			decide_table(search, castNode(CreateTableAsStmt, stmt)->into->rel);
			(void) decide_node(castNode(CreateTableAsStmt, stmt)->query, search);
			break;
		case T_CreateStmt:
			decide_table(search, castNode(CreateStmt, stmt)->relation);
			decide_tables(search, castNode(CreateStmt, stmt)->inhRelations);
			break;
		case T_AlterTableStmt:
			decide_table(search, castNode(AlterTableStmt, stmt)->relation);
			break;
		case T_CreateSeqStmt:
			decide_table(search, castNode(CreateSeqStmt, stmt)->sequence);
			break;
		case T_AlterSeqStmt:
			decide_table(search, castNode(AlterSeqStmt, stmt)->sequence);
			break;
		case T_IndexStmt:
			decide_table(search, castNode(IndexStmt, stmt)->relation);
			break;
		case T_ViewStmt:
			decide_table(search, castNode(ViewStmt, stmt)->view);
			(void) decide_node(castNode(ViewStmt, stmt)->query, search);
			break;
		case T_RefreshMatViewStmt:
			decide_table(search, castNode(RefreshMatViewStmt, stmt)->relation);
			break;
		case T_TruncateStmt:
			decide_tables(search, castNode(TruncateStmt, stmt)->relations);
			break;
		case T_LockStmt:
			decide_tables(search, castNode(LockStmt, stmt)->relations);
			break;
		case T_DeclareCursorStmt:
			(void) decide_node(castNode(DeclareCursorStmt, stmt)->query, search);
			break;
		case T_VariableSetStmt:
			decide_setting(search, castNode(VariableSetStmt, stmt));
			break;
		case T_DropStmt:
			decide_all(search, raw);
			break;
		default:
			break;
	}
}

static void
decide_table(NameSearch *search, RangeVar *table)
{
	bool		found = table->schemaname != NULL &&
		strcmp(table->schemaname, search->names->schema) == 0;

	if (found)
		mark(search, table->location, table->catalogname != NULL ? 2 : 0,
			 NAME_SCHEMA);
	if (table->alias == NULL && (found || table->schemaname == NULL))
		search->tables = lappend(search->tables, makeString(table->relname));
}

static void
decide_tables(NameSearch *search, List *tables)
{
	ListCell   *lc;

	foreach(lc, tables)
		decide_table(search, lfirst_node(RangeVar, lc));
}

/* a.b, a.b.c or a.b.* */
static void
decide_column(NameSearch *search, ColumnRef *column)
{
	if (!names_schema(search, column->fields, 0))
		return;
	if (list_length(column->fields) == 2)
		mark(search, column->location, 0, NAME_NO_SCHEMA);
	else if (list_length(column->fields) == 3)
		search->columns = lappend(search->columns, column);
}

/* SET search_path */
static void
decide_setting(NameSearch *search, VariableSetStmt *stmt)
{
	ListCell   *lc;

	if (stmt->name == NULL || pg_strcasecmp(stmt->name, "search_path") != 0)
		return;
	foreach(lc, stmt->args)
	{
		if (IsA(lfirst(lc), A_Const))
			mark(search, lfirst_node(A_Const, lc)->location, 0, NAME_SCHEMA);
	}
}

/* A statement in which no name is qualified by anything but a schema */
static void
decide_all(NameSearch *search, RawStmt *raw)
{
	const SqlTokens *tokens = search->names->tokens;
	int			start = search->location + raw->stmt_location;
	int			end = raw->stmt_len > 0 ? start + raw->stmt_len :
		(int) strlen(tokens->text);

	for (int i = 0; i < tokens->ntokens; i++)
	{
		int			location = tokens->tokens[i].location;

		if (location >= start && location < end &&
			tm_sql_token_kind(tokens, i + 1, '.') &&
			!tm_sql_token_kind(tokens, i + 3, '.'))
			mark(search, location - search->location, 0, NAME_SCHEMA);
	}
}

/*
 * The name of an object that only a schema can qualify, which begins some
 * tokens after the location.
 */
static void
decide_name(NameSearch *search, List *name, int location, int skipped)
{
	int			position = list_length(name) - 2;

	if (position >= 0 && names_schema(search, name, position))
		mark(search, location, skipped + 2 * position, NAME_SCHEMA);
}

static bool
names_schema(NameSearch *search, List *name, int position)
{
	Node	   *part = list_nth(name, position);

	return IsA(part, String) &&
		strcmp(strVal(part), search->names->schema) == 0;
}

/*
 * A token this many behind the one at a location, if it is the name.  What the
 * grammar has put into a tree by itself is not in the text.
 */
static void
mark(NameSearch *search, int location, int skipped, NameStatus status)
{
	const SqlTokens *tokens = search->names->tokens;
	int			token;

	if (location < 0)
		return;
	token = tm_sql_names_token_at(tokens, search->location + location);
	if (token < 0 || token + skipped >= tokens->ntokens)
		return;
	token += skipped;
	if (tokens->tokens[token].word != NULL &&
		strcmp(tokens->tokens[token].word, search->names->schema) == 0)
		search->names->status[token] = status;
}
