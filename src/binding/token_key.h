/*
 * token_key.h
 *		The public keys that tokens are verified with.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TOKEN_KEY_H
#define TENANT_MGR_TOKEN_KEY_H

#include "utils/guc.h"

#include "base/crypto.h"
#include "binding/jwt.h"

/* One key */
typedef struct TokenKey
{
	char		kid[JWT_MAX_KID + 1];	/* its id, '' if it has none */
	unsigned char key[TM_CRYPTO_KEY_BYTES];
} TokenKey;

/* The setting, and its hooks. */
extern char *tm_token_public_key;
extern bool tm_token_key_check(char **newval, void **extra, GucSource source);
extern void tm_token_key_assign(const char *newval, void *extra);

/* Is there any key? */
extern bool tm_token_key_any(void);

/*
 * The key for a token that names this one, or none (NULL); NULL if there is
 * no such key.  Valid until the setting changes.
 */
extern const TokenKey *tm_token_key_find(const char *kid);

#endif							/* TENANT_MGR_TOKEN_KEY_H */
