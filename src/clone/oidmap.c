/*
 * oidmap.c
 *		What became of an OID: (catalog, old OID) -> new OID.
 *
 * The map is filled completely before the first catalog row is rewritten, so
 * that rows may refer to each other in any direction.  What it does not know
 * lies outside the schema and keeps its OID.  An OID is unique in its own
 * catalog only, hence the two-part key.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "clone/oidmap.h"

typedef struct OidMapKey
{
	Oid			classid;		/* catalog, or InvalidOid for "any" */
	Oid			oid;			/* OID in the source */
} OidMapKey;

typedef struct OidMapEntry
{
	OidMapKey	key;			/* what is looked up */
	Oid			clone;			/* OID in the clone */
	char		status;			/* for simplehash */
} OidMapEntry;

#define SH_PREFIX		oidtable
#define SH_ELEMENT_TYPE	OidMapEntry
#define SH_KEY_TYPE		OidMapKey
#define SH_KEY			key
#define SH_HASH_KEY(tb, k)	hash_combine(murmurhash32((k).oid), (k).classid)
#define SH_EQUAL(tb, a, b)	((a).oid == (b).oid && (a).classid == (b).classid)
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct OidMap
{
	oidtable_hash *table;		/* entries by (catalog, OID) and by (0, OID) */
};

static void
insert_entry(OidMap *map, Oid classid, Oid source, Oid clone)
{
	OidMapKey	key = {classid, source};
	OidMapEntry *entry;
	bool		found;

	entry = oidtable_insert(map->table, key, &found);
	entry->clone = clone;
}

OidMap *
tm_oidmap_create(void)
{
	OidMap	   *map = palloc(sizeof(OidMap));

	map->table = oidtable_create(CurrentMemoryContext, 4096, NULL);
	return map;
}

void
tm_oidmap_add(OidMap *map, Oid classid, Oid source, Oid clone)
{
	insert_entry(map, classid, source, clone);
	insert_entry(map, InvalidOid, source, clone);
}

Oid
tm_oidmap_translate(const OidMap *map, Oid classid, Oid oid)
{
	OidMapKey	key = {classid, oid};
	OidMapEntry *entry = oidtable_lookup(map->table, key);

	return entry ? entry->clone : oid;
}

bool
tm_oidmap_contains(const OidMap *map, Oid classid, Oid oid)
{
	OidMapKey	key = {classid, oid};

	return oidtable_lookup(map->table, key) != NULL;
}

bool
tm_oidmap_contains_number(const OidMap *map, Oid oid)
{
	return tm_oidmap_contains(map, InvalidOid, oid);
}
