/*
 * schema_place.h
 *		Where a text names a schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_PLACE_H
#define TENANT_MGR_SCHEMA_PLACE_H

#include "nodes/pg_list.h"

/* What a text is written in */
typedef enum TextLanguage
{
	TEXT_SQL,
	TEXT_PLPGSQL,
	TEXT_OTHER
} TextLanguage;

/* A text, and what has to be known of it */
typedef struct SchemaText
{
	const char *text;			/* the text, */
	TextLanguage language;		/* its language, */
	const char *function;		/* and the name of the function that it is of,
								 * which can qualify its parameters */
} SchemaText;

/* A place where it names the schema, or may do so */
typedef struct SchemaPlace
{
	int			line;			/* the first one is 1 */
	int			location;		/* byte where the schema's name begins, */
	int			length;			/* the bytes of it, */
	int			shown;			/* and with the name that it qualifies */
	bool		certain;		/* does it name the schema without a doubt? */
} SchemaPlace;

/* The places, a palloc'd list in their order. */
extern List *tm_schema_places(const SchemaText *source, const char *schema);

/* What is written at a place; palloc'd. */
extern char *tm_schema_place_before(const SchemaText *source,
									const SchemaPlace *place);

/*
 * What would be written there for another schema; palloc'd, NULL if it is not
 * certain.
 */
extern char *tm_schema_place_after(const SchemaText *source,
								   const SchemaPlace *place,
								   const char *new_schema);

/*
 * The text with the name of another schema at all places that are certain;
 * palloc'd, NULL if there are none.
 */
extern char *tm_schema_places_replace(const SchemaText *source, List *places,
									  const char *new_schema);

#endif							/* TENANT_MGR_SCHEMA_PLACE_H */
