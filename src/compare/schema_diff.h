/*
 * schema_diff.h
 *		In what two schemas differ.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_DIFF_H
#define TENANT_MGR_SCHEMA_DIFF_H

#include "compare/definition.h"
#include "compare/object_label.h"

/* What it is to the second schema that an object is as it is in the first one */
typedef enum DifferenceKind
{
	DIFFERENCE_MISSING,			/* only the first one has it */
	DIFFERENCE_EXTRA,			/* only the second one has it */
	DIFFERENCE_DIFFERENT		/* both have it, but not alike */
} DifferenceKind;

typedef struct Difference
{
	DifferenceKind kind;
	ObjectLabel label;			/* what it is called in both */
	Definition *a;				/* in the first schema, or NULL */
	Definition *b;				/* in the second one, or NULL */
	bool		implied;		/* a column of a table that only one has */
} Difference;

/*
 * All differences between two schemas, a palloc'd list in the order of kinds of
 * objects and names.  The caller has checked privileges.
 */
extern List *tm_schema_diff(Oid a, Oid b);

#endif							/* TENANT_MGR_SCHEMA_DIFF_H */
