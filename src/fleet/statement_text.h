/*
 * statement_text.h
 *		Statements as texts.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_STATEMENT_TEXT_H
#define TENANT_MGR_STATEMENT_TEXT_H

#include "nodes/nodes.h"
#include "nodes/pg_list.h"

/* One statement of a text */
typedef struct ParsedStatement
{
	Node	   *tree;			/* what the grammar makes of it */
	char	   *text;			/* without the semicolon */
} ParsedStatement;

/* The statements of a text, a palloc'd list; syntax errors are raised. */
extern List *tm_statement_split(const char *text);

/* The part of a text that a statement's location and length tell; palloc'd. */
extern char *tm_statement_part(const char *text, int location, int length);

/* Is this the name of a schema that must not be named? */
typedef bool (*SchemaUnwanted) (const char *name, void *arg);

/*
 * The name of such a schema, palloc'd, if the statement names one: before a
 * period, in a search path, or in a string that holds code.  NULL otherwise.
 */
extern char *tm_statement_names_schema(const char *text,
									   SchemaUnwanted unwanted, void *arg);

/*
 * What in a text is for a client and not for the server, palloc'd, or NULL: a
 * command of psql, or COPY FROM STDIN, whose rows follow in files.
 */
extern char *tm_statement_of_client(const char *text);

/* The query that a PREPARE statement prepares; palloc'd. */
extern char *tm_statement_of_prepare(const char *text);

#endif							/* TENANT_MGR_STATEMENT_TEXT_H */
