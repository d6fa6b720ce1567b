/*
 * repair_obstacle.c
 *		Why an object cannot be repaired.
 *
 * An obstacle is what is told in the comment before a statement that is not
 * executed; its text ends where the statement begins.  Some are there because of
 * the object itself; others follow from those of objects that it needs, or that
 * need it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "compare/repair_obstacle.h"

static bool name_is_taken(RepairPlan *plan, RepairItem *item);
static bool relation_is_taken(RepairPlan *plan, RepairItem *item);
static bool type_is_taken(RepairPlan *plan, RepairItem *item);
static bool stays(RepairPlan *plan, RepairItem *item,
				  const ObjectAddress *present);
static bool is_identity_sequence(const RepairItem *item);
static bool sequence_is_taken(RepairPlan *plan, const RepairItem *item);
static bool bound_is_taken(RepairPlan *plan, const RepairItem *item);
static const char *obstacle_to_change(RepairPlan *plan,
									  const RepairItem *item);
static bool fits(const Difference *difference);
static const char *obstacle_by_carriers(RepairPlan *plan, RepairItem *item);
static const char *obstacle_by_users(RepairPlan *plan, RepairItem *item);
static const char *obstacle_by_needs(RepairPlan *plan, RepairItem *item);
static const char *obstacle_of_table(RepairPlan *plan, const RepairItem *item);
static char *name_of(const RepairItem *item);

/* Why an object cannot be made what it shall be, others aside. */
const char *
tm_repair_first_obstacle(RepairPlan *plan, RepairItem *item)
{
	const Difference *difference = item->difference;
	const DefinitionPart *part;

	switch (item->action)
	{
		case REPAIR_MAKE:
			if (sequence_is_taken(plan, item))
				return "the name of its sequence is that of something that stays: ";
			if (is_identity_sequence(item) && name_is_taken(plan, item))
				return "has the name of something that stays: ";
			if (item->comes_along)
				return NULL;
			if (!difference->a->complete)
				return "cannot be made by a statement of its own: ";
			if (bound_is_taken(plan, item))
				return "has the rows of a partition that stays: ";
			return name_is_taken(plan, item) ?
				"has the name of something that stays: " : NULL;
		case REPAIR_DROP:
			part = tm_repair_part(difference->b, "create");
			if (item->comes_along)
				return NULL;
			if (difference->b->parts == NIL || !difference->b->complete ||
				(part != NULL && part->undo == NULL))
				return "cannot be removed by a statement of its own: ";
			return part != NULL && part->lossy ? "would lose data: " : NULL;
		case REPAIR_CHANGE:
			return obstacle_to_change(plan, item);
		default:
			return NULL;
	}
}

/* Relations and types have names of their own, and many relations are both. */
static bool
name_is_taken(RepairPlan *plan, RepairItem *item)
{
	return relation_is_taken(plan, item) || type_is_taken(plan, item);
}

/* Constraints of another table may stay, and have indexes with their names. */
static bool
relation_is_taken(RepairPlan *plan, RepairItem *item)
{
	const ObjectAddress *object = &item->difference->in_a->object;
	ObjectAddress other = {RelationRelationId, InvalidOid, 0};
	char	   *name = NULL;

	if (object->classId == ConstraintRelationId &&
		OidIsValid(get_constraint_index(object->objectId)))
		name = get_rel_name(get_constraint_index(object->objectId));
	else if (object->classId == RelationRelationId && object->objectSubId == 0)
		name = get_rel_name(object->objectId);
	if (name == NULL)
		return false;
	other.objectId = get_relname_relid(name, plan->diff->b);
	if (!OidIsValid(other.objectId))
		return false;
	return stays(plan, item, &other);
}

/* The server gives its own array types other names. */
static bool
type_is_taken(RepairPlan *plan, RepairItem *item)
{
	const ObjectAddress *object = &item->difference->in_a->object;
	ObjectAddress other = {TypeRelationId, InvalidOid, 0};
	Oid			typid = InvalidOid;
	HeapTuple	tup;

	if (object->classId == TypeRelationId)
		typid = object->objectId;
	else if (object->classId == RelationRelationId && object->objectSubId == 0)
		typid = get_rel_type_id(object->objectId);
	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	if (!HeapTupleIsValid(tup))
		return false;
	other.objectId = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
									 NameGetDatum(&((Form_pg_type) GETSTRUCT(tup))->typname),
									 ObjectIdGetDatum(plan->diff->b));
	ReleaseSysCache(tup);
	return OidIsValid(other.objectId) &&
		!OidIsValid(get_element_type(other.objectId)) &&
		stays(plan, item, &other);
}

