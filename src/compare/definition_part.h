/*
 * definition_part.h
 *		What statements can say of objects of several kinds.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DEFINITION_PART_H
#define TENANT_MGR_DEFINITION_PART_H

#include "access/htup.h"
#include "nodes/parsenodes.h"

#include "compare/definition.h"

/* Append a part; sql and undo are palloc'd and not copied. */
extern DefinitionPart *tm_definition_add(Definition *definition,
										 const char *key, char *sql,
										 char *undo);

/*
 * The usual ones.  The name is that of the object with the keywords for its kind
 * before it, as in COMMENT ON.
 */
extern void tm_definition_add_owner(Definition *definition,
									const DefinitionSource *source,
									const char *name, Oid owner);
extern void tm_definition_add_comment(Definition *definition,
									  const char *name,
									  const ObjectAddress *object);
extern void tm_definition_add_grants(Definition *definition,
									 const DefinitionSource *source,
									 const char *name, ObjectType kind,
									 Oid owner, Datum acl, bool isnull,
									 const char *column);
extern void tm_definition_add_default_grants(Definition *definition,
											 const DefinitionSource *source,
											 const char *command,
											 const char *objects, Datum acl);
extern void tm_definition_add_options(Definition *definition,
									  const char *command, Datum options,
									  bool isnull, const char *prefix);

/*
 * An integer in a row of a catalog, whatever its width; -1 if it is null.  So it
 * is with statistics targets.
 */
extern int	tm_definition_number(Oid catalog, HeapTuple tup, AttrNumber attno);

/* A copy of the row of an object, or NULL. */
extern HeapTuple tm_definition_row(Oid catalog, Oid objid);

/* The name of a function, qualified unless the search path finds it; palloc'd. */
extern char *tm_definition_function(Oid function);

/*
 * A relation, qualified unless the search path finds it, and what statements call
 * one of its kind.
 */
extern const char *tm_definition_relation(Oid relid);
extern const char *tm_definition_kind(char relkind);

/* The name of a type, and that of an operator class, which is qualified likewise. */
extern char *tm_definition_type_name(Oid typid);
extern char *tm_definition_opclass(Oid opclass);

/* An operator in the form that CREATE OPERATOR takes, likewise. */
extern char *tm_definition_operator(Oid operator);

/* OIDs of the relations that one inherits from, in their order; palloc'd. */
extern List *tm_definition_parents(Oid relid);

/*
 * A statement without the name of the schema that the server puts before what it
 * defines, right after the start of the statement.
 */
extern char *tm_definition_unqualified(const char *text, const char *start,
									   Oid nspid);

/* A role as it is called in statements; 0 is PUBLIC. */
extern const char *tm_definition_role(const DefinitionSource *source, Oid role);

#endif							/* TENANT_MGR_DEFINITION_PART_H */
