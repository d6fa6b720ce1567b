/*
 * statement_text.c
 *		Statements as texts.
 *
 * A text is taken apart by the server's own grammar and scanner, under the
 * settings of the session.  Nothing is put together here: a statement is kept
 * as it was written.
 *
 * A name before a period can be that of a schema or of a table, say in
 * "account.id".  It is taken for a table's if the statement has it as a name of
 * its own as well, as in "FROM account", unless it stands where an object is
 * named.  Strings can hold code, of functions and DO, or names for regclass; in
 * these a schema is looked for where a period follows, or where schemas are the
 * subject.  A string that is a value, to be compared or stored, is neither, unless
 * it begins like a statement: "acme.com" says nothing of a schema.  Nor does what
 * stands in an address of mail or of the web.  Names are compared as they are
 * meant, with escapes resolved.  One that is put together at run time cannot be
 * found.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <ctype.h>

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "parser/scansup.h"

#include "base/name_escape.h"
#include "base/name_scan.h"
#include "base/sql_token.h"
#include "fleet/statement_text.h"

/* Keywords are words like others. */
static const ScanKeywordList no_keywords = {.num_keywords = 0,.max_kw_len = 0};

/* One token */
typedef struct Token
{
	int			kind;			/* as above, or a character */
	const char *word;			/* an identifier or keyword, or NULL */
	const char *string;			/* a string, or NULL */
	int			location;		/* where it begins */
} Token;

/* What is looked for in a string */
typedef struct StringSearch
{
	const char *body;			/* the string */
	SchemaUnwanted unwanted;	/* names that must not be in it */
	void	   *arg;			/* its argument */
	char	   *found;			/* one of them, or NULL */
} StringSearch;

static int	blank_length(const char *text, int length);
static List *read_tokens(const char *text);
static Token *make_token(int kind, const char *string, int location);
static void resolve_escapes(Token *token, const Token *character);
static bool is_word(const Token *token, const char *word);
static bool is_qualifier(List *tokens, int position);
static bool names_object(List *tokens, int position);
static bool stands_alone(List *tokens, const char *name);
static bool names_schemas(List *tokens, int position);
static bool is_value_of_schema(List *tokens, int position);
static bool is_mere_value(List *tokens, int position);
static bool has_strings_of_code(List *tokens);
static bool is_cast_to_object(List *tokens, int position);
static bool is_object_type(const Token *token);
static bool is_argument(List *tokens, int position);
static bool is_operand_of_call(const Token *before);
static bool calls_function(const Token *before, const Token *after);
static bool begins_like_statement(const char *body);
static void search_string(const char *name, void *arg);
static void search_after_schema(StringSearch *search);
static bool is_qualified_in(const char *body, const char *name);
static bool is_about_schemas(const char *body);
static bool part_of_word(char c);

List *
tm_statement_split(const char *text)
{
	List	   *statements = NIL;
	ListCell   *lc;

	foreach(lc, raw_parser(text, RAW_PARSE_DEFAULT))
	{
		const RawStmt *raw = lfirst_node(RawStmt, lc);
		ParsedStatement *statement = palloc(sizeof(ParsedStatement));

		statement->tree = raw->stmt;
		statement->text = tm_statement_part(text, raw->stmt_location,
											raw->stmt_len);
		statements = lappend(statements, statement);
	}
	return statements;
}

char *
tm_statement_part(const char *text, int location, int length)
{
	int			blank;

	if (location > 0)
		text += location;

	if (length <= 0)
		length = strlen(text);
	blank = blank_length(text, length);
	text += blank;

	length -= blank;
	while (length > 0 && (scanner_isspace(text[length - 1]) ||
						  text[length - 1] == ';'))
		length--;
	return pnstrdup(text, length);
}

/*
 * How much of a text is white space and comments before a statement.  Servers
 * since PostgreSQL 18 leave them out themselves, and what is kept, and its
 * checksum, must not depend on that.
 */
