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
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "tenants/persistent_schemas.h"
#include "tenants/registry.h"
#include "tenants/schema_owner.h"
#include "tenants/snapshot_registry.h"

/* The most schemas a backend remembers before it starts afresh */
#define MAX_ENTRIES		4096

typedef struct OwnerEntry
{
	Oid			nspid;			/* hash key */
	bool		owned;			/* by a tenant */
	SchemaOwner owner;			/* by this one */
} OwnerEntry;

/* Schemas, and the generations they belong to; written by prepare_cache */
static MemoryContext cache_context = NULL;
static HTAB *cache = NULL;
static OwnerEntry *latest = NULL;	/* the one that was asked for last */
static uint64 cache_generation = 0;
static uint64 cache_path_generation = 0;

static void prepare_cache(void);
static bool find_owner(Oid nspid, SchemaOwner *owner);
static bool is_persistent(const char *schema);

bool
tm_schema_owner(Oid nspid, SchemaOwner *owner)
{
	OwnerEntry *entry = NULL;
	OwnerEntry	found;
	uint64		as_of = tm_registry_generation();
	uint64		path_as_of = tm_persistent_schemas_generation;

	if (nspid == PG_CATALOG_NAMESPACE || nspid == PG_TOAST_NAMESPACE)
		return false;

	/* Our own script makes the tables that we would have to look at. */
	if (creating_extension &&
		CurrentExtensionObject == get_extension_oid(TM_EXTENSION_NAME, true))
		return false;

	if (cache != NULL && cache_generation == as_of &&
		cache_path_generation == path_as_of)
	{
		entry = latest != NULL && latest->nspid == nspid ? latest :
			hash_search(cache, &nspid, HASH_FIND, NULL);
		latest = entry;
	}
	if (entry != NULL)
	{
		if (entry->owned && owner != NULL)
			*owner = entry->owner;
		return entry->owned;
	}

	/* Looking may process invalidations; then this does not count. */
	found.nspid = nspid;
	found.owned = find_owner(nspid, &found.owner);
	if (as_of == tm_registry_generation() &&
		path_as_of == tm_persistent_schemas_generation)
	{
		prepare_cache();
		entry = hash_search(cache, &nspid, HASH_ENTER, NULL);
		*entry = found;
	}
	if (found.owned && owner != NULL)
		*owner = found.owner;
	return found.owned;
}

/* Make room for another entry, in a cache of the present generations. */
static void
prepare_cache(void)
{
	HASHCTL		ctl;
	uint64		generation = tm_registry_generation();

	if (cache != NULL && cache_generation == generation &&
		cache_path_generation == tm_persistent_schemas_generation &&
		hash_get_num_entries(cache) < MAX_ENTRIES)
		return;

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext,
											  "tenant_mgr schema owners",
											  ALLOCSET_DEFAULT_SIZES);
	cache = NULL;
	latest = NULL;
	MemoryContextReset(cache_context);
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(OwnerEntry);
	ctl.hcxt = cache_context;
	cache = hash_create("tenant_mgr schema owners", 64, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	cache_generation = generation;
	cache_path_generation = tm_persistent_schemas_generation;
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
