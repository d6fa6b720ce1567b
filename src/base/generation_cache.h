/*
 * generation_cache.h
 *		What a backend remembers for as long as a number does not move.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GENERATION_CACHE_H
#define TENANT_MGR_GENERATION_CACHE_H

#include "utils/hsearch.h"
#include "utils/palloc.h"

/* A cache; its module fills in the first three */
typedef struct GenerationCache
{
	const char *name;			/* of its memory context */
	Size		keysize;		/* of a key, with which an entry begins; names
								 * if NAMEDATALEN */
	Size		entrysize;		/* of an entry */
	uint64		as_of;			/* the generation that the entries are of */
	MemoryContext context;		/* the entries', and what they point to */
	HTAB	   *entries;		/* NULL before the first one */
} GenerationCache;

/*
 * A generation may be the sum of several, since none of them goes back.
 */
static inline bool
tm_generation_cache_is_of(const GenerationCache *cache, uint64 as_of)
{
	return cache->entries != NULL && cache->as_of == as_of;
}

/* The entry with this key, or NULL. */
extern void *tm_generation_cache_find(const GenerationCache *cache,
									  uint64 as_of, const void *key);

/*
 * Make room for another entry.  Those of another generation are forgotten, and so
 * are all when there are too many; what was found before may be gone then.
 */
extern void tm_generation_cache_prepare(GenerationCache *cache, uint64 as_of);

/* The entry with this key, or a new one; the caller has prepared the cache. */
extern void *tm_generation_cache_enter(GenerationCache *cache,
									   const void *key);

#endif							/* TENANT_MGR_GENERATION_CACHE_H */
