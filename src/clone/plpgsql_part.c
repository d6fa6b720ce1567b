/*
 * plpgsql_part.c
 *		Statements, expressions and types in a text of PL/pgSQL.
 *
 * PL/pgSQL finds the end of a piece of SQL by counting parentheses and looking
 * for the word that ends it, such as THEN, LOOP or a semicolon.  Its own parser
 * tells nobody where the pieces were, so they are found here in the same way.
 * What they mean is left to the server's grammar.
 *
 * The pieces cannot be given to the grammar as they are: INTO with its variables
 * is taken out, and PERFORM means SELECT.  What is taken out is replaced by white
 * space, so that locations stay what they are.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "clone/plpgsql_part.h"

/* How far the text has been read */
typedef struct Reader
{
	const SqlTokens *tokens;	/* all of it */
	int			at;				/* the next token */
	List	   *parts;			/* what has been found */
	List	   *labels;			/* C strings */
} Reader;

/* Statements that begin with a word and have an expression up to another one */
typedef struct Condition
{
	const char *word;			/* the first word, */
	const char *end;			/* and the one that ends it */
} Condition;

static const Condition conditions[] = {
	{"if", "then"},
	{"elsif", "then"},
	{"elseif", "then"},
	{"when", "then"},
	{"while", "loop"},
};

/* Words that begin or separate statements and have nothing of their own */
static const char *const single_words[] = {
	"begin", "else", "loop", "exception"
};

/* Statements about cursors and diagnostics, which name variables only */
static const char *const variable_words[] = {"close", "get", "null"};

/* Words that begin a query of which FOR takes the rows */
static const char *const query_words[] = {
	"select", "with", "values", "table", "insert", "update", "delete", "merge",
	"show", "explain", "call"
};

static void read_statement(Reader *reader);
static bool read_label(Reader *reader);
static void read_declarations(Reader *reader);
static void read_declaration(Reader *reader);
static void read_cursor(Reader *reader);
static void read_arguments(Reader *reader, bool declared);
static void read_type(Reader *reader, int first, int end);
static bool read_assignment(Reader *reader);
static bool read_condition(Reader *reader);
static void read_case(Reader *reader);
static void read_for(Reader *reader);
static void read_range(Reader *reader, int first, int end);
static void read_foreach(Reader *reader);
static void read_return(Reader *reader);
static void read_raise(Reader *reader);
static void read_open(Reader *reader);
static void read_fetch(Reader *reader);
static void read_exit(Reader *reader);
static void read_execute(Reader *reader, const char *end_word);
static void read_sql(Reader *reader, const char *end_word);
static void add_expressions(Reader *reader, int first, int end,
							const char *const *separators, int nseparators);
static PlpgsqlPart *add(Reader *reader, PartKind kind, int first, int end);
static void blank_targets(Reader *reader, PlpgsqlPart *part);
static int	skip_names(const SqlTokens *tokens, int position);
static int	find_end(const Reader *reader, int first, const char *word);
static int	find_closing(const Reader *reader, int open);
static int	depth_change(const SqlTokens *tokens, int position);
static bool is_one_of(const SqlTokens *tokens, int position,
					  const char *const *words, int nwords);
static bool is_word(const Reader *reader, const char *word);

List *
tm_plpgsql_parts(const SqlTokens *tokens, List **labels)
{
	Reader		reader = {tokens, 0, NIL, *labels};

	/* #option value */
	while (reader.at < tokens->ntokens &&
		   tokens->text[tokens->tokens[reader.at].location] == '#')
		reader.at += 3;
	while (reader.at < tokens->ntokens)
		read_statement(&reader);
	*labels = reader.labels;
	return reader.parts;
}

