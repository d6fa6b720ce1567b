/*
 * function_settings.h
 *		Settings of functions that name the schema they live in.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FUNCTION_SETTINGS_H
#define TENANT_MGR_FUNCTION_SETTINGS_H

/*
 * One "name=value" with one schema's name in place of another's; palloc'd, NULL if
 * it does not name it.
 */
extern char *tm_function_setting_retarget(const char *setting,
										  const char *schema,
										  const char *new_schema);

/*
 * Settings as pg_proc.proconfig has them, with one schema's name in place of
 * another's; false, and nothing is changed, if they do not name it.
 */
extern bool tm_function_settings_retarget(Datum *settings, const char *schema,
										  const char *new_schema);

/*
 * Change the settings of all functions of a schema that has got another name.
 * The caller has locked the schema and does the command counter increment.
 */
extern void tm_function_settings_follow_schema(Oid nspid, const char *schema,
											   const char *new_schema);

#endif							/* TENANT_MGR_FUNCTION_SETTINGS_H */
