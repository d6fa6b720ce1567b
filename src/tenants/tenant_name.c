/*
 * tenant_name.c
 *		Which names a tenant may have.
 *
 * A tenant's name becomes the name of a schema; it is read by people and by
 * programs, typed into shells and web addresses, printed into logs.  So it
 * consists of letters and digits of any script, "_", "-" and ".", and of
 * nothing else: neither quotes nor white space nor "$", no control, format or
 * direction marks.  It is never truncated: with the prefix it has 1 to 63
 * bytes or is refused.
 *
 * What a letter is does not depend on the database's locale: the code points
 * are looked up in the C library's C.UTF-8 locale.  Combining marks that are
 * not letters in their own right are not accepted, so a decomposed "e" with
 * an accent is refused and there is one way only to write such a name.
 * Letters of different scripts that look alike are different letters.  Where
 * there is no such locale, or where the encoding does not say which
 * characters the bytes are (SQL_ASCII), only ASCII is accepted.  The case of
 * letters is decided in the same way, so that two names are alike in each
 * database to which a dump may be restored, or in none.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <locale.h>
#include <wctype.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "tenants/persistent_schemas.h"
#include "tenants/registry.h"
#include "tenants/tenant_name.h"

/* What is shown of a name in a message, in characters */
#define MAX_SHOWN	80

/* the setting; written by the GUC machinery only */
char	   *tm_schema_prefix = NULL;

static char *fold_unicode(const char *name);
static void check_length(const char *name, const char *schema);
static void check_characters(const char *name, const char *shown);
static bool has_name_characters_only(const char *name);
static const char *reserved_reason(const char *name);
static const char *server_reason(const char *name);
static void check_reserved(const char *name, const char *shown);
static const unsigned char *to_unicode(const char *name);
static bool is_ascii_name_char(unsigned char c);
static bool is_letter_or_digit(pg_wchar c);
static locale_t unicode_locale(void);
static void invalid_name(const char *shown, const char *detail);

/*
 * Names that begin with the prefix have to be names of schemas that a user
 * can create.  Letters beyond ASCII are left to the check of the whole name,
 * which knows the encoding.
 */
bool
tm_tenant_name_check_prefix(char **newval, void **extra, GucSource source)
{
	const char *prefix = *newval;

	if (strlen(prefix) >= NAMEDATALEN - 1)
	{
		GUC_check_errdetail("The prefix leaves no room for a name.");
		return false;
	}
	if (pg_strncasecmp(prefix, "pg_", 3) == 0)
	{
		GUC_check_errdetail("The prefix \"pg_\" is reserved for system schemas.");
		return false;
	}
	for (; *prefix != '\0'; prefix++)
	{
		if (IS_HIGHBIT_SET(*prefix) || isalnum((unsigned char) *prefix) ||
			strchr("_-.", *prefix) != NULL)
			continue;
		GUC_check_errdetail("Only letters, digits, \"_\", \"-\" and \".\" are allowed.");
		return false;
	}
	return true;
}

void
tm_tenant_name_check(const char *name)
{
	char	   *shown = tm_tenant_name_printable(name);

	check_length(name, name);
	check_characters(name, shown);
	check_reserved(name, shown);
}

char *
tm_tenant_name_schema(const char *name)
{
	char	   *schema;

	tm_tenant_name_check(name);
	if (tm_schema_prefix == NULL || tm_schema_prefix[0] == '\0')
		return pstrdup(name);

	schema = psprintf("%s%s", tm_schema_prefix, name);
	check_length(name, schema);
	check_characters(schema, tm_tenant_name_printable(schema));
	check_reserved(schema, tm_tenant_name_printable(schema));
	return schema;
}

void
tm_tenant_name_refuse_schema(const char *schema)
{
	const char *reason = reserved_reason(schema);

	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("schema \"%s\" cannot be a tenant",
						tm_tenant_name_printable(schema)),
				 errdetail_internal("%s", reason)));
}

bool
tm_tenant_name_is_possible_schema(const char *schema, bool trashed)
{
	if (strncmp(schema, TM_TRASH_PREFIX, strlen(TM_TRASH_PREFIX)) == 0)
		return trashed;
	return schema[0] != '\0' && server_reason(schema) == NULL;
}

bool
tm_tenant_name_is_reserved(const char *name)
{
	return reserved_reason(name) != NULL;
}

bool
tm_tenant_name_is_valid(const char *name)
{
	return name[0] != '\0' && strlen(name) < NAMEDATALEN &&
		has_name_characters_only(name) && server_reason(name) == NULL;
}

char *
tm_tenant_name_printable(const char *name)
{
	StringInfoData buf;
	const char *p;
	int			shown = 0;

	initStringInfo(&buf);
	for (p = name; *p != '\0'; p += pg_mblen(p))
	{
		const unsigned char *unicode;
		int			len = pg_mblen(p);

		if (shown++ == MAX_SHOWN)
		{
			appendStringInfoString(&buf, "...");
			break;
		}

		if (!IS_HIGHBIT_SET(*p))
		{
			if (*p >= ' ' && *p != '\177')
				appendStringInfoChar(&buf, *p);
			else
				appendStringInfo(&buf, "\\x%02x", (unsigned char) *p);
			continue;
		}

		unicode = to_unicode(pnstrdup(p, len));
		if (unicode == NULL)
			appendStringInfo(&buf, "\\x%02x", (unsigned char) *p);
		else if (is_letter_or_digit(utf8_to_unicode(unicode)))
			appendBinaryStringInfo(&buf, p, len);
		else
			appendStringInfo(&buf, "\\u%04x", utf8_to_unicode(unicode));
	}
	return buf.data;
}

