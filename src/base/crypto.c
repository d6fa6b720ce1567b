/*
 * crypto.c
 *		Authenticated encryption, signatures; all that is known of libsodium.
 *
 * Nothing is ever sealed with a key as it is: for each use of a key, keyed
 * BLAKE2b derives two others from it and a description of that use.  One
 * encrypts, the other one commits.
 *
 * A box holds a message that was sealed with such a pair and associated data.
 * Each has a fresh random nonce of 24 bytes, which XChaCha20 takes as it is, so
 * that the number of messages under a key is no concern.  AES-GCM would take
 * 12 bytes only; there, the key of each message is derived from the nonce.
 *
 * Neither Poly1305 nor GCM commits to a key: somebody who knows two keys can
 * make a ciphertext that both of them open.  The commitment, BLAKE2b over the
 * second key, nonce, tag and associated data, can be right for one key only.
 * (Chan and Rogaway, On Committing Authenticated Encryption, ESORICS 2022,
 * prove that it need not go over the ciphertext, which the tag speaks for.)
 * It is compared first, in constant time, and nothing is deciphered unless it
 * is right.
 *
 * Keys on the stack are wiped before the function returns.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <sodium.h>

#include "miscadmin.h"
#include "port/pg_bswap.h"

#include "base/crypto.h"

#define DERIVED_BYTES	(2 * TM_CRYPTO_KEY_BYTES)

/* To ask the system for each nonce would take as long as to seal a password. */
#define NONCE_POOL_SIZE	(64 * TM_CRYPTO_NONCE_BYTES)

/* Associated data that is hashed together with the rest, in two blocks */
#define SHORT_AAD		128

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
StaticAssertDecl(TM_CRYPTO_COMMITMENT_BYTES == crypto_verify_32_BYTES,
				 "commitment of the wrong size");
StaticAssertDecl(TM_CRYPTO_KEY_BYTES == crypto_sign_PUBLICKEYBYTES &&
				 TM_CRYPTO_KEY_BYTES == crypto_core_ed25519_BYTES &&
				 TM_CRYPTO_SIGNATURE_BYTES == crypto_sign_BYTES,
				 "signature of the wrong size");
StaticAssertDecl(sizeof(CryptoKeys) == DERIVED_BYTES &&
				 DERIVED_BYTES == crypto_generichash_BYTES_MAX,
				 "derived keys of the wrong size");

StaticAssertDecl(TM_CRYPTO_HMAC_BYTES == crypto_auth_hmacsha256_BYTES,
				 "message authentication code of the wrong size");

static const char *const algorithm_names[] = {
	[CRYPTO_XCHACHA20_POLY1305] = "xchacha20-poly1305",
	[CRYPTO_AES_256_GCM] = "aes-256-gcm"
};

/* has the library been started?  Written by start_library. */
static bool started = false;

/* random bytes for nonces, and the process that drew them; see take_nonce */
static unsigned char nonce_pool[NONCE_POOL_SIZE];
static Size nonce_pool_used = NONCE_POOL_SIZE;
static int	nonce_pool_owner = 0;

static void start_library(void);
static void take_nonce(unsigned char *nonce);
static void compute_commitment(const CryptoKeys *keys,
							   const unsigned char *nonce,
							   const unsigned char *tag,
							   const void *aad, Size aad_size,
							   unsigned char *commitment);
static void hash_counted(crypto_generichash_state *state, const void *data,
						 Size size);
static void encipher(CryptoAlgorithm algorithm, const unsigned char *key,
					 const unsigned char *nonce, const void *aad,
					 Size aad_size, const void *plain, Size size,
					 unsigned char *sealed);
static bool decipher(CryptoAlgorithm algorithm, const unsigned char *key,
					 const unsigned char *nonce, const void *aad,
					 Size aad_size, const unsigned char *sealed, Size size,
					 void *plain);
static void derive_message_key(const unsigned char *key,
							   const unsigned char *nonce,
							   unsigned char *message_key);

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

