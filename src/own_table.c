/*
 * own_table.c
 *		The tables of the extension, as C code reads and writes them.
 *
 * They are ordinary tables, so anybody who may create objects in a schema of
 * our name could put one there before the extension is created; what counts
 * is membership in the extension.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "utils/lsyscache.h"

#include "own_table.h"
#include "tenant_mgr.h"

Oid
tm_own_table_relid(const char *name)
{
	Oid			nspid = get_namespace_oid(TM_SCHEMA_NAME, true);
	Oid			relid = InvalidOid;

	if (OidIsValid(nspid))
		relid = get_relname_relid(name, nspid);
	if (!OidIsValid(relid) ||
		getExtensionOfObject(RelationRelationId, relid) !=
		get_extension_oid(TM_EXTENSION_NAME, true))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"%s\" is not installed in this database",
						TM_EXTENSION_NAME)));
	return relid;
}

Relation
tm_own_table_open(const char *name, int natts, LOCKMODE lockmode)
{
	Relation	rel = table_open(tm_own_table_relid(name), lockmode);

	if (RelationGetNumberOfAttributes(rel) != natts)
		elog(ERROR, "table \"%s.%s\" has %d columns, not %d",
			 TM_SCHEMA_NAME, name, RelationGetNumberOfAttributes(rel), natts);
	return rel;
}

SysScanDesc
tm_own_table_scan(Relation rel, const char *index, int nkeys, ScanKey keys)
{
	Oid			indexoid = get_relname_relid(index,
											 RelationGetNamespace(rel));

	return systable_beginscan(rel, indexoid, OidIsValid(indexoid), NULL,
							  nkeys, keys);
}

void
tm_own_table_check_row(Relation rel, HeapTuple tuple)
{
	EState	   *estate = CreateExecutorState();
	ResultRelInfo *info = makeNode(ResultRelInfo);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel),
													&TTSOpsHeapTuple);

	InitResultRelInfo(info, rel, 0, NULL, 0);
	ExecStoreHeapTuple(tuple, slot, false);
	ExecConstraints(info, slot, estate);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}
