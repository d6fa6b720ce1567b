/*
 * plpgsql_part.h
 *		Statements, expressions and types in a text of PL/pgSQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PLPGSQL_PART_H
#define TENANT_MGR_PLPGSQL_PART_H

#include "nodes/pg_list.h"

#include "base/sql_token.h"

/* What a part of the text is */
typedef enum PartKind
{
	PART_STATEMENT,				/* a statement of SQL */
	PART_EXPRESSION,			/* expressions, as after SELECT */
	PART_ASSIGNMENT,			/* a variable, and what it becomes */
	PART_TYPE,					/* the name of a type */
	PART_TABLE,					/* name of a table, with or without a schema */
	PART_VARIABLES				/* names of variables, labels and cursors */
} PartKind;

/* A part */
typedef struct PlpgsqlPart
{
	PartKind	kind;			/* what it is, */
	int			first;			/* its tokens, from the first */
	int			end;			/* to the one behind the last, */
	char	   *sql;			/* and what the grammar is to read, as long as
								 * the part is; NULL if nothing */
} PlpgsqlPart;

/*
 * The parts of the text of a function, a palloc'd list in their order.  What is
 * in none of them has a meaning that is not known here.  The names of labels are
 * added to the list that is given.
 */
extern List *tm_plpgsql_parts(const SqlTokens *tokens, List **labels);

#endif							/* TENANT_MGR_PLPGSQL_PART_H */
