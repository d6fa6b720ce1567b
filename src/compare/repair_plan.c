/*
 * repair_plan.c
 *		What is to be done so that one schema becomes like another.
 *
 * What is missing is made, what is there in addition is dropped, and of what is not
 * alike the parts that differ are changed.  Where there is no statement for that,
 * the object is dropped and made again, and with it whatever needs it: views on
 * views, rules, policies.  A default that needs it is taken away meanwhile.
 *
 * No statement may fail for want of another, and none may lose rows or values.  So
 * what cannot be done is an obstacle, to be told as a comment, and so is what needs
 * that: an object that is made of what cannot be made, one that cannot be dropped
 * because something that stays needs it.  Each obstacle that is found can be one for
 * others, and the plan is made again until there are no more.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "compare/repair_plan.h"

typedef struct NameEntry
{
	uint8		name[16];		/* that of an entry of a fingerprint */
	RepairItem *item;
} NameEntry;

static RepairItem *add_item(RepairPlan *plan, Difference *difference);
static void add_unchanged(RepairPlan *plan, const FingerprintItem *in_b,
						  List **added);
static void look_up(RepairPlan *plan, RepairItem *item);
static void decide(RepairPlan *plan);
static RepairAction action_for(RepairPlan *plan, const RepairItem *item);
static bool comes_along(RepairPlan *plan, const RepairItem *item);
static RepairItem *table_of(RepairPlan *plan, const RepairItem *item);
static const char *first_obstacle(RepairPlan *plan, const RepairItem *item);
static bool name_is_taken(RepairPlan *plan, const RepairItem *item);
static bool sequence_is_taken(RepairPlan *plan, const RepairItem *item);
static bool bound_is_taken(RepairPlan *plan, const RepairItem *item);
static const char *obstacle_to_change(const RepairItem *item);
static bool must_be_made_anew(RepairPlan *plan, const RepairItem *item);
static bool can_be_made_anew(const RepairItem *item);
static bool same_header(const char *a, const char *b);
static bool columns_differ(RepairPlan *plan, const FingerprintItem *view);
static bool fits(const Difference *difference);
static bool gather_users(RepairPlan *plan);
static bool spread(RepairPlan *plan);
static bool spread_from(RepairPlan *plan, RepairItem *item);
static bool uses_type(const ItemTie *tie);
static bool make_anew(RepairPlan *plan, RepairItem *user, const ItemTie *tie);
static bool restate_columns(RepairPlan *plan, RepairItem *item);
static bool spread_obstacles(RepairPlan *plan);
static const char *obstacle_by_carriers(RepairPlan *plan, RepairItem *item);
static const char *obstacle_by_users(RepairPlan *plan, RepairItem *item);
static const char *obstacle_by_needs(RepairPlan *plan, RepairItem *item);
static const char *obstacle_of_table(RepairPlan *plan, const RepairItem *item);
static bool moves(const RepairItem *item);
static char *name_of(const RepairItem *item);

RepairPlan *
tm_repair_plan(SchemaDiff *diff)
{
	RepairPlan *plan = palloc0(sizeof(RepairPlan));
	HASHCTL		ctl;
	ListCell   *lc;

	plan->diff = diff;
	plan->map_a = tm_item_map_open(diff->print_a);
	plan->map_b = tm_item_map_open(diff->print_b);
	ctl.hcxt = CurrentMemoryContext;
	ctl.keysize = sizeof(((NameEntry *) NULL)->name);
	ctl.entrysize = sizeof(NameEntry);
	plan->by_name = hash_create("tenant_mgr objects to be repaired", 256, &ctl,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, diff->differences)
		(void) add_item(plan, lfirst(lc));
	decide(plan);
	while (spread_obstacles(plan))
	{
		CHECK_FOR_INTERRUPTS();
		decide(plan);
	}
	tm_item_map_close(plan->map_a);
	tm_item_map_close(plan->map_b);
	return plan;
}

