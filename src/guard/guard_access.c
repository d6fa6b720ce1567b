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
 * tenant to another one, and a trigger, rule, policy, constraint, default or
 * index of something shared must not lead into the session's own tenant, for
 * all others use what it is a part of.
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
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/dependency.h"
#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/object_schema.h"
#include "binding/temp_object.h"
#include "guard/guard.h"
#include "guard/guard_access.h"
#include "guard/shared_ddl.h"
#include "tenants/schema_owner.h"

/* the hook that was there before ours; written by tm_guard_access_begin */
static object_access_hook_type prev_object_access = NULL;

/* somebody has put a hook before ours, for good */
static bool wedged = false;

/* statements under way */
static int	depth = 0;

/* Something that they have created or altered */
typedef struct Touched
{
	ObjectAddress address;		/* hash key; a sub-object for defaults only */
	bool		created;		/* new with the statement? */
} Touched;

/*
 * All of that, and the order in which it came; for the time of the outermost
 * statement.  Written by remember.
 */
static MemoryContext touched_context = NULL;
static HTAB *touched = NULL;
static List *touched_in_order = NIL;

static void tm_object_access(ObjectAccessType access, Oid classid, Oid objid,
							 int subid, void *arg);
static bool is_replaced(Oid classid, Oid objid);
static void remember(Oid classid, Oid objid, int subid, bool created);
static ObjectAddress real_address(const ObjectAddress *told);
static bool is_temporary(Oid classid, Oid objid);
static void note_temporary(const ObjectAddress *object, bool created);
static void start_remembering(void);
static void forget_touched(void);
static void check_dependencies(const ObjectAddress *object);
static bool is_shared(Oid nspid);
static bool is_part(Form_pg_depend form);
static void refuse_lent(const ObjectAddress *object, const ObjectAddress *lent);

void
tm_guard_access_begin(void)
{
	if (depth++ > 0)
		return;
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
	forget_touched();
	if (object_access_hook == tm_object_access)
		object_access_hook = prev_object_access;
	else
		wedged = true;
}

void
tm_guard_access_check(void)
{
	ListCell   *lc;

	if (depth > 1 || touched == NULL)
		return;
	CommandCounterIncrement();
	foreach(lc, touched_in_order)
	{
		const Touched *entry = (const Touched *) lfirst(lc);
		ObjectAddress object = real_address(&entry->address);

		CHECK_FOR_INTERRUPTS();
		tm_guard_check_object(object.classId, object.objectId);
		tm_shared_ddl_check_code(object.classId, object.objectId);
		check_dependencies(&object);
		note_temporary(&object, entry->created);
	}
	forget_touched();
}

bool
tm_guard_access_created(Oid classid, Oid objid)
{
	ObjectAddress address;
	Touched    *entry;

	if (touched == NULL)
		return false;
	ObjectAddressSet(address, classid, objid);
	entry = hash_search(touched, &address, HASH_FIND, NULL);
	return entry != NULL && entry->created;
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
			if (is_replaced(classid, objid))
				tm_shared_ddl_check(classid, objid);
			remember(classid, objid, subid, subid == 0);
			break;
		case OAT_POST_ALTER:
			if (!tm_guard_access_created(classid, objid))
				tm_shared_ddl_check(classid, objid);
			remember(classid, objid, subid, false);
			break;
		case OAT_DROP:
			if (is_temporary(classid, objid))
				break;
			/* FALLTHROUGH */
		case OAT_TRUNCATE:
			tm_guard_check_object(classid, objid);
			if (!tm_guard_access_created(classid, objid))
				tm_shared_ddl_check(classid, objid);
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

/*
 * The server calls a function created that takes the place of another one.  If
 * it were new, it could not be seen yet.
 */
static bool
is_replaced(Oid classid, Oid objid)
{
	return classid == ProcedureRelationId &&
		!tm_guard_access_created(classid, objid) &&
		SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(objid));
}

static void
remember(Oid classid, Oid objid, int subid, bool created)
{
	ObjectAddress address;
	Touched    *entry;
	MemoryContext old;
	bool		found;

	if (touched == NULL)
		start_remembering();
	ObjectAddressSubSet(address, classid, objid,
						classid == AttrDefaultRelationId ? subid : 0);
	entry = hash_search(touched, &address, HASH_ENTER, &found);
	if (found)
		return;
	entry->created = created;
	old = MemoryContextSwitchTo(touched_context);
	touched_in_order = lappend(touched_in_order, entry);
	MemoryContextSwitchTo(old);
}

