/*
 * statement_tag.c
 *		The tenant that a statement says it is for.
 *
 * Libraries of applications can add comments to their statements, such as
 *
 *		SELECT ... FROM ... / *application='shop',tenant='acme'* /
 *		SELECT ... FROM ... / *application:shop,tenant:acme* /
 *
 * (without the blanks), the first with values that are encoded as in URLs.  A
 * comment that names another tenant than the bound one shows that application
 * and session have lost each other.
 *
 * To find comments, strings and names in quotes have to be passed over, as the
 * server's scanner does; how it reads backslashes depends on a setting.  Text
 * that is no valid SQL does not get here, but whatever gets here is read
 * without going beyond its end.
 *
 * A mismatch counts as an attempt to reach another tenant (guard_stats.c).  If
 * it is only logged, what the client has sent is executed and may come by here
 * several times, once for each of its statements and for those of triggers; it
 * gets one line.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <ctype.h>

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/parser.h"

#include "base/log_limit.h"
#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/statement_tag.h"
#include "stats/guard_stats.h"
#include "tenants/tenant_name.h"

#define TAG_KEY		"tenant"

/* the setting; written by wall.c */
int			tm_verify_tag = VERIFY_TAG_OFF;

/* when the last message came that has been logged; written by mismatch */
static TimestampTz logged_message = 0;

static void mismatch(const char *tag, const pg_uuid_t *tenant_id);
static const char *skip_string(const char *p, bool backslashes);
static const char *continued_string(const char *p);
static const char *skip_quoted(const char *p, char quote, bool backslashes);
static const char *skip_dollar_quoted(const char *p);
static const char *skip_comment(const char *p);
static bool is_name_character(char c);
static char *find_tag(const char *comment, const char *end);
static const char *skip_space(const char *p, const char *end);
static char *read_value(const char *p, const char *end);
static int	hex_digit(char c);

char *
tm_statement_tag_next(const char *sql, const char **position)
{
	const char *p = *position;
	char	   *tag;

	while (*p != '\0')
	{
		if (p[0] == '\'')
		{
			/* E'...' has backslashes, unless the E ends a name. */
			bool		escapes = p > sql && (p[-1] == 'E' || p[-1] == 'e') &&
				(p == sql + 1 || !is_name_character(p[-2]));

			p = skip_string(p, escapes || !standard_conforming_strings);
		}
		else if (p[0] == '"')
			p = skip_quoted(p, '"', false);
		else if (p[0] == '$' && (p == sql || !is_name_character(p[-1])))
			p = skip_dollar_quoted(p);
		else if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\r\n");
		else if (p[0] == '/' && p[1] == '*')
		{
			const char *end = skip_comment(p);

			tag = find_tag(p + 2, end);
			p = end;
			if (tag != NULL)
			{
				*position = p;
				return tag;
			}
		}
		else
			p++;
	}
	*position = p;
	return NULL;
}

void
tm_statement_tag_verify(const char *sql)
{
	Binding    *binding = tm_binding_current();
	const char *position = sql;
	char	   *tag;

	if (sql == NULL || binding == NULL || !binding->verified)
		return;
	while ((tag = tm_statement_tag_next(sql, &position)) != NULL)
	{
		if (strcmp(tag, tm_tenant) != 0)
			mismatch(tag, &binding->id);
		pfree(tag);
	}
}

static void
mismatch(const char *tag, const pg_uuid_t *tenant_id)
{
	bool		refused = (tm_verify_tag == VERIFY_TAG_ENFORCE);
	uint64		left_out = 0;
	bool		valid;

	if (!refused)
	{
		if (logged_message == GetCurrentStatementStartTimestamp())
			return;
		logged_message = GetCurrentStatementStartTimestamp();
	}

	/* What has been decoded can be any bytes. */
	valid = pg_verifymbstr(tag, strlen(tag), true);
	tm_guard_count_violation(tenant_id, refused);
	if (!refused && !tm_log_limit_admits(LOG_LIMIT_TAG, &left_out))
		return;
	ereport(refused ? ERROR : LOG,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("statement is tagged for tenant \"%s\" and the session is bound to \"%s\"",
					valid ? tm_tenant_name_printable(tag) : "?",
					tm_tenant),
			 left_out > 0 ?
			 errdetail_internal("%s", tm_log_limit_detail(left_out)) : 0));
}

