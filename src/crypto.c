/*
 * crypto.c
 *		Authenticated encryption; all that is known of libsodium.
 *
 * A box holds a message that was sealed with a key and associated data.  For
 * each box there is a fresh random nonce of 24 bytes, from which, with the key
 * and the associated data, keyed BLAKE2b derives 64 bytes: the first half
 * encrypts, the second half commits.  So no key ever encrypts two messages,
 * and the short nonces of AES-GCM are no concern, however many messages there
 * are.
 *
 * Neither Poly1305 nor GCM commits to a key: somebody who knows two keys can
 * make a ciphertext that both of them open.  The commitment, BLAKE2b over
 * nonce, ciphertext and associated data under the second half, can be right
 * for one key only.  It is compared first, in constant time, and nothing is
 * deciphered unless it is right.
 *
 * Derived keys live on the stack and are wiped before the function returns.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <sodium.h>

#include "port/pg_bswap.h"

#include "crypto.h"

#define DERIVED_BYTES	(2 * TM_CRYPTO_KEY_BYTES)

/* Keys for one box, derived from the caller's */
typedef struct BoxKeys
{
	unsigned char encryption[TM_CRYPTO_KEY_BYTES];	/* for the cipher */
	unsigned char commitment[TM_CRYPTO_KEY_BYTES];	/* for the hash */
} BoxKeys;

StaticAssertDecl(TM_CRYPTO_NONCE_BYTES ==
				 crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
				 "nonce of the wrong size");
StaticAssertDecl(TM_CRYPTO_KEY_BYTES ==
				 crypto_aead_xchacha20poly1305_ietf_KEYBYTES &&
				 TM_CRYPTO_KEY_BYTES == crypto_aead_aes256gcm_KEYBYTES,
				 "key of the wrong size");
StaticAssertDecl(TM_CRYPTO_TAG_BYTES ==
				 crypto_aead_xchacha20poly1305_ietf_ABYTES &&
				 TM_CRYPTO_TAG_BYTES == crypto_aead_aes256gcm_ABYTES,
				 "tag of the wrong size");
StaticAssertDecl(sizeof(BoxKeys) == DERIVED_BYTES &&
				 DERIVED_BYTES == crypto_generichash_BYTES_MAX,
				 "derived keys of the wrong size");

static const char *const algorithm_names[] = {
	[CRYPTO_XCHACHA20_POLY1305] = "xchacha20-poly1305",
	[CRYPTO_AES_256_GCM] = "aes-256-gcm"
};

/* has the library been started?  Written by start_library. */
static bool started = false;

static void start_library(void);
static void derive_keys(CryptoAlgorithm algorithm, const unsigned char *key,
						const StringInfoData *ad, const unsigned char *nonce,
						BoxKeys *keys);
static void compute_commitment(const BoxKeys *keys, const StringInfoData *ad,
							   const unsigned char *nonce,
							   const unsigned char *sealed, Size size,
							   unsigned char *commitment);
static void hash_counted(crypto_generichash_state *state, const void *data,
						 Size size);
static void encipher(CryptoAlgorithm algorithm, const unsigned char *key,
					 const StringInfoData *ad, const unsigned char *nonce,
					 const void *plain, Size size, unsigned char *sealed);

const char *
tm_crypto_algorithm_name(int algorithm)
{
	if (algorithm <= 0 || algorithm >= lengthof(algorithm_names))
		return NULL;
	return algorithm_names[algorithm];
}

int
tm_crypto_algorithm_number(const char *name, int namelen)
{
	int			i;

	for (i = 1; i < lengthof(algorithm_names); i++)
	{
		if (strlen(algorithm_names[i]) == namelen &&
			memcmp(algorithm_names[i], name, namelen) == 0)
			return i;
	}
	return 0;
}

bool
tm_crypto_is_available(CryptoAlgorithm algorithm)
{
	start_library();
	return algorithm != CRYPTO_AES_256_GCM ||
		crypto_aead_aes256gcm_is_available() != 0;
}

void
tm_crypto_require(CryptoAlgorithm algorithm)
{
	if (!tm_crypto_is_available(algorithm))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("algorithm \"%s\" is not available on this machine",
						algorithm_names[algorithm]),
				 errdetail("It needs instructions that the processor does not have.")));
}