/* It may be too much to ask for, and is no more than a precaution. */
void
tm_crypto_lock_guarded(void *pointer, Size size)
{
	(void) sodium_mlock(pointer, size);
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

void
tm_crypto_digest(const void *data, Size size, unsigned char *hash)
{
	start_library();
	crypto_generichash(hash, TM_CRYPTO_HASH_BYTES, data, size, NULL, 0);
}

bool
tm_crypto_same(const void *a, const void *b, Size size)
{
	return sodium_memcmp(a, b, size) == 0;
}

void
tm_crypto_use_begin(StringInfo use, const char *purpose)
{
	initStringInfo(use);
	tm_crypto_use_bytes(use, purpose, strlen(purpose));
}

void
tm_crypto_use_bytes(StringInfo use, const void *data, Size size)
{
	uint64		length = pg_hton64((uint64) size);

	appendBinaryStringInfo(use, (const char *) &length, sizeof(length));
	appendBinaryStringInfo(use, data, size);
}

void
tm_crypto_use_number(StringInfo use, uint32 number)
{
	uint32		bytes = pg_hton32(number);

	tm_crypto_use_bytes(use, &bytes, sizeof(bytes));
}

void
tm_crypto_derive(CryptoAlgorithm algorithm, const unsigned char *key,
				 const StringInfoData *use, CryptoKeys *keys)
{
	static const char purpose[] = "tenant_mgr keys";
	crypto_generichash_state state;
	unsigned char number = (unsigned char) algorithm;

	crypto_generichash_init(&state, key, TM_CRYPTO_KEY_BYTES, DERIVED_BYTES);
	hash_counted(&state, purpose, sizeof(purpose) - 1);
	hash_counted(&state, &number, 1);
	hash_counted(&state, use->data, use->len);
	crypto_generichash_final(&state, (unsigned char *) keys, DERIVED_BYTES);
	sodium_memzero(&state, sizeof(state));
}

void
tm_crypto_seal(CryptoAlgorithm algorithm, const CryptoKeys *keys,
			   const void *aad, Size aad_size, const void *plain, Size size,
			   void *box)
{
	unsigned char *nonce = box;
	unsigned char *commitment = nonce + TM_CRYPTO_NONCE_BYTES;
	unsigned char *sealed = commitment + TM_CRYPTO_COMMITMENT_BYTES;

	take_nonce(nonce);
	encipher(algorithm, keys->encryption, nonce, aad, aad_size, plain, size,
			 sealed);
	compute_commitment(keys, nonce, sealed + size, aad, aad_size, commitment);
}

bool
tm_crypto_open(CryptoAlgorithm algorithm, const CryptoKeys *keys,
			   const void *aad, Size aad_size, const void *box, Size size,
			   void *plain)
{
	const unsigned char *nonce = box;
	const unsigned char *commitment = nonce + TM_CRYPTO_NONCE_BYTES;
	const unsigned char *sealed = commitment + TM_CRYPTO_COMMITMENT_BYTES;
	unsigned char expected[TM_CRYPTO_COMMITMENT_BYTES];
	Size		sealed_size;

	if (size < TM_CRYPTO_OVERHEAD)
		return false;
	sealed_size = size - TM_CRYPTO_NONCE_BYTES - TM_CRYPTO_COMMITMENT_BYTES;

	compute_commitment(keys, nonce, sealed + sealed_size - TM_CRYPTO_TAG_BYTES,
					   aad, aad_size, expected);
	if (crypto_verify_32(expected, commitment) == 0 &&
		decipher(algorithm, keys->encryption, nonce, aad, aad_size, sealed,
				 sealed_size, plain))
		return true;
	memset(plain, 0, size - TM_CRYPTO_OVERHEAD);
	return false;
}

void
tm_crypto_seal_plainly(CryptoAlgorithm algorithm, const CryptoKeys *keys,
					   const void *plain, Size size, void *sealed)
{
	unsigned char *nonce = sealed;

	randombytes_buf(nonce, TM_CRYPTO_NONCE_BYTES);
	if (algorithm == CRYPTO_AES_256_GCM)
		crypto_aead_aes256gcm_encrypt(nonce + TM_CRYPTO_NONCE_BYTES, NULL,
									  plain, size, NULL, 0, NULL, nonce,
									  keys->encryption);
	else
		crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + TM_CRYPTO_NONCE_BYTES,
												   NULL, plain, size, NULL, 0,
												   NULL, nonce,
												   keys->encryption);
}

