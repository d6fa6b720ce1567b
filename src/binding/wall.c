/*
 * wall.c
 *		Settings whose values protect more or less.
 *
 * Their values are words in an order, the strictest last, and what is in force is
 * the stricter one of the setting and what the database keeps (policy.c).
 *
 * The server passes over a value that it cannot read, with a warning in a log:
 * with a typo in a file the wall would be down.  So whatever is given where
 * nobody sees an error, in a file or for a database or role, counts as the
 * strictest value when it cannot be read.  This is why the settings are strings:
 * of an enum the server does not ask us.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"

#include "base/compat.h"
#include "base/setting.h"
#include "binding/session_lock.h"
#include "binding/wall.h"

typedef struct Wall
{
	const char *name;			/* of the setting; NULL before it is defined */
	const struct config_enum_entry *options;	/* the laxest first */
	int		   *level;			/* in force */
	void		(*changed) (void);	/* to be told, or NULL */
	char	   *value;			/* of the setting, GUC machinery's */
	int			set;			/* what that means */
	int			kept;			/* what the database keeps */
} Wall;

static Wall walls[NUM_WALLS];

/* written by tm_wall_start */
static bool started = false;

static bool check(Wall *wall, char **newval, GucSource source);
static bool replace_value(char **newval, const char *value);
static void assign(Wall *wall, const char *newval);
static void put_in_force(Wall *wall);
static int	strictest(const Wall *wall);
static const char *word_of(const Wall *wall, int level);

/* The server does not say which setting it asks about. */
#define WALL_HOOKS(id) \
static bool \
check_##id(char **newval, void **extra, GucSource source) \
{ \
	return check(&walls[id], newval, source); \
} \
static void \
assign_##id(const char *newval, void *extra) \
{ \
	assign(&walls[id], newval); \
} \
static const char * \
show_##id(void) \
{ \
	return word_of(&walls[id], *walls[id].level); \
}

WALL_HOOKS(WALL_GUARD)
WALL_HOOKS(WALL_UNBOUND)
WALL_HOOKS(WALL_UNBOUND_SUPERUSER)
WALL_HOOKS(WALL_SHARED_DDL)
WALL_HOOKS(WALL_SESSION_SWITCH)
WALL_HOOKS(WALL_VERIFY_TAG)
WALL_HOOKS(WALL_SWITCH_REQUIRES)
WALL_HOOKS(WALL_TOKEN_SINGLE_USE)
WALL_HOOKS(WALL_TOKEN_EXPIRY)

typedef struct WallHooks
{
	GucStringCheckHook check;
	GucStringAssignHook assign;
	GucShowHook show;
} WallHooks;

#define HOOKS_OF(id)	[id] = {check_##id, assign_##id, show_##id}

static const WallHooks hooks[NUM_WALLS] = {
	HOOKS_OF(WALL_GUARD),
	HOOKS_OF(WALL_UNBOUND),
	HOOKS_OF(WALL_UNBOUND_SUPERUSER),
	HOOKS_OF(WALL_SHARED_DDL),
	HOOKS_OF(WALL_SESSION_SWITCH),
	HOOKS_OF(WALL_VERIFY_TAG),
	HOOKS_OF(WALL_SWITCH_REQUIRES),
	HOOKS_OF(WALL_TOKEN_SINGLE_USE),
	HOOKS_OF(WALL_TOKEN_EXPIRY)
};

void
tm_wall_define(const WallSetting *setting, int boot_level)
{
	Wall	   *wall = &walls[setting->id];
	const WallHooks *wall_hooks = &hooks[setting->id];
	StringSetting string = {
		.name = setting->name,
		.context = PGC_SUSET,
		.short_desc = setting->short_desc,
		.long_desc = setting->long_desc,
		.variable = &wall->value,
		.check_hook = wall_hooks->check,
		.assign_hook = wall_hooks->assign,
		.show_hook = wall_hooks->show
	};

	if (wall->name == NULL)
	{
		wall->options = setting->options;
		wall->level = setting->level;
		wall->changed = setting->changed;
		wall->set = wall->kept = 0;
		*wall->level = boot_level;
		wall->name = setting->name;
	}
	string.boot_value = word_of(wall, boot_level);
	tm_setting_define_string(&string);
}