/* A statement, or a word that belongs to one around it. */
static void
read_statement(Reader *reader)
{
	const SqlTokens *tokens = reader->tokens;

	if (tm_sql_token_kind(tokens, reader->at, ';'))
		reader->at++;
	else if (read_label(reader) || read_assignment(reader) ||
			 read_condition(reader))
		return;
	else if (is_one_of(tokens, reader->at, single_words,
					   lengthof(single_words)))
		reader->at++;
	else if (is_one_of(tokens, reader->at, variable_words,
					   lengthof(variable_words)))
	{
		int			end = find_end(reader, reader->at, NULL);

		add(reader, PART_VARIABLES, reader->at, end);
		reader->at = end;
	}
	else if (is_word(reader, "declare"))
		read_declarations(reader);
	else if (is_word(reader, "end"))
		reader->at = find_end(reader, reader->at, NULL);
	else if (is_word(reader, "case"))
		read_case(reader);
	else if (is_word(reader, "for"))
		read_for(reader);
	else if (is_word(reader, "foreach"))
		read_foreach(reader);
	else if (is_word(reader, "return"))
		read_return(reader);
	else if (is_word(reader, "raise"))
		read_raise(reader);
	else if (is_word(reader, "open"))
		read_open(reader);
	else if (is_word(reader, "fetch") || is_word(reader, "move"))
		read_fetch(reader);
	else if (is_word(reader, "exit") || is_word(reader, "continue"))
		read_exit(reader);
	else if (is_word(reader, "execute"))
		read_execute(reader, NULL);
	else if (is_word(reader, "assert"))
	{
		int			end = find_end(reader, reader->at, NULL);

		add(reader, PART_EXPRESSION, reader->at + 1, end);
		reader->at = end;
	}
	else
		read_sql(reader, NULL);
}

/* <<name>> */
static bool
read_label(Reader *reader)
{
	const SqlTokens *tokens = reader->tokens;
	const SqlToken *token = &tokens->tokens[reader->at];

	if (token->kind != TOKEN_OP || token->length != 2 ||
		strncmp(tokens->text + token->location, "<<", 2) != 0)
		return false;
	if (reader->at + 1 < tokens->ntokens && token[1].word != NULL)
		reader->labels = lappend(reader->labels, pstrdup(token[1].word));
	reader->at += 3;
	return true;
}

/* Up to BEGIN, which is left. */
static void
read_declarations(Reader *reader)
{
	const SqlTokens *tokens = reader->tokens;

	while (reader->at < tokens->ntokens && !is_word(reader, "begin"))
	{
		if (is_word(reader, "declare") ||
			tm_sql_token_kind(tokens, reader->at, ';'))
			reader->at++;
		else if (!read_label(reader))
			read_declaration(reader);
	}
}

/* name [CONSTANT] type [COLLATE collation] [NOT NULL] [default]; and others */
static void
read_declaration(Reader *reader)
{
	static const char *const stops[] = {"collate", "not", "default"};
	const SqlTokens *tokens = reader->tokens;
	int			end = find_end(reader, reader->at, NULL);
	int			first = reader->at + 1;
	int			stop;
	int			depth = 0;

	if (tm_sql_token_is(tokens, first, "alias"))
		add(reader, PART_VARIABLES, first, end);
	else if (tm_sql_token_is(tokens, first, "cursor") ||
			 tm_sql_token_is(tokens, first, "scroll") ||
			 (tm_sql_token_is(tokens, first, "no") &&
			  tm_sql_token_is(tokens, first + 1, "scroll")))
	{
		read_cursor(reader);
		return;
	}
	else
	{
		if (tm_sql_token_is(tokens, first, "constant"))
			first++;
		for (stop = first; stop < end; stop++)
		{
			int			kind = tokens->tokens[stop].kind;

			depth += depth_change(tokens, stop);
			if (depth == 0 && (kind == '=' || kind == TOKEN_COLON_EQUALS ||
							   is_one_of(tokens, stop, stops, lengthof(stops))))
				break;
		}
		read_type(reader, first, stop);

		/* what is between the two is no expression */
		while (stop < end && tokens->tokens[stop].kind != '=' &&
			   tokens->tokens[stop].kind != TOKEN_COLON_EQUALS &&
			   !tm_sql_token_is(tokens, stop, "default"))
			stop++;
		if (stop < end)
			add(reader, PART_EXPRESSION, stop + 1, end);
	}
	reader->at = end;
}

/* name [[NO] SCROLL] CURSOR [(arguments)] {FOR | IS} query */
static void
read_cursor(Reader *reader)
{
	const SqlTokens *tokens = reader->tokens;

	while (reader->at < tokens->ntokens && !is_word(reader, "cursor") &&
		   !tm_sql_token_kind(tokens, reader->at, ';'))
		reader->at++;
	reader->at++;
	read_arguments(reader, true);
	if (is_word(reader, "for") || is_word(reader, "is"))
		reader->at++;
	read_sql(reader, NULL);
}

