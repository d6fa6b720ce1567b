/*
 * repair_statement.c
 *		The statements that repair one object.
 *
 * A definition says one thing in each of its parts.  What the second schema says
 * and the first one does not is taken back, then what the first one says is said.
 *
 * A statement that would lose rows or values is told as a comment, for somebody to
 * decide; so is what no statement can repair.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "compare/repair_statement.h"

static void undo_stage(List **result, const RepairItem *item);
static void take_all_back(List **result, const RepairItem *item);
static void rename_sequence(List **result, const RepairPlan *plan,
							const RepairItem *item);
static void make(List **result, const RepairItem *item, bool late);
static void change(List **result, const RepairItem *item, bool late);
static void take_back(List **result, const RepairItem *item, bool late);
static bool comes_with_table(const RepairItem *item,
							 const DefinitionPart *part);
static const char *has_to_wait(const RepairItem *item,
							   const DefinitionPart *part);
static List *parents_of(const Definition *definition);
static bool stays_attached(const RepairItem *item, const DefinitionPart *part);
static bool says_the_same(const DefinitionPart *a, const DefinitionPart *b);
static bool is_label(const DefinitionPart *part);
static char *in_place(const DefinitionPart *label, const Definition *type);
static void say(List **result, const RepairItem *item,
				const DefinitionPart *part);
static void change_making(List **result, const RepairItem *item,
						  const DefinitionPart *part);
static void tell_orders(List **result, const RepairItem *item);
static void tell_column(List **result, const RepairItem *item);
static char *column_of_sequence(const FingerprintItem *sequence);
static void tell_place(List **result, const RepairPlan *plan,
					   const RepairItem *item);
static bool comes_last(const RepairPlan *plan, const Difference *difference);
static bool grants_anew(const Difference *difference);
static bool has_chains(const Definition *definition);
static bool grants_differ(const Difference *difference);
static void tell_column_grants(List **result, const RepairItem *item);
static bool is_grant(const DefinitionPart *part);
static void refresh(List **result, const RepairItem *item);
static void add(List **result, const char *statement);
static void tell(List **result, const char *reason, const char *text);

List *
tm_repair_statements(const RepairPlan *plan, const RepairItem *item,
					 RepairStage stage)
{
	const Difference *difference = item->difference;
	List	   *result = NIL;

	if (item->action == REPAIR_NOTHING)
		return NIL;
	switch (stage)
	{
		case STAGE_UNDO:
			undo_stage(&result, item);
			break;
		case STAGE_MAKE:
			if (item->action == REPAIR_MAKE && item->obstacle != NULL)
			{
				if (!item->untold)
					tell(&result, item->obstacle,
						 psprintf("%s %s", difference->label.type,
								  difference->label.name));
			}
			else if (item->action == REPAIR_MAKE ||
					 (item->action == REPAIR_ANEW && item->obstacle == NULL))
			{
				rename_sequence(&result, plan, item);
				make(&result, item, false);
			}
			else if (item->action != REPAIR_DROP)
			{
				change(&result, item, false);
				tell_orders(&result, item);
				tell_column(&result, item);
				tell_column_grants(&result, item);
			}
			tell_place(&result, plan, item);
			break;
		case STAGE_LATE:
			if (item->action == REPAIR_DROP ||
				(item->action == REPAIR_MAKE && item->obstacle != NULL))
				break;
			if (item->action == REPAIR_CHANGE || item->obstacle != NULL)
				change(&result, item, true);
			else
				make(&result, item, true);
			refresh(&result, item);
			break;
	}
	return result;
}

char *
tm_repair_comment(const char *reason, const char *text)
{
	StringInfoData buf;

	/*
	 * A comment goes to the end of its line, and both can have several, for
	 * there are names in them: to the server and to psql a carriage return
	 * ends one as well.
	 */
	initStringInfo(&buf);
	appendStringInfoString(&buf, "-- ");
	for (const char *p = psprintf("%s%s", reason, text); *p; p++)
	{
		appendStringInfoChar(&buf, *p);
		if (*p == '\n' || *p == '\r')
			appendStringInfoString(&buf, "-- ");
	}
	return buf.data;
}