void
tm_wall_start(void)
{
	started = true;
}

WallId
tm_wall_find(const char *name)
{
	for (int i = 0; i < NUM_WALLS; i++)
	{
		if (walls[i].name != NULL && tm_guc_same_name(walls[i].name, name))
			return (WallId) i;
	}
	return WALL_NONE;
}

const char *
tm_wall_name(WallId id)
{
	return walls[id].name;
}

char *
tm_wall_values(WallId id)
{
	StringInfoData list;

	initStringInfo(&list);
	for (const struct config_enum_entry *option = walls[id].options;
		 option->name != NULL; option++)
	{
		if (!option->hidden)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 option->name);
	}
	return list.data;
}

bool
tm_wall_read(WallId id, const char *value, int *level)
{
	for (const struct config_enum_entry *option = walls[id].options;
		 option->name != NULL; option++)
	{
		if (pg_strcasecmp(value, option->name) == 0)
		{
			*level = option->val;
			return true;
		}
	}
	return false;
}

const char *
tm_wall_value(WallId id, int level)
{
	return word_of(&walls[id], level);
}

int
tm_wall_strictest(WallId id)
{
	return strictest(&walls[id]);
}

int
tm_wall_setting(WallId id)
{
	return walls[id].set;
}

void
tm_wall_keep(const int *levels)
{
	for (int i = 0; i < NUM_WALLS; i++)
	{
		walls[i].kept = levels[i];
		put_in_force(&walls[i]);
	}
}

void
tm_wall_before_utility(Node *stmt)
{
	VariableSetStmt *set;
	WallId		id;
	char	   *value;
	int			level;

	if (!IsA(stmt, AlterSystemStmt))
		return;
	set = ((AlterSystemStmt *) stmt)->setstmt;
	if (set->kind != VAR_SET_VALUE || set->name == NULL)
		return;
	id = tm_wall_find(set->name);
	if (id == WALL_NONE)
		return;
	value = ExtractSetVariableArgs(set);
	if (value == NULL || tm_wall_read(id, value, &level))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for parameter \"%s\": \"%s\"",
					walls[id].name, value),
			 errhint("Available values: %s.", tm_wall_values(id))));
}

/*
 * May the setting have the value?  It is written as it is shown, for whatever
 * compares values.
 */
static bool
check(Wall *wall, char **newval, GucSource source)
{
	int			level;

	if (!tm_session_lock_permits_change(source))
		return false;
	if (!tm_wall_read(wall - walls, *newval, &level))
	{
		if (source > PGC_S_CLIENT)
		{
			GUC_check_errhint("Available values: %s.",
							  tm_wall_values(wall - walls));
			return false;
		}
		level = strictest(wall);
		ereport(started && IsUnderPostmaster && source == PGC_S_FILE ?
				DEBUG2 : WARNING,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for parameter \"%s\": \"%s\"",
						wall->name, *newval),
				 errdetail("It counts as \"%s\".", word_of(wall, level)),
				 errhint("Available values: %s.",
						 tm_wall_values(wall - walls))));
	}
	return replace_value(newval, word_of(wall, level));
}

static bool
replace_value(char **newval, const char *value)
{
	char	   *copy;

	if (strcmp(*newval, value) == 0)
		return true;
	copy = tm_guc_alloc(strlen(value) + 1);
	if (copy == NULL)
		return false;
	strcpy(copy, value);
	tm_guc_free(*newval);
	*newval = copy;
	return true;
}

static void
assign(Wall *wall, const char *newval)
{
	if (!tm_wall_read(wall - walls, newval, &wall->set))
		wall->set = strictest(wall);
	put_in_force(wall);
}

static void
put_in_force(Wall *wall)
{
	int			level = Max(wall->set, wall->kept);

	if (level == *wall->level)
		return;
	*wall->level = level;
	if (level != 0 && wall->changed != NULL)
		wall->changed();
}

static int
strictest(const Wall *wall)
{
	int			level = 0;

	for (const struct config_enum_entry *option = wall->options;
		 option->name != NULL; option++)
		level = Max(level, option->val);
	return level;
}

static const char *
word_of(const Wall *wall, int level)
{
	const struct config_enum_entry *option = wall->options;

	while (option->name != NULL && (option->val != level || option->hidden))
		option++;
	return option->name;
}