/* Of a cursor, if there are any: "name type, ..." or values */
static void
read_arguments(Reader *reader, bool declared)
{
	const SqlTokens *tokens = reader->tokens;
	int			end;
	int			first = reader->at + 1;
	int			depth = 0;

	if (!tm_sql_token_kind(tokens, reader->at, '('))
		return;
	end = find_closing(reader, reader->at);
	if (!declared)
		add(reader, PART_EXPRESSION, first, end);
	for (int i = first; declared && i <= end; i++)
	{
		if (depth == 0 && (i == end || tm_sql_token_kind(tokens, i, ',')))
		{
			read_type(reader, first + 1, i);
			first = i + 1;
		}
		else
			depth += depth_change(tokens, i);
	}
	reader->at = end + 1;
}

/*
 * A type, or that of a column or a table.  With %TYPE, two names are a table
 * and its column, or a label and its variable; with three, the first one is a
 * schema.  With %ROWTYPE, the first one of two is.
 */
static void
read_type(Reader *reader, int first, int end)
{
	const SqlTokens *tokens = reader->tokens;
	int			names = skip_names(tokens, first);
	int			count = (names - first + 1) / 2;
	bool		of_row;

	if (names >= end || !tm_sql_token_kind(tokens, names, '%'))
	{
		add(reader, PART_TYPE, first, end);
		return;
	}
	of_row = tm_sql_token_is(tokens, names + 1, "rowtype");
	if (count == (of_row ? 2 : 3))
		add(reader, PART_TABLE, first, names);
	else
		add(reader, PART_VARIABLES, first, names);
}

/* variable[.field][[subscript]] {:= | =} expression */
static bool
read_assignment(Reader *reader)
{
	const SqlTokens *tokens = reader->tokens;
	int			names = skip_names(tokens, reader->at);
	int			end;

	if (names == reader->at ||
		(!tm_sql_token_kind(tokens, names, TOKEN_COLON_EQUALS) &&
		 !tm_sql_token_kind(tokens, names, '=') &&
		 !tm_sql_token_kind(tokens, names, '[')))
		return false;
	end = find_end(reader, reader->at, NULL);
	add(reader, PART_ASSIGNMENT, reader->at, end);
	reader->at = end;
	return true;
}

static bool
read_condition(Reader *reader)
{
	for (int i = 0; i < (int) lengthof(conditions); i++)
	{
		int			end;

		if (!is_word(reader, conditions[i].word))
			continue;
		end = find_end(reader, reader->at, conditions[i].end);
		add(reader, PART_EXPRESSION, reader->at + 1, end);
		reader->at = end + 1;
		return true;
	}
	return false;
}

/* CASE [expression], and WHEN is read later */
static void
read_case(Reader *reader)
{
	int			end = find_end(reader, reader->at, "when");

	add(reader, PART_EXPRESSION, reader->at + 1, end);
	reader->at = end;
}

/* FOR variable IN [REVERSE] {range | query | cursor | EXECUTE} LOOP */
static void
read_for(Reader *reader)
{
	const SqlTokens *tokens = reader->tokens;
	int			in = find_end(reader, reader->at, "in");
	int			end = find_end(reader, in, "loop");
	int			depth = 0;

	add(reader, PART_VARIABLES, reader->at + 1, in);
	reader->at = in + 1;
	if (is_word(reader, "execute"))
	{
		read_execute(reader, "loop");
		reader->at++;
		return;
	}
	if (is_word(reader, "reverse"))
		reader->at++;
	for (int i = reader->at; i < end; i++)
	{
		depth += depth_change(tokens, i);
		if (depth == 0 && tm_sql_token_kind(tokens, i, TOKEN_DOT_DOT))
		{
			read_range(reader, reader->at, end);
			reader->at = end + 1;
			return;
		}
	}
	if (is_one_of(tokens, reader->at, query_words, lengthof(query_words)) ||
		tm_sql_token_kind(tokens, reader->at, '('))
		read_sql(reader, "loop");
	else
	{
		int			names = skip_names(tokens, reader->at);

		add(reader, PART_VARIABLES, reader->at, names);
		reader->at = names;
		read_arguments(reader, false);
	}
	reader->at = end + 1;
}