static void
undo_stage(List **result, const RepairItem *item)
{
	const Difference *difference = item->difference;
	DefinitionPart *part = tm_repair_part(difference->b, "create");
	ListCell   *lc;

	if (item->action == REPAIR_DROP && !item->comes_along)
	{
		if (item->obstacle == NULL && part == NULL)
			take_all_back(result, item);
		else if (item->obstacle == NULL)
			add(result, part->undo);
		else
			tell(result, item->obstacle, part != NULL && part->undo != NULL ?
				 part->undo : psprintf("%s %s", difference->label.type,
									   difference->label.name));
	}
	if (item->action == REPAIR_ANEW && item->obstacle == NULL)
		add(result, part->undo);
	if (item->default_anew)
		add(result, tm_repair_part(difference->b, "default")->undo);
	if (item->action == REPAIR_CHANGE)
		take_back(result, item, true);
	if (difference->a == NULL || item->obstacle != NULL ||
		(item->action != REPAIR_MAKE && item->action != REPAIR_ANEW))
		return;
	foreach(lc, difference->a->parts)
	{
		part = lfirst(lc);
		if (part->early)
			add(result, part->sql);
	}
}

/* Some things there are as long as something is said of them. */
static void
take_all_back(List **result, const RepairItem *item)
{
	ListCell   *lc;

	foreach(lc, item->difference->b->parts)
	{
		DefinitionPart *part = lfirst(lc);

		if (part->undo != NULL)
			add(result, part->undo);
	}
}

/* That of an identity column which is in both schemas is there already. */
static void
rename_sequence(List **result, const RepairPlan *plan, const RepairItem *item)
{
	const ObjectAddress *object = &item->difference->in_a->object;
	Oid			table;
	int32		column;
	Oid			other;

	if (item->action != REPAIR_MAKE || !item->difference->a->inherited ||
		object->classId != RelationRelationId || object->objectSubId != 0 ||
		get_rel_relkind(object->objectId) != RELKIND_SEQUENCE ||
		!sequenceIsOwned(object->objectId, DEPENDENCY_INTERNAL, &table, &column))
		return;
	other = get_relname_relid(get_rel_name(table), plan->diff->b);
	column = !OidIsValid(other) ? InvalidAttrNumber :
		get_attnum(other, get_attname(table, column, false));
	if (column == InvalidAttrNumber)
		return;
	other = tm_identity_sequence(other, column);
	if (OidIsValid(other))
		add(result, psprintf("ALTER SEQUENCE %s RENAME TO %s",
							 quote_identifier(get_rel_name(other)),
							 quote_identifier(get_rel_name(object->objectId))));
}

/* All that the first schema says of an object. */
static void
make(List **result, const RepairItem *item, bool late)
{
	const DefinitionPart *making = tm_repair_part(item->difference->a, "create");
	bool		filled = making != NULL && making->filled != NULL &&
		!item->comes_along;
	ListCell   *lc;

	foreach(lc, item->difference->a->parts)
	{
		DefinitionPart *part = lfirst(lc);

		/* a table is made with its columns, a type with its labels */
		if ((item->comes_along && strcmp(part->key, "create") == 0) ||
			is_label(part) || part->usual ||
			part->note || part->early || part->late != late ||
			(filled && strcmp(part->key, "default") == 0))
			continue;
		add(result, filled && part == making ? part->filled : part->sql);
	}
}

