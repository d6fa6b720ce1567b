/*
 * punycode.c
 *		Host names as the domain name system writes them.
 *
 * Browsers send "xn--bcher-kva.example" for "b\u00fccher.example".  This is
 * the decoder of RFC 3492; we never have to encode.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "binding/punycode.h"

#define ACE_PREFIX		"xn--"

/* Parameters of RFC 3492, section 5 */
#define BASE			36
#define TMIN			1
#define TMAX			26
#define SKEW			38
#define DAMP			700
#define INITIAL_BIAS	72
#define INITIAL_N		0x80

/* A label has at most 63 bytes, and each character takes one at least */
#define MAX_CHARS		64

static bool decode_label(StringInfo buf, const char *label, size_t len);
static int	decode(const char *input, size_t len, pg_wchar *output);
static int	digit_value(char c);
static uint32 adapt(uint32 delta, int nchars, bool first);

char *
tm_punycode_decode_host(const char *host)
{
	StringInfoData buf;
	bool		found = false;

	initStringInfo(&buf);
	for (const char *label = host;;)
	{
		size_t		len = strcspn(label, ".");

		if (strncmp(label, ACE_PREFIX, strlen(ACE_PREFIX)) == 0)
		{
			found = true;
			if (!decode_label(&buf, label + strlen(ACE_PREFIX),
							  len - strlen(ACE_PREFIX)))
				return NULL;
		}
		else
			appendBinaryStringInfo(&buf, label, len);
		if (label[len] == '\0')
			break;
		appendStringInfoChar(&buf, '.');
		label += len + 1;
	}
	return found ? buf.data : NULL;
}

static bool
decode_label(StringInfo buf, const char *label, size_t len)
{
	pg_wchar	chars[MAX_CHARS];
	int			nchars = decode(label, len, chars);

	/* Only there does each letter have a number and an encoding. */
	if (nchars < 0 || GetDatabaseEncoding() != PG_UTF8)
		return false;
	for (int i = 0; i < nchars; i++)
	{
		unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1] = {0};

		unicode_to_utf8(chars[i], utf8);
		appendStringInfoString(buf, (char *) utf8);
	}
	return true;
}

/* Section 6.2; returns the number of characters, -1 if there is a mistake. */
static int
decode(const char *input, size_t len, pg_wchar *output)
{
	uint32		n = INITIAL_N;
	uint32		i = 0;
	uint32		bias = INITIAL_BIAS;
	int			nchars = 0;
	size_t		in = 0;

	if (len >= MAX_CHARS)
		return -1;
	for (size_t j = len; j > 0; j--)
	{
		if (input[j - 1] != '-')
			continue;
		for (; in < j - 1; in++)
			output[nchars++] = (unsigned char) input[in];
		in = j;
		break;
	}

	while (in < len)
	{
		uint32		old_i = i;
		uint32		weight = 1;

		for (uint32 k = BASE;; k += BASE)
		{
			int			digit = in < len ? digit_value(input[in++]) : -1;
			uint32		threshold = k <= bias ? TMIN :
				k >= bias + TMAX ? TMAX : k - bias;

			if (digit < 0 || (uint32) digit > (PG_UINT32_MAX - i) / weight)
				return -1;
			i += digit * weight;
			if ((uint32) digit < threshold)
				break;
			if (weight > PG_UINT32_MAX / (BASE - threshold))
				return -1;
			weight *= BASE - threshold;
		}
		bias = adapt(i - old_i, nchars + 1, old_i == 0);
		n += i / (nchars + 1);
		i %= nchars + 1;
		if (n < INITIAL_N || n > 0x10FFFF || (n >= 0xD800 && n <= 0xDFFF) ||
			nchars == MAX_CHARS)
			return -1;
		memmove(output + i + 1, output + i, (nchars - i) * sizeof(pg_wchar));
		output[i++] = n;
		nchars++;
	}
	return nchars;
}

static int
digit_value(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= '0' && c <= '9')
		return c - '0' + 26;
	return -1;
}

/* Section 6.1 */
static uint32
adapt(uint32 delta, int nchars, bool first)
{
	uint32		k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / nchars;
	while (delta > (BASE - TMIN) * TMAX / 2)
	{
		delta /= BASE - TMIN;
		k += BASE;
	}
	return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}
