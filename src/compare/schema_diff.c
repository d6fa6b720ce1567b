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

#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"

#include "compare/fingerprint.h"
#include "compare/schema_diff.h"
#include "compare/schema_reading.h"
#include "tenants/tenant_lock.h"

/* Which of them are put into words, and how */
typedef struct Description
{
	List	   *differences;	/* of Difference */
	bool		first;			/* those of the first schema? */
	DefinitionSource source;	/* whose they are */
} Description;

static List *find_differences(const Fingerprint *a, const Fingerprint *b,
							  bool *replaced);
static bool is_other_kind(const FingerprintItem *a, const FingerprintItem *b);
static Difference *make_difference(const FingerprintItem *a,
								   const FingerprintItem *b);
static void describe(List *differences, Oid nspid, Oid other, bool first);
static void describe_objects(Oid nspid, void *arg);
static void mark_implied(List *differences);
static void note_owner(HTAB *owners, const Difference *difference);
static bool owner_is_listed(HTAB *owners, const Difference *difference);
static bool lacks(List *names, const char *name);
static int	compare_differences(const ListCell *a, const ListCell *b);

SchemaDiff *
tm_schema_diff(Oid a, Oid b)
{
	SchemaDiff *diff = palloc0(sizeof(SchemaDiff));
	List	   *found;
	ListCell   *lc;
	bool		replaced = false;

	diff->a = a;
	diff->b = b;
	diff->print_a = tm_fingerprint_read(a);
	diff->print_b = tm_fingerprint_read(b);
	found = find_differences(diff->print_a, diff->print_b, &replaced);
	if (replaced)
		found = find_differences(diff->print_a, diff->print_b, &replaced);
	tm_schema_diff_describe(diff, found);
	mark_implied(found);
	foreach(lc, found)
	{
		Difference *difference = lfirst(lc);

		/* dropped since the lists were made, or a matter of what is missing */
		if (difference->label.type == NULL ||
			(difference->in_a != NULL &&
			 difference->in_a->object.objectSubId == TM_COLUMN_ORDER &&
			 (difference->in_b == NULL ||
			  tm_same_order(difference->a->names, difference->b->names))) ||
			(difference->in_a == NULL &&
			 difference->in_b->object.objectSubId == TM_COLUMN_ORDER))
			continue;
		diff->differences = lappend(diff->differences, difference);
	}
	list_sort(diff->differences, compare_differences);
	return diff;
}

void
tm_schema_diff_describe(const SchemaDiff *diff, List *differences)
{
	if (differences == NIL)
		return;
	describe(differences, diff->a, diff->b, true);
	describe(differences, diff->b, diff->a, false);
}

char
tm_object_kind(const ObjectAddress *object)
{
	Oid			table;
	int32		column;
	char		relkind;

	if (object->classId != RelationRelationId)
		return '\0';
	relkind = get_rel_relkind(object->objectId);
	switch (relkind)
	{
		case RELKIND_PARTITIONED_TABLE:
			return RELKIND_RELATION;
		case RELKIND_PARTITIONED_INDEX:
			return RELKIND_INDEX;
		case RELKIND_SEQUENCE:
			return sequenceIsOwned(object->objectId, DEPENDENCY_INTERNAL,
								   &table, &column) ?
				TM_IDENTITY_SEQUENCE : relkind;
		default:
			return relkind;
	}
}

/*
 * What is not the same in both lists.  "replaced" is set if a relation is of
 * another kind.  Its columns are not the same then, even if they look alike: in
 * a list that is made with it set they are missing, and extra.
 */
static List *
find_differences(const Fingerprint *a, const Fingerprint *b, bool *replaced)
{
	List	   *found = NIL;
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
			found = lappend(found, make_difference(&a->items[i++], NULL));
		else if (order > 0)
			found = lappend(found, make_difference(NULL, &b->items[j++]));
		else
		{
			bool		alike = memcmp(a->items[i].digest, b->items[j].digest,
									   sizeof(a->items[i].digest)) == 0;

			if ((!alike || *replaced) &&
				is_other_kind(&a->items[i], &b->items[j]))
			{
				*replaced = true;
				found = lappend(found, make_difference(&a->items[i], NULL));
				found = lappend(found, make_difference(NULL, &b->items[j]));
			}
			else if (!alike)
				found = lappend(found,
								make_difference(&a->items[i], &b->items[j]));
			i++;
			j++;
		}
	}
	return found;
}

