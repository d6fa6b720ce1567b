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

static char *function_text(HeapTuple proc, TupleDesc tupdesc);
static size_t name_at(const char *text, const char *start, const char **name);
static bool text_mentions(const char *text, const char *nspname);
static bool mention_at(const char *text, const char *start, const char *end);
static bool part_of_word(char c);

bool
tm_function_mentions_schema(HeapTuple proc, TupleDesc tupdesc,
							const char *nspname)
{
	char	   *text = function_text(proc, tupdesc);

	return text != NULL && text_mentions(text, nspname);
}

/*
 * What might be a name is looked up: there may be thousands of schemas, and
 * the text is to be read once.
 */
List *
tm_function_mentioned_schemas(HeapTuple proc, TupleDesc tupdesc, HTAB *names)
{
	char	   *text = function_text(proc, tupdesc);
	List	   *found = NIL;
	List	   *found_keys = NIL;

	if (text == NULL)
		return NIL;
	for (const char *p = text; *p != '\0'; p++)
	{
		const char *name;
		size_t		len = name_at(text, p, &name);
		char		key[NAMEDATALEN] = {0};
		void	   *entry;

		if (len == 0 || len >= NAMEDATALEN)
			continue;
		memcpy(key, name, len);
		entry = hash_search(names, key, HASH_FIND, NULL);
		if (entry == NULL || list_member_ptr(found_keys, entry) ||
			!text_mentions(text, key))
			continue;
		found_keys = lappend(found_keys, entry);
		found = lappend(found, pstrdup(key));
	}
	return found;
}

/* The body, palloc'd, or NULL if it is not a text that means anything. */
static char *
function_text(HeapTuple proc, TupleDesc tupdesc)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(proc);
	Datum		source;
	bool		isnull;

	/* the "text" of these is the name of a C symbol */
	if (form->prolang == INTERNALlanguageId || form->prolang == ClanguageId)
		return NULL;
	source = heap_getattr(proc, Anum_pg_proc_prosrc, tupdesc, &isnull);
	return isnull ? NULL : TextDatumGetCString(source);
}

/*
 * The word that begins here, or what stands between the quote here and the
 * next one; returns its length, 0 if there is none.
 */
static size_t
name_at(const char *text, const char *start, const char **name)
{
	*name = start;
	if (*start == '"' || *start == '\'')
	{
		const char *end = strchr(start + 1, *start);

		*name = start + 1;
		return end != NULL ? end - *name : 0;
	}
	if (start == text || !part_of_word(start[-1]))
	{
		size_t		len = 0;

		while (part_of_word(start[len]))
			len++;
		return len;
	}
	return 0;
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
