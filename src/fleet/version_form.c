/*
 * version_form.c
 *		What a new migration may be called.
 *
 * People tell versions apart by reading them, in a list of what is pending or in the
 * name of a file.  So whatever cannot be seen, or changes the order in which the
 * rest is shown, is refused; otherwise a version is any text.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/compat.h"
#include "fleet/version_form.h"

/* Longest version, in bytes; two of them fit into an entry of an index. */
#define MAX_VERSION_LENGTH	255

/* Characters of Unicode, from the first to the last */
typedef struct CharRange
{
	pg_wchar	first;			/* the first of them */
	pg_wchar	last;			/* the last, which may be the same */
} CharRange;

/* Controls, formats, fillers, variation selectors and tags */
static const CharRange invisible_chars[] = {
	{0x01, 0x1F}, {0x7F, 0x9F}, {0xAD, 0xAD}, {0x34F, 0x34F},
	{0x600, 0x605}, {0x61C, 0x61C}, {0x6DD, 0x6DD}, {0x70F, 0x70F},
	{0x890, 0x891}, {0x8E2, 0x8E2}, {0x115F, 0x1160}, {0x17B4, 0x17B5},
	{0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
	{0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0},
	{0xFFF0, 0xFFFB}, {0x110BD, 0x110BD}, {0x110CD, 0x110CD},
	{0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
	{0xE0000, 0xE0FFF}
};

/* Spaces, and the pattern of Braille without dots */
static const CharRange blank_chars[] = {
	{0x20, 0x20}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A},
	{0x202F, 0x202F}, {0x205F, 0x205F}, {0x2800, 0x2800}, {0x3000, 0x3000}
};

static bool is_utf8(const char *version);
static bool is_among(pg_wchar c, const CharRange *ranges, int nranges);

const char *
tm_version_problem(const char *version)
{
	const char *p = version;
	bool		decoded = is_utf8(version);
	bool		blank = true;

	if (version[0] == '\0')
		return _("A version has at least one character.");
	if (strlen(version) > MAX_VERSION_LENGTH)
		return psprintf(_("A version has at most %d bytes."),
						MAX_VERSION_LENGTH);
	if (!decoded && GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		p = pg_server_to_any(version, strlen(version), PG_UTF8);
		decoded = true;
	}
	while (*p != '\0')
	{
		const unsigned char *c = (const unsigned char *) p;
		bool		known = decoded || !IS_HIGHBIT_SET(*c);
		pg_wchar	code = known ? utf8_to_unicode(c) : 0;

		if (known && is_among(code, invisible_chars, lengthof(invisible_chars)))
			return _("A version has no control characters, and no others that cannot be seen.");
		if (!known || !is_among(code, blank_chars, lengthof(blank_chars)))
			blank = false;
		p += known ? pg_utf_mblen(c) : 1;
	}
	return blank ? _("A version does not consist of blanks.") : NULL;
}

/*
 * A database without an encoding does not say what its bytes are, but most clients
 * send UTF-8.  If it is something else, only ASCII is looked at.
 */
static bool
is_utf8(const char *version)
{
	if (GetDatabaseEncoding() == PG_UTF8)
		return true;
	return GetDatabaseEncoding() == PG_SQL_ASCII &&
		pg_verify_mbstr(PG_UTF8, version, strlen(version), true);
}

static bool
is_among(pg_wchar c, const CharRange *ranges, int nranges)
{
	for (int i = 0; i < nranges; i++)
	{
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	}
	return false;
}