static int
blank_length(const char *text, int length)
{
	int			depth = 0;		/* of comments within comments */
	int			i = 0;

	while (i < length)
	{
		const char *here = text + i;

		if (strncmp(here, "/*", 2) == 0)
			depth++, i += 2;
		else if (depth > 0 && strncmp(here, "*/", 2) == 0)
			depth--, i += 2;
		else if (depth == 0 && strncmp(here, "--", 2) == 0)
			i += strcspn(here, "\r\n");
		else if (depth > 0 || scanner_isspace(*here))
			i++;
		else
			break;
	}
	return Min(i, length);
}

char *
tm_statement_names_schema(const char *text, SchemaUnwanted unwanted, void *arg)
{
	List	   *tokens = read_tokens(text);

	for (int i = 0; i < list_length(tokens); i++)
	{
		const Token *token = list_nth(tokens, i);

		if (token->string != NULL)
		{
			StringSearch search = {token->string, unwanted, arg, NULL};

			if (!is_mere_value(tokens, i))
			{
				tm_scan_names(token->string, search_string, &search);
				search_after_schema(&search);
			}
			if (search.found != NULL)
				return search.found;
			if ((names_schemas(tokens, i) || is_value_of_schema(tokens, i)) &&
				unwanted(token->string, arg))
				return pstrdup(token->string);
		}
		else if (token->word != NULL && unwanted(token->word, arg) &&
				 ((is_qualifier(tokens, i) &&
				   (names_object(tokens, i) ||
					!stands_alone(tokens, token->word))) ||
				  names_schemas(tokens, i)))
			return pstrdup(token->word);
	}
	return NULL;
}

/* PREPARE name [(types)] AS query */
char *
tm_statement_of_prepare(const char *text)
{
	List	   *tokens = read_tokens(text);
	int			depth = 0;

	for (int i = 2; i < list_length(tokens); i++)
	{
		const Token *token = list_nth(tokens, i);

		depth += token->kind == '(' ? 1 : token->kind == ')' ? -1 : 0;
		if (depth == 0 && token->word != NULL && strcmp(token->word, "as") == 0 &&
			i + 1 < list_length(tokens))
		{
			const Token *first = list_nth(tokens, i + 1);

			return pstrdup(text + first->location);
		}
	}
	return pstrdup(text);
}

char *
tm_statement_of_client(const char *text)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &no_keywords, NULL);
	char	   *found = NULL;
	bool		is_first = true;
	bool		is_copy = false;
	bool		is_from = false;
	core_YYSTYPE value;
	int			location;
	int			kind;

	while (found == NULL && (kind = core_yylex(&value, &location, scanner)) != 0)
	{
		bool		is_ident = kind == TOKEN_IDENT;

		if (kind == '\\')
			found = pnstrdup(text + location,
							 strcspn(text + location, " \t\r\n;"));
		else if (is_copy && is_from && is_ident &&
				 strcmp(value.str, "stdin") == 0)
			found = pstrdup("COPY FROM STDIN");
		if (is_first)
			is_copy = is_ident && strcmp(value.str, "copy") == 0;
		is_from = is_ident && strcmp(value.str, "from") == 0;
		is_first = kind == ';';
	}
	scanner_finish(scanner);
	return found;
}

static List *
read_tokens(const char *text)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &no_keywords, NULL);
	List	   *tokens = NIL;
	core_YYSTYPE value;
	int			location;
	int			kind;

	while ((kind = core_yylex(&value, &location, scanner)) != 0)
	{
		int			n = list_length(tokens);
		bool		has_string = kind == TOKEN_IDENT || kind == TOKEN_UIDENT ||
			kind == TOKEN_SCONST || kind == TOKEN_USCONST;
		Token	   *token = make_token(kind, has_string ? value.str : NULL,
									   location);

		/* The escape character stands behind what is written with it. */
		if (kind == TOKEN_SCONST && n >= 2 &&
			is_word(llast(tokens), "uescape"))
		{
			resolve_escapes(list_nth(tokens, n - 2), token);
			tokens = list_truncate(tokens, n - 1);
		}
		else
			tokens = lappend(tokens, token);
	}
	scanner_finish(scanner);
	for (int i = 0; i < list_length(tokens); i++)
		resolve_escapes(list_nth(tokens, i), NULL);
	return tokens;
}

