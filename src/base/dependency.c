/*
 * dependency.c
 *		Rows of pg_depend about one object.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_depend.h"
#include "utils/fmgroids.h"

#include "base/compat.h"
#include "base/dependency.h"

static SysScanDesc scan_by(Relation pg_depend, Snapshot snapshot, Oid index,
						   AttrNumber first, Oid classid, AttrNumber second,
						   Oid objid);

SysScanDesc
tm_dependency_scan(Relation pg_depend, Snapshot snapshot, Oid classid,
				   Oid objid)
{
	return scan_by(pg_depend, snapshot, DependDependerIndexId,
				   Anum_pg_depend_classid, classid,
				   Anum_pg_depend_objid, objid);
}

SysScanDesc
tm_dependency_scan_dependents(Relation pg_depend, Snapshot snapshot,
							  Oid classid, Oid objid)
{
	return scan_by(pg_depend, snapshot, DependReferenceIndexId,
				   Anum_pg_depend_refclassid, classid,
				   Anum_pg_depend_refobjid, objid);
}

static SysScanDesc
scan_by(Relation pg_depend, Snapshot snapshot, Oid index, AttrNumber first,
		Oid classid, AttrNumber second, Oid objid)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], first, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(classid));
	ScanKeyInit(&keys[1], second, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(objid));
	return systable_beginscan(pg_depend, index, true, snapshot,
							  lengthof(keys), keys);
}
