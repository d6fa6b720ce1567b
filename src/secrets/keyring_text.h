/*
 * keyring_text.h
 *		The text of a key ring.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_KEYRING_TEXT_H
#define TENANT_MGR_KEYRING_TEXT_H

#include "base/crypto.h"

#define TM_MAX_ROOT_KEYS	100
#define TM_MAX_RING_SIZE	(64 * 1024)

/* One root key */
typedef struct RootKey
{
	int32		version;		/* positive */
	unsigned char key[TM_CRYPTO_KEY_BYTES]; /* the secret */
	unsigned char check[TM_CRYPTO_CHECK_BYTES]; /* what it is known by */
} RootKey;

/* A ring as it was read; to be kept in guarded memory */
typedef struct KeyRing
{
	int			nkeys;			/* number of keys */
	int			current;		/* position of the current one */
	RootKey		keys[TM_MAX_ROOT_KEYS]; /* in the order of the text */
} KeyRing;

/*
 * Read a text into a ring of zeros.  Returns NULL, or what is wrong with it:
 * a palloc'd sentence that quotes nothing of it.  Raises no error.
 */
extern char *tm_keyring_parse(const char *string, Size size, KeyRing *ring);

#endif							/* TENANT_MGR_KEYRING_TEXT_H */
