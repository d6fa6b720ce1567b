/*
 * own_table.h
 *		The tables of the extension, as C code reads and writes them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OWN_TABLE_H
#define TENANT_MGR_OWN_TABLE_H

#include "access/genam.h"
#include "storage/lockdefs.h"
#include "utils/rel.h"

/* A table of the extension, as its scripts make it */
typedef struct OwnTable
{
	const char *name;			/* in the schema of the extension */
	int			natts;			/* columns that the library knows */
	uint32		nullable;		/* those that can be null, as a set */
} OwnTable;

/* One after the other, from 0 on; NULL when there are no more. */
extern const OwnTable *tm_own_table_at(int position);

/*
 * A table of the extension, not locked; InvalidOid, or 55000, where there is no
 * extension.
 */
extern Oid	tm_own_table_find(const char *name);
extern Oid	tm_own_table_relid(const char *name);

/*
 * Open a table of the extension, which must have at least this many columns:
 * those that the caller knows.  A table of that name which is not the
 * extension's is none.
 */
extern Relation tm_own_table_open(const char *name, int natts,
								  LOCKMODE lockmode);

/*
 * Raise 55000 if the table has fewer columns than the caller knows, or one is
 * not what it was.
 */
extern void tm_own_table_check_columns(Relation rel, int natts);

/* A column of ours that has been dropped, or can be null and could not, or NULL */
extern const char *tm_own_table_damaged_column(Relation rel);

/* The first columns of a row of a table that may have been given more. */
extern void tm_own_table_deform(HeapTuple tuple, TupleDesc desc, int natts,
								Datum *values, bool *nulls);

/*
 * A scan that sees what is committed now, by the named index of the table if
 * it is there.
 */
extern SysScanDesc tm_own_table_scan(Relation rel, const char *index,
									 int nkeys, ScanKey keys);

/* The same by another snapshot than that of catalogs, which NULL stands for. */
extern SysScanDesc tm_own_table_scan_as_of(Relation rel, const char *index,
										   Snapshot snapshot, int nkeys,
										   ScanKey keys);

/*
 * One more than the greatest value of an int8 column, or 1 in an empty table.
 * With the lock on the table that a writer of such numbers takes, it is nobody
 * else's.
 */
extern int64 tm_own_table_next_number(Relation rel, const char *index,
									  AttrNumber attno);

/* Can this index answer these conditions on columns of the table? */
extern bool tm_own_table_index_serves(Relation rel, Oid indexoid, int nkeys,
									  ScanKey keys);

/*
 * Write a row as SQL would, with all that has been hung on the table, but for
 * privileges: own_table_write.c.  The values are those of the first columns,
 * as many as the caller knows.  Each does a command counter increment.
 *
 * An update changes the columns that are to be replaced, in the latest version
 * of the row; a copy inserts a row that differs from another in these.  A
 * trigger that suppresses a row is an error, unless the caller only tries.
 */
extern void tm_own_table_insert(Relation rel, int natts, const Datum *values,
								const bool *nulls);
extern bool tm_own_table_try_insert(Relation rel, int natts,
									const Datum *values, const bool *nulls);
extern void tm_own_table_copy_row(Relation rel, HeapTuple tuple, int natts,
								  const Datum *values, const bool *nulls,
								  const bool *replace);
extern void tm_own_table_update(Relation rel, ItemPointer tid, int natts,
								const Datum *values, const bool *nulls,
								const bool *replace);
extern void tm_own_table_delete(Relation rel, ItemPointer tid);

/* The same without waiting; false if it is locked, or not there any more. */
extern bool tm_own_table_try_delete(Relation rel, ItemPointer tid);

/* Delete the rows that a scan finds, and end it. */
extern void tm_own_table_delete_found(Relation rel, SysScanDesc scan);

#endif							/* TENANT_MGR_OWN_TABLE_H */
