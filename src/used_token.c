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
 * whatever tenant_mgr.token_leeway is set to until then.  The one that can be
 * forgotten first is on top of a heap.
 *
 * When there is no room left, tokens for a single use are refused, for none can
 * be forgotten before its time.  So that nobody uses up the room of others,
 * a database gets no more of it than it leaves to all other databases, and a
 * tenant no more than it leaves to the rest of its database.  So each can take
 * a part of what it finds and never all of it.  There is room for three times
 * tenant_mgr.max_used_tokens: that many are what one tenant can get by itself.
 *
 * XXX Tenants that are greedy one after the other find less and less.  To
 * forget tokens of who has most, and to refuse from then on what was issued to
 * it before these, would be fairer.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "crypto.h"
#include "token_setting.h"
#include "used_token.h"

/* How many fit, for tenant_mgr.max_used_tokens of each greedy tenant */
#define CAPACITY	(3 * (Size) tm_max_used_tokens)

/* Databases that are certain to find a place beside all tenants */
#define SPARE_HOLDERS	1024

/* So many are forgotten in one go, lest others wait for long */
#define MAX_FORGET	64

/* Whose tokens are counted; hashed as bytes, and there is no padding */
typedef struct HolderKey
{
	Oid			dbid;			/* which database */
	bool		is_tenant;		/* or a tenant there? */
	char		tenant[11];		/* if so, which one: part of a hash */
} HolderKey;

typedef struct Holder
{
	HolderKey	key;			/* hash key */
	uint32		ntokens;		/* so many are remembered; never 0 */
} Holder;

/* A token that has been used */
typedef struct UsedToken
{
	unsigned char hash[TM_CRYPTO_HASH_BYTES];	/* hash key: of issuer and jti */
	TimestampTz forget_at;		/* when it need not be remembered any more */
	Holder	   *database;		/* for whom it counts */
	Holder	   *tenant;			/* likewise */
} UsedToken;

/* What is known of all of them; the lock guards everything below it */
typedef struct UsedTokenState
{
	TimestampTz since;			/* when this memory was made; never changes */
	LWLock		lock;
	uint32		ntokens;		/* so many are remembered */
	UsedToken  *heap[FLEXIBLE_ARRAY_MEMBER];	/* the first to be forgotten
												 * first; CAPACITY of them */
} UsedTokenState;

/* In shared memory, or NULL; written by tm_used_token_shmem_startup() */
static UsedTokenState *state = NULL;
static HTAB *used_tokens = NULL;
static HTAB *holders = NULL;

static Size state_size(void);
static TokenUse remember(const unsigned char *hash,
						 const HolderKey *database_key,
						 const HolderKey *tenant_key,
						 TimestampTz forget_at);
static bool has_share(const HolderKey *database_key,
					  const HolderKey *tenant_key);
static void forget_some(TimestampTz now);
static uint32 count_of(const HolderKey *key);
static Holder *count_up(const HolderKey *key);
static void count_down(Holder *holder);
static void heap_add(UsedToken *token);
static void heap_remove_first(void);

Size
tm_used_token_shmem_size(void)
{
	Size		size = state_size();

	size = add_size(size, hash_estimate_size(CAPACITY, sizeof(UsedToken)));
	return add_size(size, hash_estimate_size(CAPACITY + SPARE_HOLDERS,
											 sizeof(Holder)));
}

