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
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "clone/closure.h"
#include "compare/expression_text.h"
#include "compare/schema_reading.h"
#include "guard/run_as.h"
#include "tenants/tenant_lock.h"

static void lock_schema(Oid nspid);
static List *tables_among(const List *objects);
static void lock_relations(List *relations);

/*
 * The subtransaction is there for the locks.  Whoever catches an error knows
 * nothing of it, so it is ended before the error goes on.
 */
void
tm_read_schema(Oid nspid, const List *objects, SchemaReader read, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		RunAs		before;

		lock_schema(nspid);
		lock_relations(objects != NIL ? tables_among(objects) :
					   tm_closure_relations(nspid));
		tm_run_as_begin(&before, tm_tenant_lock_schema_owner(nspid), nspid);
		tm_expression_settings(get_namespace_name(nspid));
		read(nspid, arg);
		tm_run_as_end(&before);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		ReThrowError(error);
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* The schema stays. */
static void
lock_schema(Oid nspid)
{
	char	   *name = get_namespace_name(nspid);

	LockDatabaseObject(NamespaceRelationId, nspid, 0, AccessShareLock);
	if (!SearchSysCacheExists1(NAMESPACEOID, ObjectIdGetDatum(nspid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 name != NULL ?
				 errmsg("schema \"%s\" does not exist", name) :
				 errmsg("schema with OID %u does not exist", nspid)));
}

static List *
tables_among(const List *objects)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, objects)
	{
		const ObjectAddress *object = lfirst(lc);

		if (object->classId == RelationRelationId)
			tables = lappend_oid(tables, object->objectId);
	}
	return tables;
}

/* And so do its tables and composite types. */
static void
lock_relations(List *relations)
{
	ListCell   *lc;

	foreach(lc, relations)
		LockRelationOid(lfirst_oid(lc), AccessShareLock);
}
