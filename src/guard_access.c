/*
 * guard_access.c
 *		What a bound session's utility statement creates, changes and drops.
 *
 * Utility statements reach objects in more ways than their text shows: by
 * cascades, by inheritance, by the search path.  The server tells its object
 * access hook about each object that is created, altered, dropped or
 * truncated, and about each schema that somebody has named.
 *
 * Since PostgreSQL 17 the server does not trust its cache of search paths
 * while there is such a hook.  So ours is there only while a bound session
 * executes a utility statement that may do any of this.  If another library
 * is loaded meanwhile and puts its hook before ours, ours has to stay.
 *
 * What has been created or altered can be looked at only when the statement
 * has come to its end.  Then it is judged by its schema, and by what it
 * depends on: a foreign key, a view, a default or a child must not tie a
 * tenant to another one.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "guard.h"
#include "guard_access.h"

/* the hook that was there before ours; written by tm_guard_access_begin */
static object_access_hook_type prev_object_access = NULL;

/* somebody has put a hook before ours, for good */
static bool wedged = false;

/* statements under way */
static int	depth = 0;

/* what they have created and altered; in TopMemoryContext, kept for reuse */
static ObjectAddress *touched = NULL;
static int	ntouched = 0;
static int	maxtouched = 0;

static void tm_object_access(ObjectAccessType access, Oid classid, Oid objid,
							 int subid, void *arg);
static void remember(Oid classid, Oid objid);
static void check_dependencies(const ObjectAddress *object);

void
tm_guard_access_begin(void)
{
	if (depth++ > 0)
		return;
	ntouched = 0;
	if (!wedged)
	{
		prev_object_access = object_access_hook;
		object_access_hook = tm_object_access;
	}
}

void
tm_guard_access_end(void)
{
	if (--depth > 0)
		return;
	if (object_access_hook == tm_object_access)
		object_access_hook = prev_object_access;
	else
		wedged = true;
}

void
tm_guard_access_check(void)
{
	int			i;

	if (depth > 1 || ntouched == 0)
		return;
	CommandCounterIncrement();
	for (i = 0; i < ntouched; i++)
	{
		CHECK_FOR_INTERRUPTS();
		tm_guard_check_object(touched[i].classId, touched[i].objectId);
		check_dependencies(&touched[i]);
	}
	ntouched = 0;
}

static void
tm_object_access(ObjectAccessType access, Oid classid, Oid objid, int subid,
				 void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classid, objid, subid, arg);
	if (depth == 0 || !tm_guard_is_on())
		return;

	switch (access)
	{
		case OAT_POST_CREATE:
		case OAT_POST_ALTER:
			remember(classid, objid);
			break;
		case OAT_DROP:
		case OAT_TRUNCATE:
			tm_guard_check_object(classid, objid);
			break;
		case OAT_NAMESPACE_SEARCH:
			/* A schema that is only on the search path may stay there. */
			if (((ObjectAccessNamespaceSearch *) arg)->ereport_on_violation)
				tm_guard_check_object(NamespaceRelationId, objid);
			break;
		case OAT_FUNCTION_EXECUTE:
			break;
	}
}

static void
remember(Oid classid, Oid objid)
{
	ObjectAddress *last = (ntouched > 0) ? &touched[ntouched - 1] : NULL;

	if (last && last->classId == classid && last->objectId == objid)
		return;
	if (ntouched == maxtouched)
	{
		int			newmax = Max(64, 2 * maxtouched);

		if (touched == NULL)
			touched = MemoryContextAlloc(TopMemoryContext,
										 newmax * sizeof(ObjectAddress));
		else
			touched = repalloc(touched, newmax * sizeof(ObjectAddress));
		maxtouched = newmax;
	}
	ObjectAddressSet(touched[ntouched], classid, objid);
	ntouched++;
}

static void
check_dependencies(const ObjectAddress *object)
{
	Oid			classid = object->classId;
	Relation	rel;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	/* The event of becoming a child names the child. */
	if (classid == InheritsRelationId)
		classid = RelationRelationId;

	rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(classid));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(object->objectId));
	scan = systable_beginscan(rel, DependDependerIndexId, true, NULL, 2, keys);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->refobjid >= FirstNormalObjectId)
			tm_guard_check_object(form->refclassid, form->refobjid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}
