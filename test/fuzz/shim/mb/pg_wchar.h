/* mb/pg_wchar.h: see postgres.h above. */
#ifndef TENANT_MGR_FUZZ_WCHAR_H
#define TENANT_MGR_FUZZ_WCHAR_H

typedef unsigned int pg_wchar;

#define PG_UTF8						6
#define GetDatabaseEncoding()		PG_UTF8
#define is_utf16_surrogate_first(c)		((c) >= 0xD800 && (c) <= 0xDBFF)
#define is_utf16_surrogate_second(c)	((c) >= 0xDC00 && (c) <= 0xDFFF)
#define surrogate_pair_to_codepoint(first, second) \
	((((first) & 0x3FF) << 10) + 0x10000 + ((second) & 0x3FF))

static inline int
pg_utf_mblen(const unsigned char *s)
{
	return *s < 0x80 ? 1 : *s < 0xE0 ? 2 : *s < 0xF0 ? 3 : 4;
}

static inline unsigned char *
unicode_to_utf8(pg_wchar c, unsigned char *utf8)
{
	static const unsigned char marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
	int			len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (int i = len - 1; i > 0; i--, c >>= 6)
		utf8[i] = 0x80 | (c & 0x3F);
	utf8[0] = marks[len] | c;
	return utf8;
}

#endif							/* TENANT_MGR_FUZZ_WCHAR_H */
