/*
 * schema_drop.c
 *		Before a schema is dropped: what is in the way, and who is still there.
 *
 * Objects outside of it that depend on something in it would be dropped along
 * with it.  That is never what is asked for, so they are listed.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_rewrite.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "rewrite/rewriteSupport.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

#include "lifecycle/schema_drop.h"
#include "tenants/tenant_name.h"

/* The most dependent objects that an error lists */
#define MAX_LISTED	10

static TransactionId index_writer(Oid indexrelid);
static char *describe_dependent(const ObjectAddress *dependent);

bool
tm_schema_drop_report(const char *message, const Closure *closure,
					  int elevel)
{
	List	   *dependents = tm_closure_outside_dependents(closure);
	StringInfoData list;
	int			listed = 0;
	ListCell   *lc;

	if (dependents == NIL)
		return false;

	initStringInfo(&list);
	foreach(lc, dependents)
	{
		char	   *description;

		if (listed == MAX_LISTED)
			break;
		description = describe_dependent(lfirst(lc));
		if (description == NULL)
			continue;
		appendStringInfo(&list, "%s%s", listed++ > 0 ? "\n" : "", description);
	}
	if (list_length(dependents) > MAX_LISTED)
		appendStringInfo(&list,
						 ngettext("\nand %d other object",
								  "\nand %d other objects",
								  list_length(dependents) - MAX_LISTED),
						 list_length(dependents) - MAX_LISTED);

	ereport(elevel,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg_internal("%s", message),
			 errdetail_internal("%s", list.data),
			 errhint("Drop these objects first.")));
	return true;
}

char *
tm_schema_drop_refusal(const TenantInfo *tenant)
{
	return psprintf(_("cannot drop tenant \"%s\" because objects outside its schema depend on it"),
					tenant->name);
}

char *
tm_schema_drop_snapshot_refusal(const SnapshotInfo *snapshot)
{
	return psprintf(_("cannot drop snapshot \"%s\" because objects outside its schema depend on it"),
					tm_tenant_name_printable(snapshot->label));
}

void
tm_schema_drop_wait_for_users(const Closure *closure)
{
	List	   *locktags = NIL;
	int			i;

	for (i = 0; i < closure->nmembers; i++)
	{
		LOCKTAG    *locktag;

		if (closure->members[i].classid != RelationRelationId)
			continue;
		locktag = palloc(sizeof(LOCKTAG));
		SET_LOCKTAG_RELATION(*locktag, MyDatabaseId, closure->members[i].objid);
		locktags = lappend(locktags, locktag);
	}
	if (locktags != NIL)
		WaitForLockersMultiple(locktags, AccessExclusiveLock, false);
}

/*
 * A lock is not all: CREATE INDEX CONCURRENTLY gives up the one on the table just
 * before it commits what it wrote about the index, and to drop the index then
 * fails with "tuple concurrently updated".
 */
void
tm_schema_drop_lock_relation(Oid relid)
{
	TransactionId writer;

	LockRelationOid(relid, AccessExclusiveLock);
	while (TransactionIdIsValid(writer = index_writer(relid)))
	{
		XactLockTableWait(writer, NULL, NULL, XLTW_None);
		AcceptInvalidationMessages();
	}
}

/* The transaction that is changing an index's row of pg_index, if there is one. */
static TransactionId
index_writer(Oid indexrelid)
{
	Relation	rel = table_open(IndexRelationId, AccessShareLock);
	TransactionId writer = InvalidTransactionId;
	SnapshotData dirty;
	SysScanDesc scan;
	ScanKeyData key;

	InitDirtySnapshot(dirty);
	ScanKeyInit(&key, Anum_pg_index_indexrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(indexrelid));
	scan = systable_beginscan(rel, IndexRelidIndexId, true, &dirty, 1, &key);
	while (HeapTupleIsValid(systable_getnext(scan)))
	{
		if (TransactionIdIsValid(dirty.xmax))
			writer = dirty.xmax;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return TransactionIdIsCurrentTransactionId(writer) ? InvalidTransactionId : writer;
}

/*
 * What an object is called, or NULL if it has gone.  What people have made is
 * the view; that it is a rule of the view that depends is of no use to them.
 */
static char *
describe_dependent(const ObjectAddress *dependent)
{
	ObjectAddress address = *dependent;
	Relation	rel;
	HeapTuple	tuple;

	if (address.classId != RewriteRelationId)
		return getObjectDescription(&address, true);

	rel = table_open(RewriteRelationId, AccessShareLock);
	tuple = get_catalog_object_by_oid(rel, Anum_pg_rewrite_oid,
									  address.objectId);
	if (HeapTupleIsValid(tuple) &&
		strcmp(NameStr(((Form_pg_rewrite) GETSTRUCT(tuple))->rulename),
			   ViewSelectRuleName) == 0)
		ObjectAddressSet(address, RelationRelationId,
						 ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class);
	table_close(rel, AccessShareLock);

	return getObjectDescription(&address, true);
}
