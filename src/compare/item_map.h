/*
 * item_map.h
 *		Which entry of a fingerprint an object is in, and what it needs.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ITEM_MAP_H
#define TENANT_MGR_ITEM_MAP_H

#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/relcache.h"

#include "compare/fingerprint.h"

typedef struct ItemMap
{
	const Fingerprint *print;	/* the entries */
	HTAB	   *entries;		/* ObjectAddress -> entry */
	Relation	depend;			/* pg_depend, open */
} ItemMap;

/* One entry needs another */
typedef struct ItemTie
{
	const FingerprintItem *item;	/* the other one; NULL if it is outside */
	ObjectAddress object;		/* what exactly it is */
	char		deptype;		/* as in pg_depend */
	bool		by_default;		/* it is a column's default that needs it */
} ItemTie;

/* Open a map of a fingerprint, palloc'd; the entries are not copied. */
extern ItemMap *tm_item_map_open(const Fingerprint *print);
extern void tm_item_map_close(ItemMap *map);

/* The entry of this name, or NULL. */
extern const FingerprintItem *tm_item_named(const ItemMap *map,
											const uint8 *name);

/* The entry that an object is in, or a part of; or NULL. */
extern const FingerprintItem *tm_item_of(ItemMap *map,
										 const ObjectAddress *object);

/*
 * What an entry needs in its schema, and what needs it, that outside of the schema
 * too: lists of ItemTie, palloc'd.
 */
extern List *tm_item_needs(ItemMap *map, const FingerprintItem *item);
extern List *tm_item_users(ItemMap *map, const FingerprintItem *item);

/* The entries of a relation's columns, in their order; palloc'd. */
extern List *tm_item_columns(const ItemMap *map, const FingerprintItem *item);

#endif							/* TENANT_MGR_ITEM_MAP_H */
