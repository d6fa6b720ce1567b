/*
 * diff_sql.c
 *		tenant.diff() and tenant.diff_sql().
 *
 * What differs is repaired statement by statement: what the second schema says and
 * the first one does not is taken back, then what the first one says is said.  What
 * goes comes before what is to come, and what others are made of before these.
 *
 * A statement that would lose rows or values is told as a comment, for somebody to
 * decide; so is what no statement can repair.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "compare/compared_schema.h"
#include "compare/schema_diff.h"

/* A statement, and when its turn is */
typedef struct Repair
{
	int			phase;			/* earlier ones come first, */
	int			position;		/* and then those that were found earlier */
	char	   *text;
} Repair;

/* What is made earlier than others; what goes does so in the opposite order */
typedef enum RepairPhase
{
	PHASE_SCHEMA = 1,
	PHASE_TYPE,
	PHASE_SEQUENCE,
	PHASE_TABLE,
	PHASE_FUNCTION,
	PHASE_COLUMN,
	PHASE_VIEW,
	PHASE_INDEX,
	PHASE_CONSTRAINT,
	PHASE_FOREIGN_KEY,
	PHASE_TRIGGER
} RepairPhase;

static List *repairs(List *differences, Oid b);
static void repair(List **result, const Difference *difference,
				   List *differences, Oid b);
static bool comes_last(const Difference *difference, Oid b);
static void make(List **result, const Difference *difference);
static void repair_parts(List **result, const Difference *difference);
static void repair_making(List **result, const Difference *difference,
						  const DefinitionPart *wanted);
static bool same_tail(const Difference *difference, const char *start);
static bool find_label(const Definition *definition);
static bool has_other_labels(const Difference *difference);
static bool fits(const Difference *difference);
static bool has_to_be_made_anew(const Difference *difference,
								List *differences);
static bool same_header(const char *a, const char *b);
static bool columns_differ(const ObjectAddress *view, List *differences);
static const DefinitionPart *find_part(const Definition *definition,
									   const char *key);
static RepairPhase phase_of(const Definition *definition);
static void add(List **result, int phase, char *text);
static char *as_comment(const char *reason, const char *text);
static int	compare_repairs(const ListCell *a, const ListCell *b);

PG_FUNCTION_INFO_V1(tenant_diff);
PG_FUNCTION_INFO_V1(tenant_diff_sql);

Datum
tenant_diff(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"missing", "extra", "different"};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			a = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Oid			b = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, tm_schema_diff(a, b))
	{
		Difference *difference = lfirst(lc);
		Datum		values[5];
		bool		nulls[5] = {false};

		if (difference->implied)
			continue;
		values[0] = CStringGetTextDatum(difference->label.type);
		values[1] = CStringGetTextDatum(difference->label.name);
		values[2] = CStringGetTextDatum(kinds[difference->kind]);
		nulls[3] = difference->a == NULL;
		nulls[4] = difference->b == NULL;
		if (!nulls[3])
			values[3] = CStringGetTextDatum(difference->a->text);
		if (!nulls[4])
			values[4] = CStringGetTextDatum(difference->b->text);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
tenant_diff_sql(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			a = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Oid			b = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	List	   *found = repairs(tm_schema_diff(a, b), b);
	ListCell   *lc;

	if (found != NIL)
	{
		/* names in statements mean what is in the second schema */
		add(&found, -1000,
			psprintf("SET search_path TO %s, pg_catalog, pg_temp;",
					 quote_identifier(get_namespace_name(b))));
		add(&found, -1000, pstrdup("SET check_function_bodies TO off;"));
		add(&found, 1000, pstrdup("RESET check_function_bodies;"));
		add(&found, 1000, pstrdup("RESET search_path;"));
		list_sort(found, compare_repairs);
	}

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach(lc, found)
	{
		Repair	   *one = lfirst(lc);
		Datum		value = CStringGetTextDatum(one->text);
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value,
							 &isnull);
	}
	return (Datum) 0;
}

/* The statements for the second schema. */
static List *
repairs(List *differences, Oid b)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, differences)
		repair(&result, lfirst(lc), differences, b);
	return result;
}