/*
 * Past the end of a string, with all its parts: one that follows in a later
 * line belongs to it, and is read as the first one is.
 */
static const char *
skip_string(const char *p, bool backslashes)
{
	const char *next = p;

	do
	{
		p = skip_quoted(next, '\'', backslashes);
		next = continued_string(p);
	} while (next != NULL);
	return p;
}

/* The quote with which a string goes on, past white space with a line's end */
static const char *
continued_string(const char *p)
{
	bool		next_line = false;

	for (;;)
	{
		if (*p == '\n' || *p == '\r')
			next_line = true;
		if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\r\n");
		else if (*p != '\0' && strchr(" \t\n\r\f\v", *p) != NULL)
			p++;
		else
			break;
	}
	return next_line && *p == '\'' ? p : NULL;
}

/* Past the end of what is quoted; a doubled quote does not end it. */
static const char *
skip_quoted(const char *p, char quote, bool backslashes)
{
	for (p++; *p != '\0'; p++)
	{
		if (backslashes && p[0] == '\\' && p[1] != '\0')
			p++;
		else if (p[0] == quote && p[1] == quote)
			p++;
		else if (p[0] == quote)
			return p + 1;
	}
	return p;
}

/* Past the end of $tag$...$tag$, or past the dollar if it is something else. */
static const char *
skip_dollar_quoted(const char *p)
{
	const char *end = p + 1;
	Size		len;

	if (isdigit((unsigned char) *end))
		return end;
	while (*end != '$' && is_name_character(*end))
		end++;
	if (*end != '$')
		return p + 1;
	len = end + 1 - p;
	for (end++; (end = strchr(end, '$')) != NULL; end++)
	{
		if (strncmp(end, p, len) == 0)
			return end + len;
	}
	return p + strlen(p);
}

/* Past the end of a comment, which may contain others. */
static const char *
skip_comment(const char *p)
{
	int			depth = 0;

	while (*p != '\0')
	{
		if (p[0] == '/' && p[1] == '*')
		{
			depth++;
			p += 2;
		}
		else if (p[0] == '*' && p[1] == '/')
		{
			p += 2;
			if (--depth == 0)
				return p;
		}
		else
			p++;
	}
	return p;
}

static bool
is_name_character(char c)
{
	return IS_HIGHBIT_SET(c) || isalnum((unsigned char) c) || c == '_' ||
		c == '$';
}

/*
 * The value of our key in a comment that is a list of keys and values; NULL
 * if it has none.  The first one counts.
 */
static char *
find_tag(const char *comment, const char *end)
{
	const char *p = comment;

	while (p < end)
	{
		const char *key = skip_space(p, end);
		Size		len = strlen(TAG_KEY);

		if (end - key > len && strncmp(key, TAG_KEY, len) == 0)
		{
			p = skip_space(key + len, end);
			if (p < end && (*p == '=' || *p == ':'))
				return read_value(skip_space(p + 1, end), end);
		}

		/* On to what follows the next comma that is no part of a value. */
		for (p = key; p < end && *p != ','; p++)
		{
			if (*p == '\'')
				p = Min(skip_quoted(p, '\'', true), end) - 1;
		}
		p++;
	}
	return NULL;
}

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && isspace((unsigned char) *p))
		p++;
	return p;
}

/*
 * A value in quotes is decoded: %xx is a byte, and a backslash makes the next
 * character an ordinary one.  One without ends at a comma, a blank or with the
 * comment, and is taken as it is.
 */
static char *
read_value(const char *p, const char *end)
{
	StringInfoData value;

	initStringInfo(&value);
	if (p >= end || *p != '\'')
	{
		while (p < end && *p != ',' && !isspace((unsigned char) *p) &&
			   !(p[0] == '*' && p[1] == '/'))
			appendStringInfoChar(&value, *p++);
		return value.data;
	}

	for (p++; p < end && *p != '\''; p++)
	{
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '%' && end - p > 2 &&
				 hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0 &&
				 hex_digit(p[1]) + hex_digit(p[2]) > 0)
		{
			appendStringInfoChar(&value,
								 (char) (hex_digit(p[1]) * 16 +
										 hex_digit(p[2])));
			p += 2;
			continue;
		}
		appendStringInfoChar(&value, *p);
	}
	return value.data;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}
