/*
 * schema_mention.c
 *		Functions and constants whose text names a schema.
 *
 * The text of a function is never rewritten: it may be in any language, and
 * the name may be built at run time.  All that can be done is to tell the
 * user.  A mention is the schema's name, as a word of its own or in quotes,
 * followed by a period or enclosed in single quotes.  This finds the usual
 * ways to qualify a name and does not trip over a column that happens to be
 * called like the schema.
 *
 * Expressions hold OIDs, which are replaced, but a constant in them may be a
 * text with a name in it, as in nextval('shop.number'::text).
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
static size_t name_at(const char *body, const char *start, const char **name);
static bool text_mentions(const char *body, const char *nspname);
static bool tree_mentions(const char *tree, const char *nspname);
static bool mention_at(const char *body, const char *start, const char *end);
static bool part_of_word(char c);

bool
tm_function_mentions_schema(HeapTuple proc, TupleDesc tupdesc,
							const char *nspname)
{
	char	   *body = function_text(proc, tupdesc);

	return body != NULL && text_mentions(body, nspname);
}

bool
tm_constants_mention_schema(HeapTuple row, TupleDesc tupdesc,
							const CatalogRules *rules, const char *nspname)
{
	for (int i = 0; i < rules->nvariable; i++)
	{
		bool		isnull;
		Datum		tree;

		if (rules->variable[i].kind != COLUMN_NODE_TREE)
			continue;
		tree = heap_getattr(row, rules->variable[i].attno, tupdesc, &isnull);
		if (!isnull && tree_mentions(TextDatumGetCString(tree), nspname))
			return true;
	}
	return false;
}

/*
 * What might be a name is looked up: there may be thousands of schemas, and
 * the text is to be read once.
 */
List *
tm_function_mentioned_schemas(HeapTuple proc, TupleDesc tupdesc, HTAB *names)
{
	char	   *body = function_text(proc, tupdesc);
	List	   *found = NIL;
	List	   *found_keys = NIL;

	if (body == NULL)
		return NIL;
	for (const char *p = body; *p != '\0'; p++)
	{
		const char *name;
		size_t		len = name_at(body, p, &name);
		char		key[NAMEDATALEN] = {0};
		void	   *entry;

		if (len == 0 || len >= NAMEDATALEN)
			continue;
		memcpy(key, name, len);
		entry = hash_search(names, key, HASH_FIND, NULL);
		if (entry == NULL || list_member_ptr(found_keys, entry) ||
			!text_mentions(body, key))
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
name_at(const char *body, const char *start, const char **name)
{
	*name = start;
	if (*start == '"' || *start == '\'')
	{
		const char *end = strchr(start + 1, *start);

		*name = start + 1;
		return end != NULL ? end - *name : 0;
	}
	if (start == body || !part_of_word(start[-1]))
	{
		size_t		len = 0;

		while (part_of_word(start[len]))
			len++;
		return len;
	}
	return 0;
}

static bool
text_mentions(const char *body, const char *nspname)
{
	size_t		len = strlen(nspname);
	const char *p;

	for (p = strstr(body, nspname); p != NULL; p = strstr(p + 1, nspname))
	{
		if (mention_at(body, p, p + len))
			return true;
	}
	return false;
}

/*
 * A tree shows the bytes of a constant as numbers.  They are read back without
 * regard to the type: what is no text will hardly look like one.
 */
static bool
tree_mentions(const char *tree, const char *nspname)
{
	static const char label[] = ":constvalue ";
	const char *p;

	for (p = strstr(tree, label); p != NULL; p = strstr(p, label))
	{
		char	   *end;
		long		size = strtol(p + strlen(label), &end, 10);
		char	   *body;

		p = end;
		if (size < (long) strlen(nspname) || strncmp(p, " [ ", 3) != 0)
			continue;
		body = palloc(size + 1);
		p += 3;
		for (long i = 0; i < size; i++)
		{
			body[i] = (char) strtol(p, &end, 10);
			p = end;
			/* the length, and whatever else is not text */
			if (body[i] == '\0')
				body[i] = ' ';
		}
		body[size] = '\0';
		if (text_mentions(body, nspname) ||
			(size == VARHDRSZ + (long) strlen(nspname) &&
			 strcmp(body + VARHDRSZ, nspname) == 0))
			return true;
		pfree(body);
	}
	return false;
}

/* Is the name between start and end used as that of a schema? */
static bool
mention_at(const char *body, const char *start, const char *end)
{
	char		before = start > body ? start[-1] : '\0';

	if (before == '\'' && *end == '\'')
		return true;
	if (before == '"' && *end == '"')
		end++;
	else if (part_of_word(before) || part_of_word(*end))
		return false;

	/* "said.item" and "said . item", but not "he said. Item" */
	start = end;
	while (*end == ' ' || *end == '\t' || *end == '\n')
		end++;
	return *end == '.' &&
		(end > start || end[1] == '"' || part_of_word(end[1]));
}

/* Characters of an unquoted identifier; all of other scripts count. */
static bool
part_of_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}
