/*
 * catalog_insert.h
 *		Many rows into a catalog and its indexes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CATALOG_INSERT_H
#define TENANT_MGR_CATALOG_INSERT_H

#include "catalog/indexing.h"
#include "executor/tuptable.h"

/*
 * Insert the rows of these slots, which hold heap tuples that need no TOAST
 * table.  The catalog and its indexes are open.
 */
extern void tm_catalog_insert(Relation catalog, CatalogIndexState indstate,
							  TupleTableSlot **slots, int nslots);

#endif							/* TENANT_MGR_CATALOG_INSERT_H */
