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
 * Define a setting as the server's functions of these names do, or leave it
 * alone if it has been defined with the same variable before.
 */
extern void tm_setting_define_bool(const char *name, const char *short_desc,
								   const char *long_desc, bool *variable,
								   bool boot_value, GucContext context,
								   int flags, GucBoolCheckHook check_hook,
								   GucBoolAssignHook assign_hook,
								   GucShowHook show_hook);
extern void tm_setting_define_int(const char *name, const char *short_desc,
								  const char *long_desc, int *variable,
								  int boot_value, int min_value,
								  int max_value, GucContext context,
								  int flags, GucIntCheckHook check_hook,
								  GucIntAssignHook assign_hook,
								  GucShowHook show_hook);
extern void tm_setting_define_string(const char *name, const char *short_desc,
									 const char *long_desc, char **variable,
									 const char *boot_value,
									 GucContext context, int flags,
									 GucStringCheckHook check_hook,
									 GucStringAssignHook assign_hook,
									 GucShowHook show_hook);
extern void tm_setting_define_enum(const char *name, const char *short_desc,
								   const char *long_desc, int *variable,
								   int boot_value,
								   const struct config_enum_entry *options,
								   GucContext context, int flags,
								   GucEnumCheckHook check_hook,
								   GucEnumAssignHook assign_hook,
								   GucShowHook show_hook);

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

#endif							/* TENANT_MGR_SETTING_H */
