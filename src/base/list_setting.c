/*
 * list_setting.c
 *		Names in quotes, in settings that are lists of names.
 *
 * The server makes a text of the list in SET, and puts back the quotes of its
 * members for settings of its own only.  Ours would get "Shared" as shared, and
 * "My Own" as two words.  So they are put back here, wherever a statement gives
 * such a setting a value: SET, ALTER ROLE, ALTER DATABASE, ALTER SYSTEM, and the
 * SET clauses of functions.
 *
 * A single string is the text of a list, as in a configuration file or as a dump
 * has it.  Whatever else there is, identifiers or several members, are names.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/list_setting.h"

static const char *const list_settings[] = {
	"tenant_mgr.clone_exclude",
	"tenant_mgr.persistent_schemas"
};

static VariableSetStmt *value_given(Node *stmt);
static VariableSetStmt *value_in_options(List *options);
static bool is_list(const char *name);
static bool is_string(const A_Const *value, const char *query);

void
tm_list_setting_before_utility(UtilityStatement *statement, const char *query)
{
	VariableSetStmt *set = value_given(statement->pstmt->utilityStmt);
	ListCell   *lc;

	if (set == NULL)
		return;
	if (list_length(set->args) == 1 && IsA(linitial(set->args), A_Const) &&
		is_string(linitial(set->args), query))
		return;

	/* The statement may be in a cache. */
	statement->pstmt = copyObject(statement->pstmt);
	set = value_given(statement->pstmt->utilityStmt);
	foreach(lc, set->args)
	{
		A_Const    *value = (A_Const *) lfirst(lc);

		if (IsA(value, A_Const) && nodeTag(&value->val) == T_String)
			value->val.sval.sval =
				pstrdup(quote_identifier(value->val.sval.sval));
	}
}

/* The part of a statement that gives one of the settings a value, or NULL */
static VariableSetStmt *
value_given(Node *stmt)
{
	VariableSetStmt *set;

	switch (nodeTag(stmt))
	{
		case T_VariableSetStmt:
			set = (VariableSetStmt *) stmt;
			break;
		case T_AlterRoleSetStmt:
			set = ((AlterRoleSetStmt *) stmt)->setstmt;
			break;
		case T_AlterDatabaseSetStmt:
			set = ((AlterDatabaseSetStmt *) stmt)->setstmt;
			break;
		case T_AlterSystemStmt:
			set = ((AlterSystemStmt *) stmt)->setstmt;
			break;
		case T_CreateFunctionStmt:
			return value_in_options(((CreateFunctionStmt *) stmt)->options);
		case T_AlterFunctionStmt:
			return value_in_options(((AlterFunctionStmt *) stmt)->actions);
		default:
			return NULL;
	}
	if (set == NULL || set->kind != VAR_SET_VALUE || set->args == NIL ||
		!is_list(set->name))
		return NULL;
	return set;
}

/* A function has one clause for each setting; the first of ours is enough. */
static VariableSetStmt *
value_in_options(List *options)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "set") == 0 && option->arg != NULL &&
			IsA(option->arg, VariableSetStmt))
		{
			VariableSetStmt *set = value_given(option->arg);

			if (set != NULL)
				return set;
		}
	}
	return NULL;
}

static bool
is_list(const char *name)
{
	int			i;

	for (i = 0; name != NULL && i < lengthof(list_settings); i++)
	{
		if (tm_guc_same_name(name, list_settings[i]))
			return true;
	}
	return false;
}

/* Was it written as a string, and not as an identifier or a number? */
static bool
is_string(const A_Const *value, const char *query)
{
	const char *p;

	if (nodeTag(&value->val) != T_String || query == NULL ||
		value->location < 0 || value->location >= (int) strlen(query))
		return true;
	p = query + value->location;
	if ((p[0] == 'U' || p[0] == 'u') && p[1] == '&')
		p += 2;
	else if ((p[0] == 'E' || p[0] == 'e' || p[0] == 'N' || p[0] == 'n') &&
			 p[1] == '\'')
		p++;
	return *p == '\'' || *p == '$';
}
