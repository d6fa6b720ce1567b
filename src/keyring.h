/*
 * keyring.h
 *		The root keys, which come from outside of the database.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_KEYRING_H
#define TENANT_MGR_KEYRING_H

#include "nodes/pg_list.h"

#include "crypto.h"

/* One root key; in guarded memory, valid until the ring is asked for again */
typedef struct RootKey
{
	int32		version;		/* positive */
	unsigned char key[TM_CRYPTO_KEY_BYTES]; /* the secret */
	unsigned char check[TM_CRYPTO_CHECK_BYTES]; /* what it is known by */
} RootKey;

/*
 * The key that wraps new data keys, and the one of a version.  55000 when no
 * ring is configured; TM006 when it cannot be read or has no such key.
 */
extern const RootKey *tm_keyring_current(void);
extern const RootKey *tm_keyring_lookup(int32 version);

/* Is there a ring that can be read?  Otherwise why not, palloc'd. */
extern bool tm_keyring_is_usable(char **problem);

/* The versions in the ring, a palloc'd list of integers; the ring is usable. */
extern List *tm_keyring_versions(void);

/* Where the ring comes from: "file", "command" or "none". */
extern const char *tm_keyring_source(void);

#endif							/* TENANT_MGR_KEYRING_H */