static void
repair(List **result, const Difference *difference, List *differences, Oid b)
{
	const Definition *any = difference->a != NULL ? difference->a :
		difference->b;
	char	   *what = psprintf("%s %s", difference->label.type,
								difference->label.name);
	const DefinitionPart *part;

	switch (difference->kind)
	{
		case DIFFERENCE_MISSING:
			if (any->complete)
			{
				make(result, difference);
				if (!difference->implied && !comes_last(difference, b))
					add(result, phase_of(any),
						as_comment("comes after the columns that are there: ",
								   what));
			}
			else if (!difference->implied)
				add(result, phase_of(any),
					as_comment("cannot be made by a statement of its own: ", what));
			break;
		case DIFFERENCE_EXTRA:
			part = find_part(any, "create");
			if (difference->implied)
				break;
			if (part == NULL || part->undo == NULL || !any->complete)
				add(result, phase_of(any),
					as_comment("cannot be removed by a statement of its own: ", what));
			else if (part->lossy)
				add(result, -phase_of(any),
					as_comment("would lose data: ", part->undo));
			else
				add(result, -phase_of(any), psprintf("%s;", part->undo));
			break;
		case DIFFERENCE_DIFFERENT:
			if (has_to_be_made_anew(difference, differences))
			{
				part = find_part(difference->b, "create");
				add(result, -phase_of(any), psprintf("%s;", part->undo));
				make(result, difference);
			}
			else if (any->parts == NIL ||
					 (!any->complete && difference->a->columns != NIL))
				add(result, phase_of(any),
					as_comment("cannot be repaired by a statement: ", what));
			else
			{
				int			before = list_length(*result);

				repair_parts(result, difference);
				if (list_length(*result) == before)
					add(result, phase_of(any),
						as_comment("cannot be repaired by a statement: ", what));
			}
			break;
	}
}

/* Would a column that is added be where it is in the first schema? */
static bool
comes_last(const Difference *difference, Oid b)
{
	const ObjectAddress *column = &difference->a->object;
	HeapTuple	tup;
	int			natts;
	Oid			relid;

	if (column->classId != RelationRelationId || column->objectSubId <= 0)
		return true;
	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(column->objectId));
	if (!HeapTupleIsValid(tup))
		return true;
	natts = ((Form_pg_class) GETSTRUCT(tup))->relnatts;
	ReleaseSysCache(tup);
	relid = get_relname_relid(get_rel_name(column->objectId), b);
	for (int i = column->objectSubId + 1; i <= natts; i++)
	{
		char	   *name = get_attname(column->objectId, i, true);

		if (name != NULL && OidIsValid(relid) &&
			get_attnum(relid, name) != InvalidAttrNumber)
			return false;
	}
	return true;
}

/* All that the first schema says of an object. */
static void
make(List **result, const Difference *difference)
{
	ListCell   *lc;

	foreach(lc, difference->a->parts)
	{
		DefinitionPart *part = lfirst(lc);

		/* a table is made with its columns */
		if ((difference->implied && strcmp(part->key, "create") == 0) ||
			strncmp(part->key, "label ", 6) == 0 || part->usual)
			continue;
		add(result, phase_of(difference->a), psprintf("%s;", part->sql));
	}
}

/* What is said by one of them only, or by both in different words. */
static void
repair_parts(List **result, const Difference *difference)
{
	int			phase = phase_of(difference->a);
	ListCell   *lc;

	foreach(lc, difference->b->parts)
	{
		DefinitionPart *part = lfirst(lc);

		if (find_part(difference->a, part->key) != NULL ||
			strncmp(part->key, "label ", 6) == 0 || part->usual)
			continue;
		if (part->undo == NULL)
			add(result, phase,
				as_comment("cannot be taken back: ", part->sql));
		else if (part->lossy)
			add(result, phase, as_comment("would lose data: ", part->undo));
		else
			add(result, phase, psprintf("%s;", part->undo));
	}
	foreach(lc, difference->a->parts)
	{
		DefinitionPart *part = lfirst(lc);
		const DefinitionPart *other = find_part(difference->b, part->key);

		if (other != NULL && strcmp(other->sql, part->sql) == 0)
			continue;
		if (strcmp(part->key, "create") == 0)
		{
			repair_making(result, difference, part);
			continue;
		}
		if (other != NULL && strncmp(part->key, "grant", 5) == 0)
			add(result, phase, psprintf("%s;", other->undo));
		add(result, phase,
			psprintf("%s;", other != NULL ? part->change : part->sql));
	}
}

/* What makes an object is not the same. */
static void
repair_making(List **result, const Difference *difference,
			  const DefinitionPart *wanted)
{
	const Definition *definition = difference->a;
	int			phase = phase_of(definition);

	switch (definition->object.classId)
	{
		case RelationRelationId:
			if (definition->object.objectSubId == 0 &&
				strncmp(wanted->sql, "CREATE TABLE ", 13) == 0 &&
				same_tail(difference, " PARTITION BY "))
				return;			/* its columns have differences of their own */
			break;
		case TypeRelationId:
			if (find_label(definition) &&
				!has_other_labels(difference))
				return;			/* labels are parts */
			break;
		default:
			break;
	}
	if (wanted->change == NULL || !definition->complete)
		add(result, phase, as_comment("cannot be repaired by a statement: ",
									  wanted->sql));
	else if (definition->object.classId == RelationRelationId &&
			 definition->object.objectSubId != 0 && !fits(difference))
		add(result, phase,
			as_comment("would lose data, or fail, where a value does not fit: ",
					   wanted->change));
	else
		add(result, phase, psprintf("%s;", wanted->change));
}

