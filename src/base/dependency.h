/*
 * dependency.h
 *		Rows of pg_depend about one object.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DEPENDENCY_H
#define TENANT_MGR_DEPENDENCY_H

#include "access/genam.h"

/*
 * Scans of pg_depend, which is open: what the object depends on, and what depends
 * on the object; with the columns of each, if it is a relation.  A NULL snapshot
 * is that of catalogs.  They end with systable_endscan().
 */
extern SysScanDesc tm_dependency_scan(Relation pg_depend, Snapshot snapshot,
									  Oid classid, Oid objid);
extern SysScanDesc tm_dependency_scan_dependents(Relation pg_depend,
												 Snapshot snapshot,
												 Oid classid, Oid objid);

#endif							/* TENANT_MGR_DEPENDENCY_H */
