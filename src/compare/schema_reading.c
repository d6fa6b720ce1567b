/*
 * schema_reading.c
 *		Reading a schema without a trace.
 *
 * Everything happens in a subtransaction that is rolled back.  It changes nothing,
 * but printing a view locks tables, and who looks at thousands of schemas in one
 * statement shall not need thousands of locks.  Within it the tables of the schema
 * are locked against being changed, as pg_dump locks them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "clone/closure.h"
#include "compare/expression_text.h"
#include "compare/schema_reading.h"
#include "tenants/tenant_lock.h"

static void lock_relations(Oid nspid);

void
tm_reading_begin(SchemaReading *reading, Oid nspid)
{
	reading->context = CurrentMemoryContext;
	reading->owner = CurrentResourceOwner;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(reading->context);
	lock_relations(nspid);
	tm_run_as_begin(&reading->before, tm_tenant_lock_schema_owner(nspid), nspid);
	tm_expression_settings(get_namespace_name(nspid));
}

void
tm_reading_end(const SchemaReading *reading)
{
	tm_run_as_end(&reading->before);
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(reading->context);
	CurrentResourceOwner = reading->owner;
}

/* The schema stays, and so do its tables. */
static void
lock_relations(Oid nspid)
{
	ListCell   *lc;

	LockDatabaseObject(NamespaceRelationId, nspid, 0, AccessShareLock);
	if (!SearchSysCacheExists1(NAMESPACEOID, ObjectIdGetDatum(nspid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema with OID %u does not exist", nspid)));
	foreach(lc, tm_closure_relations(nspid))
	{
		Oid			relid = lfirst_oid(lc);

		if (get_rel_relkind(relid) != RELKIND_COMPOSITE_TYPE)
			LockRelationOid(relid, AccessShareLock);
	}
}
