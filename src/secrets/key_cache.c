/*
 * key_cache.c
 *		Keys that this session has at hand.
 *
 * To unwrap a data key and to derive keys for a context from it takes longer
 * than to seal a password with them.  So the keys of the last few uses are
 * kept, in guarded memory.  A use is a scope, a version, an algorithm and a
 * context; the data key itself is not kept.
 *
 * A change of the table tenant.data_key sends a relation cache invalidation,
 * from data_key.c or from the table's trigger.  It wipes all keys; and before
 * any key is used, pending invalidations are processed.  So when a transaction
 * that destroys a key has committed, no session can use the key any more, not
 * even in the middle of a statement.  Keys also go when the key ring is
 * another one (keyring.c), or is none any more.
 *
 * What has been read is kept only if nothing has changed since before it was
 * read.  A key that was made in a transaction that is rolled back is forgotten
 * when the server processes that transaction's invalidations once more.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/inval.h"

#include "base/crypto.h"
#include "base/relation_news.h"
#include "base/uuid.h"
#include "secrets/key_cache.h"
#include "secrets/keyring.h"

/* As many uses as a session should need at a time */
#define MAX_ENTRIES		16

/* Longer contexts are not remembered. */
#define MAX_CONTEXT		128

typedef struct CacheEntry
{
	bool		valid;			/* is there anything here? */
	KeyDomain	domain;			/* the use: who can name it */
	pg_uuid_t	scope;			/* whose data key */
	int32		version;		/* which of them, or TM_KEY_TO_SEAL */
	CryptoAlgorithm algorithm;	/* for what */
	Size		context_size;
	char		context[MAX_CONTEXT];
	KeyAtHand	at_hand;		/* the keys */
} CacheEntry;

/* All of it in guarded memory, with room for keys that are used once */
typedef struct KeyCache
{
	CacheEntry	entries[MAX_ENTRIES];
	KeyAtHand	once;
} KeyCache;

/* The cache, or NULL; made by tm_key_cache_place() */
static KeyCache *cache = NULL;

/* where the last entry was found, and where the next one is put */
static int	last_used = 0;
static int	next_place = 0;

/* the key ring that the entries belong to; written by check_ring() */
static uint64 ring_generation = 0;

/* tenant.data_key, InvalidOid if not known; forgotten by the callback */
static Oid	data_key_relid = InvalidOid;

/* moved by the callback */
static uint64 generation = 1;

static void relation_changed(Oid relid);
static void check_ring(void);
static void forget_all(void);
static bool is_for(const CacheEntry *entry, const KeyUse *use, int32 version);

Oid
tm_key_cache_relid(void)
{
	return data_key_relid;
}

void
tm_key_cache_watch(Oid relid)
{
	tm_relation_news_to(relation_changed);
	data_key_relid = relid;
}

uint64
tm_key_cache_generation(void)
{
	AcceptInvalidationMessages();
	return generation;
}

const KeyAtHand *
tm_key_cache_recall(const KeyUse *use, int32 version)
{
	int			i;

	if (cache == NULL)
		return NULL;
	AcceptInvalidationMessages();
	check_ring();

	if (is_for(&cache->entries[last_used], use, version))
		return &cache->entries[last_used].at_hand;
	for (i = 0; i < MAX_ENTRIES; i++)
	{
		if (is_for(&cache->entries[i], use, version))
		{
			last_used = i;
			return &cache->entries[i].at_hand;
		}
	}
	return NULL;
}

KeyAtHand *
tm_key_cache_place(const KeyUse *use, int32 version, uint64 as_of)
{
	CacheEntry *entry;

	if (cache == NULL)
		cache = tm_crypto_alloc_guarded(sizeof(KeyCache));
	check_ring();
	if (as_of != generation || use->context_size > MAX_CONTEXT)
		return &cache->once;

	last_used = next_place;
	next_place = (next_place + 1) % MAX_ENTRIES;
	entry = &cache->entries[last_used];
	entry->valid = true;
	entry->domain = use->domain;
	entry->scope = use->scope;
	entry->version = version;
	entry->algorithm = use->algorithm;
	entry->context_size = use->context_size;
	memcpy(entry->context, use->context, use->context_size);
	return &entry->at_hand;
}

/* It does no more than it must. */
static void
relation_changed(Oid relid)
{
	if (relid == InvalidOid || relid == data_key_relid)
	{
		data_key_relid = InvalidOid;
		generation++;
		forget_all();
	}
}

static void
check_ring(void)
{
	if (ring_generation == tm_keyring_generation())
		return;
	forget_all();
	ring_generation = tm_keyring_generation();
}

static void
forget_all(void)
{
	if (cache != NULL)
		tm_crypto_wipe(cache, sizeof(KeyCache));
}

static bool
is_for(const CacheEntry *entry, const KeyUse *use, int32 version)
{
	return entry->valid &&
		entry->version == version &&
		entry->domain == use->domain &&
		entry->algorithm == use->algorithm &&
		entry->context_size == use->context_size &&
		tm_uuid_equals(&entry->scope, &use->scope) &&
		memcmp(entry->context, use->context, use->context_size) == 0;
}