static Size
state_size(void)
{
	return MAXALIGN(add_size(offsetof(UsedTokenState, heap),
							 mul_size(CAPACITY, sizeof(UsedToken *))));
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
	used_tokens = ShmemInitHash("tenant_mgr used tokens", CAPACITY, CAPACITY,
								&ctl,
								HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	ctl.keysize = sizeof(HolderKey);
	ctl.entrysize = sizeof(Holder);
	holders = ShmemInitHash("tenant_mgr holders of used tokens",
							CAPACITY + SPARE_HOLDERS,
							CAPACITY + SPARE_HOLDERS, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
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
	unsigned char tenant_hash[TM_CRYPTO_HASH_BYTES];
	HolderKey	database_key = {0};
	HolderKey	tenant_key = {0};
	TimestampTz forget_at;
	TimestampTz now = GetCurrentTimestamp();
	TokenUse	use;

	if (state == NULL)
		return TOKEN_USE_NO_MEMORY;

	/* Its issuer's clock may have been ahead of ours when it was used. */
	if (issued_at <= TimestampTzPlusMilliseconds(state->since,
												 leeway * INT64CONST(1000)))
		return TOKEN_USE_UNKNOWN;

	tm_crypto_hash(issuer, jti, hash);
	tm_crypto_hash(tenant, "", tenant_hash);
	database_key.dbid = tenant_key.dbid = MyDatabaseId;
	tenant_key.is_tenant = true;
	memcpy(tenant_key.tenant, tenant_hash, sizeof(tenant_key.tenant));
	forget_at = TimestampTzPlusMilliseconds(expires_at,
											TM_MAX_TOKEN_LEEWAY * INT64CONST(1000));

	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	forget_some(now);
	use = remember(hash, &database_key, &tenant_key, forget_at);
	LWLockRelease(&state->lock);
	return use;
}

static TokenUse
remember(const unsigned char *hash, const HolderKey *database_key,
		 const HolderKey *tenant_key, TimestampTz forget_at)
{
	UsedToken  *token;
	bool		found;

	hash_search(used_tokens, hash, HASH_FIND, &found);
	if (found)
		return TOKEN_USE_REPEATED;
	if (!has_share(database_key, tenant_key))
		return TOKEN_USE_FULL;
	token = hash_search(used_tokens, hash, HASH_ENTER_NULL, NULL);
	if (token == NULL)
		return TOKEN_USE_FULL;

	token->forget_at = forget_at;
	token->database = count_up(database_key);
	token->tenant = count_up(tenant_key);
	heap_add(token);
	return TOKEN_USE_FIRST;
}

/* Is there room, and does it belong to this tenant of this database? */
static bool
has_share(const HolderKey *database_key, const HolderKey *tenant_key)
{
	int64		of_database = count_of(database_key);
	int64		of_tenant = count_of(tenant_key);
	int64		room = (int64) CAPACITY - state->ntokens;

	if (of_database == 0 || of_tenant == 0)
	{
		/* They will have to be counted, too. */
		if (hash_get_num_entries(holders) + 2 > CAPACITY + SPARE_HOLDERS)
			return false;
	}
	return of_database < room && of_tenant < room - of_database &&
		of_tenant < tm_max_used_tokens;
}

/* A few at a time: each use of a token forgets more than it adds. */
static void
forget_some(TimestampTz now)
{
	int			i;

	for (i = 0; i < MAX_FORGET && state->ntokens > 0; i++)
	{
		UsedToken  *token = state->heap[0];

		if (token->forget_at > now)
			break;
		heap_remove_first();
		count_down(token->database);
		count_down(token->tenant);
		hash_search(used_tokens, token->hash, HASH_REMOVE, NULL);
	}
}

static uint32
count_of(const HolderKey *key)
{
	Holder	   *holder = hash_search(holders, key, HASH_FIND, NULL);

	return holder == NULL ? 0 : holder->ntokens;
}

/* There is a place for it. */
static Holder *
count_up(const HolderKey *key)
{
	bool		found;
	Holder	   *holder = hash_search(holders, key, HASH_ENTER_NULL, &found);

	if (!found)
		holder->ntokens = 0;
	holder->ntokens++;
	return holder;
}

static void
count_down(Holder *holder)
{
	if (--holder->ntokens == 0)
		hash_search(holders, &holder->key, HASH_REMOVE, NULL);
}

static void
heap_add(UsedToken *token)
{
	uint32		place = state->ntokens++;

	while (place > 0)
	{
		uint32		parent = (place - 1) / 2;

		if (state->heap[parent]->forget_at <= token->forget_at)
			break;
		state->heap[place] = state->heap[parent];
		place = parent;
	}
	state->heap[place] = token;
}

static void
heap_remove_first(void)
{
	UsedToken  *last = state->heap[--state->ntokens];
	uint32		place = 0;

	for (;;)
	{
		uint32		child = 2 * place + 1;

		if (child >= state->ntokens)
			break;
		if (child + 1 < state->ntokens &&
			state->heap[child + 1]->forget_at < state->heap[child]->forget_at)
			child++;
		if (last->forget_at <= state->heap[child]->forget_at)
			break;
		state->heap[place] = state->heap[child];
		place = child;
	}
	state->heap[place] = last;
}