bool
tm_crypto_open_plainly(CryptoAlgorithm algorithm, const CryptoKeys *keys,
					   const void *sealed, Size size, void *plain)
{
	const unsigned char *nonce = sealed;
	const unsigned char *text = nonce + TM_CRYPTO_NONCE_BYTES;
	Size		text_size = size + TM_CRYPTO_TAG_BYTES;

	if (algorithm == CRYPTO_AES_256_GCM)
		return crypto_aead_aes256gcm_decrypt(plain, NULL, NULL, text,
											 text_size, NULL, 0, nonce,
											 keys->encryption) == 0;
	return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, text,
													  text_size, NULL, 0,
													  nonce,
													  keys->encryption) == 0;
}

bool
tm_crypto_hmac_is_right(const unsigned char *key, Size key_size,
						const void *data, Size size,
						const unsigned char *hmac)
{
	crypto_auth_hmacsha256_state state;
	unsigned char expected[TM_CRYPTO_HMAC_BYTES];

	crypto_auth_hmacsha256_init(&state, key, key_size);
	crypto_auth_hmacsha256_update(&state, data, size);
	crypto_auth_hmacsha256_final(&state, expected);
	sodium_memzero(&state, sizeof(state));
	return sodium_memcmp(expected, hmac, sizeof(expected)) == 0;
}

Size
tm_crypto_base64_size(Size size)
{
	return sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);
}

void
tm_crypto_to_base64(const void *bytes, Size size, char *text)
{
	sodium_bin2base64(text, tm_crypto_base64_size(size), bytes, size,
					  sodium_base64_VARIANT_ORIGINAL);
}

bool
tm_crypto_from_base64(CryptoBase64 kind, const char *text, Size size,
					  void *bytes, Size capacity, Size *nbytes)
{
	size_t		decoded = 0;
	Size		i;

	/* The library takes some bytes beyond ASCII for letters. */
	for (i = 0; i < size; i++)
	{
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	}
	if (sodium_base642bin(bytes, capacity, text, size, NULL, &decoded, NULL,
						  kind == CRYPTO_BASE64_URL ?
						  sodium_base64_VARIANT_URLSAFE :
						  sodium_base64_VARIANT_ORIGINAL) != 0)
		return false;
	*nbytes = decoded;
	return true;
}

bool
tm_crypto_is_public_key(const unsigned char *public_key)
{
	start_library();
	return crypto_core_ed25519_is_valid_point(public_key) != 0;
}

/* The library refuses signatures that are not in their one canonical form. */
bool
tm_crypto_verify(const unsigned char *public_key,
				 const unsigned char *signature, const void *message,
				 Size size)
{
	start_library();
	return crypto_sign_verify_detached(signature, message, size,
									   public_key) == 0;
}

