/*
 * wall.h
 *		Settings whose values protect more or less.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_WALL_H
#define TENANT_MGR_WALL_H

#include "nodes/nodes.h"
#include "utils/guc.h"

typedef enum WallId
{
	WALL_NONE = -1,
	WALL_GUARD,
	WALL_UNBOUND,
	WALL_UNBOUND_SUPERUSER,
	WALL_SHARED_DDL,
	WALL_SESSION_SWITCH,
	WALL_VERIFY_TAG,
	WALL_SWITCH_REQUIRES,
	WALL_TOKEN_SINGLE_USE,
	WALL_TOKEN_EXPIRY
} WallId;

#define NUM_WALLS	(WALL_TOKEN_EXPIRY + 1)

/*
 * One of them as guc.c lists it.  The options go from the laxest value, which
 * is 0, to the strictest, each as its number says; spellings that are not to be
 * shown are hidden.  The level is what is in force, which others read and only
 * this module writes; when it changes to more than 0 the callback is told, if
 * there is one.
 */
typedef struct WallSetting
{
	WallId		id;
	const char *name;
	const char *short_desc;
	const char *long_desc;		/* or NULL */
	int		   *level;
	int			boot_level;
	const struct config_enum_entry *options;
	void		(*changed) (void);	/* or NULL */
} WallSetting;

/*
 * Define the setting, or leave it alone if it has been before.  The level to
 * begin with may be another one than the table says.
 */
extern void tm_wall_define(const WallSetting *setting, int boot_level);

/* All of them have been defined. */
extern void tm_wall_start(void);

/* The setting of this name, in any letters; WALL_NONE if it is no such one. */
extern WallId tm_wall_find(const char *name);

/* What the setting is called, and its values as a list for a message, palloc'd. */
extern const char *tm_wall_name(WallId wall);
extern char *tm_wall_values(WallId wall);

/* What the value means; false if nobody knows. */
extern bool tm_wall_read(WallId wall, const char *value, int *level);

/* The value of a level; that of the strictest one. */
extern const char *tm_wall_value(WallId wall, int level);
extern int	tm_wall_strictest(WallId wall);

/* What the setting itself says, whatever else holds. */
extern int	tm_wall_setting(WallId wall);

/*
 * ALTER SYSTEM is asked about as if it were a line in a file; raise the error
 * about a value that nobody could read.
 */
extern void tm_wall_before_utility(Node *stmt);

/* From now on the levels are at least these, NUM_WALLS of them. */
extern void tm_wall_keep(const int *levels);

#endif							/* TENANT_MGR_WALL_H */
