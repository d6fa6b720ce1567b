/*
 * item_map.c
 *		Which entry of a fingerprint an object is in, and what it needs.
 *
 * pg_depend speaks of more objects than a fingerprint has entries: the default of a
 * column, the rule behind a view, the index of a constraint, the row type of a
 * table.  Each of these is a part of something that has an entry, and what is said
 * of the part is true of that.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "rewrite/prs2lock.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/dependency.h"
#include "compare/item_map.h"

/* Parts of parts of objects there are, but no longer chains */
#define MAX_STEPS	4

typedef struct MapEntry
{
	ObjectAddress object;		/* where it is */
	const FingerprintItem *item;	/* the entry of the fingerprint */
} MapEntry;

static const FingerprintItem *item_at(ItemMap *map, ObjectAddress object,
									  int steps);
static bool whole_of(ItemMap *map, ObjectAddress *object);
static List *parts_of(const FingerprintItem *item);
static List *add_part(List *parts, Oid classid, Oid objid, int32 subid);
static List *relation_parts(List *parts, Oid relid);
static List *type_parts(List *parts, Oid typid);
static Oid	rule_of_view(Oid relid);
static Oid	index_of_constraint(Oid constraint);
static List *add_tie(List *ties, ItemMap *map, const FingerprintItem *self,
					 const ObjectAddress *other, char deptype,
					 bool by_default);

ItemMap *
tm_item_map_open(const Fingerprint *print)
{
	ItemMap    *map = palloc(sizeof(ItemMap));
	HASHCTL		ctl;

	ctl.hcxt = CurrentMemoryContext;
	ctl.keysize = sizeof(ObjectAddress);
	ctl.entrysize = sizeof(MapEntry);
	map->print = print;
	map->entries = hash_create("tenant_mgr compared objects",
							   Max(print->nitems, 16), &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	map->depend = table_open(DependRelationId, AccessShareLock);
	for (int i = 0; i < print->nitems; i++)
	{
		MapEntry   *entry = hash_search(map->entries, &print->items[i].object,
										HASH_ENTER, NULL);

		entry->item = &print->items[i];
	}
	return map;
}

void
tm_item_map_close(ItemMap *map)
{
	table_close(map->depend, AccessShareLock);
	hash_destroy(map->entries);
}

const FingerprintItem *
tm_item_named(const ItemMap *map, const uint8 *name)
{
	int			low = 0;
	int			high = map->print->nitems;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		const FingerprintItem *item = &map->print->items[middle];
		int			order = memcmp(item->name, name, sizeof(item->name));

		if (order == 0)
			return item;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const FingerprintItem *
tm_item_of(ItemMap *map, const ObjectAddress *object)
{
	return item_at(map, *object, MAX_STEPS);
}

List *
tm_item_needs(ItemMap *map, const FingerprintItem *item)
{
	List	   *ties = NIL;
	ListCell   *lc;

	/* a column needs its table, which pg_depend does not say */
	if (item->object.objectSubId != 0)
	{
		ObjectAddress whole = {RelationRelationId, item->object.objectId, 0};

		ties = add_tie(ties, map, item, &whole, DEPENDENCY_INTERNAL, false);
	}
	foreach(lc, parts_of(item))
	{
		ObjectAddress *part = lfirst(lc);
		SysScanDesc scan = tm_dependency_scan(map->depend, NULL, part->classId,
											  part->objectId);
		HeapTuple	tup;

		while (HeapTupleIsValid(tup = systable_getnext(scan)))
		{
			Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);
			ObjectAddress other = {dep->refclassid, dep->refobjid,
			dep->refobjsubid};

			if (part->classId == RelationRelationId &&
				dep->objsubid != part->objectSubId)
				continue;
			ties = add_tie(ties, map, item, &other, dep->deptype,
						   part->classId == AttrDefaultRelationId);
		}
		systable_endscan(scan);
	}
	return ties;
}

List *
tm_item_users(ItemMap *map, const FingerprintItem *item)
{
	List	   *ties = NIL;
	ListCell   *lc;

	foreach(lc, parts_of(item))
	{
		ObjectAddress *part = lfirst(lc);
		SysScanDesc scan = tm_dependency_scan_dependents(map->depend, NULL,
														 part->classId,
														 part->objectId);
		HeapTuple	tup;

		while (HeapTupleIsValid(tup = systable_getnext(scan)))
		{
			Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);
			ObjectAddress other = {dep->classid, dep->objid, dep->objsubid};

			/* of a relation, that of its columns too */
			if (part->objectSubId != 0 && dep->refobjsubid != part->objectSubId)
				continue;
			ties = add_tie(ties, map, item, &other, dep->deptype,
						   dep->classid == AttrDefaultRelationId);
		}
		systable_endscan(scan);
	}
	return ties;
}

List *
tm_item_columns(const ItemMap *map, const FingerprintItem *item)
{
	ObjectAddress column = item->object;
	HeapTuple	tup = SearchSysCache1(RELOID,
									  ObjectIdGetDatum(item->object.objectId));
	List	   *columns = NIL;
	int			natts;

	if (!HeapTupleIsValid(tup))
		return NIL;
	natts = ((Form_pg_class) GETSTRUCT(tup))->relnatts;
	ReleaseSysCache(tup);
	for (int i = 1; i <= natts; i++)
	{
		MapEntry   *entry;

		column.objectSubId = i;
		entry = hash_search(map->entries, &column, HASH_FIND, NULL);
		if (entry != NULL)
			columns = lappend(columns, (void *) entry->item);
	}
	return columns;
}

