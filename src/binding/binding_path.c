/*
 * binding_path.c
 *		The search path that a binding brings and takes.
 *
 * The path is changed by the action and at the nesting level by which the
 * tenant's setting changes, so that the GUC machinery undoes both together.
 *
 * A setting can also return to its default by RESET and its like, for which
 * its assign hook cannot tell whether search_path does so, too.  The path that
 * is left is an orphan, until it is found to be gone or is replaced.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/setting.h"
#include "binding/binding_path.h"
#include "binding/change.h"
#include "tenants/persistent_schemas.h"

/* record of search_path; written by tm_binding_path_start */
static struct config_generic *path_record = NULL;

/*
 * The search path of a binding that has gone while the path may have stayed,
 * and the path to put in its place (NULL means reset); malloc'd, written by
 * tm_binding_path_orphan.
 */
char	   *tm_binding_orphan_path = NULL;
static char *orphan_prior = NULL;

/* Of the list of persistent schemas; written by read_persistent_schemas */
static struct
{
	MemoryContext context;		/* of names and path */
	List	   *names;			/* char *, as they are listed */
	char	   *path;			/* of no tenant; NULL if not known */
	uint64		generation;		/* of the list */
}			persistent;

static void read_persistent_schemas(void);
static char *make_path(const char *schema);
static GucAction action_beside(const struct config_generic *setting);
static void outlive_functions(const struct config_generic *setting);
static void set_path(const char *path, GucAction action);

void
tm_binding_path_start(void)
{
	path_record = tm_setting_record("search_path");
}

char *
tm_binding_path_of_schema(const char *schema)
{
	ListCell   *lc;

	if (persistent.path == NULL ||
		persistent.generation != tm_persistent_schemas_generation)
		read_persistent_schemas();
	if (schema == NULL)
		return pstrdup(persistent.path);
	foreach(lc, persistent.names)
	{
		if (strcmp(lfirst(lc), schema) == 0)
			return make_path(schema);
	}
	return psprintf("%s, %s", quote_identifier(schema), persistent.path);
}

const char *
tm_binding_path_own(void)
{
	if (path_record == NULL || path_record->source < PGC_S_INTERACTIVE)
		return NULL;
	return namespace_search_path;
}

void
tm_binding_path_follow(const char *path, const struct config_generic *setting)
{
	GucAction	action = action_beside(setting);

	set_path(path, action);
	if (action == GUC_ACTION_LOCAL)
		outlive_functions(setting);
}

void
tm_binding_path_borrow(const char *path)
{
	set_path(path, GUC_ACTION_SAVE);
}

/*
 * Only time can tell whether the path stays, or comes back at the end of the
 * transaction.  Without memory we have to let it go; the session then keeps
 * the path of a tenant it may use.
 */
void
tm_binding_path_orphan(const char *path, const char *prior)
{
	if (namespace_search_path == NULL ||
		(strcmp(namespace_search_path, path) != 0 &&
		 path_record->stack == NULL))
		return;
	tm_binding_path_forget();
	tm_binding_orphan_path = strdup(path);
	if (tm_binding_orphan_path && prior)
	{
		orphan_prior = strdup(prior);
		if (orphan_prior == NULL)
			tm_binding_path_forget();
	}
}

void
tm_binding_path_forget(void)
{
	free(tm_binding_orphan_path);
	free(orphan_prior);
	tm_binding_orphan_path = NULL;
	orphan_prior = NULL;
}

void
tm_binding_path_settle(bool unbound, GucAction action)
{
	if (unbound && strcmp(namespace_search_path, tm_binding_orphan_path) == 0)
		set_path(orphan_prior, action);
	else if (unbound && path_record->stack != NULL)
		return;
	tm_binding_path_forget();
}

/* The list is split when it has changed, not at each switch. */
static void
read_persistent_schemas(void)
{
	MemoryContext old_context;

	if (persistent.context == NULL)
		persistent.context = AllocSetContextCreate(TopMemoryContext,
												   "tenant_mgr persistent schemas",
												   ALLOCSET_SMALL_SIZES);
	persistent.path = NULL;
	MemoryContextReset(persistent.context);
	old_context = MemoryContextSwitchTo(persistent.context);
	persistent.names = tm_setting_split_names(tm_persistent_schemas);
	persistent.path = make_path(NULL);
	persistent.generation = tm_persistent_schemas_generation;
	MemoryContextSwitchTo(old_context);
}

/*
 * The tenant's schema, then the persistent schemas, then the temporary one,
 * which has to be named or else it would come first.
 */
static char *
make_path(const char *schema)
{
	StringInfoData path;
	List	   *names = tm_setting_split_names(tm_persistent_schemas);
	List	   *seen = NIL;
	ListCell   *lc;

	initStringInfo(&path);
	seen = list_make1(makeString("pg_temp"));
	if (schema != NULL)
	{
		appendStringInfo(&path, "%s, ", quote_identifier(schema));
		seen = lappend(seen, makeString(pstrdup(schema)));
	}
	foreach(lc, names)
	{
		String	   *name = makeString(lfirst(lc));

		if (list_member(seen, name))
			continue;
		seen = lappend(seen, name);
		appendStringInfo(&path, "%s, ", quote_identifier(strVal(name)));
	}
	appendStringInfoString(&path, "pg_temp");
	return path.data;
}

/*
 * The action by which search_path has to change so that the change is undone
 * together with the one of the setting that is under way.  The machinery has
 * put an entry for the latter on the stack of that setting.
 *
 * An entry made by a function's SET clause also stands for whatever happens
 * to the setting inside the function, so the path needs such an entry at the
 * same level; but it cannot get one where the function has already changed
 * search_path on its own.
 */
static GucAction
action_beside(const struct config_generic *setting)
{
	const GucStack *its = setting->stack;
	const GucStack *ours = path_record->stack;

	if (its == NULL)
		return GUC_ACTION_SET;
	switch (its->state)
	{
		case GUC_SET:
			return GUC_ACTION_SET;
		case GUC_LOCAL:
		case GUC_SET_LOCAL:
			return GUC_ACTION_LOCAL;
		case GUC_SAVE:
			break;
	}
	if (ours == NULL || ours->nest_level < its->nest_level ||
		ours->state == GUC_SAVE)
		return GUC_ACTION_SAVE;
	return GUC_ACTION_LOCAL;
}

/*
 * The setting has changed until the end of the transaction.  Functions that are
 * on their way and have a search path of their own would put back the one from
 * before at their end, which is left to the end of the transaction now; unless
 * the setting changes back with such a function as well.
 */
static void
outlive_functions(const struct config_generic *setting)
{
	const GucStack *its = setting->stack;
	GucStack   *ours;

	while (its != NULL && its->state != GUC_SAVE)
		its = its->prev;
	for (ours = path_record->stack; ours != NULL; ours = ours->prev)
	{
		if (its != NULL && ours->nest_level <= its->nest_level)
			break;
		if (ours->state == GUC_SAVE)
			ours->state = GUC_LOCAL;
	}
}

static void
set_path(const char *path, GucAction action)
{
	tm_change.path = path;
	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION,
							 action, true, ERROR, false);
	tm_change.path = NULL;
}
