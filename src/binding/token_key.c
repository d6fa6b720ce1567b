/*
 * token_key.c
 *		The public keys that tokens are verified with.
 *
 * They are the value of tenant_mgr.token_public_key: a list of "id=key", or a
 * single key without an id.  A key is 32 bytes in base64url, which is what the
 * member "x" of a JWK holds.  Because keys come from tools of many kinds, it
 * may also have the other alphabet of base64 and padding, be the whole
 * structure that openssl puts between the lines of a PEM file, or be 64
 * hexadecimal digits; which of these it is shows in its length.
 *
 * The value is taken apart when it is set.  A mistake anywhere in it refuses
 * all of it, and the keys that were there before stay in force.  The keys
 * travel with the value as its "extra".
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "base/compat.h"
#include "binding/session_lock.h"
#include "binding/token_key.h"

#define MAX_KEYS		100
#define MAX_KEY_TEXT	64

/* All keys; one chunk of memory that belongs to the GUC machinery */
typedef struct TokenKeys
{
	int			nkeys;
	TokenKey	keys[FLEXIBLE_ARRAY_MEMBER];
} TokenKeys;

/* the setting; written by the GUC machinery only */
char	   *tm_token_public_key = NULL;

/* What DER puts before the 32 bytes of an Ed25519 key */
static const unsigned char der_prefix[] = {
	0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00
};

/* the keys in force; written by the assign hook */
static const TokenKeys *keys_in_force = NULL;

static bool parse_keys(const char *value, TokenKeys *result);
static bool parse_key(const char *entry, Size size, int number,
					  TokenKey *key);
static bool take_kid(const char *kid, Size size, int number, TokenKey *key);
static bool decode_key(const char *text, Size size, unsigned char *key);
static bool kids_are_distinct(const TokenKeys *keys);

bool
tm_token_key_check(char **newval, void **extra, GucSource source)
{
	Size		maximum = offsetof(TokenKeys, keys) +
		sizeof(TokenKey) * MAX_KEYS;
	TokenKeys  *result = palloc0(maximum);
	Size		size;
	bool		valid = tm_session_lock_permits_change(source) &&
		parse_keys(*newval, result);

	if (valid)
	{
		size = offsetof(TokenKeys, keys) + sizeof(TokenKey) * result->nkeys;
		*extra = tm_guc_alloc(size);
		valid = (*extra != NULL);
		if (valid)
			memcpy(*extra, result, size);
	}
	pfree(result);
	return valid;
}

void
tm_token_key_assign(const char *newval, void *extra)
{
	keys_in_force = (const TokenKeys *) extra;
}

bool
tm_token_key_any(void)
{
	return keys_in_force != NULL && keys_in_force->nkeys > 0;
}

/*
 * A single key serves tokens that name none, and one without an id serves
 * whatever a token names: there is nothing to choose from, and the signature
 * decides.
 */
const TokenKey *
tm_token_key_find(const char *kid)
{
	int			i;

	if (!tm_token_key_any())
		return NULL;
	if (keys_in_force->nkeys == 1 &&
		(kid == NULL || keys_in_force->keys[0].kid[0] == '\0'))
		return &keys_in_force->keys[0];
	if (kid == NULL)
		return NULL;
	for (i = 0; i < keys_in_force->nkeys; i++)
	{
		if (strcmp(keys_in_force->keys[i].kid, kid) == 0)
			return &keys_in_force->keys[i];
	}
	return NULL;
}

/* The entries of the list, which commas and white space separate. */
static bool
parse_keys(const char *value, TokenKeys *result)
{
	static const char separators[] = ", \t\r\n";
	const char *entry = value + strspn(value, separators);

	while (*entry != '\0')
	{
		Size		size = strcspn(entry, separators);

		if (result->nkeys >= MAX_KEYS)
		{
			GUC_check_errdetail("There are more than %d keys.", MAX_KEYS);
			return false;
		}
		if (!parse_key(entry, size, result->nkeys + 1,
					   &result->keys[result->nkeys]))
			return false;
		result->nkeys++;
		entry += size;
		entry += strspn(entry, separators);
	}
	return kids_are_distinct(result);
}

/* One entry.  An equals sign at its end is padding of the key. */
static bool
parse_key(const char *entry, Size size, int number, TokenKey *key)
{
	Size		start = size;

	while (start > 0 && entry[start - 1] == '=')
		start--;
	while (start > 0 && entry[start - 1] != '=')
		start--;

	if (start > 0 && !take_kid(entry, start - 1, number, key))
		return false;
	if (!decode_key(entry + start, size - start, key->key))
	{
		GUC_check_errdetail("Key %d is not 32 bytes in base64url.", number);
		return false;
	}
	if (!tm_crypto_is_public_key(key->key))
	{
		GUC_check_errdetail("Key %d is not a public key of Ed25519.", number);
		return false;
	}
	return true;
}

/* The id of a key, which is shown in messages and so has to be printable. */
static bool
take_kid(const char *kid, Size size, int number, TokenKey *key)
{
	Size		i;

	if (size == 0 || size > JWT_MAX_KID)
	{
		GUC_check_errdetail("The id of key %d does not have 1 to %d characters.",
							number, JWT_MAX_KID);
		return false;
	}
	for (i = 0; i < size; i++)
	{
		if (kid[i] <= ' ' || kid[i] > '~' || strchr("\"'\\=", kid[i]) != NULL)
		{
			GUC_check_errdetail("The id of key %d has a character that is not allowed.",
								number);
			return false;
		}
	}
	memcpy(key->kid, kid, size);
	key->kid[size] = '\0';
	return true;
}

/* A key in any of its forms; see above. */
static bool
decode_key(const char *text, Size size, unsigned char *key)
{
	char		plain[MAX_KEY_TEXT];
	unsigned char bytes[MAX_KEY_TEXT];
	int			nbytes;
	Size		i;

	if (size > MAX_KEY_TEXT)
		return false;
	if (tm_crypto_key_from_hex(text, size, key))
		return true;

	if (size % 4 == 0)
	{
		for (i = 0; i < 2 && size > 0 && text[size - 1] == '='; i++)
			size--;
	}
	for (i = 0; i < size; i++)
		plain[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];

	nbytes = tm_jwt_base64url_decode(plain, size, bytes);
	if (nbytes == TM_CRYPTO_KEY_BYTES)
		memcpy(key, bytes, TM_CRYPTO_KEY_BYTES);
	else if (nbytes == sizeof(der_prefix) + TM_CRYPTO_KEY_BYTES &&
			 memcmp(bytes, der_prefix, sizeof(der_prefix)) == 0)
		memcpy(key, bytes + sizeof(der_prefix), TM_CRYPTO_KEY_BYTES);
	else
		return false;
	return true;
}

/* Several keys are told apart by their ids. */
static bool
kids_are_distinct(const TokenKeys *keys)
{
	int			i;
	int			j;

	for (i = 0; i < keys->nkeys && keys->nkeys > 1; i++)
	{
		if (keys->keys[i].kid[0] == '\0')
		{
			GUC_check_errdetail("Key %d has no id, and there are several keys.",
								i + 1);
			return false;
		}
		for (j = 0; j < i; j++)
		{
			if (strcmp(keys->keys[i].kid, keys->keys[j].kid) == 0)
			{
				GUC_check_errdetail("Keys %d and %d have the same id.",
									j + 1, i + 1);
				return false;
			}
		}
	}
	return true;
}
