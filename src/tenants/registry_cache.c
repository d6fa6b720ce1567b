/*
 * registry_cache.c
 *		A backend's memory of tenants, and when to forget.
 *
 * Each backend remembers the tenants that it has looked up by name.  A change
 * of the registry sends a relation cache invalidation for the table, from
 * registry.c or from the table's own trigger; that, and a change of any
 * schema, role or membership, moves the generation, and what is remembered
 * from an earlier one does not count.
 *
 * What has been read is remembered only if the generation has not moved since
 * before it was read.  Changes of an open transaction are remembered like any
 * other: if it is rolled back, the server processes its invalidations again.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/generation_cache.h"
#include "tenants/registry_cache.h"

typedef struct CacheEntry
{
	char		name[NAMEDATALEN];	/* hash key */
	TenantInfo	tenant;			/* what the registry said */
} CacheEntry;

/* The registry, InvalidOid if not known; forgotten by its callback */
static Oid	registry_relid = InvalidOid;

/* Moved by the callbacks */
static uint64 generation = 1;

/* Tenants by name */
static GenerationCache cache = {
	.name = "tenants",
	.keysize = NAMEDATALEN,
	.entrysize = sizeof(CacheEntry)
};

static void register_callbacks(void);
static void relcache_callback(Datum arg, Oid relid);
static void syscache_callback(Datum arg, int cacheid, uint32 hashvalue);

uint64
tm_registry_generation(void)
{
	register_callbacks();
	return generation;
}

Oid
tm_registry_cache_relid(void)
{
	register_callbacks();
	return registry_relid;
}

void
tm_registry_cache_watch(Oid relid)
{
	registry_relid = relid;
}

TenantInfo *
tm_registry_cache_recall(const char *name)
{
	CacheEntry *entry;
	TenantInfo *tenant;
	char		key[NAMEDATALEN];

	register_callbacks();

	if (strlen(name) >= NAMEDATALEN)
		return NULL;

	strlcpy(key, name, NAMEDATALEN);
	entry = tm_generation_cache_find(&cache, generation, key);
	if (entry == NULL)
		return NULL;

	tenant = palloc(sizeof(TenantInfo));
	*tenant = entry->tenant;
	return tenant;
}

void
tm_registry_cache_remember(const TenantInfo *tenant, uint64 as_of)
{
	CacheEntry *entry;
	char		key[NAMEDATALEN];

	if (as_of != generation)
		return;

	strlcpy(key, tenant->name, NAMEDATALEN);
	tm_generation_cache_prepare(&cache, as_of);
	entry = tm_generation_cache_enter(&cache, key);
	entry->tenant = *tenant;
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;

	CacheRegisterRelcacheCallback(relcache_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, syscache_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, syscache_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, syscache_callback,
								  (Datum) 0);
	registered = true;
}

/* These two run at awkward moments and do no more than take a note. */
static void
relcache_callback(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == registry_relid)
	{
		registry_relid = InvalidOid;
		generation++;
	}
}

static void
syscache_callback(Datum arg, int cacheid, uint32 hashvalue)
{
	generation++;
}
