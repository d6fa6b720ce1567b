/*
 * column_users.c
 *		What depends on a column.
 *
 * Secrets cannot be compared, sorted or looked into, so whatever was made for a
 * text in their place has no meaning any more.  It is for somebody else to
 * decide what should become of it; here it is only named.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "secrets/column_users.h"

/* Of pg_constraint.contype, from version 18 on */
#define CONTYPE_NOT_NULL	'n'

static bool is_not_null(const Form_pg_depend depend);

void
tm_column_refuse_users(Relation rel, AttrNumber attno)
{
	Relation	depend_rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple	tuple;
	StringInfoData list;

	initStringInfo(&list);
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationGetRelid(rel)));
	ScanKeyInit(&keys[2], Anum_pg_depend_refobjsubid, BTEqualStrategyNumber,
				F_INT4EQ, Int32GetDatum(attno));
	scan = systable_beginscan(depend_rel, DependReferenceIndexId, true, NULL,
							  lengthof(keys), keys);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress address;
		char	   *description;

		CHECK_FOR_INTERRUPTS();
		if (is_not_null(depend))
			continue;
		ObjectAddressSubSet(address, depend->classid, depend->objid,
							depend->objsubid);
		description = getObjectDescription(&address, true);
		if (description != NULL && strstr(list.data, description) == NULL)
			appendStringInfo(&list, "%s%s", list.len > 0 ? "\n" : "",
							 description);
	}
	systable_endscan(scan);
	table_close(depend_rel, AccessShareLock);

	if (list.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot encrypt column \"%s\" of relation \"%s\" because other objects depend on it",
						NameStr(TupleDescAttr(RelationGetDescr(rel),
											  attno - 1)->attname),
						RelationGetRelationName(rel)),
				 errdetail_internal("%s", list.data),
				 errhint("Drop these objects first.  Secrets cannot be compared or searched.")));
}

/* That a value may not be null is as true of a secret. */
static bool
is_not_null(const Form_pg_depend depend)
{
	HeapTuple	tuple;
	bool		result = false;

	if (depend->classid != ConstraintRelationId)
		return false;
	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(depend->objid));
	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_constraint) GETSTRUCT(tuple))->contype ==
			CONTYPE_NOT_NULL;
		ReleaseSysCache(tuple);
	}
	return result;
}
