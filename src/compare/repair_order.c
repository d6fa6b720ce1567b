/*
 * repair_order.c
 *		Which statement has to come before which.
 *
 * Each stage of each object is a step.  An object is made after what it needs in the
 * first schema, and dropped after what needs it in the second one has been dropped
 * or changed.  Steps that do not depend on each other come in the order of kinds:
 * drops come first, and what others are usually made of is made before these.
 *
 * Objects can need each other, a function a table's row type and a default of the
 * table the function.  Then the first one by kind is made first.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "catalog/pg_type.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "compare/repair_order.h"

/* What is made earlier than others; what goes does so in the opposite order */
typedef enum RepairPhase
{
	PHASE_SCHEMA,
	PHASE_COLLATION,
	PHASE_TYPE,
	PHASE_SEQUENCE,
	PHASE_TABLE,
	PHASE_FUNCTION,
	PHASE_OPERATOR,
	PHASE_OPERATOR_CLASS,
	PHASE_TEXT_SEARCH,
	PHASE_COLUMN,
	PHASE_VIEW,
	PHASE_NOT_NULL,
	PHASE_CONSTRAINT,
	PHASE_INDEX,
	PHASE_FOREIGN_KEY,
	PHASE_TRIGGER,
	PHASE_DEFAULT_ACL
} RepairPhase;

typedef struct Step
{
	const RepairItem *item;		/* which object */
	RepairStage stage;			/* and what of it */
	int			rank;			/* its place if nothing is in the way */
	int			waits_for;		/* steps that are not done yet */
	List	   *followers;		/* Step, those that wait for this one */
	bool		done;
} Step;

typedef struct Sorter
{
	const RepairPlan *plan;
	Step	   *steps;			/* TM_REPAIR_STAGES for each item */
	Step	  **by_rank;		/* the same in the order of ranks */
	int			nsteps;
} Sorter;

static void make_steps(Sorter *sorter);
static void rank_steps(Sorter *sorter);
static int	compare_steps(const void *a, const void *b);
static int	compare_positions(const RepairItem *left, const RepairItem *right);
static RepairPhase phase_of(const RepairItem *item);
static RepairPhase phase_of_relation(const FingerprintItem *item);
static RepairPhase phase_of_constraint(const RepairItem *item);
static void tie_steps(Sorter *sorter);
static void tie_need(Sorter *sorter, const RepairItem *item,
					 const ItemTie *tie);
static void tie_table(Sorter *sorter, const RepairItem *item,
					  const ItemTie *tie, const RepairItem *other);
static void tie_partition(Sorter *sorter, const RepairItem *item,
						  const RepairItem *other);
static void tie_user(Sorter *sorter, const RepairItem *item,
					 const ItemTie *tie);
static bool has_early_part(const RepairItem *item);
static char relkind_of(const RepairItem *item);
static bool is_column(const RepairItem *item);
static bool is_partition(const RepairItem *item);
static Step *step_of(Sorter *sorter, const RepairItem *item, RepairStage stage);
static void before(Sorter *sorter, const RepairItem *first,
				   RepairStage first_stage, const RepairItem *then,
				   RepairStage then_stage);
static List *perform(Sorter *sorter);
static int	compare_ready(Datum a, Datum b, void *arg);

List *
tm_repair_in_order(const RepairPlan *plan)
{
	Sorter		sorter = {.plan = plan};

	make_steps(&sorter);
	rank_steps(&sorter);
	tie_steps(&sorter);
	return perform(&sorter);
}

