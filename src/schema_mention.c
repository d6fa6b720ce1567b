/*
 * schema_mention.c
 *		Functions whose text names a schema.
 *
 * The text of a function is never rewritten: it may be in any language, and
 * the name may be built at run time.  All that can be done is to tell the
 * user.  A mention is the schema's name, as a word of its own or in quotes,
 * followed by a period or enclosed in single quotes.  This finds the usual
 * ways to qualify a name and does not trip over a column that happens to be
 * called like the schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "utils/builtins.h"

#include "schema_mention.h"

static bool text_mentions(const char *text, const char *nspname);
static bool mention_at(const char *text, const char *start, const char *end);
static bool part_of_word(char c);

bool
tm_function_mentions_schema(HeapTuple proc, TupleDesc tupdesc,
							const char *nspname)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(proc);
	Datum		source;
	bool		isnull;

	/* the "text" of these is the name of a C symbol */
	if (form->prolang == INTERNALlanguageId || form->prolang == ClanguageId)
		return false;

	source = heap_getattr(proc, Anum_pg_proc_prosrc, tupdesc, &isnull);
	return !isnull && text_mentions(TextDatumGetCString(source), nspname);
}

static bool
text_mentions(const char *text, const char *nspname)
{
	size_t		len = strlen(nspname);
	const char *p;

	for (p = strstr(text, nspname); p != NULL; p = strstr(p + 1, nspname))
	{
		if (mention_at(text, p, p + len))
			return true;
	}
	return false;
}

/* Is the name between start and end used as that of a schema? */
static bool
mention_at(const char *text, const char *start, const char *end)
{
	char		before = start > text ? start[-1] : '\0';

	if (before == '\'' && *end == '\'')
		return true;
	if (before == '"' && *end == '"')
		end++;
	else if (part_of_word(before) || part_of_word(*end))
		return false;

	while (*end == ' ' || *end == '\t' || *end == '\n')
		end++;
	return *end == '.';
}

/* Characters of an unquoted identifier; all of other scripts count. */
static bool
part_of_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}
