/*
 * used_token.h
 *		Tokens for a single use that have been used.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_USED_TOKEN_H
#define TENANT_MGR_USED_TOKEN_H

#include "datatype/timestamp.h"

/* The longest time that a token can be taken for valid after it has expired */
#define TM_MAX_TOKEN_LEEWAY		300

extern int	tm_max_used_tokens; /* that can be remembered */

typedef enum TokenUse
{
	TOKEN_USE_FIRST,			/* nobody has used it before */
	TOKEN_USE_REPEATED,			/* somebody has */
	TOKEN_USE_UNKNOWN,			/* it may have been used before a restart */
	TOKEN_USE_FULL,				/* no more of this tenant can be remembered */
	TOKEN_USE_NO_MEMORY			/* the library was not preloaded */
} TokenUse;

/* How much shared memory this takes, and what happens when it is there. */
extern void tm_used_token_shmem_request(void);
extern void tm_used_token_shmem_startup(void);

/* Is there shared memory to remember them in? */
extern bool tm_used_token_can_remember(void);

/*
 * Use a token, which its key and its id tell from others, and remember it
 * until it has expired, if there is room or somebody has more than this tenant
 * of this database.  Whatever becomes of the transaction, it has been
 * used then.  issued_at is what the token says, leeway the number of seconds
 * by which clocks may differ.
 */
extern TokenUse tm_used_token_add(const char *issuer, const char *tenant,
								  const char *jti, TimestampTz issued_at,
								  TimestampTz expires_at, int leeway);

#endif							/* TENANT_MGR_USED_TOKEN_H */
