/*
 * valuemap.h
 *		Values that hold OIDs of a schema's objects, under the new OIDs.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_VALUEMAP_H
#define TENANT_MGR_VALUEMAP_H

#include "clone/oidmap.h"

/* Can a value of this type hold the OID of a cloned object? */
extern bool tm_valuemap_holds_oids(const OidMap *map, Oid typid);

/* Does the order of values follow from OIDs, so that it may be another one? */
extern bool tm_valuemap_sorts_by_oid(Oid typid);

/* Can a column of this relation's row type?  Its own row type does not count. */
extern bool tm_valuemap_row_holds_oids(const OidMap *map, Oid rowtype);

/*
 * The same value for the clone, palloc'd unless passed by value.  Meant for
 * types of which tm_valuemap_holds_oids() is true; typid is the source's type.
 * Neither value is NULL.
 */
extern Datum tm_valuemap_value(const OidMap *map, Datum value, Oid typid);

/*
 * Must the clone's types be visible to map a value of this type?  So it is with
 * ranges over types that hold reg* values, whose order may change.
 */
extern bool tm_valuemap_needs_types(const OidMap *map, Oid typid);

/* Likewise for a column of type anyarray, which knows its type by itself. */
extern Datum tm_valuemap_anyarray(const OidMap *map, Datum value);

#endif							/* TENANT_MGR_VALUEMAP_H */
