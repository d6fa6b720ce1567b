/*
 * object_schema.c
 *		The schema that a database object stands or falls with.
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
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/dependency.h"
#include "base/relation_news.h"
#include "binding/object_schema.h"
#include "tenants/schema_owner.h"

/* forgotten by the callbacks */
RecentObject tm_recent_relations[TM_RECENT_OBJECTS];
RecentObject tm_recent_functions[TM_RECENT_OBJECTS];

static Oid	namespace_of_relation(Oid relid);
static Oid	namespace_of_function(Oid funcid);
static void forget_relation(Oid relid);
static void forget_functions(Datum arg, int cacheid, uint32 hashvalue);
static Oid	place_of_parent(ObjectAddress *object);

Oid
tm_object_schema(Oid classid, Oid objid)
{
	ObjectAddress object;
	Oid			nspid;

	ObjectAddressSet(object, classid, objid);
	nspid = tm_object_place(&object);
	return tm_temp_object_schema(object.classId, object.objectId, nspid);
}

Oid
tm_object_tenant_schema(Oid classid, Oid objid)
{
	Oid			nspid;

	if (objid < FirstNormalObjectId || !IsTransactionState())
		return InvalidOid;
	nspid = tm_object_schema(classid, objid);
	return OidIsValid(nspid) && tm_schema_owner(nspid, NULL) ?
		nspid : InvalidOid;
}

Oid
tm_object_schema_in_row(Oid classid, Oid objid)
{
	int			cacheid = get_object_catcache_oid(classid);
	HeapTuple	tuple = SearchSysCache1(cacheid, ObjectIdGetDatum(objid));
	Datum		nspid;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	nspid = SysCacheGetAttr(cacheid, tuple,
							get_object_attnum_namespace(classid), &isnull);
	ReleaseSysCache(tuple);
	return isnull ? InvalidOid : DatumGetObjectId(nspid);
}

Oid
tm_object_place(ObjectAddress *object)
{
	Oid			classid = object->classId;
	Oid			objid = object->objectId;
	Oid			nspid;

	if (objid < FirstNormalObjectId && classid != NamespaceRelationId)
		return InvalidOid;
	switch (classid)
	{
		case NamespaceRelationId:
			return objid;
		case RelationRelationId:
		case InheritsRelationId:
			object->classId = RelationRelationId;
			nspid = namespace_of_relation(objid);
			if (nspid == PG_TOAST_NAMESPACE || isTempToastNamespace(nspid))
				return place_of_parent(object);
			return nspid;
		case ProcedureRelationId:
			return namespace_of_function(objid);
		default:
			if (is_objectclass_supported(classid) &&
				get_object_attnum_namespace(classid) != InvalidAttrNumber &&
				get_object_catcache_oid(classid) >= 0)
				return tm_object_schema_in_row(classid, objid);
			return place_of_parent(object);
	}
}

/*
 * The types that come with a table stand for the table.  It may have gone while
 * we looked.
 */
char *
tm_object_describe(Oid classid, Oid objid)
{
	ObjectAddress object;
	char	   *kind;
	char	   *identity;

	if (classid == TypeRelationId)
	{
		Oid			element = get_element_type(objid);
		Oid			relid = get_typ_typrelid(OidIsValid(element) ? element : objid);

		if (OidIsValid(element))
			objid = element;
		if (OidIsValid(relid) &&
			get_rel_relkind(relid) != RELKIND_COMPOSITE_TYPE)
		{
			classid = RelationRelationId;
			objid = relid;
		}
	}
	ObjectAddressSet(object, classid, objid);
	kind = getObjectTypeDescription(&object, true);
	identity = getObjectIdentity(&object, true);
	if (kind == NULL || identity == NULL)
		return psprintf(_("object %u"), objid);
	return psprintf("%s %s", kind, identity);
}

/* Whatever changes its schema is announced like any other change. */
static Oid
namespace_of_relation(Oid relid)
{
	RecentObject *recent = &tm_recent_relations[relid % TM_RECENT_OBJECTS];
	Oid			nspid;

	if (recent->objid == relid)
		return recent->nspid;
	tm_relation_news_to(forget_relation);
	nspid = get_rel_namespace(relid);
	if (OidIsValid(nspid))
	{
		recent->objid = relid;
		recent->nspid = nspid;
	}
	return nspid;
}

static Oid
namespace_of_function(Oid funcid)
{
	static bool registered = false;
	RecentObject *recent = &tm_recent_functions[funcid % TM_RECENT_OBJECTS];
	Oid			nspid;

	if (recent->objid == funcid)
		return recent->nspid;
	if (!registered)
		CacheRegisterSyscacheCallback(PROCOID, forget_functions, (Datum) 0);
	registered = true;
	nspid = get_func_namespace(funcid);
	if (OidIsValid(nspid))
	{
		recent->objid = funcid;
		recent->nspid = nspid;
	}
	return nspid;
}

static void
forget_relation(Oid relid)
{
	RecentObject *recent = &tm_recent_relations[relid % TM_RECENT_OBJECTS];

	if (!OidIsValid(relid))
		memset(tm_recent_relations, 0, sizeof(tm_recent_relations));
	else if (recent->objid == relid)
		recent->objid = InvalidOid;
}

static void
forget_functions(Datum arg, int cacheid, uint32 hashvalue)
{
	memset(tm_recent_functions, 0, sizeof(tm_recent_functions));
}

/*
 * The same of the relation that the object is a part of, which takes its place:
 * a trigger, a rule, a policy, a default, a table of large values.
 */
static Oid
place_of_parent(ObjectAddress *object)
{
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			parent = InvalidOid;

	rel = table_open(DependRelationId, AccessShareLock);
	scan = tm_dependency_scan(rel, NULL, object->classId, object->objectId);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->refclassid == RelationRelationId &&
			(form->deptype == DEPENDENCY_AUTO ||
			 form->deptype == DEPENDENCY_INTERNAL))
		{
			parent = form->refobjid;
			break;
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	/* The index of a table of large values has two steps to go. */
	ObjectAddressSet(*object, RelationRelationId, parent);
	return OidIsValid(parent) ? tm_object_place(object) : InvalidOid;
}