void
tm_crypto_hash(const char *first, const char *second, unsigned char *hash)
{
	crypto_generichash_state state;

	start_library();
	crypto_generichash_init(&state, NULL, 0, TM_CRYPTO_HASH_BYTES);
	hash_counted(&state, first, strlen(first));
	hash_counted(&state, second, strlen(second));
	crypto_generichash_final(&state, hash, TM_CRYPTO_HASH_BYTES);
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

/*
 * A nonce that has not been used and will not be: random bytes, each of them
 * taken once.  A process does not take what another one has drawn.
 */
static void
take_nonce(unsigned char *nonce)
{
	if (nonce_pool_used == NONCE_POOL_SIZE || nonce_pool_owner != MyProcPid)
	{
		randombytes_buf(nonce_pool, NONCE_POOL_SIZE);
		nonce_pool_used = 0;
		nonce_pool_owner = MyProcPid;
	}
	memcpy(nonce, nonce_pool + nonce_pool_used, TM_CRYPTO_NONCE_BYTES);
	nonce_pool_used += TM_CRYPTO_NONCE_BYTES;
}

/*
 * The key goes in like the rest: a keyed hash would take a block more, and for
 * BLAKE2b, which cannot be continued from its result, the one is as good as
 * the other.  Mostly all of it is hashed in one go, which is faster.
 */
static void
compute_commitment(const CryptoKeys *keys, const unsigned char *nonce,
				   const unsigned char *tag, const void *aad, Size aad_size,
				   unsigned char *commitment)
{
	struct
	{
		unsigned char key[TM_CRYPTO_KEY_BYTES];
		unsigned char nonce[TM_CRYPTO_NONCE_BYTES];
		unsigned char tag[TM_CRYPTO_TAG_BYTES];
		unsigned char aad[SHORT_AAD];
	}			message;
	Size		fixed_size = sizeof(message) - SHORT_AAD;

	memcpy(message.key, keys->commitment, TM_CRYPTO_KEY_BYTES);
	memcpy(message.nonce, nonce, TM_CRYPTO_NONCE_BYTES);
	memcpy(message.tag, tag, TM_CRYPTO_TAG_BYTES);
	if (aad_size <= SHORT_AAD)
	{
		if (aad_size > 0)
			memcpy(message.aad, aad, aad_size);
		crypto_generichash(commitment, TM_CRYPTO_COMMITMENT_BYTES,
						   (unsigned char *) &message, fixed_size + aad_size,
						   NULL, 0);
	}
	else
	{
		crypto_generichash_state state;

		crypto_generichash_init(&state, NULL, 0, TM_CRYPTO_COMMITMENT_BYTES);
		crypto_generichash_update(&state, (unsigned char *) &message,
								  fixed_size);
		crypto_generichash_update(&state, aad, aad_size);
		crypto_generichash_final(&state, commitment,
								 TM_CRYPTO_COMMITMENT_BYTES);
		sodium_memzero(&state, sizeof(state));
	}
	sodium_memzero(message.key, TM_CRYPTO_KEY_BYTES);
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
		 const unsigned char *nonce, const void *aad, Size aad_size,
		 const void *plain, Size size, unsigned char *sealed)
{
	if (algorithm == CRYPTO_AES_256_GCM)
	{
		unsigned char message_key[TM_CRYPTO_KEY_BYTES];

		derive_message_key(key, nonce, message_key);
		crypto_aead_aes256gcm_encrypt(sealed, NULL, plain, size, aad,
									  aad_size, NULL, nonce, message_key);
		sodium_memzero(message_key, sizeof(message_key));
	}
	else
		crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, plain, size,
												   aad, aad_size, NULL, nonce,
												   key);
}

static bool
decipher(CryptoAlgorithm algorithm, const unsigned char *key,
		 const unsigned char *nonce, const void *aad, Size aad_size,
		 const unsigned char *sealed, Size size, void *plain)
{
	unsigned char message_key[TM_CRYPTO_KEY_BYTES];
	bool		opened;

	if (algorithm != CRYPTO_AES_256_GCM)
		return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL,
														  sealed, size, aad,
														  aad_size, nonce,
														  key) == 0;
	derive_message_key(key, nonce, message_key);
	opened = crypto_aead_aes256gcm_decrypt(plain, NULL, NULL, sealed, size,
										   aad, aad_size, nonce,
										   message_key) == 0;
	sodium_memzero(message_key, sizeof(message_key));
	return opened;
}

static void
derive_message_key(const unsigned char *key, const unsigned char *nonce,
				   unsigned char *message_key)
{
	crypto_generichash(message_key, TM_CRYPTO_KEY_BYTES, nonce,
					   TM_CRYPTO_NONCE_BYTES, key, TM_CRYPTO_KEY_BYTES);
}
