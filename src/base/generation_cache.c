/*
 * generation_cache.c
 *		What a backend remembers for as long as a number does not move.
 *
 * Callbacks for invalidation messages run at moments at which nothing can be
 * freed, so they only move a number, the generation.  Whoever looks something up
 * notes it before, and remembers what came of it only if it has not moved
 * meanwhile.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/generation_cache.h"

/* The most entries before a cache starts afresh */
#define MAX_ENTRIES		4096

void *
tm_generation_cache_find(const GenerationCache *cache, uint64 as_of,
						 const void *key)
{
	return tm_generation_cache_is_of(cache, as_of) ?
		hash_search(cache->entries, key, HASH_FIND, NULL) : NULL;
}

void
tm_generation_cache_prepare(GenerationCache *cache, uint64 as_of)
{
	HASHCTL		ctl;

	if (tm_generation_cache_is_of(cache, as_of) &&
		hash_get_num_entries(cache->entries) < MAX_ENTRIES)
		return;

	if (cache->context == NULL)
		cache->context = AllocSetContextCreate(TopMemoryContext,
											   "tenant_mgr cache",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSetIdentifier(cache->context, cache->name);
	cache->entries = NULL;
	MemoryContextReset(cache->context);
	ctl.keysize = cache->keysize;
	ctl.entrysize = cache->entrysize;
	ctl.hcxt = cache->context;
	cache->entries = hash_create(cache->name, 64, &ctl,
								 HASH_ELEM | HASH_CONTEXT |
								 (cache->keysize == NAMEDATALEN ?
								  HASH_STRINGS : HASH_BLOBS));
	cache->as_of = as_of;
}

void *
tm_generation_cache_enter(GenerationCache *cache, const void *key)
{
	return hash_search(cache->entries, key, HASH_ENTER, NULL);
}
