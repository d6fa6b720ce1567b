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

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/extension.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"

#include "base/own_schema.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"

/* Columns by their numbers, as a set */
#define COLUMN(n)	(UINT32_C(1) << (n))

static const OwnTable own_tables[] =
{
	{"registry", 18, COLUMN(3) | COLUMN(11) | COLUMN(12) | COLUMN(13) |
	COLUMN(14) | COLUMN(15) | COLUMN(16) | COLUMN(17) | COLUMN(18)},
	{"event", 9, COLUMN(4) | COLUMN(5) | COLUMN(6) | COLUMN(7) | COLUMN(8) |
	COLUMN(9)},
	{"assigned_role", 2, 0},
	{"domain", 2, 0},
	{"snapshot_registry", 6, 0},
	{"data_key", 7, COLUMN(3) | COLUMN(7)},
	{"connection", 22, COLUMN(4) | COLUMN(9) | COLUMN(19) | COLUMN(22)},
	{"assignment", 4, 0},
	{"outside_link", 8, COLUMN(6) | COLUMN(7) | COLUMN(8)},
	{"policy", 2, 0},
	{"hook", 5, 0},
	{"united_table", 1, 0},
	{"migration", 10, COLUMN(3) | COLUMN(4) | COLUMN(10)},
	{"migration_statement", 7, COLUMN(4) | COLUMN(5) | COLUMN(6) | COLUMN(7)},
	{"migration_run", 9, COLUMN(3)},
	{"applied_migration", 11, COLUMN(3) | COLUMN(8) | COLUMN(9) | COLUMN(10) |
	COLUMN(11)},
	{"kept_fingerprint", 12, COLUMN(8) | COLUMN(9) | COLUMN(10) | COLUMN(11) |
	COLUMN(12)},
	{"structure_change", 3, 0},
	{"snapshot_migration", 12, COLUMN(3) | COLUMN(8) | COLUMN(9) | COLUMN(10) |
	COLUMN(11)},
};

static bool is_being_built(Relation index);

const OwnTable *
tm_own_table_at(int position)
{
	return position < lengthof(own_tables) ? &own_tables[position] : NULL;
}

Oid
tm_own_table_find(const char *name)
{
	Oid			extension = get_extension_oid(TM_EXTENSION_NAME, true);
	Oid			nspid = tm_own_schema();
	Oid			relid = InvalidOid;

	if (OidIsValid(extension) && OidIsValid(nspid))
		relid = get_relname_relid(name, nspid);
	if (!OidIsValid(relid) ||
		getExtensionOfObject(RelationRelationId, relid) != extension)
		return InvalidOid;
	return relid;
}

Oid
tm_own_table_relid(const char *name)
{
	Oid			relid = tm_own_table_find(name);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"%s\" is not installed in this database",
						TM_EXTENSION_NAME),
				 errhint("Use CREATE EXTENSION %s.", TM_EXTENSION_NAME)));
	return relid;
}

Relation
tm_own_table_open(const char *name, int natts, LOCKMODE lockmode)
{
	Relation	rel = table_open(tm_own_table_relid(name), lockmode);

	tm_own_table_check_columns(rel, natts);
	return rel;
}

/*
 * Columns are known by their numbers, and those that have to be there are not
 * asked whether they are null.
 */
void
tm_own_table_check_columns(Relation rel, int natts)
{
	const char *damaged;

	if (RelationGetNumberOfAttributes(rel) < natts)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"%s\" is older in this database than its library",
						TM_EXTENSION_NAME),
				 errhint("Use ALTER EXTENSION %s UPDATE.",
						 TM_EXTENSION_NAME)));
	damaged = tm_own_table_damaged_column(rel);
	if (damaged != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" of table \"%s.%s\" is not as the extension has made it",
						damaged, TM_SCHEMA_NAME, RelationGetRelationName(rel)),
				 errdetail("It has been dropped, or can be null."),
				 errhint("Use ALTER TABLE ... SET NOT NULL; if the column is gone, restore a dump.")));
}

const char *
tm_own_table_damaged_column(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	const OwnTable *table = own_tables;

	while (strcmp(table->name, RelationGetRelationName(rel)) != 0)
	{
		if (++table == own_tables + lengthof(own_tables))
			return NULL;
	}
	for (int i = 1; i <= Min(table->natts, desc->natts); i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i - 1);

		if (attribute->attisdropped ||
			(!attribute->attnotnull && (table->nullable & COLUMN(i)) == 0))
			return NameStr(attribute->attname);
	}
	return NULL;
}

void
tm_own_table_deform(HeapTuple tuple, TupleDesc desc, int natts,
					Datum *values, bool *nulls)
{
	if (desc->natts == natts)
	{
		heap_deform_tuple(tuple, desc, values, nulls);
		return;
	}
	for (int i = 0; i < natts; i++)
		values[i] = heap_getattr(tuple, i + 1, desc, &nulls[i]);
}

SysScanDesc
tm_own_table_scan(Relation rel, const char *index, int nkeys, ScanKey keys)
{
	return tm_own_table_scan_as_of(rel, index, NULL, nkeys, keys);
}

SysScanDesc
tm_own_table_scan_as_of(Relation rel, const char *index, Snapshot snapshot,
						int nkeys, ScanKey keys)
{
	Oid			indexoid = get_relname_relid(index,
											 RelationGetNamespace(rel));
	bool		serves = OidIsValid(indexoid) &&
		tm_own_table_index_serves(rel, indexoid, nkeys, keys);

	return systable_beginscan(rel, indexoid, serves, snapshot, nkeys, keys);
}

int64
tm_own_table_next_number(Relation rel, const char *index, AttrNumber attno)
{
	SysScanDesc scan = tm_own_table_scan(rel, index, 0, NULL);
	int64		last = 0;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		Datum		number = heap_getattr(tuple, attno, RelationGetDescr(rel),
										  &isnull);

		last = Max(last, DatumGetInt64(number));
	}
	systable_endscan(scan);
	return last + 1;
}

/*
 * Is it the command at hand that makes the index?  It is valid by then, and has no
 * page yet.
 */
static bool
is_being_built(Relation index)
{
	return index->rd_createSubid != InvalidSubTransactionId &&
		RelationGetNumberOfBlocks(index) == 0;
}

/*
 * An index of ours can be dropped, and another be made under its name.  What
 * has a predicate or other columns, or sorts otherwise, or is only just being
 * built, costs time, nothing else.
 */
bool
tm_own_table_index_serves(Relation rel, Oid indexoid, int nkeys, ScanKey keys)
{
	Relation	index;
	bool		serves;

	if (get_rel_relkind(indexoid) != RELKIND_INDEX)
		return false;
	index = index_open(indexoid, AccessShareLock);
	serves = index->rd_index->indrelid == RelationGetRelid(rel) &&
		index->rd_index->indisvalid && !is_being_built(index) &&
		index->rd_rel->relam == BTREE_AM_OID &&
		heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) &&
		index->rd_index->indnkeyatts >= nkeys;
	for (int i = 0; serves && i < nkeys; i++)
	{
		AttrNumber	attno = keys[i].sk_attno;

		serves = index->rd_index->indkey.values[i] == attno &&
			index->rd_indcollation[i] ==
			TupleDescAttr(RelationGetDescr(rel), attno - 1)->attcollation;
	}
	index_close(index, AccessShareLock);
	return serves;
}
