/*
 * definition_part.c
 *		What statements can say of objects of several kinds.
 *
 * Owners, privileges, options and comments are spelled alike for most kinds of
 * objects.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "compare/column_form.h"
#include "compare/definition_part.h"

static bool is_among(const AclItem *item, const Acl *acl);
static char *privileges_as_text(AclMode mode, const char *column);

DefinitionPart *
tm_definition_add(Definition *definition, const char *key, char *sql,
				  char *undo)
{
	DefinitionPart *part = palloc0(sizeof(DefinitionPart));

	part->key = key;
	part->sql = sql;
	part->undo = undo;
	part->change = strcmp(key, "create") == 0 ? NULL : sql;
	definition->parts = lappend(definition->parts, part);
	return part;
}

const char *
tm_definition_role(const DefinitionSource *source, Oid role)
{
	char	   *name;

	if (role == ACL_ID_PUBLIC)
		return "PUBLIC";
	if (role == source->owner)
		return source->owner_name;
	name = GetUserNameFromId(role, true);
	return name == NULL ? psprintf("\"%u\"", role) : quote_identifier(name);
}

void
tm_definition_add_owner(Definition *definition, const DefinitionSource *source,
						const char *name, Oid owner)
{
	tm_definition_add(definition, "owner",
					  psprintf("ALTER %s OWNER TO %s", name,
							   tm_definition_role(source, owner)), NULL);
}

void
tm_definition_add_comment(Definition *definition, const char *name,
						  const ObjectAddress *object)
{
	char	   *comment = GetComment(object->objectId, object->classId,
									 object->objectSubId);

	if (comment != NULL)
		tm_definition_add(definition, "comment",
						  psprintf("COMMENT ON %s IS %s", name,
								   quote_literal_cstr(comment)),
						  psprintf("COMMENT ON %s IS NULL", name));
}

/* Each item of the list is a part of its own. */
void
tm_definition_add_grants(Definition *definition, const DefinitionSource *source,
						 const char *name, ObjectType kind, Oid owner,
						 Datum acl, bool isnull, const char *column)
{
	Acl		   *items = isnull ? acldefault(kind, owner) : DatumGetAclPCopy(acl);
	Acl		   *usual = acldefault(kind, owner);

	for (int i = 0; i < ACL_NUM(items); i++)
	{
		const AclItem *item = &ACL_DAT(items)[i];
		const char *grantee = tm_definition_role(source, item->ai_grantee);
		AclMode		granted = ACLITEM_GET_PRIVS(*item) &
			~ACLITEM_GET_GOPTIONS(*item);
		char	   *key = psprintf("grant to %s by %s", grantee,
								   tm_definition_role(source,
													  item->ai_grantor));
		char	   *undo = psprintf("REVOKE ALL%s ON %s FROM %s",
									column == NULL ? "" :
									psprintf(" (%s)", column), name, grantee);

		if (granted != 0)
			tm_definition_add(definition, key,
							  psprintf("GRANT %s ON %s TO %s",
									   privileges_as_text(granted, column),
									   name, grantee), undo)->usual =
				is_among(item, usual);
		if (ACLITEM_GET_GOPTIONS(*item) != 0)
			tm_definition_add(definition,
							  granted == 0 ? key : psprintf("%s with option", key),
							  psprintf("GRANT %s ON %s TO %s WITH GRANT OPTION",
									   privileges_as_text(ACLITEM_GET_GOPTIONS(*item),
														  column),
									   name, grantee), undo);
	}
}

void
tm_definition_add_options(Definition *definition, const char *command,
						  Datum options, bool isnull, const char *prefix)
{
	Datum	   *elements;
	int			nelements;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(options), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &nelements);
	for (int i = 0; i < nelements; i++)
	{
		char	   *option = TextDatumGetCString(elements[i]);
		char	   *value = strchr(option, '=');

		if (value == NULL || !tm_option_counts(option))
			continue;
		*value++ = '\0';
		tm_definition_add(definition,
						  psprintf("option %s%s", prefix, option),
						  psprintf("%s SET (%s%s = %s)", command, prefix,
								   quote_identifier(option),
								   quote_literal_cstr(value)),
						  psprintf("%s RESET (%s%s)", command, prefix,
								   quote_identifier(option)));
	}
}

int
tm_definition_number(Oid catalog, HeapTuple tup, AttrNumber attno)
{
	Relation	rel = table_open(catalog, AccessShareLock);
	TupleDesc	tupdesc = RelationGetDescr(rel);
	bool		isnull;
	Datum		value = heap_getattr(tup, attno, tupdesc, &isnull);
	int			result;

	if (isnull)
		result = -1;
	else if (TupleDescAttr(tupdesc, attno - 1)->atttypid == INT2OID)
		result = DatumGetInt16(value);
	else
		result = DatumGetInt32(value);
	table_close(rel, AccessShareLock);
	return result;
}

static bool
is_among(const AclItem *item, const Acl *acl)
{
	for (int i = 0; i < ACL_NUM(acl); i++)
	{
		const AclItem *other = &ACL_DAT(acl)[i];

		if (other->ai_grantee == item->ai_grantee &&
			other->ai_grantor == item->ai_grantor &&
			other->ai_privs == item->ai_privs)
			return true;
	}
	return false;
}

static char *
privileges_as_text(AclMode mode, const char *column)
{
	static const char *const names[] = {
		"INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES",
		"TRIGGER", "EXECUTE", "USAGE", "CREATE", "TEMPORARY", "CONNECT", "SET",
		"ALTER SYSTEM", "MAINTAIN"
	};
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < (int) lengthof(names); i++)
	{
		if ((mode & ((AclMode) 1 << i)) == 0)
			continue;
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "", names[i]);
		if (column != NULL)
			appendStringInfo(&buf, " (%s)", column);
	}
	return buf.data;
}
