/*
 * sql_token.h
 *		The tokens of a text of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SQL_TOKEN_H
#define TENANT_MGR_SQL_TOKEN_H

/* The scanner's tokens, numbered as in all its users */
enum
{
	TOKEN_IDENT = 258,
	TOKEN_UIDENT,
	TOKEN_FCONST,
	TOKEN_SCONST,
	TOKEN_USCONST,
	TOKEN_BCONST,
	TOKEN_XCONST,
	TOKEN_OP,
	TOKEN_ICONST,
	TOKEN_PARAM,
	TOKEN_TYPECAST,
	TOKEN_DOT_DOT,
	TOKEN_COLON_EQUALS,
	TOKEN_EQUALS_GREATER
};

/* One token */
typedef struct SqlToken
{
	int			kind;			/* as above, or a character */
	const char *word;			/* an identifier or keyword, as the server
								 * folds it, or NULL */
	bool		quoted;			/* is the word in quotes? */
	const char *string;			/* what a string means, or NULL */
	int			location;		/* where it begins, */
	int			length;			/* and its bytes */
} SqlToken;

/* All of them; comments and white space are none */
typedef struct SqlTokens
{
	const char *text;			/* what was read */
	SqlToken   *tokens;			/* array of ntokens */
	int			ntokens;
} SqlTokens;

/*
 * Take a text apart as the server's own scanner does.  Errors of the scanner are
 * raised.  The result is palloc'd and points into the text.
 */
extern SqlTokens *tm_sql_tokens(const char *text);

/* Is the token there, and this word without quotes? */
extern bool tm_sql_token_is(const SqlTokens *tokens, int position,
							const char *word);

/* Is the token there, and of this kind? */
extern bool tm_sql_token_kind(const SqlTokens *tokens, int position, int kind);

#endif							/* TENANT_MGR_SQL_TOKEN_H */
