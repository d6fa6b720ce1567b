/*
 * schema_view.h
 *		One schema while it is read to be compared.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_VIEW_H
#define TENANT_MGR_SCHEMA_VIEW_H

#include "access/htup.h"
#include "lib/stringinfo.h"
#include "utils/hsearch.h"
#include "utils/snapshot.h"

#include "clone/catalog_reader.h"
#include "clone/closure.h"
#include "compare/column_form.h"

/* A catalog, as we read it */
typedef struct ViewCatalog
{
	Oid			catalog;		/* its OID */
	Relation	rel;			/* open, AccessShareLock */
	CatalogReader *reader;		/* its rows, once they are read */
	int			natts;			/* its columns, */
	ViewColumn *columns;		/* what becomes of each, */
	int			nkeys;			/* columns that name a row among all others, */
	AttrNumber	keys[INDEX_MAX_KEYS];	/* OIDs aside */
	AttrNumber	owner;			/* its column of the owner, or 0 */
	Datum	   *values;			/* the row at hand, taken apart */
	bool	   *nulls;
} ViewCatalog;

/*
 * All that is known while a schema is read.  It lives in a memory context of its
 * own and does not outlive tm_view_close().
 */
typedef struct SchemaView
{
	Oid			nspid;			/* the schema, */
	Oid			owner;			/* its owner */
	char	   *nspname;		/* and its name */
	Closure    *closure;		/* its members, in order */
	Snapshot	snapshot;		/* what the catalogs are read with */
	MemoryContext context;		/* holds all of this */
	MemoryContext scratch;		/* reset after each row */
	List	   *catalogs;		/* ViewCatalog, all that were used so far */
	HTAB	   *names;			/* (catalog, OID) -> ObjectName */
	HTAB	   *columns;		/* names of the columns of relations */
	HTAB	   *expressions;	/* what has been printed */
	HTAB	   *toast_options;	/* TOAST table -> its options, if it has any */
} SchemaView;

/*
 * Start to read a schema, or some of its objects if there are any in the list.  The
 * caller holds a lock on the schema, and its tables are locked.  Expressions are printed under the settings of
 * tm_expression_settings().
 */
extern SchemaView *tm_view_open(Oid nspid, const List *objects,
								Snapshot snapshot);
extern void tm_view_close(SchemaView *view);

/* A catalog, opened when it is first needed. */
extern ViewCatalog *tm_view_catalog(SchemaView *view, Oid catalog);

/* Its rows with these keys; no catalog is read by more than one index. */
extern CatalogReader *tm_view_seek(SchemaView *view, ViewCatalog *catalog,
								   Oid index, int nkeys, const Oid *keys);

#endif							/* TENANT_MGR_SCHEMA_VIEW_H */