/* Does it keep the name of the item?  If not, it goes before that is made. */
static bool
stays(RepairPlan *plan, RepairItem *item, const ObjectAddress *present)
{
	RepairItem *other = tm_repair_item(plan, tm_item_of(plan->map_b, present));

	if (other == NULL || other->difference->kind != DIFFERENCE_EXTRA ||
		tm_repair_comes_along(plan, other) || other->obstacle != NULL ||
		tm_repair_first_obstacle(plan, other) != NULL)
		return true;
	item->instead_of = other;
	return false;
}

/* One that has another name is there already, and is renamed. */
static bool
is_identity_sequence(const RepairItem *item)
{
	const ObjectAddress *object = &item->difference->in_a->object;

	return object->classId == RelationRelationId && object->objectSubId == 0 &&
		tm_object_kind(object) == TM_IDENTITY_SEQUENCE;
}

/*
 * An identity column brings a sequence, which has its name from the table's
 * former one, perhaps.
 */
static bool
sequence_is_taken(RepairPlan *plan, const RepairItem *item)
{
	const ObjectAddress *column = &item->difference->in_a->object;
	Oid			sequence;

	if (column->classId != RelationRelationId || column->objectSubId <= 0 ||
		tm_repair_part(item->difference->a, "identity") == NULL)
		return false;
	sequence = tm_identity_sequence(column->objectId, column->objectSubId);
	return OidIsValid(sequence) &&
		OidIsValid(get_relname_relid(get_rel_name(sequence), plan->diff->b));
}

/* Has a partition of the same bounds another name, and stays? */
static bool
bound_is_taken(RepairPlan *plan, const RepairItem *item)
{
	const DefinitionPart *wanted = tm_repair_part(item->difference->a,
												  "partition");
	ListCell   *lc;

	if (wanted == NULL || !item->difference->a->attached)
		return false;
	foreach(lc, plan->items)
	{
		const Difference *other = ((RepairItem *) lfirst(lc))->difference;
		const DefinitionPart *present = tm_repair_part(other->b, "partition");

		if (other->kind == DIFFERENCE_EXTRA && other->b->attached &&
			present != NULL && tm_repair_part(other->b, "create")->lossy &&
			strcmp(present->essence, wanted->essence) == 0)
			return true;
	}
	return false;
}

static const char *
obstacle_to_change(RepairPlan *plan, const RepairItem *item)
{
	const Difference *difference = item->difference;
	const DefinitionPart *part = tm_repair_part(difference->a, "create");

	if (tm_repair_part(difference->b, "identity") == NULL &&
		sequence_is_taken(plan, item))
		return "the name of its sequence is that of something that stays: ";
	if (!tm_repair_is_made_otherwise(difference) ||
		difference->a->inherited)
		return NULL;
	if (part == NULL || part->change == NULL || !difference->a->complete)
		return "cannot be repaired by a statement: ";
	if (tm_repair_changes_type(item) && !fits(difference))
		return "would lose data, or fail, where a value does not fit: ";
	return NULL;
}

/* Does each value of the column have one of the type that it shall have? */
static bool
fits(const Difference *difference)
{
	Oid			wanted;
	Oid			present;
	int32		wanted_typmod;
	int32		present_typmod;
	Oid			collation;

	get_atttypetypmodcoll(difference->a->object.objectId,
						  difference->a->object.objectSubId,
						  &wanted, &wanted_typmod, &collation);
	get_atttypetypmodcoll(difference->b->object.objectId,
						  difference->b->object.objectSubId,
						  &present, &present_typmod, &collation);
	if (wanted == present)
		return wanted_typmod == -1 || wanted_typmod == present_typmod ||
			(wanted == VARCHAROID && present_typmod != -1 &&
			 wanted_typmod > present_typmod);
	return wanted_typmod == -1 &&
		can_coerce_type(1, &present, &wanted, COERCION_IMPLICIT);
}

/* What follows from obstacles for other objects; false if nothing new does. */
bool
tm_repair_spread_obstacles(RepairPlan *plan)
{
	bool		any = false;
	ListCell   *lc;

	foreach(lc, plan->items)
	{
		RepairItem *item = lfirst(lc);

		if (item->obstacle != NULL || item->action == REPAIR_NOTHING)
			continue;
		item->obstacle = obstacle_by_carriers(plan, item);
		if (item->obstacle == NULL)
			item->obstacle = obstacle_by_users(plan, item);
		if (item->obstacle == NULL)
			item->obstacle = obstacle_by_needs(plan, item);
		any |= item->obstacle != NULL;
	}
	return any;
}