/* What is said by one of them only, or by both in different words. */
static void
change(List **result, const RepairItem *item, bool late)
{
	const Difference *difference = item->difference;
	bool		anew = grants_anew(difference);
	ListCell   *lc;

	if (!late)
		take_back(result, item, false);
	foreach(lc, difference->a->parts)
	{
		DefinitionPart *part = lfirst(lc);
		const DefinitionPart *other = tm_repair_part(difference->b, part->key);
		bool		again = (item->default_anew &&
							 strcmp(part->key, "default") == 0) ||
			(anew && is_grant(part));

		if (part->late != late || part->early || part->at_birth ||
			(!again && other != NULL && says_the_same(part, other)) ||
			comes_with_table(item, part))
			continue;
		if (strcmp(part->key, "create") == 0)
			change_making(result, item, part);
		else if (stays_attached(item, part))
			tell(result, item->obstacle, part->sql);
		else if (has_to_wait(item, part) != NULL)
			tell(result, has_to_wait(item, part), part->sql);
		else if (part->note && (other == NULL || part->change == NULL))
			tell(result, "cannot be changed by a statement: ", part->sql);
		else if (is_label(part))
			add(result, in_place(part, difference->b));
		else if (again || other == NULL)
		{
			add(result, part->sql);
			if (strncmp(part->key, "parent ", 7) == 0)
				tell(result, "columns of the parent stay declared in the table itself: ",
					 difference->label.name);
		}
		else
			say(result, item, part);
	}
}

/* What the second schema says and the first one does not. */
static void
take_back(List **result, const RepairItem *item, bool late)
{
	const Difference *difference = item->difference;
	bool		anew = grants_anew(difference);
	ListCell   *lc;

	foreach(lc, difference->b->parts)
	{
		DefinitionPart *part = lfirst(lc);
		const DefinitionPart *other = tm_repair_part(difference->a, part->key);

		if (part->late != late || part->early ||
			strcmp(part->key, "create") == 0 || stays_attached(item, part))
			continue;
		if (anew && is_grant(part))
		{
			/* what others have granted goes with it */
			if (strncmp(part->undo, "REVOKE ", 7) == 0)
				add(result, psprintf("%s CASCADE", part->undo));
		}
		else if (other != NULL)
		{
			/* of what is said late, another word has to wait */
			if (late && part->undo != NULL && other->change == NULL &&
				!says_the_same(part, other))
				add(result, part->undo);
		}
		else if ((part->usual || part->late) && part->undo == NULL)
			continue;
		else if (part->note && part->undo == NULL)
			tell(result, "cannot be changed by a statement: not so: ", part->sql);
		else if (is_label(part))
			tell(result, "a label cannot be removed: ", part->essence);
		else if (part->undo == NULL)
			tell(result, "cannot be taken back: ", part->sql);
		else if (part->lossy)
			tell(result, "would lose data: ", part->undo);
		else if (has_to_wait(item, part) != NULL)
			tell(result, has_to_wait(item, part), part->undo);
		else if (!(item->default_anew && strcmp(part->key, "default") == 0))
			add(result, part->undo);
	}
}

/* A sequence that belongs to a column has the owner of the table. */
static bool
comes_with_table(const RepairItem *item, const DefinitionPart *part)
{
	return strcmp(part->key, "owner") == 0 &&
		tm_repair_part(item->difference->a, "owned by") != NULL &&
		tm_repair_part(item->difference->b, "owned by") != NULL;
}

/*
 * Why something cannot be said of a column, or taken back: the column would have to
 * be of the type that it does not get, or not be an identity column, or be one.
 */
static const char *
has_to_wait(const RepairItem *item, const DefinitionPart *part)
{
	const Difference *difference = item->difference;
	bool		is_default = strcmp(part->key, "default") == 0;
	bool		wanted = tm_repair_part(difference->a, "identity") != NULL;
	bool		present = tm_repair_part(difference->b, "identity") != NULL;

	if (is_default && present && !wanted)
		return "cannot be said of an identity column: ";
	if (item->obstacle == NULL)
		return NULL;
	if (wanted && !present && (is_default || strcmp(part->key, "identity") == 0))
		return item->obstacle;
	if (tm_repair_changes_type(item) &&
		(is_default || strcmp(part->key, "storage") == 0 ||
		 strcmp(part->key, "compression") == 0))
		return item->obstacle;
	return NULL;
}

/* What cannot become a partition of the other table is not detached either. */
static bool
stays_attached(const RepairItem *item, const DefinitionPart *part)
{
	return item->obstacle != NULL && strcmp(part->key, "partition") == 0 &&
		tm_repair_is_attached_otherwise(item->difference);
}

static bool
says_the_same(const DefinitionPart *a, const DefinitionPart *b)
{
	return strcmp(a->essence != NULL ? a->essence : a->sql,
				  b->essence != NULL ? b->essence : b->sql) == 0;
}

