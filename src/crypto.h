/*
 * crypto.h
 *		Authenticated encryption; all that is known of libsodium.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CRYPTO_H
#define TENANT_MGR_CRYPTO_H

#include "lib/stringinfo.h"

#define TM_CRYPTO_KEY_BYTES		32
#define TM_CRYPTO_CHECK_BYTES	16
#define TM_CRYPTO_HASH_BYTES	32

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
extern const char *tm_crypto_algorithm_name(int algorithm);
extern int	tm_crypto_algorithm_number(const char *name, int namelen);

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

/* Overwrite, whatever the compiler thinks of it. */
extern void tm_crypto_wipe(void *pointer, Size size);

extern void tm_crypto_random(void *buffer, Size size);

/* A number by which a key is told from others, and that does not reveal it. */
extern void tm_crypto_key_check(const unsigned char *key,
								unsigned char *check);

/* TM_CRYPTO_HASH_BYTES that only who has the key can tell from others */
extern void tm_crypto_keyed_hash(const unsigned char *key, const void *data,
								 Size size, unsigned char *hash);

/* Are they the same?  Takes the same time in any case. */
extern bool tm_crypto_same(const void *a, const void *b, Size size);

/*
 * Associated data, part by part: each is preceded by its length, so that no
 * two lists of parts are the same string.
 */
extern void tm_crypto_ad_begin(StringInfo ad, const char *purpose);
extern void tm_crypto_ad_bytes(StringInfo ad, const void *data, Size size);
extern void tm_crypto_ad_number(StringInfo ad, uint32 number);

/*
 * Seal size bytes into a box of size + TM_CRYPTO_OVERHEAD bytes.  The
 * algorithm is available.  Raises no error.
 */
extern void tm_crypto_seal(CryptoAlgorithm algorithm,
						   const unsigned char *key, const StringInfoData *ad,
						   const void *plain, Size size, unsigned char *box);

/*
 * Open a box of size bytes into size - TM_CRYPTO_OVERHEAD bytes.  False, and
 * nothing but zeros there, unless key, associated data and box belong
 * together.  The algorithm is available.  Raises no error.
 */
extern bool tm_crypto_open(CryptoAlgorithm algorithm,
						   const unsigned char *key, const StringInfoData *ad,
						   const unsigned char *box, Size size, void *plain);

/*
 * Encryption by the bare library, for comparison: size bytes into a buffer
 * of size + TM_CRYPTO_TAG_BYTES bytes.
 */
extern void tm_crypto_seal_plainly(CryptoAlgorithm algorithm,
								   const unsigned char *key,
								   const StringInfoData *ad, const void *plain,
								   Size size, unsigned char *sealed);

/*
 * Hexadecimal digits of a key, 64 of them and a null byte; and back, false
 * unless there are 64.
 */
extern void tm_crypto_key_to_hex(const unsigned char *key, char *hex);
extern bool tm_crypto_key_from_hex(const char *hex, Size size,
								   unsigned char *key);

#endif							/* TENANT_MGR_CRYPTO_H */
