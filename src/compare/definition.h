/*
 * definition.h
 *		An object of a schema in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DEFINITION_H
#define TENANT_MGR_DEFINITION_H

#include "catalog/objectaddress.h"
#include "nodes/pg_list.h"

/* One thing that is said of an object */
typedef struct DefinitionPart
{
	const char *key;			/* what it is about, for example "default" */
	char	   *sql;			/* statement that says so, without semicolon */
	char	   *undo;			/* one that takes it back, or NULL */
	char	   *change;			/* one for when something else is said, or
								 * NULL if there is none but undo and sql */
	char	   *filled;			/* of what makes a column: a statement that
								 * gives its default to rows that are there as
								 * well, or NULL */
	char	   *essence;		/* what of sql no other part says, or NULL if
								 * that is all of it */
	bool		lossy;			/* would undo lose rows or values? */
	bool		usual;			/* true of new objects without being said */
	bool		early;			/* before what the object needs is made? */
	bool		late;			/* after what is in the object is made? */
	bool		note;			/* no statement, but words about it */
	bool		at_birth;		/* for new objects only? */
} DefinitionPart;

/* An object; everything is palloc'd */
typedef struct Definition
{
	ObjectAddress object;		/* which one */
	bool		complete;		/* can the statements make it? */
	bool		inherited;		/* does it come and go with one of a parent? */
	bool		attached;		/* is it a partition, made before it is one? */
	bool		reordered;		/* are a table's columns not in the order that
								 * its parents give them? */
	List	   *parts;			/* DefinitionPart, in the order in which they
								 * have to be executed; the first one makes
								 * the object */
	char	   *text;			/* all of them, to be read */
	List	   *names;			/* of an order, or of labels: the names */
} Definition;

/* Where the definitions of one schema come from */
typedef struct DefinitionSource
{
	Oid			nspid;			/* the schema */
	Oid			owner;			/* its owner, */
	Oid			other;			/* the other schema, */
	Oid			other_owner;	/* and its owner */
	const char *owner_name;		/* what to call the owner, quoted; */
	const char *schema_name;	/* likewise the schema, */
	const char *shown_name;		/* and without quotes */
} DefinitionSource;

/*
 * Describe an object, with names as they are within its schema: they mean the
 * same where another schema comes first in the search path.  To be called under
 * tm_expression_settings() of the schema.  NULL if the object is gone.
 */
extern Definition *tm_definition(const DefinitionSource *source,
								 const ObjectAddress *object);

#endif							/* TENANT_MGR_DEFINITION_H */
