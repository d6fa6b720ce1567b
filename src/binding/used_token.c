/*
 * used_token.c
 *		Tokens for a single use that have been used.
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
 * whatever tenant_mgr.token_leeway is set to until then.  The one that can be
 * forgotten first is on top of a heap.
 *
 * When there is no room left, who has most gives up something for whoever has
 * less: the richest database to another one, and the richest tenant to another
 * one of its database.  What it gives up is the token that it has used first;
 * from then on, whatever was issued to it no later than that is refused, for it
 * may have been used.  So nobody can use up what others need, and nothing is used
 * twice.  Only if nobody has more, tokens for a single use are refused.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/crypto.h"
#include "binding/token_holder.h"
#include "binding/used_token.h"

/* So many are forgotten in one go, lest others wait for long */
#define MAX_FORGET	64

/* A token that has been used */
typedef struct UsedToken
{
	unsigned char hash[TM_CRYPTO_HASH_BYTES];	/* hash key: of issuer and jti */
	TimestampTz issued_at;		/* as it says */
	TimestampTz forget_at;		/* when it need not be remembered any more */
	Holder	   *tenant;			/* for whom it counts */
	Holder	   *database;		/* likewise */
	struct UsedToken *prev;		/* the one that the tenant has used before */
	struct UsedToken *next;		/* and after it; neither if it is a mark */
	uint32		place;			/* where it is in the heap */
} UsedToken;

/* What is known of all of them; the lock guards everything below it */
typedef struct UsedTokenState
{
	TimestampTz since;			/* when this memory was made; never changes */
	LWLock		lock;
	uint32		ntokens;		/* so many are remembered */
	UsedToken  *heap[FLEXIBLE_ARRAY_MEMBER];	/* the first to be forgotten
												 * first */
} UsedTokenState;

/* the setting; written by the GUC machinery only */
int			tm_max_used_tokens = 16384;

/* In shared memory, or NULL; written by tm_used_token_shmem_startup() */
static UsedTokenState *state = NULL;
static HTAB *used_tokens = NULL;

static Size state_size(void);
static TokenUse remember(const unsigned char *hash, const HolderKey *tenant_key,
						 const HolderKey *database_key,
						 TimestampTz issued_at, TimestampTz forget_at);
static void append_token(UsedToken *token);
static void unlink_token(UsedToken *token);
static void give_up_oldest(Holder *tenant);
static void forget_some(TimestampTz now);
static void forget(UsedToken *token);
static void heap_put(UsedToken *token, uint32 place);
static void heap_settle(UsedToken *token);
static void heap_remove(UsedToken *token);

void
tm_used_token_shmem_request(void)
{
	Size		size = state_size();

	size = add_size(size, hash_estimate_size(tm_max_used_tokens,
											 sizeof(UsedToken)));
	size = add_size(size, tm_token_holder_shmem_size(tm_max_used_tokens));
	RequestAddinShmemSpace(size);
}

static Size
state_size(void)
{
	return MAXALIGN(add_size(offsetof(UsedTokenState, heap),
							 mul_size(tm_max_used_tokens,
									  sizeof(UsedToken *))));
}