RepairItem *
tm_repair_item(const RepairPlan *plan, const FingerprintItem *item)
{
	NameEntry  *entry;

	if (item == NULL)
		return NULL;
	entry = hash_search(plan->by_name, item->name, HASH_FIND, NULL);
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

	return a != NULL && difference->a->attached &&
		(b == NULL || strcmp(a->essence, b->essence) != 0);
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

static RepairItem *
add_item(RepairPlan *plan, Difference *difference)
{
	const FingerprintItem *any = difference->in_a != NULL ? difference->in_a :
		difference->in_b;
	NameEntry  *entry;
	bool		found;

	entry = hash_search(plan->by_name, any->name, HASH_ENTER, &found);
	if (!found)
	{
		entry->item = palloc0(sizeof(RepairItem));
		entry->item->difference = difference;
		entry->item->position = list_length(plan->items);
		plan->items = lappend(plan->items, entry->item);
	}
	return entry->item;
}

/* An object that is alike in both schemas, but has to do with one that is not. */
static void
add_unchanged(RepairPlan *plan, const FingerprintItem *in_b, List **added)
{
	Difference *difference;

	if (tm_repair_item(plan, in_b) != NULL)
		return;
	difference = palloc0(sizeof(Difference));
	difference->kind = DIFFERENCE_DIFFERENT;
	difference->in_b = in_b;
	difference->in_a = tm_item_named(plan->map_a, in_b->name);
	if (difference->in_a == NULL)
		return;
	*added = lappend(*added, difference);
	(void) add_item(plan, difference);
}

static void
look_up(RepairPlan *plan, RepairItem *item)
{
	if (item->looked_up)
		return;
	item->looked_up = true;
	if (item->difference->in_a != NULL)
		item->needs = tm_item_needs(plan->map_a, item->difference->in_a);
	if (item->difference->in_b != NULL)
		item->users = tm_item_users(plan->map_b, item->difference->in_b);
}

/* What is done with each, as far as obstacles are known. */
static void
decide(RepairPlan *plan)
{
	ListCell   *lc;

	do
	{
		foreach(lc, plan->items)
		{
			RepairItem *item = lfirst(lc);

			look_up(plan, item);
			item->default_anew = false;
			item->action = action_for(plan, item);
		}

		/* these look at what is done with others */
		foreach(lc, plan->items)
		{
			RepairItem *item = lfirst(lc);

			item->comes_along = comes_along(plan, item);
			item->table = table_of(plan, item);
			if (item->obstacle == NULL && item->action != REPAIR_NOTHING)
				item->obstacle = first_obstacle(plan, item);
		}
		while (spread(plan))
			CHECK_FOR_INTERRUPTS();
	} while (gather_users(plan));
}

static RepairAction
action_for(RepairPlan *plan, const RepairItem *item)
{
	const Difference *difference = item->difference;

	switch (difference->kind)
	{
		case DIFFERENCE_MISSING:
			return REPAIR_MAKE;
		case DIFFERENCE_EXTRA:
			return REPAIR_DROP;
		case DIFFERENCE_DIFFERENT:
			break;
	}
	if (memcmp(difference->in_a->digest, difference->in_b->digest,
			   sizeof(difference->in_a->digest)) == 0)
		return REPAIR_NOTHING;
	if (item->obstacle == NULL && must_be_made_anew(plan, item))
		return REPAIR_ANEW;
	return REPAIR_CHANGE;
}

/* Columns of tables, indexes of columns, constraints of parents and such. */
static bool
comes_along(RepairPlan *plan, const RepairItem *item)
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
		}
		return true;
	}
	if (item->action != REPAIR_DROP)
		return false;
	if (difference->b->inherited)
		return true;
	foreach(lc, tm_item_needs(plan->map_b, difference->in_b))
	{
		ItemTie    *tie = lfirst(lc);
		RepairItem *other = tm_repair_item(plan, tie->item);

		if ((tie->deptype == DEPENDENCY_AUTO ||
			 tie->deptype == DEPENDENCY_INTERNAL ||
			 tie->deptype == DEPENDENCY_PARTITION_PRI) &&
			other != NULL && other->difference->kind == DIFFERENCE_EXTRA)
			return true;
	}
	return false;
}

/* The table that is dropped and a column with it, or NULL */
static RepairItem *
table_of(RepairPlan *plan, const RepairItem *item)
{
	ObjectAddress table;

	if (item->action != REPAIR_DROP || !item->comes_along ||
		item->difference->in_b->object.objectSubId == 0)
		return NULL;
	table = item->difference->in_b->object;
	table.objectSubId = 0;
	return tm_repair_item(plan, tm_item_of(plan->map_b, &table));
}

