/*
 * sql_token.c
 *		The tokens of a text of SQL.
 *
 * The scanner is the server's own, with an empty list of keywords: so keywords
 * are words like others, and no number of a token depends on the version of the
 * grammar.  What it leaves to the grammar is done here: names and strings with
 * Unicode escapes, which are one token with their UESCAPE.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "parser/scanner.h"

#include "base/name_escape.h"
#include "base/sql_token.h"

static const ScanKeywordList no_keywords = {.num_keywords = 0,.max_kw_len = 0};

static void complete(SqlToken *token, const char *text, const char *value);
static void complete_unicode(SqlToken *token, const char *text,
							 const char *value);

SqlTokens *
tm_sql_tokens(const char *text)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &no_keywords, NULL);
	SqlTokens  *result = palloc(sizeof(SqlTokens));
	int			maxtokens = 64;
	core_YYSTYPE value;
	int			location;
	int			kind;
	int			end = 0;		/* of the last token */

	result->text = text;
	result->ntokens = 0;
	result->tokens = palloc(sizeof(SqlToken) * maxtokens);
	while ((kind = core_yylex(&value, &location, scanner)) != 0)
	{
		SqlToken   *token;

		/* UESCAPE is part of the token before it */
		if (location < end)
			continue;
		if (result->ntokens == maxtokens)
		{
			maxtokens *= 2;
			result->tokens = repalloc_huge(result->tokens,
										   sizeof(SqlToken) * maxtokens);
		}
		token = &result->tokens[result->ntokens++];
		memset(token, 0, sizeof(SqlToken));
		token->kind = kind;
		token->location = location;
		/* the scanner ends what it has read by a zero byte in its copy */
		token->length = strlen(extra.scanbuf + location);
		if (kind <= TOKEN_OP && kind >= TOKEN_IDENT)
			complete(token, text, value.str);
		end = location + token->length;
	}
	scanner_finish(scanner);
	return result;
}

bool
tm_sql_token_is(const SqlTokens *tokens, int position, const char *word)
{
	return position >= 0 && position < tokens->ntokens &&
		tokens->tokens[position].word != NULL &&
		!tokens->tokens[position].quoted &&
		strcmp(tokens->tokens[position].word, word) == 0;
}

bool
tm_sql_token_kind(const SqlTokens *tokens, int position, int kind)
{
	return position >= 0 && position < tokens->ntokens &&
		tokens->tokens[position].kind == kind;
}

/* What a token with a value means. */
static void
complete(SqlToken *token, const char *text, const char *value)
{
	switch (token->kind)
	{
		case TOKEN_IDENT:
			token->word = pstrdup(value);
			token->quoted = text[token->location] == '"';
			break;
		case TOKEN_SCONST:
			token->string = pstrdup(value);
			break;
		case TOKEN_UIDENT:
		case TOKEN_USCONST:
			complete_unicode(token, text, value);
			break;
		default:
			break;
	}
}

/* U&"..." or U&'...' */
static void
complete_unicode(SqlToken *token, const char *text, const char *value)
{
	const char *start = text + token->location + 3;

	if (token->kind == TOKEN_UIDENT)
	{
		char		name[NAMEDATALEN];
		const char *end = tm_name_escaped_identifier(start, name);

		token->quoted = true;
		token->word = pstrdup(end != NULL ? name : value);
		if (end != NULL)
			token->length = end - (text + token->location);
	}
	else
	{
		char	   *meant = tm_name_escaped_string(start, true);

		token->string = meant != NULL ? meant : pstrdup(value);
	}
}
