/*
 * envelope.c
 *		What a secret looks like, as bytes and as text.
 *
 * A secret is an envelope: a header that says how it was sealed (format,
 * algorithm, version of the data key, scope) and a box (see crypto.c).  As text
 * it is
 *
 *		tm1:ALGORITHM:KEY VERSION:SCOPE:BASE64 OF THE BOX
 *
 * where the scope is the tenant's id or the word "database".  Each envelope is
 * written in one way only: numbers without leading zeros, ids in lower case,
 * base64 with padding and without spare bits.
 *
 * What is read here comes from anybody.  The functions see nothing but the
 * bytes that they are given and can be tried outside of a server (test/fuzz).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "port/pg_bswap.h"

#include "base/crypto.h"
#include "secrets/envelope.h"

#define PREFIX			"tm1:"
#define DATABASE_SCOPE	"database"
#define UUID_TEXT_LEN	36
#define MAX_DIGITS		10

/* What is left of a text while it is read */
typedef struct Reader
{
	const char *position;
	const char *end;
} Reader;

static const pg_uuid_t database_scope = {{0}};

static bool read_header(Reader *reader, EnvelopeHeader *header);
static const char *read_field(Reader *reader, Size *size);
static int32 version_from_text(const char *string, Size size);
static bool scope_from_text(const char *string, Size size, pg_uuid_t *scope);
static char *append_scope(char *string, const pg_uuid_t *scope);
static bool is_hyphen_place(int i);
static int	hex_value(char c);

int32
tm_envelope_key_version(const EnvelopeHeader *header)
{
	uint32		version;

	memcpy(&version, header->key_version, sizeof(version));
	version = pg_ntoh32(version);
	return version <= PG_INT32_MAX ? (int32) version : 0;
}

void
tm_envelope_set_key_version(EnvelopeHeader *header, int32 version)
{
	uint32		bytes = pg_hton32((uint32) version);

	memcpy(header->key_version, &bytes, sizeof(bytes));
}

bool
tm_envelope_check(const char *bytes, Size size)
{
	EnvelopeHeader header;

	if (size < TM_ENVELOPE_OVERHEAD ||
		size > TM_ENVELOPE_OVERHEAD + TM_ENVELOPE_MAX_PLAIN)
		return false;
	memcpy(&header, bytes, sizeof(header));
	return header.format == TM_ENVELOPE_FORMAT &&
		tm_crypto_algorithm_name(header.algorithm) != NULL &&
		tm_envelope_key_version(&header) >= 1;
}

Size
tm_envelope_parse(const char *string, Size size, char *bytes)
{
	Reader		reader = {.position = string,.end = string + size};
	EnvelopeHeader header;
	Size		box_size;

	/* The shortest text of a header is longer than the header. */
	if (!read_header(&reader, &header))
		return 0;
	memcpy(bytes, &header, sizeof(header));
	if (!tm_crypto_from_base64(CRYPTO_BASE64, reader.position,
							   reader.end - reader.position,
							   bytes + sizeof(header),
							   size - sizeof(header), &box_size) ||
		!tm_envelope_check(bytes, sizeof(header) + box_size))
		return 0;
	return sizeof(header) + box_size;
}

Size
tm_envelope_text_size(Size size)
{
	/* the longest fields, the colons after them, the box, a null byte */
	return strlen(PREFIX) + TM_CRYPTO_MAX_NAME + 1 + MAX_DIGITS + 1 +
		UUID_TEXT_LEN + 1 + tm_crypto_base64_size(size);
}

void
tm_envelope_format(const char *bytes, Size size, char *string)
{
	EnvelopeHeader header;

	memcpy(&header, bytes, sizeof(header));
	string += sprintf(string, "%s%s:%d:", PREFIX,
					  tm_crypto_algorithm_name(header.algorithm),
					  tm_envelope_key_version(&header));
	string = append_scope(string, &header.scope);
	*string++ = ':';
	tm_crypto_to_base64(bytes + sizeof(header), size - sizeof(header), string);
}

/* What stands before the box, with the colon after it. */
static bool
read_header(Reader *reader, EnvelopeHeader *header)
{
	const char *field;
	Size		size;
	int			algorithm;
	int32		version;

	if (reader->end - reader->position < strlen(PREFIX) ||
		memcmp(reader->position, PREFIX, strlen(PREFIX)) != 0)
		return false;
	reader->position += strlen(PREFIX);
	header->format = TM_ENVELOPE_FORMAT;

	field = read_field(reader, &size);
	if (field == NULL)
		return false;
	algorithm = tm_crypto_algorithm_number(field, size);
	if (algorithm == 0)
		return false;
	header->algorithm = (uint8) algorithm;

	field = read_field(reader, &size);
	if (field == NULL)
		return false;
	version = version_from_text(field, size);
	if (version == 0)
		return false;
	tm_envelope_set_key_version(header, version);

	field = read_field(reader, &size);
	return field != NULL && scope_from_text(field, size, &header->scope);
}

/* What comes before the next colon, or NULL if there is none. */
static const char *
read_field(Reader *reader, Size *size)
{
	const char *field = reader->position;
	const char *colon = memchr(field, ':', reader->end - field);

	if (colon == NULL)
		return NULL;
	*size = colon - field;
	reader->position = colon + 1;
	return field;
}

/* A positive number without a sign and leading zeros, or 0. */
static int32
version_from_text(const char *string, Size size)
{
	int64		version = 0;
	Size		i;

	if (size == 0 || size > MAX_DIGITS || string[0] == '0')
		return 0;
	for (i = 0; i < size; i++)
	{
		if (string[i] < '0' || string[i] > '9')
			return 0;
		version = version * 10 + (string[i] - '0');
	}
	return version <= PG_INT32_MAX ? (int32) version : 0;
}

/* The id of zeros has a name, and may not be written otherwise. */
static bool
scope_from_text(const char *string, Size size, pg_uuid_t *scope)
{
	int			i;

	*scope = database_scope;
	if (size == strlen(DATABASE_SCOPE) &&
		memcmp(string, DATABASE_SCOPE, size) == 0)
		return true;
	if (size != UUID_TEXT_LEN)
		return false;
	for (i = 0; i < UUID_LEN; i++)
	{
		if (is_hyphen_place(i) && *string++ != '-')
			return false;
		if (hex_value(string[0]) < 0 || hex_value(string[1]) < 0)
			return false;
		scope->data[i] = (hex_value(string[0]) << 4) | hex_value(string[1]);
		string += 2;
	}
	return memcmp(scope, &database_scope, sizeof(pg_uuid_t)) != 0;
}

static char *
append_scope(char *string, const pg_uuid_t *scope)
{
	static const char digits[] = "0123456789abcdef";
	int			i;

	if (memcmp(scope, &database_scope, sizeof(pg_uuid_t)) == 0)
	{
		memcpy(string, DATABASE_SCOPE, strlen(DATABASE_SCOPE));
		return string + strlen(DATABASE_SCOPE);
	}
	for (i = 0; i < UUID_LEN; i++)
	{
		if (is_hyphen_place(i))
			*string++ = '-';
		*string++ = digits[scope->data[i] >> 4];
		*string++ = digits[scope->data[i] & 0xf];
	}
	return string;
}

/* Is there a hyphen before this byte of an id? */
static bool
is_hyphen_place(int i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}