static Token *
make_token(int kind, const char *string, int location)
{
	Token	   *token = palloc0(sizeof(Token));

	token->kind = kind;
	token->location = location;
	if (kind == TOKEN_IDENT || kind == TOKEN_UIDENT)
		token->word = pstrdup(string);
	else if (string != NULL)
		token->string = pstrdup(string);
	return token;
}

/* U&"..." and U&'...', with an escape character or with the usual one. */
static void
resolve_escapes(Token *token, const Token *character)
{
	char		escape = character != NULL ? character->string[0] : '\\';

	if (token->kind == TOKEN_UIDENT)
	{
		token->word = tm_name_unescape(token->word, escape);
		token->kind = TOKEN_IDENT;
	}
	else if (token->kind == TOKEN_USCONST)
	{
		token->string = tm_name_unescape(token->string, escape);
		token->kind = TOKEN_SCONST;
	}
}

static bool
is_word(const Token *token, const char *word)
{
	return token->word != NULL && strcmp(token->word, word) == 0;
}

/*
 * Is the word followed by a period, and itself not behind one, or behind the
 * name of the database?
 */
static bool
is_qualifier(List *tokens, int position)
{
	const Token *before = position > 0 ? list_nth(tokens, position - 1) : NULL;
	const Token *after = position + 1 < list_length(tokens) ?
		list_nth(tokens, position + 1) : NULL;

	if (after == NULL || after->kind != '.')
		return false;
	return before == NULL || before->kind != '.' ||
		(position > 1 && is_word(list_nth(tokens, position - 2),
								 get_database_name(MyDatabaseId)));
}

/* Does the name of an object begin here, rather than that of a column? */
static bool
names_object(List *tokens, int position)
{
	static const char *const before_objects[] = {
		"from", "join", "update", "into", "only", "table", "exists", "view",
		"sequence", "index", "type", "domain", "function", "procedure",
		"references", "call"
	};
	const Token *before = position > 0 ? list_nth(tokens, position - 1) : NULL;

	if (before != NULL && before->kind == TOKEN_TYPECAST)
		return true;
	for (int i = 0; i < (int) lengthof(before_objects); i++)
	{
		if (before != NULL && is_word(before, before_objects[i]))
			return true;
	}
	return false;
}

/* Is there this name without a period on either side, as of a table? */
static bool
stands_alone(List *tokens, const char *name)
{
	for (int i = 0; i < list_length(tokens); i++)
	{
		const Token *token = list_nth(tokens, i);
		const Token *before = i > 0 ? list_nth(tokens, i - 1) : NULL;

		if (token->word != NULL && strcmp(token->word, name) == 0 &&
			!is_qualifier(tokens, i) && !names_schemas(tokens, i) &&
			(before == NULL || before->kind != '.'))
			return true;
	}
	return false;
}

/*
 * Do names of schemas, or of a tenant, stand here: after SCHEMA, as in ALTER
 * DEFAULT PRIVILEGES, or as the value of a setting that holds them?
 */
static bool
names_schemas(List *tokens, int position)
{
	for (int i = position - 1; i >= 0; i--)
	{
		const Token *token = list_nth(tokens, i);

		if (token->string != NULL ? strcmp(token->string, "search_path") == 0 :
			token->word != NULL && (strcmp(token->word, "schema") == 0 ||
									strcmp(token->word, "search_path") == 0))
			return true;
		if (token->kind == ';' || token->kind == ')')
			return false;
		if (token->word != NULL && strcmp(token->word, "to") != 0 &&
			position - i > 2)
			return false;
	}
	return false;
}

