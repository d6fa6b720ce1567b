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

#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"

#include "compare/repair_obstacle.h"
#include "compare/repair_plan.h"

static RepairItem *add_item(RepairPlan *plan, Difference *difference);
static void add_unchanged(RepairPlan *plan, const FingerprintItem *in_b,
						  List **added);
static void look_up(RepairPlan *plan, RepairItem *item);
static void decide(RepairPlan *plan);
static RepairAction action_for(RepairPlan *plan, const RepairItem *item);
static RepairItem *table_of(RepairPlan *plan, const RepairItem *item);
static bool must_be_made_anew(RepairPlan *plan, const RepairItem *item);
static bool can_be_made_anew(const RepairItem *item);
static bool same_header(const char *a, const char *b);
static bool columns_differ(RepairPlan *plan, const FingerprintItem *view);
static bool gather_users(RepairPlan *plan);
static bool spread(RepairPlan *plan);
static bool spread_from(RepairPlan *plan, RepairItem *item);
static bool make_anew(RepairPlan *plan, RepairItem *user, const ItemTie *tie);
static bool restate_columns(RepairPlan *plan, RepairItem *item);

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
	ctl.keysize = offsetof(RepairName, kind) + sizeof(char);
	ctl.entrysize = sizeof(RepairName);
	plan->by_name = hash_create("tenant_mgr objects to be repaired", 256, &ctl,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, diff->differences)
		(void) add_item(plan, lfirst(lc));
	decide(plan);
	while (tm_repair_spread_obstacles(plan))
	{
		CHECK_FOR_INTERRUPTS();
		decide(plan);
	}
	tm_item_map_close(plan->map_a);
	tm_item_map_close(plan->map_b);
	return plan;
}

static RepairItem *
add_item(RepairPlan *plan, Difference *difference)
{
	const FingerprintItem *any = difference->in_a != NULL ? difference->in_a :
		difference->in_b;
	RepairName *entry;
	bool		found;

	entry = tm_repair_name(plan, any, HASH_ENTER, &found);
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
			item->instead_of = NULL;
			item->replaced = false;
			item->action = action_for(plan, item);
		}

		/* these look at what is done with others */
		foreach(lc, plan->items)
		{
			RepairItem *item = lfirst(lc);

			item->comes_along = tm_repair_comes_along(plan, item);
			item->table = table_of(plan, item);
			if (item->obstacle == NULL && item->action != REPAIR_NOTHING)
				item->obstacle = tm_repair_first_obstacle(plan, item);
			if (item->obstacle == NULL && item->instead_of != NULL)
				item->instead_of->replaced = true;
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

		if (!tm_repair_moves(item) && !tm_repair_changes_type(item))
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
			(tm_repair_moves(item) || tm_repair_changes_type(item)) &&
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

		/*
		 * What differs without being made anew ceases to need what is
		 * dropped, unless it needs what comes in its place.
		 */
		if (user == NULL ||
			(item->action == REPAIR_DROP && !item->replaced &&
			 user->action != REPAIR_NOTHING))
			continue;
		if (tm_repair_moves(item) || tm_repair_uses_type(tie))
			any |= make_anew(plan, user, tie);
	}
	if (item->action == REPAIR_ANEW)
		any |= restate_columns(plan, item);
	return any;
}

static bool
make_anew(RepairPlan *plan, RepairItem *user, const ItemTie *tie)
{
	if (tm_repair_moves(user) || user->obstacle != NULL)
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
