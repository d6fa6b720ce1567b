/*
 * schema_owner.c
 *		Which tenant a schema belongs to.
 *
 * The question is asked for every table and function that a bound session
 * uses, so answers are remembered, for schemas of nobody as well.  They hold
 * as long as the generation of the registry and that of the persistent
 * schemas: a schema that is renamed, a tenant that is created, adopted or
 * dropped and a snapshot that is made all move the former.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "utils/lsyscache.h"

#include "base/generation_cache.h"
#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "tenants/persistent_schemas.h"
#include "tenants/registry.h"
#include "tenants/schema_owner.h"
#include "tenants/snapshot_registry.h"

typedef struct OwnerEntry
{
	Oid			nspid;			/* hash key */
	bool		owned;			/* by a tenant */
	SchemaOwner owner;			/* by this one */
} OwnerEntry;

/* Schemas, of the registry's generation and that of the persistent schemas */
static GenerationCache cache = {
	.name = "schema owners",
	.keysize = sizeof(Oid),
	.entrysize = sizeof(OwnerEntry)
};
static OwnerEntry *latest = NULL;	/* the one that was asked for last */
OwnedSchema tm_schema_owned;

static pg_noinline bool look_up(Oid nspid, SchemaOwner *owner);
static inline uint64 generation_now(void);
static inline void note_owned(const OwnerEntry *entry, uint64 as_of);
static bool find_owner(Oid nspid, SchemaOwner *owner);
static bool is_persistent(const char *schema);

/* The one that was asked for last is mostly asked for again. */
bool
tm_schema_owner(Oid nspid, SchemaOwner *owner)
{
	if (latest == NULL || latest->nspid != nspid || creating_extension ||
		!tm_generation_cache_is_of(&cache, generation_now()))
		return look_up(nspid, owner);
	if (latest->owned && owner != NULL)
		*owner = latest->owner;
	return latest->owned;
}

static bool
look_up(Oid nspid, SchemaOwner *owner)
{
	OwnerEntry *entry = NULL;
	OwnerEntry	found;
	uint64		as_of = generation_now();

	if (nspid == PG_CATALOG_NAMESPACE || nspid == PG_TOAST_NAMESPACE)
		return false;

	/* Our own script makes the tables that we would have to look at. */
	if (creating_extension &&
		CurrentExtensionObject == get_extension_oid(TM_EXTENSION_NAME, true))
		return false;

	if (tm_generation_cache_is_of(&cache, as_of))
	{
		entry = tm_generation_cache_find(&cache, as_of, &nspid);
		latest = entry;
	}
	if (entry != NULL)
	{
		note_owned(entry, as_of);
		if (entry->owned && owner != NULL)
			*owner = entry->owner;
		return entry->owned;
	}

	/* Looking may process invalidations; then this does not count. */
	found.nspid = nspid;
	found.owned = find_owner(nspid, &found.owner);
	if (as_of == generation_now())
	{
		latest = NULL;
		tm_generation_cache_prepare(&cache, as_of);
		entry = tm_generation_cache_enter(&cache, &nspid);
		*entry = found;
		note_owned(entry, as_of);
	}
	if (found.owned && owner != NULL)
		*owner = found.owner;
	return found.owned;
}

static inline uint64
generation_now(void)
{
	return tm_registry_generation() + tm_persistent_schemas_generation;
}

static inline void
note_owned(const OwnerEntry *entry, uint64 as_of)
{
	if (!entry->owned)
		return;
	tm_schema_owned.nspid = entry->nspid;
	tm_schema_owned.as_of = as_of;
}

/*
 * A snapshot may have outlived its tenant; then it still is somebody's, and
 * nobody else's.
 */
static bool
find_owner(Oid nspid, SchemaOwner *owner)
{
	char	   *schema = get_namespace_name(nspid);
	TenantInfo *tenant;
	SnapshotInfo *snapshot = NULL;

	memset(owner, 0, sizeof(*owner));
	if (schema == NULL || !tm_registry_installed() || is_persistent(schema))
		return false;

	tenant = tm_registry_lookup_schema(schema);
	if (tenant == NULL)
	{
		snapshot = tm_snapshot_lookup_schema(schema);
		if (snapshot == NULL)
			return false;
		tenant = tm_registry_lookup_id(&snapshot->tenant_id);
	}

	if (tenant != NULL)
	{
		owner->id = tenant->id;
		strlcpy(owner->name, tenant->name, NAMEDATALEN);
	}
	else
		owner->id = snapshot->tenant_id;
	return true;
}

static bool
is_persistent(const char *schema)
{
	List	   *names = tm_setting_split_names(tm_persistent_schemas);
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp((char *) lfirst(lc), schema) == 0)
			return true;
	}
	return false;
}