static bool
is_other_kind(const FingerprintItem *a, const FingerprintItem *b)
{
	return a->object.classId == RelationRelationId &&
		tm_object_kind(&a->object) != tm_object_kind(&b->object);
}

static Difference *
make_difference(const FingerprintItem *a, const FingerprintItem *b)
{
	Difference *difference = palloc0(sizeof(Difference));

	difference->in_a = a;
	difference->in_b = b;
	difference->kind = a == NULL ? DIFFERENCE_EXTRA :
		b == NULL ? DIFFERENCE_MISSING : DIFFERENCE_DIFFERENT;
	return difference;
}

/* Put all objects of one schema into words, those of the first or the second. */
static void
describe(List *differences, Oid nspid, Oid other, bool first)
{
	Description description = {.differences = differences,.first = first};
	DefinitionSource *source = &description.source;
	Oid			shown = first ? other : nspid;

	source->nspid = nspid;
	source->owner = tm_tenant_lock_schema_owner(nspid);
	source->other = other;
	source->other_owner = tm_tenant_lock_schema_owner(other);
	source->owner_name = quote_identifier(GetUserNameFromId(tm_tenant_lock_schema_owner(shown),
															false));
	source->shown_name = get_namespace_name(shown);
	source->schema_name = quote_identifier(source->shown_name);
	tm_read_schema(nspid, NIL, describe_objects, &description);
}

static void
describe_objects(Oid nspid, void *arg)
{
	Description *description = arg;
	bool		first = description->first;
	ListCell   *lc;

	foreach(lc, description->differences)
	{
		Difference *difference = lfirst(lc);
		const FingerprintItem *item = first ? difference->in_a :
			difference->in_b;

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
mark_implied(List *differences)
{
	HASHCTL		ctl;
	HTAB	   *owners;
	ListCell   *lc;

	ctl.hcxt = CurrentMemoryContext;
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(Oid);
	owners = hash_create("tenant_mgr relations of one schema", 256, &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, differences)
		note_owner(owners, lfirst(lc));
	foreach(lc, differences)
	{
		Difference *difference = lfirst(lc);

		difference->implied = owner_is_listed(owners, difference);
	}
	hash_destroy(owners);
}

/* Remember a relation, or a composite type, that only one schema has. */
static void
note_owner(HTAB *owners, const Difference *difference)
{
	const FingerprintItem *item = difference->in_a != NULL ?
		difference->in_a : difference->in_b;
	Oid			relid = InvalidOid;

	if (difference->kind == DIFFERENCE_DIFFERENT)
		return;
	if (item->object.classId == TypeRelationId)
		relid = get_typ_typrelid(item->object.objectId);
	else if (item->object.classId == RelationRelationId &&
			 item->object.objectSubId == 0)
		relid = item->object.objectId;
	if (OidIsValid(relid))
		(void) hash_search(owners, &relid, HASH_ENTER, NULL);
}

/* Is this a column of a relation that the other schema does not have? */
static bool
owner_is_listed(HTAB *owners, const Difference *difference)
{
	const FingerprintItem *item = difference->in_a != NULL ?
		difference->in_a : difference->in_b;
	char		relkind;

	if (difference->kind == DIFFERENCE_DIFFERENT ||
		item->object.classId != RelationRelationId ||
		item->object.objectSubId == 0)
		return false;

	/* these have the columns of their query */
	relkind = get_rel_relkind(item->object.objectId);
	if (relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW)
		return true;
	return hash_search(owners, &item->object.objectId, HASH_FIND, NULL) != NULL;
}

bool
tm_same_order(List *a, List *b)
{
	int			i = 0;
	int			j = 0;

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
