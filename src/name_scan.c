/*
 * name_scan.c
 *		Names of schemas in a text.
 *
 * The text of a function may be in any language, and hold SQL in strings in
 * SQL, so it is not parsed.  It is looked through for three things:
 *
 * an identifier that is followed by a period and by what may begin another
 * name, with comments and white space between them as SQL allows,
 *
 * all that stands between two single quotes,
 *
 * the identifiers that follow the name of a setting that holds schemas or
 * tenants, up to the end of the statement or of the call.
 *
 * Identifiers are read as the server reads them: without quotes they are
 * folded to lower case.  Every place is looked at, also within what has been
 * taken for something already, so that a quote too many does not hide the
 * rest.  A name that is put together at run time cannot be found.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "parser/scansup.h"

#include "name_scan.h"

static const char *read_identifier(const char *start, char *name);
static const char *skip_gap(const char *p);
static bool qualifies(const char *end);
static void report_string(const char *start, NameFound found, void *arg);
static bool is_schema_setting(const char *name, const char *end);
static void report_list(const char *p, NameFound found, void *arg);
static bool part_of_word(char c);

void
tm_scan_names(const char *text, NameFound found, void *arg)
{
	for (const char *p = text; *p != '\0'; p++)
	{
		char		name[NAMEDATALEN];
		const char *end;

		if (*p == '\'')
			report_string(p + 1, found, arg);
		if (p > text && part_of_word(p[-1]) && *p != '"')
			continue;
		end = read_identifier(p, name);
		if (end == NULL)
			continue;
		if (is_schema_setting(name, end))
			report_list(end, found, arg);
		else if (qualifies(end))
			found(name, arg);
	}
}

/*
 * Read the identifier that begins here into a buffer of NAMEDATALEN bytes;
 * returns where it ends, NULL if there is none.
 */
static const char *
read_identifier(const char *start, char *name)
{
	const char *p = start;
	size_t		len = 0;

	if (*p == '"')
	{
		for (p++; *p != '\0'; p++)
		{
			if (*p == '"' && *++p != '"')
				break;
			if (len == NAMEDATALEN - 1)
				return NULL;
			name[len++] = *p;
		}
		name[len] = '\0';
		return len > 0 && p[-1] == '"' ? p : NULL;
	}

	if (!part_of_word(*p) || (*p >= '0' && *p <= '9') || *p == '$')
		return NULL;
	while (part_of_word(*p))
		p++;
	/* no longer than what is told apart anyway */
	len = Min(p - start, 4 * NAMEDATALEN);
	strlcpy(name, downcase_truncate_identifier(start, len, false),
			NAMEDATALEN);
	return p;
}

/* Past white space and comments. */
static const char *
skip_gap(const char *p)
{
	for (;;)
	{
		if (scanner_isspace(*p))
			p++;
		else if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\n\r");
		else if (p[0] == '/' && p[1] == '*')
		{
			int			depth = 1;

			for (p += 2; *p != '\0' && depth > 0; p++)
			{
				if (p[0] == '/' && p[1] == '*')
					depth++;
				else if (p[0] == '*' && p[1] == '/')
					depth--;
				else
					continue;
				p++;
			}
		}
		else
			return p;
	}
}

/*
 * Is the identifier that ends here followed by another one?  "said.item",
 * "said . item", "said.%I" and 'said.' || item, but not "he said. Item".
 */
static bool
qualifies(const char *end)
{
	const char *period = skip_gap(end);
	const char *next;

	if (*period != '.')
		return false;
	next = period + 1;
	if (part_of_word(*next) || *next == '"' || *next == '%' || *next == '*')
		return true;
	if (*next == '\'')
		return *skip_gap(next + 1) == '|' || *skip_gap(next + 1) == ',';
	return period > end || skip_gap(next) > next + 1 ||
		next[0] == '/' || next[0] == '\n';
}

/* All up to the next quote, with or without double quotes around it. */
static void
report_string(const char *start, NameFound found, void *arg)
{
	const char *end = strchr(start, '\'');
	char		name[NAMEDATALEN];

	if (end == NULL || end == start)
		return;
	if (*start == '"')
	{
		if (read_identifier(start, name) == end)
			found(name, arg);
		return;
	}
	if (end - start >= NAMEDATALEN)
		return;
	memcpy(name, start, end - start);
	name[end - start] = '\0';
	found(name, arg);
}

static bool
is_schema_setting(const char *name, const char *end)
{
	static const char tenant[] = ".tenant";

	return strcmp(name, "search_path") == 0 ||
		(strcmp(name, "tenant_mgr") == 0 &&
		 pg_strncasecmp(end, tenant, strlen(tenant)) == 0);
}

static void
report_list(const char *p, NameFound found, void *arg)
{
	while (*p != '\0' && *p != ';' && *p != ')')
	{
		char		name[NAMEDATALEN];
		const char *end = read_identifier(p, name);

		if (end != NULL)
			found(name, arg);
		p = end != NULL ? end : p + 1;
	}
}

/* Characters of an unquoted identifier; all of other scripts count. */
static bool
part_of_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}
