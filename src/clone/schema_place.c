/*
 * schema_place.c
 *		Where a text names a schema.
 *
 * name_scan.c tells whether a text may name a schema, for whoever has to be warned.
 * Here it is about which bytes are the name, so that they can be changed, and
 * about being sure of it: the text is taken apart by the server's scanner, its
 * statements by the server's grammar (sql_name.c), those of PL/pgSQL after they
 * have been found (plpgsql_part.c).  A place is certain if the grammar says so.
 * All others are uncertain: what is in strings, what a statement of another kind
 * says, and whatever is in a language that is not known here.
 *
 * Nothing is looked up: the answer does not depend on what there is in the
 * database, nor on the search path.
 *
 * The grammar raises errors, which are caught by subtransactions; only the pieces
 * that have the name in them are parsed.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "common/keywords.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "utils/builtins.h"

#include "base/attempt.h"
#include "base/name_scan.h"
#include "base/sql_token.h"
#include "binding/binding.h"
#include "clone/plpgsql_part.h"
#include "clone/schema_place.h"
#include "clone/sql_name.h"

/* More of a string is not shown */
#define MAX_SHOWN	80

/* A piece that is parsed */
typedef struct ParsedPiece
{
	const char *sql;			/* its text, */
	RawParseMode mode;			/* what it is, */
	List	   *trees;			/* and what came of it */
} ParsedPiece;

static List *places_of_tokens(const SchemaText *source, const SqlTokens *tokens,
							  const char *schema);
static List *places_of_lines(const char *text, const char *schema);
static void read_tokens(void *arg);
static void decide_plpgsql(SqlNames *names);
static void decide_part(SqlNames *names, const PlpgsqlPart *part);
static void decide_piece(SqlNames *names, const char *sql, RawParseMode mode,
						 int location);
static void parse_piece(void *arg);
static void decide_tokens(SqlNames *names, int first, int end,
						  NameStatus status);
static bool has_open_name(const SqlNames *names, int first, int end);
static bool string_names(const SqlTokens *tokens, int position,
						 const char *schema);
static bool follows_setting(const SqlTokens *tokens, int position);
static bool is_among_schemas(const SqlTokens *tokens, int position);
static NameStatus first_status(const SqlNames *names, int position);
static SchemaPlace *make_place(const char *text, int location, int length,
							   int shown, bool certain);
static const char *quoted_for(const SchemaText *source, const char *name);

List *
tm_schema_places(const SchemaText *source, const char *schema)
{
	SqlTokens	tokens = {source->text, NULL, 0};

	if (!tm_scan_for_name(source->text, schema))
		return NIL;
	if (source->language == TEXT_OTHER ||
		tm_attempt(read_tokens, &tokens) != NULL)
		return places_of_lines(source->text, schema);
	return places_of_tokens(source, &tokens, schema);
}

char *
tm_schema_place_before(const SchemaText *source, const SchemaPlace *place)
{
	const char *start = source->text + place->location;

	if (place->shown <= MAX_SHOWN)
		return pnstrdup(start, place->shown);
	return psprintf("%s...",
					pnstrdup(start, pg_mbcliplen(start, place->shown, MAX_SHOWN)));
}

char *
tm_schema_place_after(const SchemaText *source, const SchemaPlace *place,
					  const char *new_schema)
{
	if (!place->certain)
		return NULL;
	return psprintf("%s%.*s", quoted_for(source, new_schema),
					place->shown - place->length,
					source->text + place->location + place->length);
}

char *
tm_schema_places_replace(const SchemaText *source, List *places,
						 const char *new_schema)
{
	const char *quoted = quoted_for(source, new_schema);
	StringInfoData buf;
	int			done = 0;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, places)
	{
		const SchemaPlace *place = lfirst(lc);

		if (!place->certain)
			continue;
		appendBinaryStringInfo(&buf, source->text + done, place->location - done);
		appendStringInfoString(&buf, quoted);
		done = place->location + place->length;
	}
	if (done == 0)
		return NULL;
	appendStringInfoString(&buf, source->text + done);
	return buf.data;
}