/*
 * What comes along with something that stays, stays as well: columns, constraints
 * and indexes of a table that is not dropped, for example.
 */
static const char *
obstacle_by_carriers(RepairPlan *plan, RepairItem *item)
{
	const Difference *difference = item->difference;
	const char *obstacle = NULL;
	ListCell   *lc;

	if (item->action != REPAIR_DROP || !item->comes_along)
		return NULL;
	if (item->table != NULL)
		return item->table->obstacle;
	foreach(lc, tm_item_needs(plan->map_b, difference->in_b))
	{
		RepairItem *other = tm_repair_carrier(plan, lfirst(lc));

		if (other == NULL)
			continue;
		if (other->obstacle == NULL)
			return NULL;
		obstacle = other->obstacle;
	}
	return obstacle;
}

/* Does something that stays need what is to be dropped? */
static const char *
obstacle_by_users(RepairPlan *plan, RepairItem *item)
{
	bool		type_only = tm_repair_changes_type(item);
	ListCell   *lc;

	if ((!tm_repair_moves(item) && !type_only) || item->comes_along)
		return NULL;
	foreach(lc, item->users)
	{
		ItemTie    *tie = lfirst(lc);
		RepairItem *user = tm_repair_item(plan, tie->item);
		bool		generated = tie->by_default && user != NULL &&
			tm_repair_part(user->difference->b, "default") == NULL;

		if (type_only && !tm_repair_uses_type(tie) && !generated)
			continue;
		if (tie->item == NULL)
			return psprintf("needed by %s: ",
							getObjectDescription(&tie->object, true));
		if (user == NULL)
			continue;
		if (tm_repair_moves(user) && user->obstacle == NULL)
			continue;
		if (user->action == REPAIR_DROP && user->comes_along &&
			user->obstacle == NULL)
			continue;
		if (tie->by_default && !generated && user->obstacle == NULL &&
			(user->default_anew || item->action == REPAIR_DROP))
			continue;
		if (item->action == REPAIR_DROP && !item->replaced &&
			user->action == REPAIR_CHANGE && user->obstacle == NULL)
			continue;
		return psprintf("needed by %s: ", name_of(user));
	}
	return NULL;
}

/* Is it made of what cannot be made? */
static const char *
obstacle_by_needs(RepairPlan *plan, RepairItem *item)
{
	ListCell   *lc;

	if (item->action == REPAIR_MAKE && item->comes_along)
	{
		const char *obstacle = obstacle_of_table(plan, item);

		item->untold = obstacle != NULL;
		return obstacle;
	}
	if (item->action == REPAIR_DROP || item->comes_along)
		return NULL;
	if (item->action == REPAIR_CHANGE && !item->default_anew &&
		!tm_repair_is_made_otherwise(item->difference) &&
		!tm_repair_is_attached_otherwise(item->difference) &&
		tm_repair_part(item->difference->a, "default") == NULL)
		return NULL;
	foreach(lc, item->needs)
	{
		RepairItem *other = tm_repair_item(plan,
										   ((ItemTie *) lfirst(lc))->item);

		if (other == NULL || other->obstacle == NULL ||
			other->action == REPAIR_DROP || other->action == REPAIR_NOTHING)
			continue;
		return psprintf("needs %s, which is not repaired: ", name_of(other));
	}
	return NULL;
}

/*
 * What keeps a table from being made keeps its columns from it, and a trigger that
 * comes from a parent's; it is told once.
 */
static const char *
obstacle_of_table(RepairPlan *plan, const RepairItem *item)
{
	ObjectAddress table = item->difference->in_a->object;
	RepairItem *other;
	ListCell   *lc;

	if (item->difference->implied && table.classId == RelationRelationId &&
		table.objectSubId != 0)
	{
		table.objectSubId = 0;
		other = tm_repair_item(plan, tm_item_of(plan->map_a, &table));
		return other == NULL ? NULL : other->obstacle;
	}
	foreach(lc, item->needs)
	{
		other = tm_repair_item(plan, ((ItemTie *) lfirst(lc))->item);
		if (other != NULL && other->action == REPAIR_MAKE &&
			other->obstacle != NULL)
			return other->obstacle;
	}
	return NULL;
}

static char *
name_of(const RepairItem *item)
{
	return psprintf("%s %s", item->difference->label.type,
					item->difference->label.name);
}
