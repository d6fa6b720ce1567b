/*
 * used_token.c
 *		Tokens for a single use that have had it.
 *
 * They are remembered in shared memory and not in a table.  A row would go
 * with the transaction that wrote it, so who rolls back could use a token
 * over and over, and has read with it each time; and on a standby there are
 * no new rows.  Shared memory knows neither rollback nor recovery.
 *
 * What it does not know either is the time before it was made, when the server
 * was started or recovered from a crash of a backend.  So a token has to have
 * been issued after that: whatever was issued before may have been used.
 *
 * A token is remembered until nobody could take it for valid any more,
 * whatever tenant_mgr.token_leeway is set to until then.  When there is no
 * room left, tokens for a single use are refused.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "crypto.h"
#include "token_setting.h"
#include "used_token.h"

/* A token that has been used */
typedef struct UsedToken
{
	unsigned char hash[TM_CRYPTO_HASH_BYTES];	/* hash key: of issuer and jti */
	TimestampTz forget_at;		/* when it need not be remembered any more */
} UsedToken;

/* What is known of all of them; the lock guards everything below it */
typedef struct UsedTokenState
{
	TimestampTz since;			/* when this memory was made; never changes */
	LWLock		lock;
	TimestampTz earliest;		/* no token can be forgotten before */
} UsedTokenState;

/* In shared memory, or NULL; written by tm_used_token_shmem_startup() */
static UsedTokenState *state = NULL;
static HTAB *used_tokens = NULL;

static bool make_room(TimestampTz now);

Size
tm_used_token_shmem_size(void)
{
	return add_size(MAXALIGN(sizeof(UsedTokenState)),
					hash_estimate_size(tm_max_used_tokens,
									   sizeof(UsedToken)));
}

void
tm_used_token_shmem_startup(void)
{
	HASHCTL		ctl;
	bool		found;

	state = ShmemInitStruct("tenant_mgr used tokens state",
							sizeof(UsedTokenState), &found);
	if (!found)
	{
		state->since = GetCurrentTimestamp();
		state->earliest = DT_NOEND;
		LWLockInitialize(&state->lock, LWLockNewTrancheId());
	}
	LWLockRegisterTranche(state->lock.tranche, "tenant_mgr used tokens");

	ctl.keysize = TM_CRYPTO_HASH_BYTES;
	ctl.entrysize = sizeof(UsedToken);
	used_tokens = ShmemInitHash("tenant_mgr used tokens", tm_max_used_tokens,
								tm_max_used_tokens, &ctl,
								HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
}

bool
tm_used_token_can_remember(void)
{
	return state != NULL;
}

TokenUse
tm_used_token_add(const char *issuer, const char *jti, TimestampTz issued_at,
				  TimestampTz expires_at, int leeway)
{
	unsigned char hash[TM_CRYPTO_HASH_BYTES];
	UsedToken  *token;
	TokenUse	use;
	bool		found;

	if (state == NULL)
		return TOKEN_USE_NO_MEMORY;

	/* Its issuer's clock may have been ahead of ours when it was used. */
	if (issued_at <= TimestampTzPlusMilliseconds(state->since,
												 leeway * INT64CONST(1000)))
		return TOKEN_USE_UNKNOWN;

	tm_crypto_hash(issuer, jti, hash);

	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	hash_search(used_tokens, hash, HASH_FIND, &found);
	if (found)
		use = TOKEN_USE_REPEATED;
	else if (!make_room(GetCurrentTimestamp()))
		use = TOKEN_USE_FULL;
	else
	{
		token = hash_search(used_tokens, hash, HASH_ENTER, NULL);
		token->forget_at =
			TimestampTzPlusMilliseconds(expires_at,
										TM_MAX_TOKEN_LEEWAY * INT64CONST(1000));
		state->earliest = Min(state->earliest, token->forget_at);
		use = TOKEN_USE_FIRST;
	}
	LWLockRelease(&state->lock);
	return use;
}

/*
 * Make sure that there is room for one more.  All are looked at only if there
 * is none and one of them can be forgotten.
 */
static bool
make_room(TimestampTz now)
{
	HASH_SEQ_STATUS status;
	UsedToken  *token;

	if (hash_get_num_entries(used_tokens) < tm_max_used_tokens)
		return true;
	if (now < state->earliest)
		return false;

	state->earliest = DT_NOEND;
	hash_seq_init(&status, used_tokens);
	while ((token = hash_seq_search(&status)) != NULL)
	{
		if (token->forget_at <= now)
			hash_search(used_tokens, token->hash, HASH_REMOVE, NULL);
		else
			state->earliest = Min(state->earliest, token->forget_at);
	}
	return hash_get_num_entries(used_tokens) < tm_max_used_tokens;
}
