/*
 * remap_row.h
 *		One catalog row for the clone.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REMAP_ROW_H
#define TENANT_MGR_REMAP_ROW_H

#include "access/htup.h"
#include "clone/catalog_rules.h"
#include "clone/clone_state.h"

/*
 * A copy of a catalog row with everything in it that has to change in the
 * clone changed.  The copy is palloc'd in the current memory context; scratch
 * is where intermediate values may be left behind.
 */
extern HeapTuple tm_remap_row(CloneState *state, Relation catalog,
							  const CatalogRules *rules, HeapTuple row,
							  MemoryContext scratch);

#endif							/* TENANT_MGR_REMAP_ROW_H */