/* The entry that an object is in or a part of, or NULL. */
static const FingerprintItem *
item_at(ItemMap *map, ObjectAddress object, int steps)
{
	MapEntry   *entry = hash_search(map->entries, &object, HASH_FIND, NULL);

	if (entry != NULL)
		return entry->item;
	if (steps == 0 || !whole_of(map, &object))
		return NULL;
	return item_at(map, object, steps - 1);
}

/* What an object without an entry is a part of; false if of nothing. */
static bool
whole_of(ItemMap *map, ObjectAddress *object)
{
	SysScanDesc scan;
	HeapTuple	tup;
	bool		found = false;

	if (object->classId == AttrDefaultRelationId)
	{
		*object = GetAttrDefaultColumnAddress(object->objectId);
		return OidIsValid(object->objectId);
	}
	if (object->classId == RelationRelationId && object->objectSubId != 0)
	{
		object->objectSubId = 0;
		return true;
	}
	scan = tm_dependency_scan(map->depend, NULL, object->classId,
							  object->objectId);
	while (!found && HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);

		if (dep->deptype != DEPENDENCY_INTERNAL)
			continue;
		ObjectAddressSubSet(*object, dep->refclassid, dep->refobjid,
							dep->refobjsubid);
		found = true;
	}
	systable_endscan(scan);
	return found;
}

/* The objects that an entry is about, as far as others depend on them. */
static List *
parts_of(const FingerprintItem *item)
{
	const ObjectAddress *object = &item->object;
	List	   *parts = NIL;
	Oid			other;

	if (object->objectSubId == TM_COLUMN_ORDER)
		return NIL;
	parts = add_part(parts, object->classId, object->objectId,
					 object->objectSubId);
	switch (object->classId)
	{
		case RelationRelationId:
			if (object->objectSubId == 0)
				return relation_parts(parts, object->objectId);
			other = GetAttrDefaultOid(object->objectId, object->objectSubId);
			return add_part(parts, AttrDefaultRelationId, other, 0);
		case ConstraintRelationId:
			other = index_of_constraint(object->objectId);
			return add_part(parts, RelationRelationId, other, 0);
		case TypeRelationId:
			return type_parts(parts, object->objectId);
		default:
			return parts;
	}
}

static List *
add_part(List *parts, Oid classid, Oid objid, int32 subid)
{
	ObjectAddress *part;

	if (!OidIsValid(objid))
		return parts;
	part = palloc(sizeof(ObjectAddress));
	ObjectAddressSubSet(*part, classid, objid, subid);
	return lappend(parts, part);
}

static List *
relation_parts(List *parts, Oid relid)
{
	Oid			row_type = get_rel_type_id(relid);

	parts = add_part(parts, RewriteRelationId, rule_of_view(relid), 0);
	if (OidIsValid(row_type))
		parts = type_parts(add_part(parts, TypeRelationId, row_type, 0),
						   row_type);
	return parts;
}

static List *
type_parts(List *parts, Oid typid)
{
	Oid			relid = get_typ_typrelid(typid);
	Oid			multirange = get_range_multirange(typid);

	parts = add_part(parts, TypeRelationId, get_array_type(typid), 0);
	if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE)
		parts = add_part(parts, RelationRelationId, relid, 0);
	if (OidIsValid(multirange))
	{
		parts = add_part(parts, TypeRelationId, multirange, 0);
		parts = add_part(parts, TypeRelationId, get_array_type(multirange), 0);
	}
	return parts;
}

/* The rule that makes a relation a view, if it is one. */
static Oid
rule_of_view(Oid relid)
{
	char		relkind = get_rel_relkind(relid);
	Relation	rel;
	Oid			result = InvalidOid;

	if (relkind != RELKIND_VIEW && relkind != RELKIND_MATVIEW)
		return InvalidOid;
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		return InvalidOid;
	for (int i = 0; rel->rd_rules != NULL && i < rel->rd_rules->numLocks; i++)
	{
		if (rel->rd_rules->rules[i]->event == CMD_SELECT)
			result = rel->rd_rules->rules[i]->ruleId;
	}
	relation_close(rel, AccessShareLock);
	return result;
}

/* That of a foreign key belongs to the table that it refers to. */
static Oid
index_of_constraint(Oid constraint)
{
	HeapTuple	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Oid			result = InvalidOid;

	if (!HeapTupleIsValid(tup))
		return InvalidOid;
	if (((Form_pg_constraint) GETSTRUCT(tup))->contype != CONSTRAINT_FOREIGN)
		result = ((Form_pg_constraint) GETSTRUCT(tup))->conindid;
	ReleaseSysCache(tup);
	return result;
}

static List *
add_tie(List *ties, ItemMap *map, const FingerprintItem *self,
		const ObjectAddress *other, char deptype, bool by_default)
{
	const FingerprintItem *item = item_at(map, *other, MAX_STEPS);
	ItemTie    *tie;

	if (item == self)
		return ties;
	tie = palloc(sizeof(ItemTie));
	tie->item = item;
	tie->object = *other;
	tie->deptype = deptype;
	tie->by_default = by_default;
	return lappend(ties, tie);
}
