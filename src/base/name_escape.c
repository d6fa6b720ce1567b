/*
 * name_escape.c
 *		Names and strings that are written with escapes.
 *
 * U&"d\0061ta" is data, and so are E'd\x61ta', E'd\141ta', E'd\u0061ta' and
 * U&'d!0061ta' UESCAPE '!'.  They are read with less rigour than the server has:
 * what it would refuse is taken as it stands.  A backslash in a string is taken
 * for an escape whether or not there is an E, as it is one where
 * standard_conforming_strings is off.
 *
 * In a database that is not in UTF-8, escapes beyond ASCII are left out: there is
 * no conversion that never fails.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/scansup.h"

#include "base/name_escape.h"

/* What is longer than this, with escapes, is no name */
#define MAX_WRITTEN		(10 * NAMEDATALEN)

static const char *string_end(const char *start);
static char *decode_unicode(const char *start, const char *end, char escape,
							char quote);
static char *decode_backslashes(const char *start, const char *end);
static const char *read_number(const char *p, int base, int maxdigits,
							   pg_wchar *number);
static void append_code(StringInfo buf, pg_wchar code, pg_wchar *first);
static const char *read_uescape(const char *end, char *escape);
static const char *skip_space(const char *p);

bool
tm_name_has_unicode_mark(const char *body, const char *quote)
{
	return quote - body >= 2 && quote[-1] == '&' &&
		(quote[-2] == 'U' || quote[-2] == 'u');
}

char *
tm_name_escaped_string(const char *start, bool unicode)
{
	const char *end;
	char		escape = '\\';

	if (unicode)
	{
		end = strchr(start, '\'');
		if (end == NULL)
			return NULL;
		(void) read_uescape(end + 1, &escape);
		return memchr(start, escape, end - start) == NULL ? NULL :
			decode_unicode(start, end, escape, '\'');
	}
	end = string_end(start);
	return end == NULL || memchr(start, '\\', end - start) == NULL ? NULL :
		decode_backslashes(start, end);
}

char *
tm_name_unescape(const char *written, char escape)
{
	return decode_unicode(written, written + strlen(written), escape, '\0');
}

const char *
tm_name_escaped_identifier(const char *start, char *name)
{
	const char *end = start;
	const char *after;
	char		escape = '\\';
	char	   *meant;

	/* a quote that is doubled stands for itself */
	while (*end != '\0' && (*end != '"' || end[1] == '"'))
	{
		end += (*end == '"') ? 2 : 1;
		if (end - start > MAX_WRITTEN)
			return NULL;
	}
	if (*end == '\0' || end == start)
		return NULL;
	after = read_uescape(end + 1, &escape);
	meant = decode_unicode(start, end, escape, '"');
	strlcpy(name, meant, NAMEDATALEN);
	pfree(meant);
	return name[0] != '\0' ? after : NULL;
}

/* The quote that ends a string with backslashes, or NULL. */
static const char *
string_end(const char *start)
{
	const char *p = start;

	for (; *p != '\0'; p++)
	{
		if (*p == '\'')
			return p;
		if (*p == '\\' && *++p == '\0')
			break;
	}
	return NULL;
}

static char *
decode_unicode(const char *start, const char *end, char escape, char quote)
{
	StringInfoData buf;
	pg_wchar	first = 0;
	const char *p = start;

	initStringInfo(&buf);
	while (p < end)
	{
		const char *next = NULL;
		pg_wchar	code;

		if (*p == quote && p[1] == quote)
			p++;
		if (*p == escape && p[1] == escape)
			p++;
		else if (*p == escape && p[1] == '+')
			next = read_number(p + 2, 16, 6, &code);
		else if (*p == escape)
			next = read_number(p + 1, 16, 4, &code);
		if (next != NULL)
		{
			append_code(&buf, code, &first);
			p = next;
		}
		else
			appendStringInfoCharMacro(&buf, *p++);
	}
	return buf.data;
}

static char *
decode_backslashes(const char *start, const char *end)
{
	static const char letters[] = "bfnrtv";
	static const char meanings[] = "\b\f\n\r\t\v";
	StringInfoData buf;
	pg_wchar	first = 0;
	const char *p = start;

	initStringInfo(&buf);
	while (p < end)
	{
		const char *next = NULL;
		const char *letter;
		pg_wchar	code;

		if (*p != '\\' || p + 1 >= end)
		{
			appendStringInfoCharMacro(&buf, *p++);
			continue;
		}
		p++;
		if (*p == 'u')
			next = read_number(p + 1, 16, 4, &code);
		else if (*p == 'U')
			next = read_number(p + 1, 16, 8, &code);
		if (next != NULL)
		{
			append_code(&buf, code, &first);
			p = next;
			continue;
		}
		/* these are bytes, not characters, and may be fewer digits */
		if (*p == 'x')
			next = read_number(p + 1, 16, -2, &code);
		else
			next = read_number(p, 8, -3, &code);
		if (next != NULL)
		{
			if ((code & 0xFF) != 0)
				appendStringInfoCharMacro(&buf, (char) code);
			p = next;
			continue;
		}
		letter = strchr(letters, *p);
		appendStringInfoCharMacro(&buf, letter != NULL ?
								  meanings[letter - letters] : *p);
		p++;
	}
	return buf.data;
}

/*
 * A number of so many digits, or of up to so many if that is negative; returns
 * where it ends, NULL if there is none.
 */
static const char *
read_number(const char *p, int base, int maxdigits, pg_wchar *number)
{
	int			ndigits = 0;

	*number = 0;
	for (; ndigits < abs(maxdigits); ndigits++, p++)
	{
		int			digit;

		if (*p >= '0' && *p <= '9')
			digit = *p - '0';
		else if (*p >= 'a' && *p <= 'f')
			digit = *p - 'a' + 10;
		else if (*p >= 'A' && *p <= 'F')
			digit = *p - 'A' + 10;
		else
			break;
		if (digit >= base)
			break;
		*number = *number * base + digit;
	}
	return (maxdigits < 0 ? ndigits > 0 : ndigits == maxdigits) ? p : NULL;
}

/* A character; the first half of a surrogate pair waits for the second. */
static void
append_code(StringInfo buf, pg_wchar code, pg_wchar *first)
{
	unsigned char utf8[8];

	if (is_utf16_surrogate_first(code))
	{
		*first = code;
		return;
	}
	if (is_utf16_surrogate_second(code) && *first != 0)
		code = surrogate_pair_to_codepoint(*first, code);
	*first = 0;
	if (code == 0 || code > 0x10FFFF ||
		(code > 0x7F && GetDatabaseEncoding() != PG_UTF8))
		return;
	unicode_to_utf8(code, utf8);
	appendBinaryStringInfo(buf, (char *) utf8, pg_utf_mblen(utf8));
}

/*
 * If UESCAPE with a character follows, read that; returns where it ends, or
 * where the string does.
 */
static const char *
read_uescape(const char *end, char *escape)
{
	static const char keyword[] = "uescape";
	const char *p = skip_space(end);

	if (pg_strncasecmp(p, keyword, strlen(keyword)) != 0)
		return end;
	p = skip_space(p + strlen(keyword));
	if (p[0] != '\'' || p[1] == '\0' || p[2] != '\'')
		return end;
	*escape = p[1];
	return p + 3;
}

static const char *
skip_space(const char *p)
{
	while (scanner_isspace(*p))
		p++;
	return p;
}
