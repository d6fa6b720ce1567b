/*
 * derived_value.h
 *		What is computed from OIDs, and is something else in a clone.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DERIVED_VALUE_H
#define TENANT_MGR_DERIVED_VALUE_H

#include "nodes/bitmapset.h"
#include "clone/oidmap.h"
#include "utils/rel.h"

/*
 * Columns of a table of the source that are generated from OIDs of the schema,
 * by their numbers; a palloc'd set, or NULL.
 */
extern Bitmapset *tm_derived_columns(Relation table, const OidMap *map);

/* Can a check of the table, or of a domain of its columns, be false for rows
 * of the clone that it is true for in the source? */
extern bool tm_derived_checks(Relation table, const OidMap *map);

/* That of one check of the table. */
extern bool tm_derived_check(Relation table, const OidMap *map,
							 const ConstrCheck *check);

/* That of a domain's checks. */
extern bool tm_derived_domain(Oid domain, const OidMap *map);

#endif							/* TENANT_MGR_DERIVED_VALUE_H */
