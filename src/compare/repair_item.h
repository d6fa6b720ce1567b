/*
 * repair_item.h
 *		One object of a repair, and what is known of it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REPAIR_ITEM_H
#define TENANT_MGR_REPAIR_ITEM_H

#include "compare/item_map.h"
#include "compare/schema_diff.h"

typedef enum RepairAction
{
	REPAIR_NOTHING,				/* it is looked at for the sake of others */
	REPAIR_MAKE,
	REPAIR_DROP,
	REPAIR_ANEW,				/* dropped and made again */
	REPAIR_CHANGE
} RepairAction;

/* One object, and what is done with it */
typedef struct RepairItem
{
	Difference *difference;		/* the object, in both schemas */
	RepairAction action;
	bool		comes_along;	/* does another statement make or drop it? */
	struct RepairItem *table;	/* of a column that comes along with a table */
	bool		default_anew;	/* is its default taken away for a while? */
	struct RepairItem *instead_of;	/* what has its name until it is made */
	bool		replaced;		/* has something that is made its name? */
	const char *obstacle;		/* why its statements are comments, or NULL */
	bool		untold;			/* is it told of its table? */
	bool		looked_up;		/* are these known? */
	List	   *needs;			/* ItemTie: what it needs in the first schema */
	List	   *users;			/* ItemTie: what needs it in the second one */
	int			position;		/* its place in the list */
} RepairItem;

/* What leads from the name of an entry of a fingerprint to the object */
typedef struct RepairName
{
	uint8		name[16];		/* that of an entry of a fingerprint, */
	char		kind;			/* and what kind of a relation it is */
	RepairItem *item;
} RepairName;

/* All of them */
typedef struct RepairPlan
{
	SchemaDiff *diff;			/* what is not alike */
	ItemMap    *map_a;
	ItemMap    *map_b;
	HTAB	   *by_name;		/* name and kind of an entry -> RepairItem */
	List	   *items;			/* RepairItem, those that are not alike first */
} RepairPlan;

/* What is done with objects of its name, to be filled in if it is new. */
extern RepairName *tm_repair_name(const RepairPlan *plan,
								  const FingerprintItem *item,
								  HASHACTION action, bool *found);

/* What is done with an entry of either fingerprint, or NULL if nothing is. */
extern RepairItem *tm_repair_item(const RepairPlan *plan,
								  const FingerprintItem *item);

/* The part of a definition with this key, or NULL. */
extern DefinitionPart *tm_repair_part(const Definition *definition,
									  const char *key);

/* Is what makes the object not the same in both schemas? */
extern bool tm_repair_is_made_otherwise(const Difference *difference);

/*
 * Is it to become a partition, or one of other bounds or of another table, or an
 * index of another index?
 */
extern bool tm_repair_is_attached_otherwise(const Difference *difference);

/* Is it the type of a column that changes? */
extern bool tm_repair_changes_type(const RepairItem *item);

/* Is the object dropped, for a while or for good? */
extern bool tm_repair_moves(const RepairItem *item);

/* Would the server refuse to change the type of a column for its sake? */
extern bool tm_repair_uses_type(const ItemTie *tie);

/* Does another statement make or drop it? */
extern bool tm_repair_comes_along(RepairPlan *plan, const RepairItem *item);

/* The object that takes along what is tied to it when it is dropped, or NULL. */
extern RepairItem *tm_repair_carrier(const RepairPlan *plan,
									 const ItemTie *tie);

#endif							/* TENANT_MGR_REPAIR_ITEM_H */
