/*
 * free_oid.c
 *		New OIDs, many of them.
 *
 * An OID comes from a counter, and is new if the catalog has no row of that
 * number yet.  The server looks each one up in the catalog's index.  Here the
 * next number that is taken is looked up, and all below it are known to be free:
 * nobody else gets a number that the counter has given to us.  What comes next
 * only an index can tell; where indexes are ignored, because one of them may be
 * broken, the server looks.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <unistd.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/catalog.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "clone/free_oid.h"

static void look_ahead(FreeOids *free, Relation catalog, Oid index,
					   AttrNumber attno, Oid from);

Oid
tm_free_oid(FreeOids *free, Relation catalog, Oid index, AttrNumber attno)
{
	/* A broken one would give us numbers that are taken. */
	if (IgnoreSystemIndexes)
		return GetNewOidWithIndex(catalog, index, attno);
	for (;;)
	{
		Oid			oid = GetNewObjectId();

		CHECK_FOR_INTERRUPTS();
		if (oid < free->from || oid >= free->to)
			look_ahead(free, catalog, index, attno, oid);
		if (oid < free->to)
			return oid;
	}
}

Oid
tm_free_file_number(FreeOids *free, Relation pg_class, Oid index,
					AttrNumber attno, Oid reltablespace)
{
	for (;;)
	{
		Oid			oid = tm_free_oid(free, pg_class, index, attno);
		char	   *path = tm_file_path(tm_file_locator(reltablespace, oid),
										MAIN_FORKNUM);
		bool		exists = access(path, F_OK) == 0;

		pfree(path);
		if (!exists)
			return oid;
	}
}

/* Rows count that nobody sees any more, or not yet. */
static void
look_ahead(FreeOids *free, Relation catalog, Oid index, AttrNumber attno,
		   Oid from)
{
	Relation	indexRel = index_open(index, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	bool		isnull;

	ScanKeyInit(&key, attno, BTGreaterEqualStrategyNumber, F_OIDGE,
				ObjectIdGetDatum(from));
	scan = systable_beginscan_ordered(catalog, indexRel, SnapshotAny, 1, &key);
	tup = systable_getnext_ordered(scan, ForwardScanDirection);
	free->from = from;
	free->to = !HeapTupleIsValid(tup) ? OID_MAX :
		DatumGetObjectId(heap_getattr(tup, attno, RelationGetDescr(catalog),
									  &isnull));
	systable_endscan_ordered(scan);
	index_close(indexRel, AccessShareLock);
}