/* Why an object cannot be made what it shall be, others aside. */
static const char *
first_obstacle(RepairPlan *plan, const RepairItem *item)
{
	const Difference *difference = item->difference;
	const DefinitionPart *part;

	switch (item->action)
	{
		case REPAIR_MAKE:
			if (sequence_is_taken(plan, item))
				return "the name of its sequence is that of something that stays: ";
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
			return obstacle_to_change(item);
		default:
			return NULL;
	}
}

/* Constraints of another table may stay, and have indexes with their names. */
static bool
name_is_taken(RepairPlan *plan, const RepairItem *item)
{
	const ObjectAddress *object = &item->difference->in_a->object;
	ObjectAddress other = {RelationRelationId, InvalidOid, 0};
	RepairItem *present;
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
	present = tm_repair_item(plan, tm_item_of(plan->map_b, &other));
	return present == NULL || present->difference->kind != DIFFERENCE_EXTRA ||
		comes_along(plan, present) || present->obstacle != NULL;
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
obstacle_to_change(const RepairItem *item)
{
	const Difference *difference = item->difference;
	const DefinitionPart *part = tm_repair_part(difference->a, "create");

	if (!tm_repair_is_made_otherwise(difference) ||
		difference->a->inherited)
		return NULL;
	if (part == NULL || part->change == NULL || !difference->a->complete)
		return "cannot be repaired by a statement: ";
	if (tm_repair_changes_type(item) && !fits(difference))
		return "would lose data, or fail, where a value does not fit: ";
	return NULL;
}

/* Is there no way to change it? */
static bool
must_be_made_anew(RepairPlan *plan, const RepairItem *item)
{
	const Difference *difference = item->difference;
	const DefinitionPart *a = tm_repair_part(difference->a, "create");
	const DefinitionPart *b = tm_repair_part(difference->b, "create");

	if (!tm_repair_is_made_otherwise(difference) || !can_be_made_anew(item))
		return false;
	if (a->change == NULL)
		return true;
	if (difference->in_a->object.classId == ProcedureRelationId)
		return !same_header(a->sql, b->sql);
	return difference->in_a->object.objectSubId == 0 &&
		columns_differ(plan, difference->in_b);
}

static bool
can_be_made_anew(const RepairItem *item)
{
	const DefinitionPart *a = tm_repair_part(item->difference->a, "create");
	const DefinitionPart *b = tm_repair_part(item->difference->b, "create");

	return a != NULL && b != NULL && b->undo != NULL && !b->lossy &&
		item->difference->a->complete && item->difference->b->complete &&
		!item->difference->b->inherited;
}

/* Name, arguments and result of a function cannot be replaced. */
static bool
same_header(const char *a, const char *b)
{
	const char *a_end = strstr(a, "\n LANGUAGE ");
	const char *b_end = strstr(b, "\n LANGUAGE ");

	return a_end != NULL && b_end != NULL && a_end - a == b_end - b &&
		strncmp(a, b, a_end - a) == 0;
}

/* Nor can columns of a view, unless they come after the others. */
static bool
columns_differ(RepairPlan *plan, const FingerprintItem *view)
{
	ListCell   *lc;

	foreach(lc, plan->diff->differences)
	{
		const FingerprintItem *other = ((Difference *) lfirst(lc))->in_b;

		if (other != NULL && other->object.classId == RelationRelationId &&
			other->object.objectId == view->object.objectId &&
			other->object.objectSubId != 0 &&
			(other->object.objectSubId == TM_COLUMN_ORDER ||
			 tm_repair_is_made_otherwise(lfirst(lc))))
			return true;
	}
	return false;
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

/* Get to know what needs the objects that are dropped; false if nothing is new. */
static bool
gather_users(RepairPlan *plan)
{
	List	   *added = NIL;
	int			nitems = list_length(plan->items);

	for (int i = 0; i < nitems; i++)
	{
		RepairItem *item = list_nth(plan->items, i);
		ListCell   *lc;

		if (!moves(item) && !tm_repair_changes_type(item))
			continue;
		foreach(lc, item->users)
		{
			ItemTie    *tie = lfirst(lc);

			if (tie->item != NULL)
				add_unchanged(plan, tie->item, &added);
		}
		if (item->action == REPAIR_ANEW &&
			item->difference->in_b->object.classId == RelationRelationId)
		{
			foreach(lc, tm_item_columns(plan->map_b, item->difference->in_b))
				add_unchanged(plan, lfirst(lc), &added);
		}
	}
	tm_schema_diff_describe(plan->diff, added);
	return added != NIL;
}

/* Is the object dropped, for a while or for good? */
static bool
moves(const RepairItem *item)
{
	return item->action == REPAIR_ANEW || item->action == REPAIR_DROP;
}

/* One step further from each object that is made anew; false if there is none. */
static bool
spread(RepairPlan *plan)
{
	bool		any = false;
	ListCell   *lc;

	foreach(lc, plan->items)
	{
		RepairItem *item = lfirst(lc);

		if (item->obstacle == NULL &&
			(moves(item) || tm_repair_changes_type(item)) &&
			!(item->action == REPAIR_DROP && item->comes_along))
			any |= spread_from(plan, item);
	}
	return any;
}

static bool
spread_from(RepairPlan *plan, RepairItem *item)
{
	bool		any = false;
	ListCell   *lc;

	foreach(lc, item->users)
	{
		ItemTie    *tie = lfirst(lc);
		RepairItem *user = tm_repair_item(plan, tie->item);

		/* what differs without being made anew ceases to need what is dropped */
		if (user == NULL ||
			(item->action == REPAIR_DROP && user->action != REPAIR_NOTHING))
			continue;
		if (moves(item) || uses_type(tie))
			any |= make_anew(plan, user, tie);
	}
	if (item->action == REPAIR_ANEW)
		any |= restate_columns(plan, item);
	return any;
}

/* Would the server refuse to change the type of a column for its sake? */
static bool
uses_type(const ItemTie *tie)
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

static bool
make_anew(RepairPlan *plan, RepairItem *user, const ItemTie *tie)
{
	if (moves(user) || user->obstacle != NULL)
		return false;
	if (tie->by_default)
	{
		if (user->default_anew ||
			tm_repair_part(user->difference->b, "default") == NULL)
			return false;
		user->default_anew = true;
		if (user->action == REPAIR_NOTHING)
			user->action = REPAIR_CHANGE;
		return true;
	}
	if (!can_be_made_anew(user))
		return false;
	user->action = REPAIR_ANEW;
	return true;
}

/* What is said of the columns of a view is said again. */
static bool
restate_columns(RepairPlan *plan, RepairItem *item)
{
	bool		any = false;
	ListCell   *lc;

	if (item->difference->in_b->object.classId != RelationRelationId)
		return false;
	foreach(lc, tm_item_columns(plan->map_a, item->difference->in_a))
	{
		RepairItem *column = tm_repair_item(plan, lfirst(lc));

		if (column == NULL ||
			(column->action == REPAIR_MAKE && column->comes_along))
			continue;
		column->action = REPAIR_MAKE;
		column->comes_along = true;
		any = true;
	}
	return any;
}

/* What follows from obstacles for other objects; false if nothing new does. */
static bool
spread_obstacles(RepairPlan *plan)
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
		ItemTie    *tie = lfirst(lc);
		RepairItem *other = tm_repair_item(plan, tie->item);

		if ((tie->deptype != DEPENDENCY_AUTO &&
			 tie->deptype != DEPENDENCY_INTERNAL &&
			 tie->deptype != DEPENDENCY_PARTITION_PRI) ||
			other == NULL || other->difference->kind != DIFFERENCE_EXTRA)
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

	if ((!moves(item) && !type_only) || item->comes_along)
		return NULL;
	foreach(lc, item->users)
	{
		ItemTie    *tie = lfirst(lc);
		RepairItem *user = tm_repair_item(plan, tie->item);
		bool		generated = tie->by_default && user != NULL &&
			tm_repair_part(user->difference->b, "default") == NULL;

		if (type_only && !uses_type(tie) && !generated)
			continue;
		if (tie->item == NULL)
			return psprintf("needed by %s: ",
							getObjectDescription(&tie->object, true));
		if (user == NULL)
			continue;
		if (moves(user) && user->obstacle == NULL)
			continue;
		if (user->action == REPAIR_DROP && user->comes_along &&
			user->obstacle == NULL)
			continue;
		if (tie->by_default && !generated && user->obstacle == NULL &&
			(user->default_anew || item->action == REPAIR_DROP))
			continue;
		if (item->action == REPAIR_DROP && user->action == REPAIR_CHANGE &&
			user->obstacle == NULL)
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
