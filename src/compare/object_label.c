/*
 * object_label.c
 *		How people call an object of a schema.
 *
 * The kinds are those of pg_identify_object(), and so are the names, but for the
 * schema, which is left out.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_namespace.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compare/fingerprint.h"
#include "compare/object_label.h"

static char *without_schema(const char *nspname, const char *identity);
static char *without_mention(const char *nspname, const char *identity);

bool
tm_object_label(Oid nspid, const ObjectAddress *object, ObjectLabel *label)
{
	ObjectAddress whole = *object;
	char	   *nspname = get_namespace_name(nspid);
	char	   *identity;

	if (nspname == NULL)
		return false;
	if (whole.objectSubId == TM_COLUMN_ORDER)
		whole.objectSubId = 0;
	identity = getObjectIdentity(&whole, true);
	if (identity == NULL)
		return false;

	if (object->objectSubId == TM_COLUMN_ORDER)
		label->type = pstrdup("column order");
	else if (object->objectSubId != 0)
		label->type = pstrdup("column");
	else
		label->type = getObjectTypeDescription(&whole, true);
	if (label->type == NULL)
		return false;

	/* it is called differently in each place */
	if (whole.classId == NamespaceRelationId)
		label->name = pstrdup("");
	else if (whole.classId == DefaultAclRelationId)
		label->name = without_mention(nspname, identity);
	else
		label->name = without_schema(nspname, identity);
	return true;
}

/*
 * An identity with the schema's name taken out wherever it qualifies something.
 * Within quotes it qualifies nothing.
 */
static char *
without_schema(const char *nspname, const char *identity)
{
	const char *quoted = quote_identifier(nspname);
	size_t		length = strlen(quoted);
	StringInfoData buf;
	bool		in_quotes = false;
	bool		at_start = true;
	const char *p = identity;

	initStringInfo(&buf);
	while (*p)
	{
		if (at_start && !in_quotes && strncmp(p, quoted, length) == 0 &&
			p[length] == '.')
		{
			p += length + 1;
			at_start = false;
			continue;
		}
		if (*p == '"')
			in_quotes = !in_quotes;
		at_start = !in_quotes && (*p == ' ' || *p == '(' || *p == ',' || *p == '[');
		appendStringInfoChar(&buf, *p++);
	}
	return buf.data;
}

/* Of default privileges the server says that they are " in schema" so-and-so. */
static char *
without_mention(const char *nspname, const char *identity)
{
	char	   *mention = psprintf(" in schema %s", quote_identifier(nspname));
	const char *found = strstr(identity, mention);

	if (found == NULL)
		return pstrdup(identity);
	return psprintf("%.*s%s", (int) (found - identity), identity,
					found + strlen(mention));
}
