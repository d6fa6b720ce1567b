/*
 * jwt.c
 *		Target: signed tokens.
 *
 * An input is tried as a token, and as the header and the claims of one, which
 * nothing that changes single characters would find in base64url.  What has
 * been accepted must not be any more with one more member that is wrong, or
 * that is there already.
 *
 * JSON is read by the server's parser as it is in programs, where it raises no
 * errors.  In a server it would, at what the database cannot hold; so we look
 * at each string that it makes.  It takes no notice of the sanitizers, and
 * must not take any of what follows a text.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "fuzz.h"

#include <sodium.h>

#include "mb/pg_wchar.h"

#include "binding/jwt.h"

#define MAX_CHUNKS	65536		/* more than some tokens make it allocate */
#define MAX_TIME	253402300799.0

#define SIGNATURE_DIGITS	((JWT_SIGNATURE_BYTES * 4 + 2) / 3)

static void *chunks[MAX_CHUNKS];	/* what is allocated, for free_chunks() */
static int	nchunks = 0;
static bool ascii_only = false; /* for strings of the parser */

/*
 * The server's allocator, for jwt.c and the parser.  As in a memory context,
 * what is not freed goes in the end.
 */
void *
palloc0(Size size)
{
	void	   *chunk = calloc(1, size > 0 ? size : 1);

	MUST(chunk != NULL && nchunks < MAX_CHUNKS);
	chunks[nchunks++] = chunk;
	return chunk;
}

void *
palloc(Size size)
{
	return palloc0(size);
}

static int
find_chunk(const void *chunk)
{
	int			i = nchunks;

	while (--i >= 0 && chunks[i] != chunk)
		;
	MUST(i >= 0);
	return i;
}

void *
repalloc(void *chunk, Size size)
{
	int			i = find_chunk(chunk);

	chunks[i] = realloc(chunk, size);
	MUST(chunks[i] != NULL);
	return chunks[i];
}

void
pfree(void *chunk)
{
	chunks[find_chunk(chunk)] = chunks[nchunks - 1];
	nchunks--;
	free(chunk);
}

char *
pstrdup(const char *string)
{
	Size		size = strlen(string) + 1;
	Size		i;

	for (i = 0; i < size; i++)
		MUST(!ascii_only || !IS_HIGHBIT_SET(string[i]));
	return memcpy(palloc(size), string, size);
}

static void
free_chunks(void)
{
	while (nchunks > 0)
		free(chunks[--nchunks]);
}

static bool
is_text(const char *string)
{
	Size		size = strlen(string);

	return pg_encoding_verifymbstr(PG_UTF8, string, size) == size;
}