static bool
is_label(const DefinitionPart *part)
{
	return strncmp(part->key, "label ", 6) == 0;
}

/* A label that shall be the first one comes before the one that is. */
static char *
in_place(const DefinitionPart *label, const Definition *type)
{
	size_t		length = strlen(label->sql);

	if (length < 7 || strcmp(label->sql + length - 7, " BEFORE") != 0)
		return label->sql;
	return psprintf("%s %s", label->sql, (char *) linitial(type->names));
}

/* A part that is in both, in other words. */
static void
say(List **result, const RepairItem *item, const DefinitionPart *part)
{
	const DefinitionPart *other = tm_repair_part(item->difference->b,
												 part->key);

	if ((is_grant(part) || part->change == NULL) && other->undo != NULL &&
		!part->late)
		add(result, other->undo);
	add(result, part->change != NULL ? part->change : part->sql);
}

/* What makes an object is not the same. */
static void
change_making(List **result, const RepairItem *item,
			  const DefinitionPart *part)
{
	const Difference *difference = item->difference;
	const DefinitionPart *before = tm_repair_part(difference->b, "default");

	/* the parent's statement does it */
	if (!tm_repair_is_made_otherwise(difference) || difference->a->inherited)
		return;
	if (item->obstacle != NULL)
	{
		tell(result, item->obstacle,
			 part->change != NULL ? part->change : part->sql);
		return;
	}

	/* a default may not have a value of the new type */
	if (tm_repair_changes_type(item) && before != NULL && !item->default_anew)
	{
		const DefinitionPart *after = tm_repair_part(difference->a, "default");

		if (after != NULL)
			add(result, before->undo);
		add(result, part->change);
		if (after != NULL && strcmp(after->sql, before->sql) == 0)
			add(result, after->sql);
		return;
	}
	add(result, part->change);
}

/* The order of columns or labels, if that is what differs. */
static void
tell_orders(List **result, const RepairItem *item)
{
	const Difference *difference = item->difference;

	if (!tm_same_order(parents_of(difference->a), parents_of(difference->b)))
		tell(result, "has its parents in another order: ",
			 psprintf("%s %s", difference->label.type, difference->label.name));
	if (tm_same_order(difference->a->names, difference->b->names))
		return;
	tell(result, "cannot be put in another order by a statement: ",
		 psprintf("%s %s", difference->label.type, difference->label.name));
}

/* What is said of the tables that a table inherits from, in their order */
static List *
parents_of(const Definition *definition)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, definition->parts)
	{
		const char *key = ((DefinitionPart *) lfirst(lc))->key;

		if (strncmp(key, "parent ", 7) == 0)
			keys = lappend(keys, unconstify(char *, key));
	}
	return keys;
}

/* Two identity columns can have each other's sequences. */
static void
tell_column(List **result, const RepairItem *item)
{
	const Difference *difference = item->difference;
	char	   *wanted;
	char	   *present;

	if (difference->kind != DIFFERENCE_DIFFERENT)
		return;
	wanted = column_of_sequence(difference->in_a);
	present = column_of_sequence(difference->in_b);
	if (wanted != NULL && present != NULL && strcmp(wanted, present) != 0)
		tell(result, psprintf("is to belong to column %s: ", wanted),
			 psprintf("%s %s", difference->label.type, difference->label.name));
}

/* The identity column that a sequence belongs to, or NULL */
static char *
column_of_sequence(const FingerprintItem *sequence)
{
	Oid			table;
	int32		column;

	if (tm_object_kind(&sequence->object) != TM_IDENTITY_SEQUENCE ||
		sequence->object.objectSubId != 0 ||
		!sequenceIsOwned(sequence->object.objectId, DEPENDENCY_INTERNAL,
						 &table, &column))
		return NULL;
	return quote_qualified_identifier(get_rel_name(table),
									  get_attname(table, column, false));
}