/* from .. to [BY step] */
static void
read_range(Reader *reader, int first, int end)
{
	static const char *const separators[] = {"by"};

	for (int i = first; i < end; i++)
	{
		if (!tm_sql_token_kind(reader->tokens, i, TOKEN_DOT_DOT))
			continue;
		add(reader, PART_EXPRESSION, first, i);
		first = i + 1;
	}
	add_expressions(reader, first, end, separators, lengthof(separators));
}

/* FOREACH variable [SLICE number] IN ARRAY expression LOOP */
static void
read_foreach(Reader *reader)
{
	int			in = find_end(reader, reader->at, "in");
	int			end = find_end(reader, in, "loop");

	add(reader, PART_VARIABLES, reader->at + 1, in);
	add(reader, PART_EXPRESSION, in + 2, end);
	reader->at = end + 1;
}

/* RETURN [NEXT] expression, RETURN QUERY {query | EXECUTE ...} */
static void
read_return(Reader *reader)
{
	int			end = find_end(reader, reader->at, NULL);

	reader->at++;
	if (is_word(reader, "query"))
	{
		reader->at++;
		if (is_word(reader, "execute"))
			read_execute(reader, NULL);
		else
			read_sql(reader, NULL);
		return;
	}
	if (is_word(reader, "next"))
		reader->at++;
	add(reader, PART_EXPRESSION, reader->at, end);
	reader->at = end;
}

/* RAISE [level] [format or condition] [, expression ...] [USING ...] */
static void
read_raise(Reader *reader)
{
	static const char *const separators[] = {"using"};
	const SqlTokens *tokens = reader->tokens;
	int			end = find_end(reader, reader->at, NULL);
	int			first = reader->at + 1;

	while (first < end && !tm_sql_token_kind(tokens, first, ',') &&
		   !tm_sql_token_is(tokens, first, "using"))
		first++;
	if (first < end)
		add_expressions(reader, first + 1, end, separators,
						lengthof(separators));
	reader->at = end;
}

/* OPEN cursor [(values)] | [[NO] SCROLL] FOR {query | EXECUTE ...} */
static void
read_open(Reader *reader)
{
	const SqlTokens *tokens = reader->tokens;
	int			end = find_end(reader, reader->at, NULL);
	int			names = skip_names(tokens, reader->at + 1);

	add(reader, PART_VARIABLES, reader->at + 1, names);
	reader->at = names;
	read_arguments(reader, false);
	while (reader->at < end && !is_word(reader, "for"))
		reader->at++;
	if (reader->at == end)
		return;
	reader->at++;
	if (is_word(reader, "execute"))
		read_execute(reader, NULL);
	else
		read_sql(reader, NULL);
}

/* {FETCH | MOVE} [direction {FROM | IN}] cursor [INTO variables] */
static void
read_fetch(Reader *reader)
{
	static const char *const words[] = {"from", "in", "into"};
	int			end = find_end(reader, reader->at, NULL);

	/* a direction may have an expression, whose meaning is left open */
	while (reader->at < end &&
		   !is_one_of(reader->tokens, reader->at, words, lengthof(words)))
		reader->at++;
	add(reader, PART_VARIABLES, reader->at, end);
	reader->at = end;
}

/* {EXIT | CONTINUE} [label] [WHEN expression] */
static void
read_exit(Reader *reader)
{
	int			end = find_end(reader, reader->at, NULL);
	int			when = find_end(reader, reader->at, "when");

	if (when < end)
		add(reader, PART_EXPRESSION, when + 1, end);
	reader->at = end;
}

/* EXECUTE expression [INTO variables] [USING expressions] */
static void
read_execute(Reader *reader, const char *end_word)
{
	static const char *const separators[] = {"into", "using"};
	int			end = find_end(reader, reader->at, end_word);

	add_expressions(reader, reader->at + 1, end, separators,
					lengthof(separators));
	reader->at = end;
}

/* A statement of SQL, or PERFORM */
static void
read_sql(Reader *reader, const char *end_word)
{
	int			end = find_end(reader, reader->at, end_word);
	bool		perform = is_word(reader, "perform");
	PlpgsqlPart *part = add(reader, PART_STATEMENT, reader->at, end);

	if (part != NULL)
	{
		if (perform)
			memcpy(part->sql, "SELECT ", strlen("PERFORM"));
		blank_targets(reader, part);
	}
	reader->at = end;
}

