/*
 * schema_lock.c
 *		Names that statements rely on for longer than they take.
 *
 * pg_dump reads the catalogs by its snapshot, locks the tables by their names,
 * and reads them by their names again, maybe hours later.  A lock on a table
 * does not keep its schema from being renamed; and where tenants are renamed,
 * dropped and created, the name may be another tenant's by then, whose rows
 * would be stored without any error.  So LOCK TABLE locks the schema of a
 * tenant, too, and whatever moves a schema away, ALTER SCHEMA ... RENAME
 * included, waits for that.
 *
 * Between the snapshot and the lock nothing is locked.  A transaction that
 * keeps its snapshot gets an error if the name means another schema now than
 * it does there.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "tenants/schema_lock.h"
#include "tenants/schema_owner.h"

static void lock_schema_of(RangeVar *relation, bool nowait);
static Oid	schema_of(RangeVar *relation);
static void lock_schema(Oid nspid, LOCKMODE lockmode, bool nowait);
static void refuse_other_meaning(const char *schema, Oid nspid);
static void lock_renamed(const char *schema);

void
tm_schema_lock_before_utility(Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, LockStmt))
	{
		foreach(lc, castNode(LockStmt, stmt)->relations)
			lock_schema_of(lfirst_node(RangeVar, lc),
						   castNode(LockStmt, stmt)->nowait);
	}
	else if (IsA(stmt, RenameStmt) &&
			 castNode(RenameStmt, stmt)->renameType == OBJECT_SCHEMA)
		lock_renamed(castNode(RenameStmt, stmt)->subname);
}

static void
lock_schema_of(RangeVar *relation, bool nowait)
{
	Oid			nspid = schema_of(relation);
	Oid			locked = InvalidOid;
	char	   *schema;

	/* Lock, then look: the name may have got another meaning meanwhile. */
	while (OidIsValid(nspid) && nspid != locked &&
		   tm_schema_owner(nspid, NULL))
	{
		if (OidIsValid(locked))
			UnlockDatabaseObject(NamespaceRelationId, locked, 0,
								 AccessShareLock);
		lock_schema(nspid, AccessShareLock, nowait);
		locked = nspid;
		nspid = schema_of(relation);
	}

	schema = OidIsValid(nspid) ? get_namespace_name(nspid) : NULL;
	if (schema != NULL && relation->schemaname != NULL &&
		IsolationUsesXactSnapshot())
		refuse_other_meaning(schema, nspid);
}

/* Of a relation that is not there, or may not be known of: none. */
static Oid
schema_of(RangeVar *relation)
{
	Oid			relid;

	if (relation->schemaname != NULL)
	{
		Oid			nspid = get_namespace_oid(relation->schemaname, true);

		if (!OidIsValid(nspid) ||
			tm_schema_aclcheck(nspid, GetUserId(), ACL_USAGE) != ACLCHECK_OK)
			return InvalidOid;
	}
	relid = RangeVarGetRelid(relation, NoLock, true);
	return OidIsValid(relid) ? get_rel_namespace(relid) : InvalidOid;
}

static void
lock_schema(Oid nspid, LOCKMODE lockmode, bool nowait)
{
	LOCKTAG		tag;
	LockAcquireResult result;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, NamespaceRelationId, nspid, 0);
	result = LockAcquire(&tag, lockmode, false, nowait);
	if (result == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not obtain lock on schema \"%s\"",
						get_namespace_name(nspid))));
	AcceptInvalidationMessages();
}

static void
refuse_other_meaning(const char *schema, Oid nspid)
{
	Relation	rel = table_open(NamespaceRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		same;

	ScanKeyInit(&key, Anum_pg_namespace_nspname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(schema));
	scan = systable_beginscan(rel, NamespaceNameIndexId, true,
							  GetTransactionSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	same = HeapTupleIsValid(tuple) &&
		((Form_pg_namespace) GETSTRUCT(tuple))->oid == nspid;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not lock tables of schema \"%s\" due to concurrent rename",
						schema),
				 errdetail("The name has got another meaning since the transaction's snapshot was taken."),
				 errhint("The transaction might succeed if retried.")));
}

/* As tenant.rename() does, and only if the server will not refuse it. */
static void
lock_renamed(const char *schema)
{
	Oid			nspid = get_namespace_oid(schema, true);

	while (OidIsValid(nspid) && tm_schema_ownercheck(nspid, GetUserId()) &&
		   tm_schema_owner(nspid, NULL))
	{
		Oid			present;

		lock_schema(nspid, AccessExclusiveLock, false);
		present = get_namespace_oid(schema, true);
		if (present == nspid)
			break;
		UnlockDatabaseObject(NamespaceRelationId, nspid, 0,
							 AccessExclusiveLock);
		nspid = present;
	}
}
