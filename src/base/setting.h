/*
 * setting.h
 *		Settings of the server, and lists in their values.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SETTING_H
#define TENANT_MGR_SETTING_H

#include "nodes/pg_list.h"
#include "utils/guc_tables.h"

/*
 * Settings as guc.c lists them.  The members are what the server's functions
 * that define settings are given; the hooks may be NULL.
 */
typedef struct BoolSetting
{
	const char *name;
	GucContext	context;
	int			flags;
	const char *short_desc;
	const char *long_desc;		/* or NULL */
	bool	   *variable;
	bool		boot_value;
	GucBoolCheckHook check_hook;
	GucBoolAssignHook assign_hook;
	GucShowHook show_hook;
} BoolSetting;

typedef struct IntSetting
{
	const char *name;
	GucContext	context;
	int			flags;
	const char *short_desc;
	const char *long_desc;		/* or NULL */
	int		   *variable;
	int			boot_value;
	int			min_value;
	int			max_value;
	GucIntCheckHook check_hook;
	GucIntAssignHook assign_hook;
	GucShowHook show_hook;
} IntSetting;

typedef struct StringSetting
{
	const char *name;
	GucContext	context;
	int			flags;
	const char *short_desc;
	const char *long_desc;		/* or NULL */
	char	  **variable;
	const char *boot_value;
	GucStringCheckHook check_hook;
	GucStringAssignHook assign_hook;
	GucShowHook show_hook;
} StringSetting;

typedef struct EnumSetting
{
	const char *name;
	GucContext	context;
	int			flags;
	const char *short_desc;
	const char *long_desc;		/* or NULL */
	int		   *variable;
	int			boot_value;
	const struct config_enum_entry *options;
	GucEnumCheckHook check_hook;
	GucEnumAssignHook assign_hook;
	GucShowHook show_hook;
} EnumSetting;

/*
 * Define a setting, or leave it alone if it has been defined with the same
 * variable before.  A number that can be set only when the server starts is
 * about shared memory: if the library is loaded later there is none, and the
 * number is defined as one that means nothing.
 */
extern void tm_setting_define_bool(const BoolSetting *setting);
extern void tm_setting_define_int(const IntSetting *setting);
extern void tm_setting_define_string(const StringSetting *setting);
extern void tm_setting_define_enum(const EnumSetting *setting);

/* The record of a setting that the server has; or else an error. */
extern struct config_generic *tm_setting_record(const char *name);

/*
 * For the assign hook of a setting that is a string: is this its default,
 * taking the place of another value by RESET or its like?  The check hook has
 * not been asked about it then, nor about a value that is restored, and only
 * in the first case may the hook fail.
 */
extern bool tm_setting_returns_to_default(struct config_generic *record,
										  const char *newval);

/*
 * For an assign hook that is about to raise an error about a new value: free
 * it and its "extra", which nobody else will.
 */
extern void tm_setting_discard(const char *newval, void *extra);

/*
 * The names in the value of a setting that is a list of identifiers, folded
 * and unquoted as SQL does it; a List of C strings palloc'd in the current
 * context.  The value is one that the setting has accepted.
 */
extern List *tm_setting_split_names(const char *value);

/*
 * Likewise for a list of words that are no identifiers, such as host names:
 * neither folded nor cut to the length of a name.
 */
extern List *tm_setting_split_words(const char *value);

/*
 * Check hooks of settings that are such lists.  Whoever splits the value of a
 * setting that has one need not look for mistakes.
 */
extern bool tm_setting_check_names(char **newval, void **extra,
								   GucSource source);
extern bool tm_setting_check_words(char **newval, void **extra,
								   GucSource source);

#endif							/* TENANT_MGR_SETTING_H */
