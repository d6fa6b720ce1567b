/*
 * outside_names.c
 *		What a fingerprint says of what is outside of its schema.
 *
 * A fingerprint can be kept if everything that would change it can be noticed.
 * That is so for what is in the schema, and for what all tenants share
 * (structure_event.c).  Roles are renamed in other databases, too, so their names
 * are compared when the fingerprint is used.
 *
 * Two things go unnoticed, and a schema that has them is read each time:
 *
 * - It uses an object of another tenant.  To look for such uses whenever a tenant
 *   is changed would cost all of them too much.
 * - It has an index that is not valid.  REINDEX makes it valid, of which no event
 *   trigger is told.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "utils/syscache.h"

#include "binding/object_schema.h"
#include "compare/object_name.h"
#include "compare/outside_names.h"
#include "tenants/schema_owner.h"

static bool names_another(SchemaView *view);
static bool uses_another(SchemaView *view, const ClosureMember *member);
static bool is_broken_index(const ClosureMember *member);
static bool is_another(SchemaView *view, Oid nspid);

void
tm_outside_names(SchemaView *view, OutsideNames *names)
{
	ListCell   *lc;

	names->roles = NIL;
	foreach(lc, tm_object_names_of(view, AuthIdRelationId))
	{
		if (lfirst_oid(lc) != view->owner)
			names->roles = lappend_oid(names->roles, lfirst_oid(lc));
	}
	list_sort(names->roles, list_oid_cmp);

	names->unsettled = names_another(view);
	for (int i = 0; i < view->closure->nmembers && !names->unsettled; i++)
	{
		const ClosureMember *member = &view->closure->members[i];

		CHECK_FOR_INTERRUPTS();
		names->unsettled = is_broken_index(member) ||
			uses_another(view, member);
	}
}

/* Is the name of another tenant's schema a part of a name? */
static bool
names_another(SchemaView *view)
{
	ListCell   *lc;

	foreach(lc, tm_object_names_of(view, NamespaceRelationId))
	{
		if (is_another(view, lfirst_oid(lc)))
			return true;
	}
	return false;
}

/* Is an object of another tenant in one of its expressions? */
static bool
uses_another(SchemaView *view, const ClosureMember *member)
{
	Oid			keys[] = {member->classid, member->objid};
	CatalogReader *reader = tm_view_seek(view,
										 tm_view_catalog(view, DependRelationId),
										 DependDependerIndexId,
										 lengthof(keys), keys);
	HeapTuple	row;

	while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(row);

		if (dep->refobjid >= FirstNormalObjectId &&
			dep->refclassid != NamespaceRelationId &&
			tm_closure_find(view->closure, dep->refclassid, dep->refobjid) == NULL &&
			is_another(view, tm_object_schema(dep->refclassid, dep->refobjid)))
			return true;
	}
	return false;
}

static bool
is_broken_index(const ClosureMember *member)
{
	HeapTuple	tup;
	bool		broken;

	if (member->classid != RelationRelationId ||
		member->relkind != RELKIND_INDEX)
		return false;
	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(member->objid));
	broken = !HeapTupleIsValid(tup) ||
		!((Form_pg_index) GETSTRUCT(tup))->indisvalid;
	if (HeapTupleIsValid(tup))
		ReleaseSysCache(tup);
	return broken;
}

static bool
is_another(SchemaView *view, Oid nspid)
{
	return OidIsValid(nspid) && nspid != view->nspid &&
		tm_schema_owner(nspid, NULL);
}
