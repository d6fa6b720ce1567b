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

/*
 * A table of the extension, not locked; 55000 where there is no extension.
 */
extern Oid	tm_own_table_relid(const char *name);

/*
 * Open a table of the extension, which must have this many columns.  A table
 * of that name which is not the extension's is none.
 */
extern Relation tm_own_table_open(const char *name, int natts,
								  LOCKMODE lockmode);

/*
 * A scan that sees what is committed now, by the named index of the table if
 * it is there.
 */
extern SysScanDesc tm_own_table_scan(Relation rel, const char *index,
									 int nkeys, ScanKey keys);

/*
 * Raise the error that INSERT would if the row does not satisfy a constraint
 * of the table.  The routines that write rows as into a catalog do not look.
 */
extern void tm_own_table_check_row(Relation rel, HeapTuple tuple);

#endif							/* TENANT_MGR_OWN_TABLE_H */
