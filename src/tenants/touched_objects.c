/*
 * touched_objects.c
 *		Which objects of a schema the transaction changes.
 *
 * Two sources together tell of all of them.  Event triggers have the objects that a
 * command names (structure_event.c).  What it changes besides are rows about
 * relations: those of partitions and children, of the other table of a foreign key,
 * of a table that gets an index.  For these the server sends a relation cache
 * invalidation, without which it would go on with what it remembers of them itself;
 * and it processes those of its own transaction after each command.
 *
 * More may be noted than has changed: other processes send such messages, too, and
 * what is rolled back to a savepoint stays.  Less is not: whatever is not known to be
 * about certain objects is about anything.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "utils/syscache.h"

#include "base/relation_news.h"
#include "tenants/touched_objects.h"

/*
 * Notes are taken where nothing may fail, so there is room for so many.  A migration
 * that changes more is looked at as a whole.
 */
#define MAX_TOUCHED		256

/* The schema that is watched, InvalidOid for none; forgotten with the transaction */
static Oid	watched = InvalidOid;

/* What is known of it; there are no columns in the addresses */
static bool anything = false;
static ObjectAddress touched[MAX_TOUCHED];
static int	ntouched = 0;

static void end_transaction(XactEvent event, void *arg);
static void relation_changed(Oid relid);
static void add(Oid classid, Oid objid);
static bool to_member(ObjectAddress *object, Oid nspid);
static bool is_listed(const List *objects, const ObjectAddress *object);

void
tm_touched_begin(Oid nspid)
{
	static bool registered = false;

	tm_relation_news_to(relation_changed);
	if (!registered)
		RegisterXactCallback(end_transaction, NULL);
	registered = true;
	watched = nspid;
	anything = false;
	ntouched = 0;
}

void
tm_touched_object(Oid nspid, const ObjectAddress *object)
{
	if (OidIsValid(nspid) && nspid == watched)
		add(object->classId, object->objectId);
}

void
tm_touched_anything(Oid nspid)
{
	if (!OidIsValid(nspid) || nspid == watched)
		anything = true;
}

bool
tm_touched_end(Oid nspid, List **objects)
{
	*objects = NIL;
	if (!OidIsValid(watched) || watched != nspid)
		return false;

	/* see what the last command has done, and hear of it */
	CommandCounterIncrement();
	watched = InvalidOid;
	for (int i = 0; i < ntouched && !anything; i++)
	{
		ObjectAddress object = touched[i];

		if (to_member(&object, nspid) && !is_listed(*objects, &object))
		{
			ObjectAddress *copy = palloc(sizeof(ObjectAddress));

			*copy = object;
			*objects = lappend(*objects, copy);
		}
	}
	return !anything && *objects != NIL;
}

static void
end_transaction(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE &&
		event != XACT_EVENT_PARALLEL_PRE_COMMIT)
		watched = InvalidOid;
}

static void
relation_changed(Oid relid)
{
	if (!OidIsValid(watched))
		return;
	if (OidIsValid(relid))
		add(RelationRelationId, relid);
	else
		anything = true;
}

static void
add(Oid classid, Oid objid)
{
	/* the same relation comes many times over */
	for (int i = ntouched - 1; i >= 0; i--)
	{
		if (touched[i].objectId == objid && touched[i].classId == classid)
			return;
	}
	if (ntouched == MAX_TOUCHED)
		anything = true;
	else
	{
		ObjectAddressSet(touched[ntouched], classid, objid);
		ntouched++;
	}
}

/*
 * What of the schema is to be looked at: the table for an index, the type for the
 * relation of a composite type.  False for what is elsewhere.
 *
 * A relation that is not there is nothing to look at either.  Another process is about
 * to create it, or has dropped it; if this one has, event triggers have told what is
 * to be made of that.
 */
static bool
to_member(ObjectAddress *object, Oid nspid)
{
	HeapTuple	tup;
	Form_pg_class form;
	bool		is_here;
	char		relkind;

	/* what is said of the schema itself is looked at anyway */
	if (object->classId == NamespaceRelationId)
		return false;
	if (object->classId != RelationRelationId)
		return true;
	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(object->objectId));
	if (!HeapTupleIsValid(tup))
		return false;
	form = (Form_pg_class) GETSTRUCT(tup);
	is_here = form->relnamespace == nspid;
	relkind = form->relkind;
	if (relkind == RELKIND_COMPOSITE_TYPE)
		ObjectAddressSet(*object, TypeRelationId, form->reltype);
	ReleaseSysCache(tup);

	if (relkind == RELKIND_INDEX || relkind == RELKIND_PARTITIONED_INDEX)
		object->objectId = IndexGetRelation(object->objectId, false);
	return is_here;
}

static bool
is_listed(const List *objects, const ObjectAddress *object)
{
	ListCell   *lc;

	foreach(lc, objects)
	{
		const ObjectAddress *listed = lfirst(lc);

		if (listed->objectId == object->objectId &&
			listed->classId == object->classId)
			return true;
	}
	return false;
}