/*
 * Is the string the name of a schema by what stands around it: a condition on
 * a column of the catalogs, an argument of a function about schemas, a type?
 */
static bool
is_value_of_schema(List *tokens, int position)
{
	for (int i = 1; i <= 2; i++)
	{
		const Token *token = position + i < list_length(tokens) ?
			list_nth(tokens, position + i) : NULL;

		if (token != NULL && is_word(token, "regnamespace"))
			return true;
	}
	for (int i = position - 1; i >= 0; i--)
	{
		const Token *token = list_nth(tokens, i);

		if (token->kind == ';' || token->kind == ')')
			return false;
		if (token->word != NULL && is_about_schemas(token->word))
			return true;
		if (token->word != NULL && !is_word(token, "in") &&
			!is_word(token, "any") && !is_word(token, "array"))
			return false;
	}
	return false;
}

/*
 * Is the string something that is stored or compared: no code, no argument of a
 * function, which can take names, and not read as the name of an object?
 */
static bool
is_mere_value(List *tokens, int position)
{
	const Token *string = list_nth(tokens, position);

	if (has_strings_of_code(tokens) || is_about_schemas(string->string) ||
		begins_like_statement(string->string))
		return false;
	return !is_cast_to_object(tokens, position) &&
		(position == 0 || !is_argument(tokens, position));
}

/* Does the statement have a body, or run one? */
static bool
has_strings_of_code(List *tokens)
{
	const Token *first = linitial(tokens);
	int			what = 1;

	if (is_word(first, "do"))
		return true;
	if (!is_word(first, "create"))
		return false;
	if (list_length(tokens) > 3 && is_word(lsecond(tokens), "or"))
		what = 3;
	return list_length(tokens) > what &&
		(is_word(list_nth(tokens, what), "function") ||
		 is_word(list_nth(tokens, what), "procedure"));
}

/*
 * As in 't'::regclass, ('t'::text)::regclass, CAST ('t' AS regclass), regclass 't',
 * ARRAY['t']::regclass[]
 */
static bool
is_cast_to_object(List *tokens, int position)
{
	if (position > 0 && is_object_type(list_nth(tokens, position - 1)))
		return true;
	for (int i = position + 1; i < list_length(tokens); i++)
	{
		const Token *token = list_nth(tokens, i);

		if (token->kind == ')' || token->kind == ']')
			continue;
		if (token->kind != TOKEN_TYPECAST && !is_word(token, "as"))
			return false;
		if (++i < list_length(tokens) && is_object_type(list_nth(tokens, i)))
			return true;
	}
	return false;
}

/* Are values of this type read as the names of objects, as those of regclass? */
static bool
is_object_type(const Token *token)
{
	return token->word != NULL && (strncmp(token->word, "reg", 3) == 0 ||
								   strcmp(token->word, "pg_catalog") == 0);
}

/* Is it one of the arguments of a function, alone or in an array? */
static bool
is_argument(List *tokens, int position)
{
	int			depth = 0;

	if (!is_operand_of_call(list_nth(tokens, position - 1)))
		return false;
	for (int i = position - 1; i > 0; i--)
	{
		const Token *token = list_nth(tokens, i);

		if (token->kind == ')' || token->kind == ']')
			depth++;
		else if (token->kind == '(' || token->kind == '[')
			depth--;
		if (depth < 0 && token->kind == '(')
			return calls_function(list_nth(tokens, i - 1),
								  list_nth(tokens, i + 1));
		depth = Max(depth, 0);	/* out of an array */
	}
	return false;
}

/* Can an argument begin behind this? */
static bool
is_operand_of_call(const Token *before)
{
	return before->kind == '(' || before->kind == '[' || before->kind == ',' ||
		before->kind == TOKEN_COLON_EQUALS ||
		before->kind == TOKEN_EQUALS_GREATER;
}