/* Of a text that the scanner can read. */
static List *
places_of_tokens(const SchemaText *source, const SqlTokens *tokens,
				 const char *schema)
{
	SqlNames	names = {tokens, NULL, schema, false};
	List	   *places = NIL;

	names.status = palloc0(sizeof(NameStatus) * Max(tokens->ntokens, 1));
	names.is_label = source->function != NULL &&
		strcmp(source->function, schema) == 0;
	for (int i = 0; i < tokens->ntokens; i++)
	{
		if (tokens->tokens[i].word != NULL &&
			strcmp(tokens->tokens[i].word, schema) == 0)
			names.status[i] = first_status(&names, i);
	}
	if (source->language == TEXT_PLPGSQL)
		decide_plpgsql(&names);
	else if (has_open_name(&names, 0, tokens->ntokens))
		decide_piece(&names, source->text, RAW_PARSE_DEFAULT, 0);

	for (int i = 0; i < tokens->ntokens; i++)
	{
		const SqlToken *token = &tokens->tokens[i];
		int			shown = token->length;

		CHECK_FOR_INTERRUPTS();
		if (token->string != NULL && string_names(tokens, i, schema))
			places = lappend(places, make_place(source->text, token->location,
												token->length, shown, false));
		if (names.status[i] != NAME_OPEN && names.status[i] != NAME_SCHEMA)
			continue;
		if (tm_sql_token_kind(tokens, i + 1, '.') && i + 2 < tokens->ntokens)
			shown = token[2].location + token[2].length - token->location;
		places = lappend(places, make_place(source->text, token->location,
											token->length, shown,
											names.status[i] == NAME_SCHEMA));
	}
	return places;
}

/*
 * Of a text that cannot be read: each line that may name it, or the whole text if
 * only several lines together do.
 */
static List *
places_of_lines(const char *text, const char *schema)
{
	List	   *places = NIL;
	const char *line = text;

	while (*line != '\0')
	{
		size_t		length = strcspn(line, "\r\n");
		size_t		blank = strspn(line, " \t");

		if (tm_scan_for_name(pnstrdup(line, length), schema))
			places = lappend(places, make_place(text, line + blank - text,
												length - blank, length - blank,
												false));
		line += length;
		line += (*line != '\0');
	}
	if (places == NIL)
		places = list_make1(make_place(text, 0, strlen(text), strlen(text),
									   false));
	return places;
}

static void
read_tokens(void *arg)
{
	SqlTokens  *tokens = arg;

	*tokens = *tm_sql_tokens(tokens->text);
}

static void
decide_plpgsql(SqlNames *names)
{
	List	   *labels = NIL;
	List	   *parts;
	ListCell   *lc;

	if (!has_open_name(names, 0, names->tokens->ntokens))
		return;
	parts = tm_plpgsql_parts(names->tokens, &labels);
	foreach(lc, labels)
	{
		if (strcmp(lfirst(lc), names->schema) == 0)
			names->is_label = true;
	}
	foreach(lc, parts)
		decide_part(names, lfirst(lc));
}

static void
decide_part(SqlNames *names, const PlpgsqlPart *part)
{
	RawParseMode mode = RAW_PARSE_DEFAULT;

	if (!has_open_name(names, part->first, part->end))
		return;
	switch (part->kind)
	{
		case PART_STATEMENT:
			break;
		case PART_EXPRESSION:
			mode = RAW_PARSE_PLPGSQL_EXPR;
			break;
		case PART_ASSIGNMENT:
			mode = RAW_PARSE_PLPGSQL_ASSIGN1;
			break;
		case PART_TYPE:
			mode = RAW_PARSE_TYPE_NAME;
			break;
		case PART_TABLE:
			decide_tokens(names, part->first, part->first + 1, NAME_SCHEMA);
			return;
		case PART_VARIABLES:
			decide_tokens(names, part->first, part->end, NAME_NO_SCHEMA);
			return;
	}
	decide_piece(names, part->sql, mode,
				 names->tokens->tokens[part->first].location);
}

/* What cannot be parsed stays open. */
static void
decide_piece(SqlNames *names, const char *sql, RawParseMode mode,
			 int location)
{
	ParsedPiece piece = {sql, mode, NIL};

	if (tm_attempt(parse_piece, &piece) == NULL)
		tm_sql_names_decide(names, piece.trees, location);
}

