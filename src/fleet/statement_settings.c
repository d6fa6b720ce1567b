/*
 * statement_settings.c
 *		Settings that decide what a statement means.
 *
 * The same text is another statement under another standard_conforming_strings,
 * DateStyle or TimeZone.  So a migration keeps, with each statement, what these
 * settings were when it was written, as far as they differ from the values that
 * are built into the server; whoever applies it has them again, whatever is
 * set for a database, a role or a session.
 *
 * The search path is not among them: it is that of the binding.  Nor are
 * settings of extensions and applications, which may be secret.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"

#include "fleet/statement_settings.h"

/* A setting and the value that is built into the server */
typedef struct MeaningfulSetting
{
	const char *name;			/* of the server's */
	const char *builtin;		/* as SHOW has it */
} MeaningfulSetting;

static const MeaningfulSetting meaningful[] =
{
	/* how the text is read */
	{"standard_conforming_strings", "on"},
	{"backslash_quote", "safe_encoding"},
	{"transform_null_equals", "off"},
	{"array_nulls", "on"},
	{"xmloption", "content"},

	/* how values are read and written */
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "GMT"},
	{"timezone_abbreviations", "Default"},
	{"bytea_output", "hex"},
	{"xmlbinary", "base64"},
	{"extra_float_digits", "1"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"lc_time", "C"},
	{"default_text_search_config", "pg_catalog.simple"},

	/* what new objects are like */
	{"default_tablespace", ""},
	{"default_table_access_method", "heap"},
	{"default_toast_compression", "pglz"},
	{"check_function_bodies", "on"},

	/* which rows it works on */
	{"row_security", "on"},
};

static const char *value_in(List *settings, const char *name);

List *
tm_statement_settings(void)
{
	List	   *settings = NIL;

	for (int i = 0; i < (int) lengthof(meaningful); i++)
	{
		const char *value = GetConfigOptionByName(meaningful[i].name, NULL,
												  true);

		if (value != NULL && strcmp(value, meaningful[i].builtin) != 0)
			settings = lappend(settings,
							   psprintf("%s=%s", meaningful[i].name, value));
	}
	return settings;
}

void
tm_statement_settings_apply(List *settings)
{
	for (int i = 0; i < (int) lengthof(meaningful); i++)
	{
		const char *name = meaningful[i].name;
		const char *value = value_in(settings, name);
		const char *present = GetConfigOptionByName(name, NULL, true);

		if (value == NULL)
			value = meaningful[i].builtin;
		if (present == NULL || strcmp(present, value) == 0)
			continue;
		(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}
}

bool
tm_statement_settings_same(const List *a, const List *b)
{
	ListCell   *lca;
	ListCell   *lcb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(lca, a, lcb, b)
	{
		if (strcmp(lfirst(lca), lfirst(lcb)) != 0)
			return false;
	}
	return true;
}

/* NULL if it is not in the list. */
static const char *
value_in(List *settings, const char *name)
{
	size_t		length = strlen(name);
	ListCell   *lc;

	foreach(lc, settings)
	{
		const char *setting = lfirst(lc);

		if (strncmp(setting, name, length) == 0 && setting[length] == '=')
			return setting + length + 1;
	}
	return NULL;
}