char *
tm_tenant_name_fold(const char *name)
{
	char	   *folded = pstrdup(name);
	bool		ascii = true;
	char	   *p;

	for (p = folded; *p != '\0'; p++)
	{
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
		else if (IS_HIGHBIT_SET(*p))
			ascii = false;
	}
	return ascii ? folded : fold_unicode(folded);
}

/* The rest of it, letter by letter. */
static char *
fold_unicode(const char *name)
{
	const unsigned char *p = to_unicode(name);
	StringInfoData buf;

	if (p == NULL || unicode_locale() == (locale_t) 0)
		return pstrdup(name);

	initStringInfo(&buf);
	for (; *p != '\0'; p += pg_utf_mblen(p))
	{
		unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN];
		wint_t		c = towlower_l((wint_t) utf8_to_unicode(p),
								   unicode_locale());

		unicode_to_utf8((pg_wchar) c, utf8);
		appendBinaryStringInfo(&buf, (char *) utf8, pg_utf_mblen(utf8));
	}
	return pg_any_to_server(buf.data, buf.len, PG_UTF8);
}

static void
check_length(const char *name, const char *schema)
{
	if (name[0] == '\0')
		invalid_name(name, _("The name is empty."));
	if (strlen(schema) < NAMEDATALEN)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_NAME),
			 errmsg("invalid tenant name: \"%s\"",
					tm_tenant_name_printable(name)),
			 schema == name ?
			 errdetail("The name has %zu bytes, the limit is %d.",
					   strlen(name), NAMEDATALEN - 1) :
			 errdetail("With the prefix \"%s\" the name has %zu bytes, the limit is %d.",
					   tm_tenant_name_printable(tm_schema_prefix),
					   strlen(schema), NAMEDATALEN - 1)));
}

static void
check_characters(const char *name, const char *shown)
{
	if (!has_name_characters_only(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid tenant name: \"%s\"", shown),
				 errdetail("The name contains a character that is not allowed."),
				 errhint("Use letters, digits, \"_\", \"-\" and \".\".")));
}

/*
 * ASCII first: in a server encoding a byte below 128 is never a part of
 * another character, and most names need no conversion.
 */
static bool
has_name_characters_only(const char *name)
{
	const unsigned char *p;
	bool		ascii = true;

	for (p = (const unsigned char *) name; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			ascii = false;
		else if (!is_ascii_name_char(*p))
			return false;
	}
	if (ascii)
		return true;

	p = to_unicode(name);
	if (p == NULL)
		return false;
	for (; *p != '\0'; p += pg_utf_mblen(p))
	{
		if (IS_HIGHBIT_SET(*p) && !is_letter_or_digit(utf8_to_unicode(p)))
			return false;
	}
	return true;
}

static void
check_reserved(const char *name, const char *shown)
{
	const char *reason = reserved_reason(name);

	if (reason != NULL)
		invalid_name(shown, reason);
}

/* Why no tenant may have this name or schema, or NULL; whatever its case. */
static const char *
reserved_reason(const char *name)
{
	const char *reason = server_reason(name);
	char	   *folded;
	ListCell   *lc;

	if (reason != NULL)
		return reason;
	folded = tm_tenant_name_fold(name);
	foreach(lc, tm_setting_split_names(tm_persistent_schemas))
	{
		if (strcmp(folded, tm_tenant_name_fold(lfirst(lc))) == 0)
			return _("The name is that of a persistent schema.");
	}
	return NULL;
}

/* Likewise, whatever the settings say. */
static const char *
server_reason(const char *name)
{
	char	   *folded = tm_tenant_name_fold(name);

	if (strncmp(folded, "pg_", 3) == 0)
		return _("Names that start with \"pg_\" are reserved for the server.");
	if (strncmp(folded, TM_TRASH_PREFIX, strlen(TM_TRASH_PREFIX)) == 0)
		return _("Names that start with \"" TM_TRASH_PREFIX "\" are reserved for dropped tenants.");
	if (strncmp(folded, TM_SNAPSHOT_PREFIX, strlen(TM_SNAPSHOT_PREFIX)) == 0)
		return _("Names that start with \"" TM_SNAPSHOT_PREFIX "\" are reserved for snapshots.");
	if (strcmp(folded, "information_schema") == 0 ||
		strcmp(folded, "public") == 0 ||
		strcmp(folded, TM_SCHEMA_NAME) == 0)
		return _("The name is reserved.");

	return NULL;
}

/*
 * The string in UTF-8, or NULL if the encoding does not say which characters
 * its bytes are.
 */
static const unsigned char *
to_unicode(const char *name)
{
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return NULL;
	return (const unsigned char *) pg_server_to_any(name, strlen(name),
													PG_UTF8);
}

static bool
is_ascii_name_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool
is_letter_or_digit(pg_wchar c)
{
	locale_t	locale = unicode_locale();

	/* Letters by their class, but there is nothing to be seen of them. */
	if (c == 0x115F || c == 0x1160 || c == 0x17B4 || c == 0x17B5 ||
		c == 0x3164 || c == 0xFFA0)
		return false;

	return locale != (locale_t) 0 && iswalnum_l((wint_t) c, locale) != 0;
}

/* The locale that knows all of Unicode, made once; 0 if there is none. */
static locale_t
unicode_locale(void)
{
	static locale_t locale = (locale_t) 0;
	static bool tried = false;

	if (!tried)
	{
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
		tried = true;
	}
	return locale;
}

static void
invalid_name(const char *shown, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_NAME),
			 errmsg("invalid tenant name: \"%s\"", shown),
			 errdetail_internal("%s", detail)));
}
