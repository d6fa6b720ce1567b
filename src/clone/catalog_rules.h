/*
 * catalog_rules.h
 *		Which columns of a catalog have to change in a clone, and how.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CATALOG_RULES_H
#define TENANT_MGR_CATALOG_RULES_H

#include "access/attnum.h"
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

/* The rules of an open catalog, palloc'd in the current context. */
extern CatalogRules *tm_catalog_rules(Relation catalog);

/*
 * The unique index on a catalog's OID column, and that column; false for a
 * catalog whose rows are not objects.
 */
extern bool tm_catalog_identity(Oid catalog, Oid *index, AttrNumber *attno);

#endif							/* TENANT_MGR_CATALOG_RULES_H */
