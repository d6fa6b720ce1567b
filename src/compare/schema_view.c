/*
 * schema_view.c
 *		One schema while it is read to be compared.
 *
 * The members of the schema and their rows are those that a clone copies, found
 * by the same means; here they are read and not written.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_namespace.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "clone/catalog_rules.h"
#include "compare/schema_view.h"
#include "tenants/tenant_lock.h"

static AttrNumber owner_column(const ViewCatalog *catalog);
static void find_keys(ViewCatalog *catalog);

SchemaView *
tm_view_open(Oid nspid, const List *objects, Snapshot snapshot)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr compare",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	SchemaView *view = palloc0(sizeof(SchemaView));

	view->nspid = nspid;
	view->owner = tm_tenant_lock_schema_owner(nspid);
	view->context = context;
	view->scratch = AllocSetContextCreate(context, "tenant_mgr compare row",
										  ALLOCSET_DEFAULT_SIZES);
	view->snapshot = snapshot;
	view->closure = objects == NIL ? tm_closure_of_schema(nspid, snapshot) :
		tm_closure_of_objects(nspid, objects, snapshot);
	view->nspname = view->closure->nspname;
	tm_closure_sort(view->closure);
	MemoryContextSwitchTo(old_context);
	return view;
}

void
tm_view_close(SchemaView *view)
{
	ListCell   *lc;

	foreach(lc, view->catalogs)
	{
		ViewCatalog *catalog = lfirst(lc);

		if (catalog->reader != NULL)
			tm_catalog_reader_close(catalog->reader);
		table_close(catalog->rel, AccessShareLock);
	}
	MemoryContextDelete(view->context);
}

ViewCatalog *
tm_view_catalog(SchemaView *view, Oid catalogid)
{
	MemoryContext old_context;
	ViewCatalog *catalog;
	ListCell   *lc;

	foreach(lc, view->catalogs)
	{
		catalog = lfirst(lc);
		if (catalog->catalog == catalogid)
			return catalog;
	}

	old_context = MemoryContextSwitchTo(view->context);
	catalog = palloc0(sizeof(ViewCatalog));
	catalog->catalog = catalogid;
	catalog->rel = table_open(catalogid, AccessShareLock);
	catalog->natts = RelationGetNumberOfAttributes(catalog->rel);
	catalog->columns = tm_column_forms(catalog->rel);
	catalog->values = palloc(sizeof(Datum) * catalog->natts);
	catalog->nulls = palloc(sizeof(bool) * catalog->natts);
	catalog->owner = owner_column(catalog);
	find_keys(catalog);
	view->catalogs = lappend(view->catalogs, catalog);
	MemoryContextSwitchTo(old_context);
	return catalog;
}

CatalogReader *
tm_view_seek(SchemaView *view, ViewCatalog *catalog, Oid index, int nkeys,
			 const Oid *keys)
{
	if (catalog->reader == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(view->context);

		catalog->reader = tm_catalog_reader_open(catalog->rel, index, nkeys,
												 view->snapshot);
		MemoryContextSwitchTo(old_context);
	}
	tm_catalog_reader_seek(catalog->reader, keys);
	return catalog->reader;
}

/* The first column that refers to a role. */
static AttrNumber
owner_column(const ViewCatalog *catalog)
{
	for (int i = 0; i < catalog->natts; i++)
	{
		if (catalog->columns[i].form == FORM_OID &&
			catalog->columns[i].refclass == AuthIdRelationId)
			return i + 1;
	}
	return InvalidAttrNumber;
}

/*
 * What names a row besides its OID is what the catalog has its other unique index
 * on.  The first one that was made is about names; numbers come later.
 */
static void
find_keys(ViewCatalog *catalog)
{
	Oid			found = InvalidOid;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(catalog->rel))
	{
		Oid			indexid = lfirst_oid(lc);
		Relation	index = index_open(indexid, AccessShareLock);
		Form_pg_index form = index->rd_index;
		bool		usable = form->indisunique &&
			(!OidIsValid(found) || indexid < found);

		for (int i = 0; i < form->indnkeyatts && usable; i++)
		{
			Form_pg_attribute att = TupleDescAttr(RelationGetDescr(catalog->rel),
												  form->indkey.values[i] - 1);

			usable = strcmp(NameStr(att->attname), "oid") != 0;
		}
		if (usable)
		{
			found = indexid;
			catalog->nkeys = form->indnkeyatts;
			for (int i = 0; i < form->indnkeyatts; i++)
				catalog->keys[i] = form->indkey.values[i];
		}
		index_close(index, AccessShareLock);
	}
}
