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

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "clone/catalog_rules.h"
#include "compare/column_form.h"
#include "compare/definition_part.h"

static void add_revokes(Definition *definition, const DefinitionSource *source,
						const char *name, const Acl *items, const Acl *born);
static void add_grant(Definition *definition, const DefinitionSource *source,
					  const char *name, Oid owner, const AclItem *item,
					  const char *column, bool usual);
static char *as_grantor(const DefinitionSource *source, Oid owner, Oid grantor,
						char *sql);
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
	Acl		   *usual = kind == OBJECT_COLUMN ? make_empty_acl() :
		acldefault(kind, owner);
	Acl		   *items = isnull ? usual : DatumGetAclPCopy(acl);
	Acl		   *born = kind == OBJECT_COLUMN ? NULL :
		get_user_default_acl(kind, source->other_owner, source->other);

	if (born != NULL && source->owner == owner)
		add_revokes(definition, source, name, items, born);
	else
		born = NULL;
	for (int i = 0; i < ACL_NUM(items); i++)
		add_grant(definition, source, name, owner, &ACL_DAT(items)[i], column,
				  is_among(&ACL_DAT(items)[i], usual) && born == NULL);
}

/* Those that objects shall have that are made later. */
void
tm_definition_add_default_grants(Definition *definition,
								 const DefinitionSource *source,
								 const char *command, const char *objects,
								 Datum acl)
{
	Acl		   *items = DatumGetAclPCopy(acl);

	for (int i = 0; i < ACL_NUM(items); i++)
	{
		const AclItem *item = &ACL_DAT(items)[i];
		const char *grantee = tm_definition_role(source, item->ai_grantee);
		AclMode		options = ACLITEM_GET_GOPTIONS(*item);
		AclMode		granted = ACLITEM_GET_PRIVS(*item) & ~options;
		char	   *undo = psprintf("%s REVOKE ALL ON %s FROM %s", command,
									objects, grantee);

		if (granted != 0)
			tm_definition_add(definition, psprintf("grant to %s", grantee),
							  psprintf("%s GRANT %s ON %s TO %s", command,
									   privileges_as_text(granted, NULL),
									   objects, grantee), undo);
		if (options != 0)
			tm_definition_add(definition,
							  psprintf("grant to %s as well", grantee),
							  psprintf("%s GRANT %s ON %s TO %s WITH GRANT OPTION",
									   command,
									   privileges_as_text(options, NULL),
									   objects, grantee), undo);
	}
}

/* Objects that are made in the other schema may have privileges from the start. */
static void
add_revokes(Definition *definition, const DefinitionSource *source,
			const char *name, const Acl *items, const Acl *born)
{
	for (int i = 0; i < ACL_NUM(born); i++)
	{
		const AclItem *item = &ACL_DAT(born)[i];
		const char *grantee = tm_definition_role(source, item->ai_grantee);
		DefinitionPart *part;

		/* what the owner is called in the other schema */
		if (item->ai_grantee == source->other_owner)
			grantee = source->owner_name;
		part = tm_definition_add(definition,
								 psprintf("privileges of %s", grantee),
								 psprintf("REVOKE ALL ON %s FROM %s", name,
										  grantee), NULL);
		part->at_birth = true;
	}
}

static void
add_grant(Definition *definition, const DefinitionSource *source,
		  const char *name, Oid owner, const AclItem *item,
		  const char *column, bool usual)
{
	const char *grantee = tm_definition_role(source, item->ai_grantee);
	AclMode		options = ACLITEM_GET_GOPTIONS(*item);
	AclMode		granted = ACLITEM_GET_PRIVS(*item) & ~options;
	char	   *key = psprintf("grant to %s by %s", grantee,
							   tm_definition_role(source, item->ai_grantor));
	char	   *undo = psprintf("REVOKE ALL%s ON %s FROM %s",
								column == NULL ? "" : psprintf(" (%s)", column),
								name, grantee);
	char	   *sql;

	undo = as_grantor(source, owner, item->ai_grantor, undo);
	if (granted != 0)
	{
		sql = psprintf("GRANT %s ON %s TO %s",
					   privileges_as_text(granted, column), name, grantee);
		tm_definition_add(definition, key,
						  as_grantor(source, owner, item->ai_grantor, sql),
						  undo)->usual = usual;
	}
	if (options != 0)
	{
		sql = psprintf("GRANT %s ON %s TO %s WITH GRANT OPTION",
					   privileges_as_text(options, column), name, grantee);
		tm_definition_add(definition, psprintf("%s with option", key),
						  as_grantor(source, owner, item->ai_grantor, sql),
						  undo);
	}
}