/* A column that is added is the last one. */
static void
tell_place(List **result, const RepairPlan *plan, const RepairItem *item)
{
	const Difference *difference = item->difference;

	if (item->action == REPAIR_MAKE && difference->a->reordered)
		tell(result, "has the columns of its parents first: ",
			 psprintf("%s %s", difference->label.type, difference->label.name));
	if (item->action != REPAIR_MAKE || item->comes_along ||
		item->obstacle != NULL || comes_last(plan, difference))
		return;
	tell(result, "comes after the columns that are there: ",
		 psprintf("%s %s", difference->label.type, difference->label.name));
}

/* Would a column that is added be where it is in the first schema? */
static bool
comes_last(const RepairPlan *plan, const Difference *difference)
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
	relid = get_relname_relid(get_rel_name(column->objectId), plan->diff->b);
	for (int i = column->objectSubId + 1; i <= natts; i++)
	{
		char	   *name = get_attname(column->objectId, i, true);

		if (name != NULL && OidIsValid(relid) &&
			get_attnum(relid, name) != InvalidAttrNumber)
			return false;
	}
	return true;
}

/*
 * Who has been granted something may have granted it to others, whose privileges
 * would go with what is taken from the first one.  Then all of them are taken, and
 * granted in the order in which the first schema has them.
 */
static bool
grants_anew(const Difference *difference)
{
	return (has_chains(difference->a) || has_chains(difference->b)) &&
		grants_differ(difference);
}

static bool
has_chains(const Definition *definition)
{
	ListCell   *lc;

	foreach(lc, definition->parts)
	{
		DefinitionPart *part = lfirst(lc);

		if (is_grant(part) && strstr(part->key, " with option") != NULL)
			return true;
	}
	return false;
}

static bool
grants_differ(const Difference *difference)
{
	ListCell   *lc;

	foreach(lc, difference->a->parts)
	{
		DefinitionPart *part = lfirst(lc);
		DefinitionPart *other = tm_repair_part(difference->b, part->key);

		if (is_grant(part) &&
			(other == NULL || strcmp(part->sql, other->sql) != 0))
			return true;
	}
	foreach(lc, difference->b->parts)
	{
		DefinitionPart *part = lfirst(lc);

		if (is_grant(part) && tm_repair_part(difference->a, part->key) == NULL)
			return true;
	}
	return false;
}

/* REVOKE on a table takes the same privileges on its columns along. */
static void
tell_column_grants(List **result, const RepairItem *item)
{
	const Difference *difference = item->difference;
	const ObjectAddress *table = &difference->b->object;
	bool		found = false;

	if (table->classId != RelationRelationId || table->objectSubId != 0 ||
		!grants_differ(difference))
		return;
	for (AttrNumber i = 1; !found; i++)
	{
		HeapTuple	tup = SearchSysCache2(ATTNUM,
										  ObjectIdGetDatum(table->objectId),
										  Int16GetDatum(i));

		if (!HeapTupleIsValid(tup))
			return;
		found = !heap_attisnull(tup, Anum_pg_attribute_attacl, NULL);
		ReleaseSysCache(tup);
	}
	tell(result, "what is revoked on the table is revoked on its columns, too: ",
		 difference->label.name);
}

static bool
is_grant(const DefinitionPart *part)
{
	return strncmp(part->key, "grant ", 6) == 0;
}

/* A materialized view that had rows shall have some when it is made again. */
static void
refresh(List **result, const RepairItem *item)
{
	const FingerprintItem *view = item->difference->in_b;
	HeapTuple	tup;
	Form_pg_class form;

	if (item->action != REPAIR_ANEW || item->obstacle != NULL ||
		view->object.classId != RelationRelationId)
		return;
	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(view->object.objectId));
	if (!HeapTupleIsValid(tup))
		return;
	form = (Form_pg_class) GETSTRUCT(tup);
	if (form->relkind == RELKIND_MATVIEW && form->relispopulated)
		add(result, psprintf("REFRESH MATERIALIZED VIEW %s",
							 quote_identifier(NameStr(form->relname))));
	ReleaseSysCache(tup);
}

static void
add(List **result, const char *statement)
{
	*result = lappend(*result, psprintf("%s;", statement));
}

static void
tell(List **result, const char *reason, const char *text)
{
	*result = lappend(*result, tm_repair_comment(reason, text));
}
