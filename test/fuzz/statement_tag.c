/*
 * statement_tag.c
 *		Target: tags in the text of statements.
 *
 * Whatever the text is, the search ends within it.  In a text that has nothing
 * in which a comment could be hidden, a tag behind it is found.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "fuzz.h"

#include "parser/parser.h"

#include "binding/statement_tag.h"

bool		standard_conforming_strings = true;

static void
find_all(const char *sql, size_t length)
{
	const char *position = sql;
	const char *before = sql;
	char	   *tag;

	while ((tag = tm_statement_tag_next(sql, &position)) != NULL)
	{
		MUST(position > before && position <= sql + length);
		MUST(strlen(tag) < length);
		before = position;
		free(tag);
	}
	MUST(position == sql + length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char tagged[] = "/*tenant='a%20b'*/";
	char	   *sql = palloc(size + 1);
	size_t		length;

	if (size > 0)
		memcpy(sql, data, size);
	sql[size] = '\0';
	length = strlen(sql);

	/* A text ends where its memory ends. */
	sql = realloc(sql, length + 1);
	for (int i = 0; i < 2; i++)
	{
		standard_conforming_strings = i == 0;
		find_all(sql, length);
	}

	if (strpbrk(sql, "'\"$-/*") == NULL)
	{
		char	   *text = psprintf("%s%s", sql, tagged);
		const char *position = text;
		char	   *tag = tm_statement_tag_next(text, &position);

		MUST(tag != NULL && strcmp(tag, "a b") == 0);
		free(tag);
		free(text);
	}
	free(sql);
	return 0;
}
