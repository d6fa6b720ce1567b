/*
 * catalog_rules.h
 *		Which columns of a catalog have to change in a clone, and how.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CATALOG_RULES_H
#define TENANT_MGR_CATALOG_RULES_H

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

typedef enum ColumnKind
{
	COLUMN_OID,					/* an OID, or a column of a reg* type */
	COLUMN_OID_ARRAY,			/* oid[] or oidvector */
	COLUMN_NODE_TREE,			/* a stored expression */
	COLUMN_ACL,					/* aclitem[] */
	COLUMN_ANYARRAY,			/* array that knows its element type */
	COLUMN_SETTINGS				/* "name=value" texts of a function */
} ColumnKind;

typedef struct ColumnRule
{
	AttrNumber	attno;			/* the column */
	ColumnKind	kind;			/* what to do with it */
	Oid			refclass;		/* for OIDs: the catalog they refer to */
	int			offset;			/* place in the row if that is always the
								 * same, else -1 */
} ColumnRule;

typedef struct CatalogRules
{
	int			nfixed;			/* rules of columns at a fixed place */
	int			nvariable;		/* rules of all other columns */
	ColumnRule *fixed;
	ColumnRule *variable;
} CatalogRules;

/* Columns of a catalog that hold numbers of columns of a table */
typedef struct ColumnNumbers
{
	AttrNumber	relation;		/* holds the OID of the table */
	AttrNumber	numbers;		/* holds one number, or several */
	bool		is_array;		/* which of the two */
} ColumnNumbers;

/* Rows that belong to a member and have no address of their own */
typedef struct PartCatalog
{
	Oid			owner_catalog;	/* catalog of the member */
	char		kind;			/* relkind, typtype or prokind; 0 for any */
	Oid			catalog;		/* where the parts are */
	Oid			index;			/* whose first column is the member's OID */
	bool		about_rows;		/* statistics of rows: only with the rows */
} PartCatalog;

extern const PartCatalog tm_part_catalogs[];
extern const int tm_part_catalogs_count;

/* The rules of an open catalog, palloc'd in the current context. */
extern CatalogRules *tm_catalog_rules(Relation catalog);

/* Which of its columns hold numbers of columns, a list of ColumnNumbers. */
extern List *tm_catalog_column_numbers(Relation catalog);

/*
 * The unique index on a catalog's OID column, and that column; false for a
 * catalog whose rows are not objects.
 */
extern bool tm_catalog_identity(Oid catalog, Oid *index, AttrNumber *attno);

#endif							/* TENANT_MGR_CATALOG_RULES_H */