const char *
tm_crypto_library_version(void)
{
	return sodium_version_string();
}

void *
tm_crypto_alloc_guarded(Size size)
{
	void	   *pointer;

	start_library();
	pointer = sodium_malloc(size);
	if (pointer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed to allocate memory for keys.")));
	memset(pointer, 0, size);
	return pointer;
}

void
tm_crypto_free_guarded(void *pointer)
{
	sodium_free(pointer);
}

void
tm_crypto_wipe(void *pointer, Size size)
{
	sodium_memzero(pointer, size);
}

void
tm_crypto_random(void *buffer, Size size)
{
	start_library();
	randombytes_buf(buffer, size);
}

void
tm_crypto_key_check(const unsigned char *key, unsigned char *check)
{
	static const char purpose[] = "tenant_mgr key check";

	start_library();
	crypto_generichash(check, TM_CRYPTO_CHECK_BYTES,
					   (const unsigned char *) purpose, sizeof(purpose) - 1,
					   key, TM_CRYPTO_KEY_BYTES);
}

void
tm_crypto_keyed_hash(const unsigned char *key, const void *data, Size size,
					 unsigned char *hash)
{
	start_library();
	crypto_generichash(hash, TM_CRYPTO_HASH_BYTES, data, size,
					   key, TM_CRYPTO_KEY_BYTES);
}

bool
tm_crypto_same(const void *a, const void *b, Size size)
{
	return sodium_memcmp(a, b, size) == 0;
}

void
tm_crypto_ad_begin(StringInfo ad, const char *purpose)
{
	initStringInfo(ad);
	tm_crypto_ad_bytes(ad, purpose, strlen(purpose));
}

void
tm_crypto_ad_bytes(StringInfo ad, const void *data, Size size)
{
	uint64		length = pg_hton64((uint64) size);

	appendBinaryStringInfo(ad, (const char *) &length, sizeof(length));
	appendBinaryStringInfo(ad, data, size);
}

void
tm_crypto_ad_number(StringInfo ad, uint32 number)
{
	uint32		bytes = pg_hton32(number);

	tm_crypto_ad_bytes(ad, &bytes, sizeof(bytes));
}

void
tm_crypto_seal(CryptoAlgorithm algorithm, const unsigned char *key,
			   const StringInfoData *ad, const void *plain, Size size,
			   unsigned char *box)
{
	unsigned char *nonce = box;
	unsigned char *commitment = nonce + TM_CRYPTO_NONCE_BYTES;
	unsigned char *sealed = commitment + TM_CRYPTO_COMMITMENT_BYTES;
	BoxKeys		keys;

	randombytes_buf(nonce, TM_CRYPTO_NONCE_BYTES);
	derive_keys(algorithm, key, ad, nonce, &keys);
	encipher(algorithm, keys.encryption, ad, nonce, plain, size, sealed);
	compute_commitment(&keys, ad, nonce, sealed, size + TM_CRYPTO_TAG_BYTES,
					   commitment);
	sodium_memzero(&keys, sizeof(keys));
}

bool
tm_crypto_open(CryptoAlgorithm algorithm, const unsigned char *key,
			   const StringInfoData *ad, const unsigned char *box, Size size,
			   void *plain)
{
	const unsigned char *nonce = box;
	const unsigned char *commitment = nonce + TM_CRYPTO_NONCE_BYTES;
	const unsigned char *sealed = commitment + TM_CRYPTO_COMMITMENT_BYTES;
	unsigned char expected[TM_CRYPTO_COMMITMENT_BYTES];
	BoxKeys		keys;
	Size		sealed_size;
	bool		opened;

	if (size < TM_CRYPTO_OVERHEAD)
		return false;
	sealed_size = size - TM_CRYPTO_NONCE_BYTES - TM_CRYPTO_COMMITMENT_BYTES;

	derive_keys(algorithm, key, ad, nonce, &keys);
	compute_commitment(&keys, ad, nonce, sealed, sealed_size, expected);
	opened = sodium_memcmp(expected, commitment, sizeof(expected)) == 0;
	if (opened && algorithm == CRYPTO_AES_256_GCM)
		opened = crypto_aead_aes256gcm_decrypt(plain, NULL, NULL,
											   sealed, sealed_size,
											   (unsigned char *) ad->data,
											   ad->len, nonce,
											   keys.encryption) == 0;
	else if (opened)
		opened = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL,
															sealed, sealed_size,
															(unsigned char *) ad->data,
															ad->len, nonce,
															keys.encryption) == 0;
	sodium_memzero(&keys, sizeof(keys));
	if (!opened)
		memset(plain, 0, size - TM_CRYPTO_OVERHEAD);
	return opened;
}

