/*
 * column_form.h
 *		Which columns of a catalog count in a comparison, and how.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_COLUMN_FORM_H
#define TENANT_MGR_COLUMN_FORM_H

#include "access/attnum.h"
#include "utils/rel.h"

/* How a column of a catalog is turned into bytes that mean the same everywhere */
typedef enum ColumnForm
{
	FORM_IGNORED,				/* not part of the structure */
	FORM_PLAIN,					/* its value as it is */
	FORM_OID,					/* the name of what it refers to */
	FORM_OID_ARRAY,				/* the names, in their order */
	FORM_COLUMN,				/* name of a table's column, for its number */
	FORM_COLUMN_ARRAY,			/* several of them */
	FORM_EXPRESSION,			/* as the server prints it */
	FORM_ACL,					/* privileges, in no order */
	FORM_OPTIONS,				/* "name=value" texts, in no order */
	FORM_SETTINGS,				/* likewise, and they may name the schema */
	FORM_BODY					/* the text of a function, which may, too */
} ColumnForm;

typedef struct ViewColumn
{
	ColumnForm	form;
	Oid			refclass;		/* FORM_OID: the catalog that is referred to */
	AttrNumber	relation;		/* FORM_COLUMN: where the table's OID is */
} ViewColumn;

/* The forms of a catalog's columns, palloc'd in the current context. */
extern ViewColumn *tm_column_forms(Relation catalog);

/*
 * Does an option, as "name=value", belong to the structure?  Minor releases keep
 * the version of a column there, which pg_dump leaves out.
 */
extern bool tm_option_counts(const char *option);

#endif							/* TENANT_MGR_COLUMN_FORM_H */
