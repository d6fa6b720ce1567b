/*
 * fernet.c
 *		Target: Fernet tokens and keys.
 *
 * What nobody has signed is never accepted, so the input is also tried as the
 * content of a token that is signed here.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "fuzz.h"

#include <sodium.h>

#include "base/crypto.h"
#include "secrets/fernet.h"

static const unsigned char key[TM_FERNET_KEY_BYTES] = "key of the fuzz target: 32 bytes";

static void
try_token(const char *text, size_t size, bool must_be_refused)
{
	unsigned char *bytes = palloc(size);
	FernetToken token;
	Size		unpadded;

	if (tm_fernet_parse(text, size, key, bytes, &token))
	{
		MUST(!must_be_refused);
		MUST(token.size > 0 && token.size % TM_FERNET_BLOCK_BYTES == 0);
		MUST(token.iv >= bytes &&
			 token.sealed == token.iv + TM_FERNET_BLOCK_BYTES &&
			 token.sealed + token.size <= bytes + size);
		if (tm_fernet_unpad(token.sealed, token.size, &unpadded))
			MUST(unpadded < token.size &&
				 token.size - unpadded <= TM_FERNET_BLOCK_BYTES);
	}
	pfree(bytes);
}

static void
try_signed(const uint8_t *data, size_t size)
{
	size_t		token_size = size + crypto_auth_hmacsha256_BYTES;
	size_t		text_size = sodium_base64_encoded_len(token_size,
													  sodium_base64_VARIANT_URLSAFE);
	unsigned char *token = palloc(token_size);
	char	   *text = palloc(text_size);
	char	   *exact;
	crypto_auth_hmacsha256_state state;

	if (size > 0)
		memcpy(token, data, size);
	crypto_auth_hmacsha256_init(&state, key, TM_FERNET_HALF_BYTES);
	crypto_auth_hmacsha256_update(&state, token, size);
	crypto_auth_hmacsha256_final(&state, token + size);
	sodium_bin2base64(text, text_size, token, token_size,
					  sodium_base64_VARIANT_URLSAFE);
	exact = exact_copy(text, text_size - 1);
	try_token(exact, text_size - 1, false);
	pfree(exact);
	pfree(text);
	pfree(token);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *input = exact_copy(data, size);
	unsigned char other_key[TM_FERNET_KEY_BYTES];
	Size		unpadded;

	if (sodium_init() < 0)
		abort();
	try_token(input, size, true);
	try_signed(data, size);
	(void) tm_fernet_parse_key(input, size, other_key);
	if (tm_fernet_unpad((unsigned char *) input, size, &unpadded))
		MUST(unpadded < size);
	pfree(input);
	return 0;
}
