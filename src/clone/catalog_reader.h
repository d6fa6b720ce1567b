/*
 * catalog_reader.h
 *		Rows of a catalog about one object after the other.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CATALOG_READER_H
#define TENANT_MGR_CATALOG_READER_H

#include "access/htup.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

typedef struct CatalogReader CatalogReader;

/*
 * Read an open catalog by an index whose first nkeys columns are OIDs.  The
 * reader lives in the current memory context and keeps the index open; the
 * snapshot must stay registered as long as the reader is used.
 */
extern CatalogReader *tm_catalog_reader_open(Relation catalog, Oid index,
											 int nkeys, Snapshot snapshot);

/* Go to the rows with these keys.  Ascending keys cost least. */
extern void tm_catalog_reader_seek(CatalogReader *reader, const Oid *keys);

/*
 * The next row with the keys sought, in the order of the index, or NULL.  It
 * is valid until the reader is used again.
 */
extern HeapTuple tm_catalog_reader_next(CatalogReader *reader);

extern void tm_catalog_reader_close(CatalogReader *reader);

#endif							/* TENANT_MGR_CATALOG_READER_H */