void
tm_crypto_seal_plainly(CryptoAlgorithm algorithm, const unsigned char *key,
					   const StringInfoData *ad, const void *plain, Size size,
					   unsigned char *sealed)
{
	unsigned char nonce[TM_CRYPTO_NONCE_BYTES];

	randombytes_buf(nonce, sizeof(nonce));
	encipher(algorithm, key, ad, nonce, plain, size, sealed);
}

void
tm_crypto_key_to_hex(const unsigned char *key, char *hex)
{
	sodium_bin2hex(hex, 2 * TM_CRYPTO_KEY_BYTES + 1, key,
				   TM_CRYPTO_KEY_BYTES);
}

bool
tm_crypto_key_from_hex(const char *hex, Size size, unsigned char *key)
{
	size_t		key_size;

	return size == 2 * TM_CRYPTO_KEY_BYTES &&
		sodium_hex2bin(key, TM_CRYPTO_KEY_BYTES, hex, size, NULL, &key_size,
					   NULL) == 0 &&
		key_size == TM_CRYPTO_KEY_BYTES;
}

static void
start_library(void)
{
	if (started)
		return;
	if (sodium_init() < 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not initialize libsodium")));
	started = true;
}

/* The keys of one box; the algorithm takes part, so none serves two. */
static void
derive_keys(CryptoAlgorithm algorithm, const unsigned char *key,
			const StringInfoData *ad, const unsigned char *nonce,
			BoxKeys *keys)
{
	static const char purpose[] = "tenant_mgr box keys";
	crypto_generichash_state state;
	unsigned char number = (unsigned char) algorithm;

	crypto_generichash_init(&state, key, TM_CRYPTO_KEY_BYTES, DERIVED_BYTES);
	hash_counted(&state, purpose, sizeof(purpose) - 1);
	hash_counted(&state, &number, 1);
	hash_counted(&state, nonce, TM_CRYPTO_NONCE_BYTES);
	hash_counted(&state, ad->data, ad->len);
	crypto_generichash_final(&state, (unsigned char *) keys, DERIVED_BYTES);
	sodium_memzero(&state, sizeof(state));
}

static void
compute_commitment(const BoxKeys *keys, const StringInfoData *ad,
				   const unsigned char *nonce, const unsigned char *sealed,
				   Size size, unsigned char *commitment)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, keys->commitment,
							sizeof(keys->commitment),
							TM_CRYPTO_COMMITMENT_BYTES);
	hash_counted(&state, nonce, TM_CRYPTO_NONCE_BYTES);
	hash_counted(&state, sealed, size);
	hash_counted(&state, ad->data, ad->len);
	crypto_generichash_final(&state, commitment, TM_CRYPTO_COMMITMENT_BYTES);
	sodium_memzero(&state, sizeof(state));
}

static void
hash_counted(crypto_generichash_state *state, const void *data, Size size)
{
	uint64		length = pg_hton64((uint64) size);

	crypto_generichash_update(state, (const unsigned char *) &length,
							  sizeof(length));
	crypto_generichash_update(state, data, size);
}

/* AES-GCM takes the first half of the nonce; all of it is in the key. */
static void
encipher(CryptoAlgorithm algorithm, const unsigned char *key,
		 const StringInfoData *ad, const unsigned char *nonce,
		 const void *plain, Size size, unsigned char *sealed)
{
	if (algorithm == CRYPTO_AES_256_GCM)
		crypto_aead_aes256gcm_encrypt(sealed, NULL, plain, size,
									  (unsigned char *) ad->data, ad->len,
									  NULL, nonce, key);
	else
		crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, plain, size,
												   (unsigned char *) ad->data,
												   ad->len, NULL, nonce, key);
}
