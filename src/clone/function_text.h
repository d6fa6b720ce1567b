/*
 * function_text.h
 *		The text of a function, and the same for another schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FUNCTION_TEXT_H
#define TENANT_MGR_FUNCTION_TEXT_H

#include "access/htup.h"

#include "clone/schema_place.h"

/*
 * The text of a function, from the columns prolang, proname and prosrc of its row,
 * to which the result points.  False if it has none: what is there is the name of a
 * symbol.
 */
extern bool tm_function_text(SchemaText *text, Oid language, const char *name,
							 const char *source);

/* The same of a row that comes from the server's cache; what it needs is palloc'd. */
extern bool tm_function_text_of_row(SchemaText *text, HeapTuple proc);

/*
 * The text with the name of one schema in place of another's where that is certain;
 * palloc'd, NULL if nothing is.
 */
extern char *tm_function_text_retarget(const SchemaText *text,
									   const char *schema,
									   const char *new_schema);

/*
 * The statement that creates a function, as the server spells it, but with this
 * text; palloc'd.  Without one, with its own.  Not for aggregates.
 */
extern char *tm_function_definition(HeapTuple proc, const char *body);

/* May the text or a setting of the function name the schema? */
extern bool tm_function_text_names(Oid funcid, const char *schema);

/*
 * Change the text of functions that have been copied from one schema into another,
 * where it is certain.  True if nothing uncertain is left.  The function keeps its
 * text if it would not be valid with the new one; then the reason is stored, palloc'd.
 * The caller has checked that this may be done.
 */
extern bool tm_function_text_follow(Oid funcid, const char *schema,
									const char *new_schema, char **reason);

/*
 * Have the function's language look at its text, as its owner, in a
 * security-restricted operation, on the path of its schema and with the function's own
 * settings.  Errors are raised; nothing is done if check_function_bodies is off.
 */
extern void tm_function_validate(Oid funcid);

#endif							/* TENANT_MGR_FUNCTION_TEXT_H */
