/*
 * sql_name.h
 *		Which names in a parsed text are those of a schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SQL_NAME_H
#define TENANT_MGR_SQL_NAME_H

#include "nodes/pg_list.h"

#include "base/sql_token.h"

/* What has been found out about a token */
typedef enum NameStatus
{
	NAME_OTHER,					/* it is no place that could name the schema */
	NAME_OPEN,					/* it could */
	NAME_SCHEMA,				/* it does */
	NAME_NO_SCHEMA				/* it does not */
} NameStatus;

/* The names that are looked for, and where */
typedef struct SqlNames
{
	const SqlTokens *tokens;	/* the whole text */
	NameStatus *status;			/* of each token */
	const char *schema;			/* the schema */
	bool		is_label;		/* is there a label or function of its name? */
} SqlNames;

/*
 * Decide about the names in a piece of the text, given as the list that
 * raw_parser() returns and the byte at which the piece begins.
 */
extern void tm_sql_names_decide(SqlNames *names, List *trees, int location);

/* The token that begins at this byte, or -1. */
extern int	tm_sql_names_token_at(const SqlTokens *tokens, int location);

#endif							/* TENANT_MGR_SQL_NAME_H */
