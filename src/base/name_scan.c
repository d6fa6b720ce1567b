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
 * What is written with escapes (name_escape.c) is looked at as it is written
 * and as it is meant.  The latter is a text that may have escapes in turn; a few
 * of these levels are looked into.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "parser/scansup.h"

#include "base/name_escape.h"
#include "base/name_scan.h"

/* Strings within strings that are looked into */
#define MAX_LEVELS	8

/*
 * Between a name and its period, about; whoever writes functions decides how long
 * they are, and each name in them is looked at.
 */
#define MAX_GAP		4096

/* Is a name among those that are found? */
typedef struct NameWanted
{
	const char *name;			/* the name */
	bool		found;			/* has it been told? */
} NameWanted;

static void note_wanted(const char *name, void *arg);
static void scan(const char *body, int level, NameFound found, void *arg);
static const char *read_identifier(const char *start, char *name);
static void scan_string(const char *body, const char *quote, int level,
						NameFound found, void *arg);
static char *string_as_meant(const char *body, const char *quote, int level);
static const char *skip_gap(const char *p);
static bool qualifies(const char *end);
static void report_string(const char *start, NameFound found, void *arg);
static void report_value(const char *value, NameFound found, void *arg);
static bool is_schema_setting(const char *name, const char *end);
static void report_list(const char *list, int level, NameFound found,
						void *arg);
static void report_list_in_string(const char *body, const char *quote,
								  int level, NameFound found, void *arg);
static bool part_of_word(char c);

void
tm_scan_names(const char *body, NameFound found, void *arg)
{
	scan(body, 1, found, arg);
}

bool
tm_scan_for_name(const char *text, const char *name)
{
	NameWanted	wanted = {name, strcmp(text, name) == 0};

	if (!wanted.found)
		tm_scan_names(text, note_wanted, &wanted);
	return wanted.found;
}

static void
note_wanted(const char *name, void *arg)
{
	NameWanted *wanted = arg;

	if (strcmp(name, wanted->name) == 0)
		wanted->found = true;
}

static void
scan(const char *body, int level, NameFound found, void *arg)
{
	for (const char *p = body; *p != '\0'; p++)
	{
		char		name[NAMEDATALEN];
		const char *end;

		if (*p == '\'')
		{
			report_string(p + 1, found, arg);
			scan_string(body, p, level, found, arg);
		}
		if (p > body && part_of_word(p[-1]) && *p != '"')
			continue;
		end = read_identifier(p, name);
		if (end == NULL)
			continue;
		if (is_schema_setting(name, end))
			report_list(end, level, found, arg);
		else if (qualifies(end))
			found(name, arg);
	}
}

/* The string that begins with this quote, if it has escapes, as it is meant. */
static void
scan_string(const char *body, const char *quote, int level, NameFound found,
			void *arg)
{
	char	   *meant = string_as_meant(body, quote, level);

	if (meant == NULL)
		return;
	report_value(meant, found, arg);
	scan(meant, level + 1, found, arg);
	pfree(meant);
}

/*
 * A string with its escapes resolved, palloc'd, or NULL if there are none.
 * Each piece of text is looked at for one string of a level only, so a quote
 * that is escaped itself is left to the string that it is in.
 */
static char *
string_as_meant(const char *body, const char *quote, int level)
{
	if (level == MAX_LEVELS || (quote > body && quote[-1] == '\\'))
		return NULL;
	CHECK_FOR_INTERRUPTS();
	return tm_name_escaped_string(quote + 1,
								  tm_name_has_unicode_mark(body, quote));
}

/*
 * Read the identifier that begins here into a buffer of NAMEDATALEN bytes;
 * returns where it ends, NULL if there is none.
 */
static const char *
read_identifier(const char *start, char *name)
{
	const char *p = start;
	char	   *folded;
	size_t		len = 0;

	if ((p[0] == 'U' || p[0] == 'u') && p[1] == '&' && p[2] == '"')
		return tm_name_escaped_identifier(p + 3, name);
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
	folded = downcase_truncate_identifier(start, len, false);
	strlcpy(name, folded, NAMEDATALEN);
	pfree(folded);
	return p;
}

/* Past white space and comments, if they are not too long. */
static const char *
skip_gap(const char *start)
{
	const char *p = start;

	while (p - start < MAX_GAP)
	{
		if (scanner_isspace(*p))
			p++;
		else if (p[0] == '-' && p[1] == '-')
		{
			while (*p != '\0' && *p != '\n' && *p != '\r' &&
				   p - start < MAX_GAP)
				p++;
		}
		else if (p[0] == '/' && p[1] == '*')
		{
			int			depth = 1;

			for (p += 2; *p != '\0' && depth > 0 && p - start < MAX_GAP; p++)
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
			break;
	}
	return p;
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

/* All up to the next quote. */
static void
report_string(const char *start, NameFound found, void *arg)
{
	const char *end = strchr(start, '\'');
	char		value[2 * NAMEDATALEN + 2];

	if (end == NULL || end - start >= (ptrdiff_t) sizeof(value))
		return;
	memcpy(value, start, end - start);
	value[end - start] = '\0';
	report_value(value, found, arg);
}

/* A string that may be a name, with or without double quotes around it. */
static void
report_value(const char *value, NameFound found, void *arg)
{
	char		name[NAMEDATALEN];
	const char *end;

	if (*value == '"')
	{
		end = read_identifier(value, name);
		if (end != NULL && *end == '\0')
			found(name, arg);
	}
	else if (*value != '\0' && strlen(value) < NAMEDATALEN)
		found(value, arg);
}

static bool
is_schema_setting(const char *name, const char *end)
{
	static const char tenant[] = ".tenant";

	return strcmp(name, "search_path") == 0 ||
		(strcmp(name, "tenant_mgr") == 0 &&
		 pg_strncasecmp(end, tenant, strlen(tenant)) == 0);
}

/* Up to the end of the list, or to the next setting, which has its own. */
static void
report_list(const char *list, int level, NameFound found, void *arg)
{
	const char *p = list;

	while (*p != '\0' && *p != ';' && *p != ')')
	{
		char		name[NAMEDATALEN];
		const char *end = read_identifier(p, name);

		if (end != NULL && is_schema_setting(name, end))
			return;
		if (end != NULL)
			found(name, arg);
		else if (*p == '\'')
			report_list_in_string(list, p, level, found, arg);
		p = end != NULL ? end : p + 1;
	}
}

/* A list within a string that begins with this quote, as it is meant. */
static void
report_list_in_string(const char *body, const char *quote, int level,
					  NameFound found, void *arg)
{
	char	   *meant = string_as_meant(body, quote, level);

	if (meant == NULL)
		return;
	report_list(meant, level + 1, found, arg);
	pfree(meant);
}

/* Characters of an unquoted identifier; all of other scripts count. */
static bool
part_of_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}
