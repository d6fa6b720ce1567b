/*
 * fernet.c
 *		Tokens of the Fernet format, which others keep secrets in.
 *
 * A token is base64, in the alphabet for URLs and with padding, of: a byte
 * 0x80, a time in seconds (8 bytes, big-endian), a random vector (16 bytes),
 * blocks of AES-128 in CBC mode with the padding of PKCS #7, and HMAC-SHA256 of
 * all that.  Its age does not matter here.
 *
 * The signature is compared, in constant time, before anything else is looked
 * at.  The functions see nothing but the bytes that they are given and can be
 * tried outside of a server (test/fuzz).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "base/crypto.h"
#include "secrets/fernet.h"

#define VERSION			0x80
#define TIME_OFFSET		1
#define IV_OFFSET		(TIME_OFFSET + 8)
#define SEALED_OFFSET	(IV_OFFSET + TM_FERNET_BLOCK_BYTES)

bool
tm_fernet_parse_key(const char *string, Size size, unsigned char *key)
{
	Size		nbytes;

	return tm_crypto_from_base64(CRYPTO_BASE64_URL, string, size, key,
								 TM_FERNET_KEY_BYTES, &nbytes) &&
		nbytes == TM_FERNET_KEY_BYTES;
}

bool
tm_fernet_parse(const char *string, Size size, const unsigned char *key,
				unsigned char *bytes, FernetToken *token)
{
	Size		nbytes;
	Size		signed_size;

	if (!tm_crypto_from_base64(CRYPTO_BASE64_URL, string, size, bytes, size,
							   &nbytes) ||
		nbytes < SEALED_OFFSET + TM_FERNET_BLOCK_BYTES + TM_CRYPTO_HMAC_BYTES)
		return false;
	signed_size = nbytes - TM_CRYPTO_HMAC_BYTES;
	if (!tm_crypto_hmac_is_right(key, TM_FERNET_HALF_BYTES, bytes, signed_size,
								 bytes + signed_size) ||
		bytes[0] != VERSION)
		return false;

	token->iv = bytes + IV_OFFSET;
	token->sealed = bytes + SEALED_OFFSET;
	token->size = signed_size - SEALED_OFFSET;
	return token->size % TM_FERNET_BLOCK_BYTES == 0;
}

bool
tm_fernet_unpad(const unsigned char *plain, Size size, Size *unpadded)
{
	unsigned char padding;
	Size		i;

	if (size == 0)
		return false;
	padding = plain[size - 1];
	if (padding == 0 || padding > TM_FERNET_BLOCK_BYTES || padding > size)
		return false;
	for (i = size - padding; i < size; i++)
	{
		if (plain[i] != padding)
			return false;
	}
	*unpadded = size - padding;
	return true;
}
