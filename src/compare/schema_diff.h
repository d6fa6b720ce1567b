/*
 * schema_diff.h
 *		In what two schemas differ.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_DIFF_H
#define TENANT_MGR_SCHEMA_DIFF_H

#include "compare/definition.h"
#include "compare/fingerprint.h"
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
	const FingerprintItem *in_a;	/* where it is in the first schema, or
									 * NULL */
	const FingerprintItem *in_b;	/* and in the second one */
	Definition *a;				/* what it is in the first schema, or NULL */
	Definition *b;				/* and in the second one */
	bool		implied;		/* a column of a table that only one has */
} Difference;

/* Two schemas, and in what they differ; all of it is palloc'd */
typedef struct SchemaDiff
{
	Oid			a;				/* the schemas */
	Oid			b;
	Fingerprint *print_a;		/* all that is in them */
	Fingerprint *print_b;
	List	   *differences;	/* Difference, by kinds of objects and names */
} SchemaDiff;

/* A relkind of our own */
#define TM_IDENTITY_SEQUENCE	's'

/*
 * What a relation is: a table, a view, an index, a sequence, that of an identity
 * column.  One cannot be made another, so two of the same name are not compared.
 * 0 for other objects; that of its relation for a column.
 */
extern char tm_object_kind(const ObjectAddress *object);

/* All differences between two schemas.  The caller has checked privileges. */
extern SchemaDiff *tm_schema_diff(Oid a, Oid b);

/*
 * Put objects into words: Differences of which only in_a and in_b are known, which
 * may be alike.
 */
extern void tm_schema_diff_describe(const SchemaDiff *diff, List *differences);

/* Do the names that are in both lists come in the same order? */
extern bool tm_same_order(List *a, List *b);

#endif							/* TENANT_MGR_SCHEMA_DIFF_H */