static void
make_steps(Sorter *sorter)
{
	ListCell   *lc;

	sorter->nsteps = list_length(sorter->plan->items) * TM_REPAIR_STAGES;
	sorter->steps = palloc_extended(sizeof(Step) * Max(sorter->nsteps, 1),
									MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	sorter->by_rank = palloc_extended(sizeof(Step *) * Max(sorter->nsteps, 1),
									  MCXT_ALLOC_HUGE);
	foreach(lc, sorter->plan->items)
	{
		RepairItem *item = lfirst(lc);

		for (int i = 0; i < TM_REPAIR_STAGES; i++)
		{
			Step	   *step = step_of(sorter, item, i);

			step->item = item;
			step->stage = i;
			step->rank = phase_of(item);
			sorter->by_rank[item->position * TM_REPAIR_STAGES + i] = step;
		}
	}
}

/* Ranks become numbers that no two steps have in common. */
static void
rank_steps(Sorter *sorter)
{
	qsort(sorter->by_rank, sorter->nsteps, sizeof(Step *), compare_steps);
	for (int i = 0; i < sorter->nsteps; i++)
		sorter->by_rank[i]->rank = i;
}

/* qsort comparator: by stage, by kind, and then as the differences come. */
static int
compare_steps(const void *a, const void *b)
{
	const Step *left = *(Step *const *) a;
	const Step *right = *(Step *const *) b;

	if (left->stage != right->stage)
		return left->stage < right->stage ? -1 : 1;
	if (left->rank != right->rank)
		return (left->rank < right->rank) == (left->stage != STAGE_UNDO) ?
			-1 : 1;
	return compare_positions(left->item, right->item);
}

/* Columns of a table are added in their order. */
static int
compare_positions(const RepairItem *left, const RepairItem *right)
{
	const FingerprintItem *one = left->difference->in_a;
	const FingerprintItem *other = right->difference->in_a;

	if (one != NULL && other != NULL &&
		one->object.classId == RelationRelationId &&
		other->object.classId == RelationRelationId &&
		one->object.objectId == other->object.objectId &&
		one->object.objectSubId > 0 && other->object.objectSubId > 0)
		return one->object.objectSubId - other->object.objectSubId;
	return left->position < right->position ? -1 :
		left->position > right->position ? 1 : 0;
}

static RepairPhase
phase_of(const RepairItem *item)
{
	const FingerprintItem *any = item->difference->in_a != NULL ?
		item->difference->in_a : item->difference->in_b;

	switch (any->object.classId)
	{
		case NamespaceRelationId:
			return PHASE_SCHEMA;
		case CollationRelationId:
		case ConversionRelationId:
			return PHASE_COLLATION;
		case TypeRelationId:
			return PHASE_TYPE;
		case ProcedureRelationId:
			return PHASE_FUNCTION;
		case CastRelationId:
		case OperatorRelationId:
			return PHASE_OPERATOR;
		case OperatorClassRelationId:
		case OperatorFamilyRelationId:
			return PHASE_OPERATOR_CLASS;
		case TSConfigRelationId:
		case TSDictionaryRelationId:
		case TSParserRelationId:
		case TSTemplateRelationId:
			return PHASE_TEXT_SEARCH;
		case RelationRelationId:
			return phase_of_relation(any);
		case StatisticExtRelationId:
			return PHASE_INDEX;
		case ConstraintRelationId:
			return phase_of_constraint(item);
		case DefaultAclRelationId:
			return PHASE_DEFAULT_ACL;
		default:
			return PHASE_TRIGGER;
	}
}

static RepairPhase
phase_of_relation(const FingerprintItem *item)
{
	if (item->object.objectSubId != 0)
		return PHASE_COLUMN;
	switch (get_rel_relkind(item->object.objectId))
	{
		case RELKIND_SEQUENCE:
			return PHASE_SEQUENCE;
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			return PHASE_VIEW;
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			return PHASE_INDEX;
		default:
			return PHASE_TABLE;
	}
}

/* A key brings NOT NULL along, unless that is there. */
static RepairPhase
phase_of_constraint(const RepairItem *item)
{
	const Definition *definition = item->difference->a != NULL ?
		item->difference->a : item->difference->b;
	const DefinitionPart *part = tm_repair_part(definition, "create");

	if (part != NULL && strstr(part->sql, " FOREIGN KEY ") != NULL)
		return PHASE_FOREIGN_KEY;
	if (part != NULL && strstr(part->sql, " NOT NULL") != NULL)
		return PHASE_NOT_NULL;
	return PHASE_CONSTRAINT;
}

static void
tie_steps(Sorter *sorter)
{
	ListCell   *lc;

	foreach(lc, sorter->plan->items)
	{
		RepairItem *item = lfirst(lc);
		ListCell   *tie;

		CHECK_FOR_INTERRUPTS();
		if (item->action == REPAIR_NOTHING)
			continue;
		before(sorter, item, STAGE_UNDO, item, STAGE_MAKE);
		before(sorter, item, STAGE_MAKE, item, STAGE_LATE);
		if (item->instead_of != NULL)
			before(sorter, item->instead_of, STAGE_UNDO, item, STAGE_MAKE);
		if (item->action != REPAIR_DROP)
		{
			foreach(tie, item->needs)
				tie_need(sorter, item, lfirst(tie));
		}
		if (item->action != REPAIR_MAKE)
		{
			foreach(tie, item->users)
				tie_user(sorter, item, lfirst(tie));
		}
	}
}

/* In the first schema the item needs another one. */
static void
tie_need(Sorter *sorter, const RepairItem *item, const ItemTie *tie)
{
	const RepairItem *other = tm_repair_item(sorter->plan, tie->item);
	bool		within = tie->deptype == DEPENDENCY_AUTO ||
		tie->deptype == DEPENDENCY_INTERNAL;

	if (other == NULL || other->action == REPAIR_NOTHING ||
		other->action == REPAIR_DROP)
		return;
	tie_table(sorter, item, tie, other);

	/* functions that read and write a type are made when it is a name only */
	if (has_early_part(other))
	{
		before(sorter, other, STAGE_UNDO, item, STAGE_MAKE);
		before(sorter, other, STAGE_MAKE, item, STAGE_LATE);
		if (item->difference->in_a->object.classId != ProcedureRelationId)
			before(sorter, other, STAGE_MAKE, item, STAGE_MAKE);
		return;
	}
	/* a sequence is there before the column that it belongs to */
	if ((within && relkind_of(item) == RELKIND_SEQUENCE && !item->comes_along) ||
		tie->deptype == DEPENDENCY_PARTITION_PRI)
	{
		before(sorter, other, STAGE_MAKE, item, STAGE_LATE);
		return;
	}

	/*
	 * What comes by itself, with its column or its table, is there then.
	 * Columns of a partition are there before it is attached.
	 */
	if (item->comes_along && item->difference->a->inherited &&
		!(is_column(item) && is_partition(other) &&
		  other->action == REPAIR_MAKE))
	{
		before(sorter, other, STAGE_LATE, item, STAGE_MAKE);
		return;
	}
	before(sorter, other, STAGE_MAKE, item, STAGE_MAKE);
	if (tie->deptype == DEPENDENCY_PARTITION_SEC)
		before(sorter, other, STAGE_LATE, item, STAGE_LATE);
	if (within || tie->deptype == DEPENDENCY_PARTITION_SEC)
		before(sorter, item, STAGE_MAKE, other, STAGE_LATE);
	if (within)
		tie_partition(sorter, item, other);
}

/*
 * Columns are made with their table or composite type, so that needs what they are
 * made of: their types, and what is in the expressions of generated ones.  Other
 * defaults are set later.
 */
static void
tie_table(Sorter *sorter, const RepairItem *item, const ItemTie *tie,
		  const RepairItem *other)
{
	const ObjectAddress *column;
	ListCell   *lc;

	if (!is_column(item) || is_column(other) || !item->comes_along)
		return;
	column = &item->difference->in_a->object;
	if (tie->by_default &&
		get_attgenerated(column->objectId, column->objectSubId) == '\0')
		return;
	foreach(lc, item->needs)
	{
		const ItemTie *whole = lfirst(lc);
		const RepairItem *table = tm_repair_item(sorter->plan, whole->item);

		if (whole->object.classId == RelationRelationId &&
			whole->object.objectId == column->objectId &&
			whole->object.objectSubId == 0 &&
			table != NULL && table != other && table->action == REPAIR_MAKE)
			before(sorter, other, STAGE_MAKE, table, STAGE_MAKE);
	}
}

/*
 * A table is attached when its columns are what its parent's are, and after its
 * parent has been: an index of the parent that lacks its own partitions is not
 * valid, and another one would be made in its place.
 */
static void
tie_partition(Sorter *sorter, const RepairItem *item, const RepairItem *other)
{
	if (is_column(item) && is_partition(other))
		before(sorter, item, STAGE_LATE, other, STAGE_LATE);
	else if (is_partition(item) &&
			 relkind_of(other) == RELKIND_PARTITIONED_TABLE)
		before(sorter, other, STAGE_LATE, item, STAGE_LATE);
}

/* In the second schema another one needs the item. */
static void
tie_user(Sorter *sorter, const RepairItem *item, const ItemTie *tie)
{
	const RepairItem *user = tm_repair_item(sorter->plan, tie->item);
	RepairStage stage = tm_repair_changes_type(item) ? STAGE_MAKE : STAGE_UNDO;

	if (user == NULL || user->action == REPAIR_NOTHING)
		return;
	if (user->table != NULL && user->table != item)
		user = user->table;
	if (user->action == REPAIR_DROP || user->action == REPAIR_ANEW ||
		user->default_anew)
		before(sorter, user, STAGE_UNDO, item, stage);
	else if (user->action == REPAIR_CHANGE && stage == STAGE_UNDO)
		before(sorter, user, STAGE_MAKE, item, STAGE_UNDO);
}

static bool
has_early_part(const RepairItem *item)
{
	ListCell   *lc;

	if (item->difference->a == NULL)
		return false;
	foreach(lc, item->difference->a->parts)
	{
		if (((DefinitionPart *) lfirst(lc))->early)
			return true;
	}
	return false;
}

static char
relkind_of(const RepairItem *item)
{
	const FingerprintItem *any = item->difference->in_a;

	if (any == NULL || any->object.classId != RelationRelationId ||
		any->object.objectSubId != 0)
		return '\0';
	return get_rel_relkind(any->object.objectId);
}

static bool
is_column(const RepairItem *item)
{
	const FingerprintItem *any = item->difference->in_a;

	return any != NULL && any->object.classId == RelationRelationId &&
		any->object.objectSubId > 0;
}

/* Is it a table that is a partition in the first schema? */
static bool
is_partition(const RepairItem *item)
{
	char		relkind = relkind_of(item);

	return (relkind == RELKIND_RELATION ||
			relkind == RELKIND_PARTITIONED_TABLE ||
			relkind == RELKIND_FOREIGN_TABLE) &&
		get_rel_relispartition(item->difference->in_a->object.objectId);
}

static Step *
step_of(Sorter *sorter, const RepairItem *item, RepairStage stage)
{
	return &sorter->steps[item->position * TM_REPAIR_STAGES + stage];
}

static void
before(Sorter *sorter, const RepairItem *first, RepairStage first_stage,
	   const RepairItem *then, RepairStage then_stage)
{
	Step	   *one = step_of(sorter, first, first_stage);
	Step	   *other = step_of(sorter, then, then_stage);

	if (one == other)
		return;
	one->followers = lappend(one->followers, other);
	other->waits_for++;
}

/* Take the first step by rank that waits for nothing, again and again. */
static List *
perform(Sorter *sorter)
{
	binaryheap *ready = binaryheap_allocate(Max(sorter->nsteps, 1),
											compare_ready, NULL);
	List	   *result = NIL;
	int			stuck = 0;

	for (int i = 0; i < sorter->nsteps; i++)
	{
		if (sorter->steps[i].waits_for == 0)
			binaryheap_add_unordered(ready, PointerGetDatum(&sorter->steps[i]));
	}
	binaryheap_build(ready);
	for (int ndone = 0; ndone < sorter->nsteps; ndone++)
	{
		Step	   *step;
		ListCell   *lc;

		CHECK_FOR_INTERRUPTS();
		if (!binaryheap_empty(ready))
			step = (Step *) DatumGetPointer(binaryheap_remove_first(ready));
		else
		{
			/* all that are left wait for each other */
			while (sorter->by_rank[stuck]->done)
				stuck++;
			step = sorter->by_rank[stuck];
		}
		step->done = true;
		result = list_concat(result,
							 tm_repair_statements(sorter->plan, step->item,
												  step->stage));
		foreach(lc, step->followers)
		{
			Step	   *follower = lfirst(lc);

			if (--follower->waits_for == 0 && !follower->done)
				binaryheap_add(ready, PointerGetDatum(follower));
		}
	}
	return result;
}

/* binaryheap comparator: the largest comes first. */
static int
compare_ready(Datum a, Datum b, void *arg)
{
	int			left = ((Step *) DatumGetPointer(a))->rank;
	int			right = ((Step *) DatumGetPointer(b))->rank;

	return left < right ? 1 : left > right ? -1 : 0;
}