static bool
is_time(double time)
{
	return time >= 0 && time <= MAX_TIME;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The claims in a text with that byte behind it, and whether they are any. */
static const char *
read_claims(const char *json, Size size, char following, bool ascii,
			JwtClaims *claims)
{
	JwtToken	token = {0};
	const char *reason;

	token.payload = palloc(size + 1);
	token.payload_size = size;
	if (size > 0)
		memcpy(token.payload, json, size);
	token.payload[size] = following;

	ascii_only = ascii;
	reason = tm_jwt_parse_claims(&token, ascii, claims);
	ascii_only = false;
	return reason;
}

static void
check_claims(const JwtClaims *claims)
{
	int			i;

	MUST(claims->tenant != NULL && claims->tenant[0] != '\0');
	MUST(is_text(claims->tenant));
	MUST(claims->role == NULL || claims->role[0] != '\0');
	MUST(claims->jti != NULL || !claims->single_use);
	MUST(is_time(claims->exp));
	MUST(is_time(claims->nbf) || claims->nbf == JWT_NO_TIME);
	MUST(is_time(claims->iat) || claims->iat == JWT_NO_TIME);
	MUST(claims->naudience >= 0 && claims->naudience <= JWT_MAX_MEMBERS);
	MUST(claims->for_audience || claims->naudience == 0);
	for (i = 0; i < claims->naudience; i++)
		MUST(is_text(claims->audience[i]));
}

/* The text of an object with another member at its beginning; not empty. */
static char *
with_member(const char *json, Size size, const char *member, Size *new_size)
{
	const char *brace = memchr(json, '{', size);
	Size		before;
	Size		added = strlen(member);
	char	   *changed;

	MUST(brace != NULL);
	before = brace + 1 - json;
	*new_size = size + added;
	changed = palloc(*new_size);
	memcpy(changed, json, before);
	memcpy(changed + before, member, added);
	memcpy(changed + before + added, json + before, size - before);
	return changed;
}

static void
try_claims(const char *json, Size size)
{
	static const char *const members[] = {
		"\"tenant\":\"x\",", "\"role\":[],", "\"jti\":null,", "\"nbf\":{},",
		"\"aud\":{},"
	};
	JwtClaims	claims;
	JwtClaims	others;
	const char *reason = read_claims(json, size, '\0', false, &claims);
	int			i;

	if (reason == NULL)
	{
		check_claims(&claims);
		for (i = 0; i < lengthof(members); i++)
		{
			Size		new_size;
			char	   *changed = with_member(json, size, members[i],
											  &new_size);

			MUST(read_claims(changed, new_size, '\0', false, &others) != NULL);
		}
	}

	/* What follows does not count. */
	MUST(same(reason, read_claims(json, size, '9', false, &others)));
	MUST(same(claims.tenant, others.tenant) && claims.exp == others.exp);

	/* An ASCII token means the same everywhere. */
	if (read_claims(json, size, '\0', true, &others) == NULL)
	{
		MUST(reason == NULL);
		check_claims(&others);
		MUST(same(claims.tenant, others.tenant) && claims.exp == others.exp);
	}
	free_chunks();
}

static const char *
try_token(const char *string, Size size, bool ascii)
{
	JwtToken	token;
	JwtClaims	claims;
	const char *reason;

	ascii_only = ascii;
	reason = tm_jwt_parse(string, size, ascii, &token);
	if (reason == NULL)
	{
		MUST(size <= JWT_MAX_SIZE);
		MUST(token.signed_size < size && string[token.signed_size] == '.');
		MUST(size - token.signed_size == 1 + SIGNATURE_DIGITS);
		MUST(token.payload_size <= size * 3 / 4);
		MUST(token.kid == NULL ||
			 (token.kid[0] != '\0' && strlen(token.kid) <= JWT_MAX_KID &&
			  is_text(token.kid)));
		if (tm_jwt_parse_claims(&token, ascii, &claims) == NULL)
			check_claims(&claims);
	}
	ascii_only = false;
	return reason;
}

/* A token with that header, empty claims, and a signature of zeros. */
static const char *
try_header(const char *json, Size size)
{
	static const char middle[] = ".e30.";
	Size		encoded = (size * 4 + 2) / 3;
	Size		total = encoded + strlen(middle) + SIGNATURE_DIGITS;
	char	   *token = palloc(total);
	char	   *end = token + encoded;

	(void) sodium_bin2base64(token, encoded + 1, (const unsigned char *) json,
							 size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	memcpy(end, middle, strlen(middle));
	memset(end + strlen(middle), 'A', SIGNATURE_DIGITS);
	return try_token(token, total, false);
}

static void
try_headers(const char *json, Size size)
{
	static const char *const members[] = {
		"\"alg\":\"EdDSA\",", "\"typ\":null,", "\"kid\":[],",
		"\"crit\":[\"x\"],"
	};
	int			i;

	if (try_header(json, size) == NULL)
	{
		MUST(memmem(json, size, "\"EdDSA\"", 7) != NULL ||
			 memchr(json, '\\', size) != NULL);
		for (i = 0; i < lengthof(members); i++)
		{
			Size		new_size;
			char	   *changed = with_member(json, size, members[i],
											  &new_size);

			MUST(try_header(changed, new_size) != NULL);
		}
	}
	free_chunks();
}

/*
 * There is one form for each string of bytes.  libsodium knows it too, but
 * takes some bytes beyond ASCII for digits.
 */
static void
try_base64url(const char *string, Size size)
{
	unsigned char *bytes = palloc(size);
	unsigned char *others = palloc(size);
	int			nbytes = tm_jwt_base64url_decode(string, size, bytes);
	size_t		nothers;
	bool		ascii = true;
	Size		i;

	for (i = 0; i < size; i++)
		ascii &= !IS_HIGHBIT_SET(string[i]);
	if (ascii &&
		sodium_base642bin(others, size, string, size, NULL, &nothers, NULL,
						  sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0)
		MUST(nbytes == nothers && memcmp(bytes, others, nothers) == 0);
	else
		MUST(nbytes < 0);
	free_chunks();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *input = malloc(size > 0 ? size : 1);

	if (sodium_init() < 0)
		abort();
	if (size > 0)
		memcpy(input, data, size);
	try_base64url(input, size);
	(void) try_token(input, size, false);
	(void) try_token(input, size, true);
	free_chunks();
	if (size <= JWT_MAX_SIZE)
	{
		try_headers(input, size);
		try_claims(input, size);
	}
	free(input);
	return 0;
}