/* Do the statements that make the object in both go on alike from here? */
static bool
same_tail(const Difference *difference, const char *start)
{
	const char *a = strstr(find_part(difference->a, "create")->sql, start);
	const char *b = strstr(find_part(difference->b, "create")->sql, start);

	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

static bool
find_label(const Definition *definition)
{
	ListCell   *lc;

	foreach(lc, definition->parts)
	{
		if (strncmp(((DefinitionPart *) lfirst(lc))->key, "label ", 6) == 0)
			return true;
	}
	return false;
}

/* Labels that only the second one has cannot be taken away. */
static bool
has_other_labels(const Difference *difference)
{
	ListCell   *lc;

	foreach(lc, difference->b->parts)
	{
		DefinitionPart *part = lfirst(lc);

		if (strncmp(part->key, "label ", 6) == 0 &&
			find_part(difference->a, part->key) == NULL)
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

/* Is it dropped and made again, for want of a way to change it? */
static bool
has_to_be_made_anew(const Difference *difference, List *differences)
{
	const DefinitionPart *a = find_part(difference->a, "create");
	const DefinitionPart *b = find_part(difference->b, "create");

	if (a == NULL || b == NULL || b->undo == NULL || b->lossy ||
		!difference->a->complete || !difference->b->complete ||
		strcmp(a->sql, b->sql) == 0)
		return false;
	if (a->change == NULL)
		return difference->a->object.classId != TypeRelationId;
	if (difference->a->object.classId == ProcedureRelationId)
		return !same_header(a->sql, b->sql);
	return columns_differ(&difference->b->object, differences);
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
columns_differ(const ObjectAddress *view, List *differences)
{
	ListCell   *lc;

	foreach(lc, differences)
	{
		Difference *other = lfirst(lc);
		const Definition *b = other->b;

		if (b != NULL && b->object.classId == RelationRelationId &&
			b->object.objectId == view->objectId &&
			b->object.objectSubId > 0)
			return true;
	}
	return false;
}

static const DefinitionPart *
find_part(const Definition *definition, const char *key)
{
	ListCell   *lc;

	foreach(lc, definition->parts)
	{
		DefinitionPart *part = lfirst(lc);

		if (strcmp(part->key, key) == 0)
			return part;
	}
	return NULL;
}

static RepairPhase
phase_of(const Definition *definition)
{
	const DefinitionPart *part;

	switch (definition->object.classId)
	{
		case NamespaceRelationId:
			return PHASE_SCHEMA;
		case TypeRelationId:
			return PHASE_TYPE;
		case ProcedureRelationId:
			return PHASE_FUNCTION;
		case ConstraintRelationId:
			part = find_part(definition, "create");
			return part != NULL && strstr(part->sql, " FOREIGN KEY ") != NULL ?
				PHASE_FOREIGN_KEY : PHASE_CONSTRAINT;
		case RelationRelationId:
			if (definition->object.objectSubId != 0)
				return PHASE_COLUMN;
			switch (get_rel_relkind(definition->object.objectId))
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
		case StatisticExtRelationId:
			return PHASE_INDEX;
		default:
			return PHASE_TRIGGER;
	}
}

static void
add(List **result, int phase, char *text)
{
	Repair	   *repair = palloc(sizeof(Repair));

	repair->phase = phase;
	repair->position = list_length(*result);
	repair->text = text;

	*result = lappend(*result, repair);
}

/* A comment goes to the end of its line, and the text may have several. */
static char *
as_comment(const char *reason, const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "-- %s", reason);
	for (const char *p = text; *p; p++)
	{
		appendStringInfoChar(&buf, *p);
		if (*p == '\n')
			appendStringInfoString(&buf, "-- ");
	}
	return buf.data;
}

/* list_sort comparator: by phase, and then as they were found. */
static int
compare_repairs(const ListCell *a, const ListCell *b)
{
	const Repair *left = lfirst(a);
	const Repair *right = lfirst(b);

	if (left->phase != right->phase)
		return left->phase < right->phase ? -1 : 1;
	return left->position < right->position ? -1 :
		left->position > right->position ? 1 : 0;
}