/* The server tells of a default by its column, and of a child by its own OID. */
static ObjectAddress
real_address(const ObjectAddress *told)
{
	ObjectAddress address = *told;

	if (told->classId == AttrDefaultRelationId)
	{
		address.objectId = GetAttrDefaultOid(told->objectId,
											 told->objectSubId);
		address.objectSubId = 0;
	}
	else if (told->classId == InheritsRelationId)
		address.classId = RelationRelationId;
	return address;
}

/* Is it in the session's own temporary schema, where it may drop anything? */
static bool
is_temporary(Oid classid, Oid objid)
{
	ObjectAddress object;

	ObjectAddressSet(object, classid, objid);
	return tm_temp_object_any && isTempNamespace(tm_object_place(&object));
}

/* A temporary object, or what is a part of one now, is the tenant's. */
static void
note_temporary(const ObjectAddress *object, bool created)
{
	ObjectAddress holder = *object;
	Oid			nspid;
	Oid			toast_nspid;
	pg_uuid_t	id;

	GetTempNamespaceState(&nspid, &toast_nspid);
	if (!OidIsValid(nspid) || !tm_guard_judge(&id))
		return;
	nspid = tm_object_place(&holder);
	tm_temp_object_note(&holder, nspid, &id,
						created && holder.classId == object->classId &&
						holder.objectId == object->objectId);
}

/* A statement may commit, and go on. */
static void
start_remembering(void)
{
	HASHCTL		ctl;

	touched_context = AllocSetContextCreate(TopMemoryContext,
											"tenant_mgr touched objects",
											ALLOCSET_SMALL_SIZES);
	ctl.keysize = sizeof(ObjectAddress);
	ctl.entrysize = sizeof(Touched);
	ctl.hcxt = touched_context;
	touched_in_order = NIL;
	touched = hash_create("tenant_mgr touched objects", 32, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
forget_touched(void)
{
	if (touched_context != NULL)
		MemoryContextDelete(touched_context);
	touched_context = NULL;
	touched = NULL;
	touched_in_order = NIL;
}

/*
 * What an object depends on must be within reach.  If it is a part of something
 * shared, it must not be of a tenant at all.
 */
static void
check_dependencies(const ObjectAddress *object)
{
	ObjectAddress lent = InvalidObjectAddress;
	bool		shared = is_shared(tm_object_schema(object->classId,
													object->objectId));
	bool		part = false;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	rel = table_open(DependRelationId, AccessShareLock);
	scan = tm_dependency_scan(rel, NULL, object->classId, object->objectId);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->refobjid < FirstNormalObjectId)
			continue;
		tm_guard_check_object(form->refclassid, form->refobjid);
		if (!shared)
			continue;
		part = part || is_part(form);
		if (tm_schema_owner(tm_object_schema(form->refclassid,
											 form->refobjid), NULL))
			ObjectAddressSet(lent, form->refclassid, form->refobjid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	if (part && OidIsValid(lent.objectId))
		refuse_lent(object, &lent);
}

/* Can sessions of all tenants use what is in the schema? */
static bool
is_shared(Oid nspid)
{
	return OidIsValid(nspid) && !isAnyTempNamespace(nspid) &&
		!tm_schema_owner(nspid, NULL);
}

/*
 * Does the dependency show that the object is a part of a relation or a domain?
 * The expression of a generated column is a closer one than others.
 */
static bool
is_part(Form_pg_depend form)
{
	return (form->deptype == DEPENDENCY_AUTO ||
			form->classid == AttrDefaultRelationId) &&
		(form->refclassid == RelationRelationId ||
		 form->refclassid == TypeRelationId);
}

static void
refuse_lent(const ObjectAddress *object, const ObjectAddress *lent)
{
	ereport(tm_guard_elevel(),
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("cannot make %s use %s while bound to tenant \"%s\"",
					tm_object_describe(object->classId, object->objectId),
					tm_object_describe(lent->classId, lent->objectId),
					tm_tenant),
			 errdetail("Other tenants use it, and could not use an object of this one.")));
}
