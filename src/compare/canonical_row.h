/*
 * canonical_row.h
 *		A row of a catalog as bytes that mean the same everywhere.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CANONICAL_ROW_H
#define TENANT_MGR_CANONICAL_ROW_H

#include "access/htup.h"
#include "lib/stringinfo.h"

#include "compare/schema_view.h"

/* Take a row apart.  Valid until the next row of the catalog is. */
extern void tm_canonical_deform(SchemaView *view, ViewCatalog *catalog,
								HeapTuple row);

/* Append the row that has been taken apart. */
extern void tm_canonical_append(SchemaView *view, ViewCatalog *catalog,
								StringInfo buf);

/* Append an array of texts, which are in no order. */
extern void tm_canonical_texts(StringInfo buf, Datum texts);

#endif							/* TENANT_MGR_CANONICAL_ROW_H */
