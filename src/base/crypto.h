/*
 * crypto.h
 *		Authenticated encryption, signatures; all that is known of libsodium.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CRYPTO_H
#define TENANT_MGR_CRYPTO_H

#include "lib/stringinfo.h"

#define TM_CRYPTO_KEY_BYTES		32
#define TM_CRYPTO_CHECK_BYTES	16
#define TM_CRYPTO_HASH_BYTES	32

#define TM_CRYPTO_SIGNATURE_BYTES	64

/* A box is nonce, commitment, ciphertext and tag, in this order. */
#define TM_CRYPTO_NONCE_BYTES		24
#define TM_CRYPTO_COMMITMENT_BYTES	32
#define TM_CRYPTO_TAG_BYTES			16
#define TM_CRYPTO_OVERHEAD \
	(TM_CRYPTO_NONCE_BYTES + TM_CRYPTO_COMMITMENT_BYTES + TM_CRYPTO_TAG_BYTES)

/* The numbers are stored. */
typedef enum CryptoAlgorithm
{
	CRYPTO_XCHACHA20_POLY1305 = 1,
	CRYPTO_AES_256_GCM = 2
} CryptoAlgorithm;

/*
 * Names as in the setting and in envelopes.  A number without an algorithm
 * has no name (NULL), a name without one is number 0.
 */
#define TM_CRYPTO_MAX_NAME	32

extern const char *tm_crypto_algorithm_name(int algorithm);
extern int	tm_crypto_algorithm_number(const char *name, int namelen);

/*
 * What a secret key becomes for one purpose.  A secret as well: kept in guarded
 * memory, or wiped.
 */
typedef struct CryptoKeys
{
	unsigned char encryption[TM_CRYPTO_KEY_BYTES];	/* for the cipher */
	unsigned char commitment[TM_CRYPTO_KEY_BYTES];	/* for the hash */
} CryptoKeys;

/* Can this machine do it?  Raise 0A000 unless it can. */
extern bool tm_crypto_is_available(CryptoAlgorithm algorithm);
extern void tm_crypto_require(CryptoAlgorithm algorithm);

extern const char *tm_crypto_library_version(void);

/*
 * Memory for keys: zeroed, kept out of swap and core files as far as the
 * system allows, between guard pages.  It belongs to the caller, who frees it
 * (it is wiped then); no transaction does.
 */
extern void *tm_crypto_alloc_guarded(Size size);
extern void tm_crypto_free_guarded(void *pointer);

/* Keep a copy that came with fork() out of swap as well. */
extern void tm_crypto_lock_guarded(void *pointer, Size size);

/* Overwrite, whatever the compiler thinks of it. */
extern void tm_crypto_wipe(void *pointer, Size size);

extern void tm_crypto_random(void *buffer, Size size);

/* A number by which a key is told from others, and that does not reveal it. */
extern void tm_crypto_key_check(const unsigned char *key,
								unsigned char *check);

/* TM_CRYPTO_HASH_BYTES that only who has the key can tell from others */
extern void tm_crypto_keyed_hash(const unsigned char *key, const void *data,
								 Size size, unsigned char *hash);

/* TM_CRYPTO_HASH_BYTES for which nobody finds other data */
extern void tm_crypto_digest(const void *data, Size size, unsigned char *hash);

/* Are they the same?  Takes the same time in any case. */
extern bool tm_crypto_same(const void *a, const void *b, Size size);

/*
 * What keys are for, part by part: each is preceded by its length, so that no
 * two lists of parts are the same string.
 */
extern void tm_crypto_use_begin(StringInfo use, const char *purpose);
extern void tm_crypto_use_bytes(StringInfo use, const void *data, Size size);
extern void tm_crypto_use_number(StringInfo use, uint32 number);

/* The keys for that, from a key.  The algorithm takes part.  No error. */
extern void tm_crypto_derive(CryptoAlgorithm algorithm,
							 const unsigned char *key,
							 const StringInfoData *use, CryptoKeys *keys);

/*
 * Seal size bytes into a box of size + TM_CRYPTO_OVERHEAD bytes.  The
 * algorithm is available.  Raises no error.
 */
extern void tm_crypto_seal(CryptoAlgorithm algorithm, const CryptoKeys *keys,
						   const void *aad, Size aad_size,
						   const void *plain, Size size, void *box);

/*
 * Open a box of size bytes into size - TM_CRYPTO_OVERHEAD bytes.  False, and
 * nothing but zeros there, unless keys, associated data and box belong
 * together.  The algorithm is available.  Raises no error.
 */
extern bool tm_crypto_open(CryptoAlgorithm algorithm, const CryptoKeys *keys,
						   const void *aad, Size aad_size,
						   const void *box, Size size, void *plain);

/*
 * Encryption by the bare library, for comparison: size bytes and a nonce into
 * a buffer of size + TM_CRYPTO_OVERHEAD bytes; and back.
 */
extern void tm_crypto_seal_plainly(CryptoAlgorithm algorithm,
								   const CryptoKeys *keys, const void *plain,
								   Size size, void *sealed);
extern bool tm_crypto_open_plainly(CryptoAlgorithm algorithm,
								   const CryptoKeys *keys, const void *sealed,
								   Size size, void *plain);

/* Is this HMAC-SHA256 of the data?  Takes the same time in any case. */
#define TM_CRYPTO_HMAC_BYTES	32

extern bool tm_crypto_hmac_is_right(const unsigned char *key, Size key_size,
									const void *data, Size size,
									const unsigned char *hmac);

/*
 * Base64, in the alphabet of either kind, with padding.  What is decoded has
 * to be written in the one way that encoding would write it.  The room that
 * text takes includes a null byte.
 */
typedef enum CryptoBase64
{
	CRYPTO_BASE64,				/* with + and / */
	CRYPTO_BASE64_URL			/* with - and _ */
} CryptoBase64;

extern Size tm_crypto_base64_size(Size size);
extern void tm_crypto_to_base64(const void *bytes, Size size, char *text);
extern bool tm_crypto_from_base64(CryptoBase64 kind, const char *text,
								  Size size, void *bytes, Size capacity,
								  Size *nbytes);

/*
 * Is this a public key that can verify signatures of Ed25519?  One of small
 * order, for which anybody can sign, is none.
 */
extern bool tm_crypto_is_public_key(const unsigned char *public_key);

/* Was the message signed with the key that belongs to the public one? */
extern bool tm_crypto_verify(const unsigned char *public_key,
							 const unsigned char *signature,
							 const void *message, Size size);

/* Hash two strings, of which none can be moved into the other. */
extern void tm_crypto_hash(const char *first, const char *second,
						   unsigned char *hash);

/*
 * Hexadecimal digits of a key, 64 of them and a null byte; and back, false
 * unless there are 64.
 */
extern void tm_crypto_key_to_hex(const unsigned char *key, char *hex);
extern bool tm_crypto_key_from_hex(const char *hex, Size size,
								   unsigned char *key);

#endif							/* TENANT_MGR_CRYPTO_H */
