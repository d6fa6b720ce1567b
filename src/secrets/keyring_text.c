/*
 * keyring_text.c
 *		The text of a key ring.
 *
 * A line for each key, "version:" and 64 hexadecimal digits, with an asterisk
 * before the version of the current key; without any asterisk the highest
 * version is current.  Empty lines and lines that begin with "#" do not count,
 * and a line may end with a carriage return.
 *
 * All of it is understood, or nothing: a ring with a mistake in it is no ring,
 * for a key that is silently missing would be missed when it is too late.
 * The functions see nothing but the text and can be tried outside of a server
 * (test/fuzz).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "base/crypto.h"
#include "secrets/keyring_text.h"

static char *parse_line(const char *line, Size size, KeyRing *ring,
						bool *marked);
static int32 parse_version(const char *digits, Size size);
static void choose_current(KeyRing *ring, bool marked);

char *
tm_keyring_parse(const char *string, Size size, KeyRing *ring)
{
	const char *position = string;
	const char *end = string + size;
	bool		marked = false;
	int			number = 0;

	while (position < end)
	{
		const char *newline = memchr(position, '\n', end - position);
		const char *line = position;
		Size		line_size = (newline != NULL ? newline : end) - line;
		char	   *problem;

		number++;
		position = newline != NULL ? newline + 1 : end;
		if (line_size > 0 && line[line_size - 1] == '\r')
			line_size--;
		if (line_size == 0 || line[0] == '#')
			continue;
		problem = parse_line(line, line_size, ring, &marked);
		if (problem != NULL)
		{
			char	   *sentence = psprintf(_("Line %d of the key ring: %s."),
											number, problem);

			pfree(problem);
			return sentence;
		}
	}
	if (ring->nkeys == 0)
		return pstrdup(_("The key ring is empty."));
	choose_current(ring, marked);
	return NULL;
}

/* One key.  Returns NULL, or what is wrong with it; not a sentence. */
static char *
parse_line(const char *line, Size size, KeyRing *ring, bool *marked)
{
	bool		is_current = (line[0] == '*');
	const char *start = line + (is_current ? 1 : 0);
	const char *end = line + size;
	const char *colon = memchr(start, ':', end - start);
	RootKey    *key = &ring->keys[ring->nkeys];
	int			i;

	if (colon == NULL)
		return pstrdup(_("there is no colon after the version"));
	if (ring->nkeys >= TM_MAX_ROOT_KEYS)
		return psprintf(_("there are more than %d keys"), TM_MAX_ROOT_KEYS);

	key->version = parse_version(start, colon - start);
	if (key->version <= 0)
		return psprintf(_("the version is not a number from 1 to %d"),
						PG_INT32_MAX);
	for (i = 0; i < ring->nkeys; i++)
	{
		if (ring->keys[i].version == key->version)
			return psprintf(_("version %d occurs twice"), key->version);
	}
	if (end - colon - 1 != 2 * TM_CRYPTO_KEY_BYTES)
		return psprintf(_("the key has %d characters instead of %d"),
						(int) (end - colon - 1), 2 * TM_CRYPTO_KEY_BYTES);
	if (!tm_crypto_key_from_hex(colon + 1, end - colon - 1, key->key))
		return pstrdup(_("the key is not hexadecimal"));
	if (is_current && *marked)
		return pstrdup(_("a second key is marked as the current one"));

	tm_crypto_key_check(key->key, key->check);
	if (is_current)
	{
		*marked = true;
		ring->current = ring->nkeys;
	}
	ring->nkeys++;
	return NULL;
}

/* A positive number without sign, blanks and leading zeros, or 0. */
static int32
parse_version(const char *digits, Size size)
{
	int64		version = 0;
	Size		i;

	if (size == 0 || size > 10 || digits[0] == '0')
		return 0;
	for (i = 0; i < size; i++)
	{
		if (digits[i] < '0' || digits[i] > '9')
			return 0;
		version = version * 10 + (digits[i] - '0');
	}
	return version <= PG_INT32_MAX ? (int32) version : 0;
}

static void
choose_current(KeyRing *ring, bool marked)
{
	int			i;

	if (marked)
		return;
	ring->current = 0;
	for (i = 1; i < ring->nkeys; i++)
	{
		if (ring->keys[i].version > ring->keys[ring->current].version)
			ring->current = i;
	}
}
