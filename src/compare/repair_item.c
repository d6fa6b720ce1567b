/*
 * repair_item.c
 *		One object of a repair, and what is known of it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "utils/syscache.h"

#include "compare/repair_item.h"

RepairName *
tm_repair_name(const RepairPlan *plan, const FingerprintItem *item,
			   HASHACTION action, bool *found)
{
	RepairName	key;

	memcpy(key.name, item->name, sizeof(key.name));
	key.kind = tm_object_kind(&item->object);
	return hash_search(plan->by_name, &key, action, found);
}

RepairItem *
tm_repair_item(const RepairPlan *plan, const FingerprintItem *item)
{
	RepairName *entry;

	if (item == NULL)
		return NULL;
	entry = tm_repair_name(plan, item, HASH_FIND, NULL);
	return entry == NULL ? NULL : entry->item;
}

DefinitionPart *
tm_repair_part(const Definition *definition, const char *key)
{
	ListCell   *lc;

	if (definition == NULL)
		return NULL;
	foreach(lc, definition->parts)
	{
		DefinitionPart *part = lfirst(lc);

		if (strcmp(part->key, key) == 0)
			return part;
	}
	return NULL;
}

bool
tm_repair_is_made_otherwise(const Difference *difference)
{
	const DefinitionPart *a = tm_repair_part(difference->a, "create");
	const DefinitionPart *b = tm_repair_part(difference->b, "create");

	if (a == NULL || b == NULL)
		return a != b;
	return strcmp(a->essence != NULL ? a->essence : a->sql,
				  b->essence != NULL ? b->essence : b->sql) != 0;
}

bool
tm_repair_is_attached_otherwise(const Difference *difference)
{
	const DefinitionPart *a = tm_repair_part(difference->a, "partition");
	const DefinitionPart *b = tm_repair_part(difference->b, "partition");

	/* that of an index has no essence, for it is all that its statement says */
	return a != NULL &&
		(b == NULL || (a->essence != NULL && b->essence != NULL ?
					   strcmp(a->essence, b->essence) :
					   strcmp(a->sql, b->sql)) != 0);
}

bool
tm_repair_changes_type(const RepairItem *item)
{
	const Difference *difference = item->difference;

	return item->action == REPAIR_CHANGE &&
		difference->in_b->object.classId == RelationRelationId &&
		difference->in_b->object.objectSubId > 0 &&
		tm_repair_is_made_otherwise(difference);
}

/* From 18 on, that a column is not null is a constraint. */
static bool
is_not_null(const ObjectAddress *object)
{
	HeapTuple	tup;
	bool		result;

	if (object->classId != ConstraintRelationId)
		return false;
	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(object->objectId));
	if (!HeapTupleIsValid(tup))
		return false;
	result = ((Form_pg_constraint) GETSTRUCT(tup))->contype == 'n';
	ReleaseSysCache(tup);
	return result;
}

/* Columns of tables, indexes of columns, constraints of parents and such. */
bool
tm_repair_comes_along(RepairPlan *plan, const RepairItem *item)
{
	const Difference *difference = item->difference;
	ListCell   *lc;

	if (difference->implied)
		return true;
	if (item->action == REPAIR_MAKE)
	{
		if (!difference->a->inherited)
			return false;
		/* a partition is made in full before it becomes one */
		foreach(lc, item->needs)
		{
			ObjectAddress table = ((ItemTie *) lfirst(lc))->object;
			RepairItem *other;

			table.objectSubId = 0;
			other = tm_repair_item(plan, tm_item_of(plan->map_a, &table));
			if (other != NULL && other->difference->kind == DIFFERENCE_MISSING &&
				other->difference->a->attached &&
				tm_repair_part(difference->a, "create") != NULL)
				return false;
			/* so is one that is there: its columns, and that they are not null */
			if (other != NULL && other->difference->kind == DIFFERENCE_DIFFERENT &&
				(is_not_null(&difference->in_a->object) ||
				 (difference->in_a->object.objectSubId > 0 &&
				  other->difference->in_a->object.objectId ==
				  difference->in_a->object.objectId)) &&
				tm_repair_is_attached_otherwise(other->difference))
				return false;
		}
		return true;
	}
	if (item->action != REPAIR_DROP)
		return false;
	if (difference->b->inherited)
		return true;
	foreach(lc, tm_item_needs(plan->map_b, difference->in_b))
	{
		if (tm_repair_carrier(plan, lfirst(lc)) != NULL)
			return true;
	}
	return false;
}

/* Is the object dropped, for a while or for good? */
bool
tm_repair_moves(const RepairItem *item)
{
	return item->action == REPAIR_ANEW || item->action == REPAIR_DROP;
}

/* Would the server refuse to change the type of a column for its sake? */
bool
tm_repair_uses_type(const ItemTie *tie)
{
	switch (tie->object.classId)
	{
		case PolicyRelationId:
		case ProcedureRelationId:
		case RewriteRelationId:
		case TriggerRelationId:
			return true;
		default:
			return false;
	}
}

RepairItem *
tm_repair_carrier(const RepairPlan *plan, const ItemTie *tie)
{
	RepairItem *item = tm_repair_item(plan, tie->item);

	return (tie->deptype == DEPENDENCY_AUTO ||
			tie->deptype == DEPENDENCY_INTERNAL ||
			tie->deptype == DEPENDENCY_PARTITION_PRI) &&
		item != NULL && item->difference->kind == DIFFERENCE_EXTRA ?
		item : NULL;
}