static void
parse_piece(void *arg)
{
	ParsedPiece *piece = arg;

	piece->trees = raw_parser(piece->sql, piece->mode);
}

/* The names among these tokens. */
static void
decide_tokens(SqlNames *names, int first, int end, NameStatus status)
{
	for (int i = first; i < end; i++)
	{
		if (names->status[i] == NAME_OPEN)
			names->status[i] = status;
	}
}

static bool
has_open_name(const SqlNames *names, int first, int end)
{
	for (int i = first; i < end; i++)
	{
		if (names->status[i] == NAME_OPEN)
			return true;
	}
	return false;
}

/*
 * The token is the name, as a word.  It can mean the schema if it qualifies
 * another one and is not qualified itself, or where schemas are listed.
 */
static NameStatus
first_status(const SqlNames *names, int position)
{
	const SqlTokens *tokens = names->tokens;

	if (tm_sql_token_kind(tokens, position - 1, '.'))
		return NAME_OTHER;
	if (tm_sql_token_kind(tokens, position + 1, '.') ||
		is_among_schemas(tokens, position) ||
		follows_setting(tokens, position))
		return NAME_OPEN;
	return NAME_OTHER;
}

/* SCHEMA name, name ... */
static bool
is_among_schemas(const SqlTokens *tokens, int position)
{
	while (tm_sql_token_kind(tokens, position - 1, ',') && position > 1 &&
		   tokens->tokens[position - 2].word != NULL)
		position -= 2;
	return tm_sql_token_is(tokens, position - 1, "schema");
}

/*
 * Does the string name it, or may it?  It is looked at as it is meant, and as it is
 * written: under other settings of the session it may mean something else.  What
 * stands around it matters, as in 'FROM shop.' || name, or in the value of a
 * setting.
 */
static bool
string_names(const SqlTokens *tokens, int position, const char *schema)
{
	const SqlToken *token = &tokens->tokens[position];
	const char *before = follows_setting(tokens, position) ? "search_path " : "";
	const char *after = "";

	if (tm_sql_token_kind(tokens, position + 1, ','))
		after = ",";
	else if (tm_sql_token_kind(tokens, position + 1, TOKEN_OP))
		after = "||";
	return tm_scan_for_name(token->string, schema) ||
		tm_scan_for_name(psprintf("%s%.*s%s", before, token->length,
								  tokens->text + token->location, after),
						 schema);
}

/* Is the name of a setting that holds schemas or tenants in the same statement? */
static bool
follows_setting(const SqlTokens *tokens, int position)
{
	for (int i = position - 1; i >= 0 && tokens->tokens[i].kind != ';'; i--)
	{
		const SqlToken *token = &tokens->tokens[i];
		const char *name = token->string != NULL ? token->string : token->word;

		if (name != NULL && (pg_strcasecmp(name, "search_path") == 0 ||
							 pg_strcasecmp(name, "tenant_mgr") == 0 ||
							 pg_strcasecmp(name, TM_TENANT_SETTING) == 0))
			return true;
	}
	return false;
}

static SchemaPlace *
make_place(const char *text, int location, int length, int shown, bool certain)
{
	SchemaPlace *place = palloc(sizeof(SchemaPlace));

	place->line = 1;
	for (const char *p = text; p < text + location; p++)
	{
		if (*p == '\n')
			place->line++;
	}
	place->location = location;
	place->length = length;
	place->shown = shown;
	place->certain = certain;
	return place;
}

/*
 * The name as it is written in the text.  PL/pgSQL has keywords of its own, and
 * knows them wherever they stand.
 */
static const char *
quoted_for(const SchemaText *source, const char *name)
{
	static const char *const words[] = {
		"elseif", "elsif", "foreach", "loop", "while"
	};
	const char *quoted = quote_identifier(name);
	bool		keyword = ScanKeywordLookup(name, &ScanKeywords) >= 0;

	if (source->language != TEXT_PLPGSQL || quoted[0] == '"')
		return quoted;
	for (int i = 0; i < (int) lengthof(words); i++)
		keyword |= strcmp(name, words[i]) == 0;
	return keyword ? psprintf("\"%s\"", name) : quoted;
}
