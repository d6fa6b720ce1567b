/*
 * guard_statistics.c
 *		Functions that change statistics of a relation, which they are told by name.
 *
 * Since PostgreSQL 18 the planner's statistics can be restored, as pg_upgrade does,
 * and cleared.  The functions for that are built in and open the relation by
 * themselves, so nothing asks whose it is.  A dump has its names as constants, and
 * those can be judged; anything else is refused in a bound session.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "guard/guard.h"
#include "guard/guard_name.h"
#include "guard/guard_statistics.h"

/* Pairs of names and values, or schema and name of the relation first */
static const struct
{
	Oid			funcid;
	const char *name;
	bool		pairs;
}			statistics_functions[] =

{
	{TM_F_PG_CLEAR_ATTRIBUTE_STATS, "pg_clear_attribute_stats", false},
	{TM_F_PG_CLEAR_RELATION_STATS, "pg_clear_relation_stats", false},
	{TM_F_PG_RESTORE_ATTRIBUTE_STATS, "pg_restore_attribute_stats", true},
	{TM_F_PG_RESTORE_RELATION_STATS, "pg_restore_relation_stats", true}
};

static int	index_of(Oid funcid);
static bool find_names(const FuncExpr *call, bool pairs, char **schema,
					   char **relation);
static bool find_by_place(const FuncExpr *call, char **schema,
						  char **relation);
static bool constant_text(Node *arg, char **result);

bool
tm_guard_is_statistics(Oid funcid)
{
	return index_of(funcid) >= 0;
}

const char *
tm_guard_statistics_name(List *funcname)
{
	if (list_length(funcname) > 1 &&
		strcmp(strVal(list_nth(funcname, list_length(funcname) - 2)),
			   "pg_catalog") != 0)
		return NULL;
	for (int i = 0; i < lengthof(statistics_functions); i++)
	{
		if (OidIsValid(statistics_functions[i].funcid) &&
			strcmp(strVal(llast(funcname)), statistics_functions[i].name) == 0)
			return statistics_functions[i].name;
	}
	return NULL;
}

void
tm_guard_statistics_call(const FuncExpr *call)
{
	int			i = index_of(call->funcid);
	char	   *schema = NULL;
	char	   *relation = NULL;

	if (call->funcvariadic ||
		!find_names(call, statistics_functions[i].pairs, &schema, &relation))
		tm_guard_refuse_computed(statistics_functions[i].name);
	else if (schema != NULL && relation != NULL)
		(void) tm_guard_name_relation(makeRangeVar(schema, relation, -1));
}

static int
index_of(Oid funcid)
{
	for (int i = 0; i < lengthof(statistics_functions); i++)
	{
		if (OidIsValid(funcid) && statistics_functions[i].funcid == funcid)
			return i;
	}
	return -1;
}

/* False if they are not known; NULL if there are none, which is an error then. */
static bool
find_names(const FuncExpr *call, bool pairs, char **schema, char **relation)
{
	if (!pairs)
		return find_by_place(call, schema, relation);

	for (int i = 0; i + 1 < list_length(call->args); i += 2)
	{
		char	   *key;
		char	  **name;

		if (!constant_text(list_nth(call->args, i), &key))
			return false;
		if (key == NULL)
			continue;
		if (pg_strcasecmp(key, "schemaname") == 0)
			name = schema;
		else if (pg_strcasecmp(key, "relname") == 0)
			name = relation;
		else
			continue;
		if (*name != NULL || !constant_text(list_nth(call->args, i + 1), name))
			return false;
	}
	return true;
}

/* They are the first two arguments, which may be named. */
static bool
find_by_place(const FuncExpr *call, char **schema, char **relation)
{
	int			place = 0;
	int			found = 0;
	ListCell   *lc;

	foreach(lc, call->args)
	{
		Node	   *arg = lfirst(lc);
		int			argnumber = place++;

		if (IsA(arg, NamedArgExpr))
		{
			argnumber = ((NamedArgExpr *) arg)->argnumber;
			arg = (Node *) ((NamedArgExpr *) arg)->arg;
		}
		if (argnumber > 1)
			continue;
		if (!constant_text(arg, argnumber == 0 ? schema : relation))
			return false;
		found++;
	}
	return found == 2;
}

/* A constant of another type is no name, and the server says so. */
static bool
constant_text(Node *arg, char **result)
{
	Const	   *value = (Const *) arg;

	if (!IsA(arg, Const))
		return false;
	if (value->constisnull ||
		(value->consttype != TEXTOID && value->consttype != UNKNOWNOID))
		*result = NULL;
	else if (value->consttype == TEXTOID)
		*result = TextDatumGetCString(value->constvalue);
	else
		*result = DatumGetCString(value->constvalue);
	return true;
}