/* Expressions, each up to one of these words. */
static void
add_expressions(Reader *reader, int first, int end,
				const char *const *separators, int nseparators)
{
	int			depth = 0;

	for (int i = first; i <= end; i++)
	{
		if (i < end)
			depth += depth_change(reader->tokens, i);
		if (i < end && (depth > 0 || !is_one_of(reader->tokens, i, separators,
												nseparators)))
			continue;
		add(reader, first > 0 &&
			tm_sql_token_is(reader->tokens, first - 1, "into") ?
			PART_VARIABLES : PART_EXPRESSION, first, i);
		first = i + 1;
	}
}

/* NULL if there is nothing in it. */
static PlpgsqlPart *
add(Reader *reader, PartKind kind, int first, int end)
{
	const SqlToken *tokens = reader->tokens->tokens;
	PlpgsqlPart *part;

	if (first >= end || end > reader->tokens->ntokens)
		return NULL;
	part = palloc0(sizeof(PlpgsqlPart));
	part->kind = kind;
	part->first = first;
	part->end = end;
	if (kind != PART_VARIABLES && kind != PART_TABLE)
		part->sql = pnstrdup(reader->tokens->text + tokens[first].location,
							 tokens[end - 1].location + tokens[end - 1].length -
							 tokens[first].location);
	reader->parts = lappend(reader->parts, part);
	return part;
}

/* INTO [STRICT] and the variables that follow, but not INSERT INTO */
static void
blank_targets(Reader *reader, PlpgsqlPart *part)
{
	const SqlTokens *tokens = reader->tokens;
	int			start = tokens->tokens[part->first].location;

	for (int i = part->first + 1; i < part->end; i++)
	{
		int			target = i + 1;
		int			names;

		if (!tm_sql_token_is(tokens, i, "into") ||
			tm_sql_token_is(tokens, i - 1, "insert") ||
			tm_sql_token_is(tokens, i - 1, "merge"))
			continue;
		if (tm_sql_token_is(tokens, target, "strict"))
			target++;
		names = skip_names(tokens, target);
		while (tm_sql_token_kind(tokens, names, ','))
			names = skip_names(tokens, names + 1);
		names = Min(names, part->end);
		memset(part->sql + tokens->tokens[i].location - start, ' ',
			   tokens->tokens[names - 1].location +
			   tokens->tokens[names - 1].length - tokens->tokens[i].location);
		add(reader, PART_VARIABLES, i, names);
		i = names - 1;
	}
}

/* Behind name[.name ...], or the position itself if there is none. */
static int
skip_names(const SqlTokens *tokens, int position)
{
	int			end = position;

	if (position >= tokens->ntokens || tokens->tokens[position].word == NULL)
		return position;
	for (end++; end + 1 < tokens->ntokens && tokens->tokens[end].kind == '.' &&
		 tokens->tokens[end + 1].word != NULL;)
		end += 2;
	return end;
}

/*
 * The next semicolon that is not in parentheses, or this word if it comes
 * first; the end of the text if there is none.
 */
static int
find_end(const Reader *reader, int first, const char *word)
{
	const SqlTokens *tokens = reader->tokens;
	int			depth = 0;
	int			i;

	for (i = first; i < tokens->ntokens; i++)
	{
		depth += depth_change(tokens, i);
		if (depth > 0)
			continue;
		if (tokens->tokens[i].kind == ';' ||
			(word != NULL && tm_sql_token_is(tokens, i, word)))
			break;
	}
	return i;
}

/* The parenthesis that belongs to this one */
static int
find_closing(const Reader *reader, int open)
{
	const SqlTokens *tokens = reader->tokens;
	int			depth = 0;
	int			i;

	for (i = open; i < tokens->ntokens; i++)
	{
		depth += depth_change(tokens, i);
		if (depth == 0)
			break;
	}
	return i;
}

static int
depth_change(const SqlTokens *tokens, int position)
{
	if (position >= tokens->ntokens)
		return 0;
	switch (tokens->tokens[position].kind)
	{
		case '(':
		case '[':
			return 1;
		case ')':
		case ']':
			return -1;
		default:
			return 0;
	}
}

static bool
is_one_of(const SqlTokens *tokens, int position, const char *const *words,
		  int nwords)
{
	for (int i = 0; i < nwords; i++)
	{
		if (tm_sql_token_is(tokens, position, words[i]))
			return true;
	}
	return false;
}

static bool
is_word(const Reader *reader, const char *word)
{
	return tm_sql_token_is(reader->tokens, reader->at, word);
}
