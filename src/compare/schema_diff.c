/*
 * schema_diff.c
 *		In what two schemas differ.
 *
 * The lists of which fingerprints are made are in the order of names, so one walk
 * through both finds what is in one of them only and what is not alike.  Only that
 * is put into words.
 *
 * Both schemas are described as if the second one's owner owned them and as if
 * they had its name: what is the same in both then reads the same.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compare/fingerprint.h"
#include "compare/schema_diff.h"
#include "compare/schema_reading.h"
#include "tenants/tenant_lock.h"

/* An object that is not alike, before it is described */
typedef struct Pair
{
	const FingerprintItem *a;	/* in the first schema, or NULL */
	const FingerprintItem *b;	/* in the second one, or NULL */
	Difference *difference;		/* what is told of it */
} Pair;

/* Which of them are put into words, and how */
typedef struct Description
{
	List	   *pairs;			/* of Pair */
	bool		first;			/* those of the first schema? */
	DefinitionSource source;	/* whose they are */
} Description;

static List *find_pairs(const Fingerprint *a, const Fingerprint *b);
static Pair *make_pair(const FingerprintItem *a, const FingerprintItem *b);
static void describe(List *pairs, Oid nspid, Oid other, bool first);
static void describe_objects(Oid nspid, void *arg);
static void mark_implied(List *pairs);
static bool owner_is_listed(List *pairs, const Pair *pair);
static bool only_order_of_others(const Difference *difference);
static bool lacks(List *names, const char *name);
static int	compare_differences(const ListCell *a, const ListCell *b);

List *
tm_schema_diff(Oid a, Oid b)
{
	List	   *pairs = find_pairs(tm_fingerprint_read(a), tm_fingerprint_read(b));
	List	   *result = NIL;
	ListCell   *lc;

	if (pairs == NIL)
		return NIL;
	describe(pairs, a, b, true);
	describe(pairs, b, b, false);
	mark_implied(pairs);
	foreach(lc, pairs)
	{
		Pair	   *pair = lfirst(lc);

		/* dropped since the lists were made, or a matter of what is missing */
		if (pair->difference->label.type == NULL ||
			only_order_of_others(pair->difference))
			continue;
		result = lappend(result, pair->difference);
	}
	list_sort(result, compare_differences);
	return result;
}

/* What is not the same in both lists. */
static List *
find_pairs(const Fingerprint *a, const Fingerprint *b)
{
	List	   *pairs = NIL;
	int			i = 0;
	int			j = 0;

	while (i < a->nitems || j < b->nitems)
	{
		int			order;

		if (i == a->nitems)
			order = 1;
		else if (j == b->nitems)
			order = -1;
		else
			order = memcmp(a->items[i].name, b->items[j].name,
						   sizeof(a->items[i].name));
		if (order < 0)
			pairs = lappend(pairs, make_pair(&a->items[i++], NULL));
		else if (order > 0)
			pairs = lappend(pairs, make_pair(NULL, &b->items[j++]));
		else
		{
			if (memcmp(a->items[i].digest, b->items[j].digest,
					   sizeof(a->items[i].digest)) != 0)
				pairs = lappend(pairs, make_pair(&a->items[i], &b->items[j]));
			i++;
			j++;
		}
	}
	return pairs;
}

static Pair *
make_pair(const FingerprintItem *a, const FingerprintItem *b)
{
	Pair	   *pair = palloc(sizeof(Pair));

	pair->a = a;
	pair->b = b;
	pair->difference = palloc0(sizeof(Difference));
	pair->difference->kind = a == NULL ? DIFFERENCE_EXTRA :
		b == NULL ? DIFFERENCE_MISSING : DIFFERENCE_DIFFERENT;
	return pair;
}

/* Put all objects of one schema into words, those of the first or the second. */
static void
describe(List *pairs, Oid nspid, Oid other, bool first)
{
	Description description = {.pairs = pairs,.first = first};
	DefinitionSource *source = &description.source;

	source->nspid = nspid;
	source->owner = tm_tenant_lock_schema_owner(nspid);
	source->owner_name = quote_identifier(GetUserNameFromId(tm_tenant_lock_schema_owner(other),
														   false));
	source->other_name = get_namespace_name(other);
	source->schema_name = quote_identifier(source->other_name);
	tm_read_schema(nspid, describe_objects, &description);
}

static void
describe_objects(Oid nspid, void *arg)
{
	Description *description = arg;
	bool		first = description->first;
	ListCell   *lc;

	foreach(lc, description->pairs)
	{
		Pair	   *pair = lfirst(lc);
		const FingerprintItem *item = first ? pair->a : pair->b;
		Difference *difference = pair->difference;

		CHECK_FOR_INTERRUPTS();
		if (item == NULL ||
			!tm_object_label(nspid, &item->object, &difference->label))
			continue;
		if (first)
			difference->a = tm_definition(&description->source,
										  &item->object);
		else
			difference->b = tm_definition(&description->source,
										  &item->object);
	}
}

/* Columns of a table that is missing are missing, too. */
static void
mark_implied(List *pairs)
{
	ListCell   *lc;

	foreach(lc, pairs)
	{
		Pair	   *pair = lfirst(lc);
		const FingerprintItem *item = pair->a != NULL ? pair->a : pair->b;

		if (item->object.classId == RelationRelationId &&
			item->object.objectSubId != 0 &&
			pair->difference->kind != DIFFERENCE_DIFFERENT)
			pair->difference->implied = owner_is_listed(pairs, pair);
	}
}

/* Is the relation of this column one that the other schema does not have? */
static bool
owner_is_listed(List *pairs, const Pair *pair)
{
	const FingerprintItem *item = pair->a != NULL ? pair->a : pair->b;
	char		relkind = get_rel_relkind(item->object.objectId);
	ListCell   *lc;

	/* these have the columns of their query */
	if (relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW)
		return true;
	foreach(lc, pairs)
	{
		Pair	   *candidate = lfirst(lc);
		const FingerprintItem *other = pair->a != NULL ? candidate->a :
			candidate->b;
		Oid			relid;

		if (other == NULL ||
			candidate->difference->kind != pair->difference->kind)
			continue;
		relid = other->object.classId == TypeRelationId ?
			get_typ_typrelid(other->object.objectId) :
			other->object.classId == RelationRelationId &&
			other->object.objectSubId == 0 ? other->object.objectId : InvalidOid;
		if (relid == item->object.objectId)
			return true;
	}
	return false;
}

/* Do the columns that both have come in the same order? */
static bool
only_order_of_others(const Difference *difference)
{
	List	   *a = difference->a == NULL ? NIL : difference->a->columns;
	List	   *b = difference->b == NULL ? NIL : difference->b->columns;
	int			i = 0;
	int			j = 0;

	if (a == NIL && b == NIL)
		return false;
	for (;;)
	{
		while (i < list_length(a) && lacks(b, list_nth(a, i)))
			i++;
		while (j < list_length(b) && lacks(a, list_nth(b, j)))
			j++;
		if (i == list_length(a) || j == list_length(b))
			return i == list_length(a) && j == list_length(b);
		if (strcmp(list_nth(a, i++), list_nth(b, j++)) != 0)
			return false;
	}
}

static bool
lacks(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return false;
	}
	return true;
}

/* list_sort comparator: by kind of object and name. */
static int
compare_differences(const ListCell *a, const ListCell *b)
{
	const Difference *left = lfirst(a);
	const Difference *right = lfirst(b);
	int			order = strcmp(left->label.type, right->label.type);

	return order != 0 ? order : strcmp(left->label.name, right->label.name);
}