/*
 * The server makes the owner the grantor.  That somebody else was, takes that
 * role, for which there is no clause.
 */
static char *
as_grantor(const DefinitionSource *source, Oid owner, Oid grantor, char *sql)
{
	if (grantor == owner)
		return sql;
	return psprintf("DO %s",
					quote_literal_cstr(psprintf("DECLARE role pg_catalog.text := pg_catalog.current_setting('role');"
												" BEGIN SET LOCAL ROLE %s; %s;"
												" PERFORM pg_catalog.set_config('role', role, true); END",
												tm_definition_role(source, grantor),
												sql)));
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

HeapTuple
tm_definition_row(Oid catalog, Oid objid)
{
	Relation	rel = table_open(catalog, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup = NULL;
	Oid			index;
	AttrNumber	attno;

	if (tm_catalog_identity(catalog, &index, &attno))
	{
		ScanKeyInit(&key, attno, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(objid));
		scan = systable_beginscan(rel, index, true, NULL, 1, &key);
		tup = systable_getnext(scan);
		if (HeapTupleIsValid(tup))
			tup = heap_copytuple(tup);
		systable_endscan(scan);
	}
	table_close(rel, AccessShareLock);
	return tup;
}

char *
tm_definition_function(Oid function)
{
	if (!OidIsValid(function))
		return pstrdup("-");
	return quote_qualified_identifier(FunctionIsVisible(function) ? NULL :
									  get_namespace_name(get_func_namespace(function)),
									  get_func_name(function));
}

const char *
tm_definition_relation(Oid relid)
{
	if (RelationIsVisible(relid))
		return quote_identifier(get_rel_name(relid));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

const char *
tm_definition_kind(char relkind)
{
	switch (relkind)
	{
		case RELKIND_VIEW:
			return "VIEW";
		case RELKIND_MATVIEW:
			return "MATERIALIZED VIEW";
		case RELKIND_FOREIGN_TABLE:
			return "FOREIGN TABLE";
		default:
			return "TABLE";
	}
}

char *
tm_definition_type_name(Oid typid)
{
	HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	char	   *result;

	if (!HeapTupleIsValid(tup))
		return psprintf("%u", typid);
	result = pstrdup(NameStr(((Form_pg_type) GETSTRUCT(tup))->typname));
	ReleaseSysCache(tup);
	return result;
}

char *
tm_definition_opclass(Oid opclass)
{
	HeapTuple	tup = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass form;
	char	   *result;

	if (!HeapTupleIsValid(tup))
		return psprintf("%u", opclass);
	form = (Form_pg_opclass) GETSTRUCT(tup);
	result = quote_qualified_identifier(OpclassIsVisible(opclass) ? NULL :
										get_namespace_name(form->opcnamespace),
										NameStr(form->opcname));
	ReleaseSysCache(tup);
	return result;
}

char *
tm_definition_operator(Oid operator)
{
	HeapTuple	tup = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	char	   *result;

	if (!HeapTupleIsValid(tup))
		return psprintf("%u", operator);
	form = (Form_pg_operator) GETSTRUCT(tup);
	if (OperatorIsVisible(operator) || !OidIsValid(form->oprcode))
		result = pstrdup(NameStr(form->oprname));
	else
		result = psprintf("OPERATOR(%s.%s)",
						  quote_identifier(get_namespace_name(form->oprnamespace)),
						  NameStr(form->oprname));
	ReleaseSysCache(tup);
	return result;
}

List *
tm_definition_parents(Oid relid)
{
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	Relation	index = index_open(InheritsRelidSeqnoIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	List	   *result = NIL;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan_ordered(rel, index, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext_ordered(scan,
														   ForwardScanDirection)))
		result = lappend_oid(result,
							 ((Form_pg_inherits) GETSTRUCT(tup))->inhparent);
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	return result;
}

char *
tm_definition_unqualified(const char *text, const char *start, Oid nspid)
{
	size_t		length = strlen(start);
	char	   *schema = psprintf("%s.",
								  quote_identifier(get_namespace_name(nspid)));

	if (strncmp(text, start, length) != 0 ||
		strncmp(text + length, schema, strlen(schema)) != 0)
		return pstrdup(text);
	return psprintf("%s%s", start, text + length + strlen(schema));
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
