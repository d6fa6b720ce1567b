/*
 * registry_cache.c
 *		A backend's memory of tenants.
 *
 * Each backend remembers the tenants that it has looked up by name, for as long
 * as the generation stays (registry_generation.c).
 *
 * What has been read is remembered only if the generation has not moved since
 * before it was read.  Changes of an open transaction are remembered like any
 * other: if it is rolled back, the server processes its invalidations again.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "base/generation_cache.h"
#include "tenants/registry_cache.h"

typedef struct CacheEntry
{
	char		name[NAMEDATALEN];	/* hash key */
	TenantInfo	tenant;			/* what the registry said */
} CacheEntry;

/* Tenants by name */
static GenerationCache cache = {
	.name = "tenants",
	.keysize = NAMEDATALEN,
	.entrysize = sizeof(CacheEntry)
};

TenantInfo *
tm_registry_cache_recall(const char *name)
{
	CacheEntry *entry;
	TenantInfo *tenant;
	char		key[NAMEDATALEN];

	if (strlen(name) >= NAMEDATALEN)
		return NULL;

	strlcpy(key, name, NAMEDATALEN);
	entry = tm_generation_cache_find(&cache, tm_registry_generation(), key);
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

	if (as_of != tm_registry_generation())
		return;

	strlcpy(key, tenant->name, NAMEDATALEN);
	tm_generation_cache_prepare(&cache, as_of);
	entry = tm_generation_cache_enter(&cache, key);
	entry->tenant = *tenant;
}