/* Is it a call, what stands around an opening parenthesis, and no list of values? */
static bool
calls_function(const Token *before, const Token *after)
{
	static const char *const before_values[] = {
		"values", "in", "any", "all", "some", "row", "enum", "and", "or", "not",
		"where", "when", "then", "else", "check", "default", "on", "having",
		"select", "by", "as", "like", "ilike", "is", "from", "to", "with",
		"using"
	};

	if (before->word == NULL || is_word(after, "select") ||
		is_word(after, "values"))
		return false;
	for (int i = 0; i < (int) lengthof(before_values); i++)
	{
		if (is_word(before, before_values[i]))
			return false;
	}
	return true;
}

static bool
begins_like_statement(const char *body)
{
	static const char *const verbs[] = {
		"select", "insert", "update", "delete", "merge", "with", "create",
		"alter", "drop", "truncate", "grant", "revoke", "comment", "copy",
		"call", "do", "table", "refresh", "begin", "declare"
	};

	while (scanner_isspace(*body) || *body == '(')
		body++;
	for (int i = 0; i < (int) lengthof(verbs); i++)
	{
		size_t		length = strlen(verbs[i]);

		if (pg_strncasecmp(body, verbs[i], length) == 0 &&
			scanner_isspace(body[length]))
			return true;
	}
	return false;
}

/* In a string, for tm_scan_names, which tells more than is meant here. */
static void
search_string(const char *name, void *arg)
{
	StringSearch *search = arg;

	if (search->found == NULL && search->unwanted(name, search->arg) &&
		is_qualified_in(search->body, name))
		search->found = pstrdup(name);
}

/* In a string that holds code: SCHEMA and a name, as in GRANT. */
static void
search_after_schema(StringSearch *search)
{
	static const char keyword[] = "schema";
	const size_t length = strlen(keyword);

	for (const char *p = search->body; *p != '\0' && search->found == NULL; p++)
	{
		const char *start = p + length;
		const char *end;
		char	   *name;

		if (pg_strncasecmp(p, keyword, length) != 0 ||
			!scanner_isspace(*start) ||
			(p > search->body && part_of_word(p[-1])))
			continue;
		while (scanner_isspace(*start))
			start++;
		if (*start == '"')
		{
			end = strchr(start + 1, '"');
			if (end == NULL)
				continue;
			name = pnstrdup(start + 1, end - start - 1);
		}
		else
		{
			for (end = start; part_of_word(*end); end++)
				;
			name = downcase_truncate_identifier(start, end - start, false);
		}
		if (search->unwanted(name, search->arg))
			search->found = name;
	}
}

/*
 * Is the name before a period, or is the string about schemas?  A name that does
 * not occur as such is written with escapes, and by somebody who means it.
 */
static bool
is_qualified_in(const char *body, const char *name)
{
	size_t		length = strlen(name);
	bool		occurs = false;

	if (is_about_schemas(body))
		return true;
	for (const char *p = body; *p != '\0'; p++)
	{
		const char *end = p + length;

		if (pg_strncasecmp(p, name, length) != 0 || part_of_word(*end) ||
			(p > body && part_of_word(p[-1])))
			continue;
		occurs = true;
		if (p > body && strchr("@/-", p[-1]) != NULL)
			continue;			/* as in info@acme.com, https://acme.com */
		if (*end == '"')
			end++;
		while (scanner_isspace(*end))
			end++;
		if (*end == '.')
			return true;
	}
	return !occurs;
}

/* Does it contain a word that has to do with names of schemas? */
static bool
is_about_schemas(const char *body)
{
	static const char *const words[] = {
		"search_path", "nspname", "regnamespace", "table_schema",
		"schemaname", "schema_name", "has_schema_privilege",
		"object_schema", "trigger_schema", "sequence_schema"
	};

	for (int i = 0; i < (int) lengthof(words); i++)
	{
		if (strstr(body, words[i]) != NULL)
			return true;
	}
	return false;
}

/* Characters of an identifier without quotes */
static bool
part_of_word(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '$' ||
		IS_HIGHBIT_SET(c);
}