void
tm_used_token_shmem_startup(void)
{
	HASHCTL		ctl;
	bool		found;

	state = ShmemInitStruct("tenant_mgr used tokens state", state_size(),
							&found);
	if (!found)
	{
		state->since = GetCurrentTimestamp();
		state->ntokens = 0;
		LWLockInitialize(&state->lock, LWLockNewTrancheId());
	}
	LWLockRegisterTranche(state->lock.tranche, "tenant_mgr used tokens");

	ctl.keysize = TM_CRYPTO_HASH_BYTES;
	ctl.entrysize = sizeof(UsedToken);
	used_tokens = ShmemInitHash("tenant_mgr used tokens", tm_max_used_tokens,
								tm_max_used_tokens, &ctl,
								HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	tm_token_holder_shmem_startup(tm_max_used_tokens);
}

bool
tm_used_token_can_remember(void)
{
	return state != NULL;
}

TokenUse
tm_used_token_add(const char *issuer, const char *tenant, const char *jti,
				  TimestampTz issued_at, TimestampTz expires_at, int leeway)
{
	unsigned char hash[TM_CRYPTO_HASH_BYTES];
	HolderKey	tenant_key;
	HolderKey	database_key;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz forget_at;
	TokenUse	use;

	if (state == NULL)
		return TOKEN_USE_NO_MEMORY;

	/* Its issuer's clock may have been ahead of ours when it was used. */
	if (issued_at <= TimestampTzPlusMilliseconds(state->since,
												 leeway * INT64CONST(1000)))
		return TOKEN_USE_UNKNOWN;

	tm_crypto_hash(issuer, jti, hash);
	tm_token_holder_keys(tenant, &tenant_key, &database_key);
	forget_at = TimestampTzPlusMilliseconds(expires_at,
											TM_MAX_TOKEN_LEEWAY * INT64CONST(1000));

	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	forget_some(now);
	use = remember(hash, &tenant_key, &database_key, issued_at, forget_at);
	LWLockRelease(&state->lock);
	return use;
}

static TokenUse
remember(const unsigned char *hash, const HolderKey *tenant_key,
		 const HolderKey *database_key, TimestampTz issued_at,
		 TimestampTz forget_at)
{
	Holder	   *tenant = tm_token_holder_find(tenant_key);
	UsedToken  *token;
	bool		found;

	hash_search(used_tokens, hash, HASH_FIND, &found);
	if (found)
		return TOKEN_USE_REPEATED;
	if (tenant != NULL && tenant->mark != NULL && issued_at <= tenant->since)
		return TOKEN_USE_UNKNOWN;
	if (state->ntokens >= tm_max_used_tokens)
	{
		Holder	   *richer = tm_token_holder_richer(tenant_key, database_key);

		if (richer == NULL)
			return TOKEN_USE_FULL;
		give_up_oldest(richer);
	}
	if (!tm_token_holder_has_room())
		return TOKEN_USE_FULL;
	token = hash_search(used_tokens, hash, HASH_ENTER_NULL, NULL);
	if (token == NULL)
		return TOKEN_USE_FULL;

	token->issued_at = issued_at;
	token->forget_at = forget_at;
	token->database = tm_token_holder_count_up(database_key);
	token->tenant = tm_token_holder_count_up(tenant_key);
	append_token(token);
	heap_put(token, state->ntokens++);
	heap_settle(token);
	return TOKEN_USE_FIRST;
}

/* To the tokens of its tenant. */
static void
append_token(UsedToken *token)
{
	Holder	   *tenant = token->tenant;

	token->prev = tenant->newest;
	token->next = NULL;
	if (tenant->newest != NULL)
		tenant->newest->next = token;
	else
		tenant->oldest = token;
	tenant->newest = token;
}

static void
unlink_token(UsedToken *token)
{
	Holder	   *tenant = token->tenant;

	if (token->prev != NULL)
		token->prev->next = token->next;
	else
		tenant->oldest = token->next;
	if (token->next != NULL)
		token->next->prev = token->prev;
	else
		tenant->newest = token->prev;
	token->prev = token->next = NULL;
}

/*
 * Make room by the token that a tenant has used first.  It has another one, or
 * a mark: a token that is remembered for as long as any of those is valid that
 * had to go, and with it what is refused instead of them.
 */
static void
give_up_oldest(Holder *tenant)
{
	UsedToken  *token;

	if (tenant->mark == NULL)
	{
		tenant->mark = tenant->oldest;
		unlink_token(tenant->mark);
		tenant->since = tenant->mark->issued_at;
	}
	token = tenant->oldest;
	tenant->since = Max(tenant->since, token->issued_at);
	if (token->forget_at > tenant->mark->forget_at)
	{
		tenant->mark->forget_at = token->forget_at;
		heap_settle(tenant->mark);
	}
	forget(token);
}

/* A few at a time: each use of a token forgets more than it adds. */
static void
forget_some(TimestampTz now)
{
	int			i;

	for (i = 0; i < MAX_FORGET && state->ntokens > 0; i++)
	{
		if (state->heap[0]->forget_at > now)
			break;
		forget(state->heap[0]);
	}
}

static void
forget(UsedToken *token)
{
	Holder	   *tenant = token->tenant;
	Holder	   *database = token->database;

	if (tenant->mark == token)
		tenant->mark = NULL;
	else
		unlink_token(token);
	heap_remove(token);
	hash_search(used_tokens, token->hash, HASH_REMOVE, NULL);
	tm_token_holder_count_down(tenant);
	tm_token_holder_count_down(database);
}

static void
heap_put(UsedToken *token, uint32 place)
{
	state->heap[place] = token;
	token->place = place;
}

/* Put it where it belongs by its time, which may have changed. */
static void
heap_settle(UsedToken *token)
{
	uint32		place = token->place;

	while (place > 0)
	{
		UsedToken  *parent = state->heap[(place - 1) / 2];

		if (parent->forget_at <= token->forget_at)
			break;
		heap_put(parent, place);
		place = (place - 1) / 2;
	}
	for (;;)
	{
		uint32		child = 2 * place + 1;

		if (child >= state->ntokens)
			break;
		if (child + 1 < state->ntokens &&
			state->heap[child + 1]->forget_at < state->heap[child]->forget_at)
			child++;
		if (token->forget_at <= state->heap[child]->forget_at)
			break;
		heap_put(state->heap[child], place);
		place = child;
	}
	heap_put(token, place);
}

static void
heap_remove(UsedToken *token)
{
	UsedToken  *last = state->heap[--state->ntokens];

	if (last == token)
		return;
	heap_put(last, token->place);
	heap_settle(last);
}
