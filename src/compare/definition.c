/*
 * definition.c
 *		An object of a schema in statements of SQL.
 *
 * Each thing that is said of an object is a statement of its own, and most have
 * one that takes them back.  So a definition can be read, two of them can be
 * compared statement by statement, and what differs can be repaired.  The texts
 * are those of the server's own functions as far as it has some.
 *
 * A kind of object that has no statements here is shown by its name only, and is
 * not repaired.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "rewrite/rewriteDefine.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "clone/catalog_rules.h"
#include "clone/function_text.h"
#include "compare/column_form.h"
#include "compare/definition.h"
#include "compare/definition_part.h"
#include "compare/definition_relation.h"
#include "compare/fingerprint.h"
#include "compare/object_label.h"

static void define_schema(Definition *definition,
						  const DefinitionSource *source);
static void define_constraint(Definition *definition, HeapTuple tup);
static void define_function(Definition *definition,
							const DefinitionSource *source, HeapTuple tup);
static char *function_statement(const DefinitionSource *source, HeapTuple tup);
static void define_type(Definition *definition, const DefinitionSource *source,
						HeapTuple tup);
static char *enum_labels(Oid typid);
static void add_enum_labels(Definition *definition, Oid typid,
							const char *name);
static void define_trigger(Definition *definition, HeapTuple tup);
static void define_policy(Definition *definition,
						  const DefinitionSource *source, HeapTuple tup);
static char *policy_roles(const DefinitionSource *source, Datum roles);
static int	compare_strings(const void *a, const void *b);
static void define_rule(Definition *definition, HeapTuple tup);
static void define_statistics(Definition *definition,
							  const DefinitionSource *source, HeapTuple tup);
static HeapTuple row_of(Oid catalog, Oid index, AttrNumber attno, Oid objid);
static char *without_qualifier(const char *text, const char *start, Oid nspid);
static void describe_row(Definition *definition,
						 const DefinitionSource *source);
static char *value_in_words(const DefinitionSource *source,
							Form_pg_attribute att, const ViewColumn *column,
							Datum value);
static void conclude(Definition *definition);

Definition *
tm_definition(const DefinitionSource *source, const ObjectAddress *object)
{
	Definition *definition = palloc0(sizeof(Definition));
	HeapTuple	tup = NULL;
	bool		cached = true;

	definition->object = *object;
	definition->complete = true;
	switch (object->classId)
	{
		case NamespaceRelationId:
			define_schema(definition, source);
			conclude(definition);
			return definition;
		case RelationRelationId:
			tm_define_relation(definition, source);
			conclude(definition);
			return definition;
		case ConstraintRelationId:
			tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(object->objectId));
			if (HeapTupleIsValid(tup))
				define_constraint(definition, tup);
			break;
		case ProcedureRelationId:
			tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(object->objectId));
			if (HeapTupleIsValid(tup))
				define_function(definition, source, tup);
			break;
		case TypeRelationId:
			tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(object->objectId));
			if (HeapTupleIsValid(tup))
				define_type(definition, source, tup);
			break;
		case StatisticExtRelationId:
			tup = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(object->objectId));
			if (HeapTupleIsValid(tup))
				define_statistics(definition, source, tup);
			break;
		case TriggerRelationId:
			cached = false;
			tup = row_of(TriggerRelationId, TriggerOidIndexId,
						 Anum_pg_trigger_oid, object->objectId);
			if (HeapTupleIsValid(tup))
				define_trigger(definition, tup);
			break;
		case PolicyRelationId:
			cached = false;
			tup = row_of(PolicyRelationId, PolicyOidIndexId,
						 Anum_pg_policy_oid, object->objectId);
			if (HeapTupleIsValid(tup))
				define_policy(definition, source, tup);
			break;
		case RewriteRelationId:
			cached = false;
			tup = row_of(RewriteRelationId, RewriteOidIndexId,
						 Anum_pg_rewrite_oid, object->objectId);
			if (HeapTupleIsValid(tup))
				define_rule(definition, tup);
			break;
		default:
			definition->complete = false;
			describe_row(definition, source);
			return definition;
	}
	if (HeapTupleIsValid(tup) && cached)
		ReleaseSysCache(tup);
	conclude(definition);
	return definition;
}

static void
define_schema(Definition *definition, const DefinitionSource *source)
{
	HeapTuple	tup = SearchSysCache1(NAMESPACEOID,
									  ObjectIdGetDatum(source->nspid));
	char	   *name;
	Datum		acl;
	bool		isnull;

	if (!HeapTupleIsValid(tup))
		return;

	name = psprintf("SCHEMA %s", source->schema_name);
	acl = SysCacheGetAttr(NAMESPACEOID, tup, Anum_pg_namespace_nspacl, &isnull);
	tm_definition_add_grants(definition, source, name, OBJECT_SCHEMA,
							 source->owner, acl, isnull, NULL);
	tm_definition_add_comment(definition, name, &definition->object);
	ReleaseSysCache(tup);
}

static void
define_constraint(Definition *definition, HeapTuple tup)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tup);
	const char *name = quote_identifier(NameStr(form->conname));
	bool		of_domain = OidIsValid(form->contypid);
	const char *target = of_domain ?
		psprintf("DOMAIN %s", format_type_be(form->contypid)) :
		psprintf("TABLE %s", quote_identifier(get_rel_name(form->conrelid)));
	char	   *spelled;

	/* the child has those of its parent, and no statement gives it one */
	if (form->coninhcount > 0 || OidIsValid(form->conparentid))
		definition->complete = false;
	spelled = TextDatumGetCString(DirectFunctionCall1(pg_get_constraintdef,
													  ObjectIdGetDatum(form->oid)));
	tm_definition_add(definition, "create",
					  psprintf("ALTER %s ADD CONSTRAINT %s %s", target, name,
							   spelled),
					  psprintf("ALTER %s DROP CONSTRAINT %s", target, name));
	if (OidIsValid(form->conindid) && form->contype != CONSTRAINT_FOREIGN)
		tm_define_index_state(definition, form->conindid);
	tm_definition_add_comment(definition,
							  psprintf("CONSTRAINT %s ON %s", name,
									   of_domain ? target :
									   quote_identifier(get_rel_name(form->conrelid))),
							  &definition->object);
}

static void
define_function(Definition *definition, const DefinitionSource *source,
				HeapTuple tup)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tup);
	const char *kind = form->prokind == PROKIND_PROCEDURE ? "PROCEDURE" :
		form->prokind == PROKIND_AGGREGATE ? "AGGREGATE" : "FUNCTION";
	char	   *arguments = TextDatumGetCString(DirectFunctionCall1(pg_get_function_identity_arguments,
																	ObjectIdGetDatum(form->oid)));
	char	   *name = psprintf("%s %s(%s)", kind,
								quote_identifier(NameStr(form->proname)),
								form->prokind == PROKIND_AGGREGATE &&
								arguments[0] == '\0' ? "*" : arguments);
	DefinitionPart *part;
	Datum		acl;
	bool		isnull;

	if (form->prokind == PROKIND_AGGREGATE)
		definition->complete = false;
	else
	{
		char	   *spelled = function_statement(source, tup);
		size_t		length = strlen(spelled);

		if (length > 0 && spelled[length - 1] == '\n')
			spelled[length - 1] = '\0';
		part = tm_definition_add(definition, "create",
								 without_qualifier(spelled,
												   psprintf("CREATE OR REPLACE %s ",
															kind),
												   source->nspid),
								 psprintf("DROP %s", name));
		part->change = part->sql;
	}
	tm_definition_add_owner(definition, source, name, form->proowner);
	acl = SysCacheGetAttr(PROCOID, tup, Anum_pg_proc_proacl, &isnull);
	tm_definition_add_grants(definition, source,
							 form->prokind == PROKIND_AGGREGATE ?
							 psprintf("FUNCTION %s(%s)",
									  quote_identifier(NameStr(form->proname)),
									  arguments) : name,
							 OBJECT_FUNCTION, form->proowner, acl, isnull, NULL);
	tm_definition_add_comment(definition, name, &definition->object);
}

/* In the text of the function, the schema is called as in the other one. */
static char *
function_statement(const DefinitionSource *source, HeapTuple tup)
{
	SchemaText	text;
	char	   *body = NULL;

	if (tm_function_text_of_row(&text, tup))
		body = tm_function_text_retarget(&text,
										 get_namespace_name(source->nspid),
										 source->other_name);
	return tm_function_definition(tup, body);
}

static void
define_type(Definition *definition, const DefinitionSource *source,
			HeapTuple tup)
{
	Form_pg_type form = (Form_pg_type) GETSTRUCT(tup);
	const char *type = quote_identifier(NameStr(form->typname));
	bool		is_domain = form->typtype == TYPTYPE_DOMAIN;
	char	   *name = psprintf("%s %s", is_domain ? "DOMAIN" : "TYPE", type);
	Datum		value;
	bool		isnull;
	DefinitionPart *part;

	switch (form->typtype)
	{
		case TYPTYPE_ENUM:
			part = tm_definition_add(definition, "create",
									 psprintf("CREATE TYPE %s AS ENUM (%s)",
											  type, enum_labels(form->oid)),
									 psprintf("DROP TYPE %s", type));
			part->lossy = true;
			add_enum_labels(definition, form->oid, type);
			break;
		case TYPTYPE_DOMAIN:
			tm_definition_add(definition, "create",
							  psprintf("CREATE DOMAIN %s AS %s%s", type,
									   format_type_with_typemod(form->typbasetype,
																form->typtypmod),
									   OidIsValid(form->typcollation) &&
									   form->typcollation != get_typcollation(form->typbasetype) ?
									   psprintf(" COLLATE %s",
												generate_collation_name(form->typcollation)) : ""),
							  psprintf("DROP DOMAIN %s", type));
			value = SysCacheGetAttr(TYPEOID, tup, Anum_pg_type_typdefaultbin,
									&isnull);
			if (!isnull)
				tm_definition_add(definition, "default",
								  psprintf("ALTER DOMAIN %s SET DEFAULT %s", type,
										   deparse_expression(stringToNode(TextDatumGetCString(value)),
															  NIL, false, false)),
								  psprintf("ALTER DOMAIN %s DROP DEFAULT", type));
			if (form->typnotnull)
				tm_definition_add(definition, "not null",
								  psprintf("ALTER DOMAIN %s SET NOT NULL", type),
								  psprintf("ALTER DOMAIN %s DROP NOT NULL", type));
			break;
		case TYPTYPE_COMPOSITE:
			part = tm_definition_add(definition, "create",
									 psprintf("CREATE TYPE %s AS ()", type),
									 psprintf("DROP TYPE %s", type));
			part->lossy = true;
			break;
		default:
			definition->complete = false;
			break;
	}
	tm_definition_add_owner(definition, source, name, form->typowner);
	value = SysCacheGetAttr(TYPEOID, tup, Anum_pg_type_typacl, &isnull);
	tm_definition_add_grants(definition, source, psprintf("TYPE %s", type),
							 OBJECT_TYPE, form->typowner, value, isnull, NULL);
	tm_definition_add_comment(definition, name, &definition->object);
}

/* The labels of an enum type, quoted, in their order. */
static char *
enum_labels(Oid typid)
{
	Relation	rel = table_open(EnumRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	StringInfoData buf;
	Relation	index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);

	initStringInfo(&buf);
	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(typid));
	scan = systable_beginscan_ordered(rel, index, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext_ordered(scan,
														   ForwardScanDirection)))
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 quote_literal_cstr(NameStr(((Form_pg_enum) GETSTRUCT(tup))->enumlabel)));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	return buf.data;
}

/* Labels can be added one by one, each after the one before, and not removed. */
static void
add_enum_labels(Definition *definition, Oid typid, const char *name)
{
	Relation	rel = table_open(EnumRelationId, AccessShareLock);
	Relation	index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	char	   *before = NULL;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(typid));
	scan = systable_beginscan_ordered(rel, index, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext_ordered(scan,
														   ForwardScanDirection)))
	{
		char	   *label = quote_literal_cstr(NameStr(((Form_pg_enum) GETSTRUCT(tup))->enumlabel));

		tm_definition_add(definition, psprintf("label %s", label),
						  before == NULL ?
						  psprintf("ALTER TYPE %s ADD VALUE IF NOT EXISTS %s",
								   name, label) :
						  psprintf("ALTER TYPE %s ADD VALUE IF NOT EXISTS %s AFTER %s",
								   name, label, before), NULL);
		before = label;
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
}

static void
define_trigger(Definition *definition, HeapTuple tup)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tup);
	const char *name = quote_identifier(NameStr(form->tgname));
	const char *table = quote_identifier(get_rel_name(form->tgrelid));
	const char *state;

	/* it has come from the parent, and goes with that one's */
	if (OidIsValid(form->tgparentid))
		definition->complete = false;
	tm_definition_add(definition, "create",
					  TextDatumGetCString(DirectFunctionCall2(pg_get_triggerdef_ext,
															  ObjectIdGetDatum(form->oid),
															  BoolGetDatum(true))),
					  psprintf("DROP TRIGGER %s ON %s", name, table));
	switch (form->tgenabled)
	{
		case TRIGGER_DISABLED:
			state = "DISABLE";
			break;
		case TRIGGER_FIRES_ALWAYS:
			state = "ENABLE ALWAYS";
			break;
		case TRIGGER_FIRES_ON_REPLICA:
			state = "ENABLE REPLICA";
			break;
		default:
			state = "ENABLE";
			break;
	}
	tm_definition_add(definition, "state",
					  psprintf("ALTER TABLE %s %s TRIGGER %s", table, state,
							   name), NULL)->usual =
		form->tgenabled == TRIGGER_FIRES_ON_ORIGIN;
	tm_definition_add_comment(definition,
							  psprintf("TRIGGER %s ON %s", name, table),
							  &definition->object);
}

static void
define_policy(Definition *definition, const DefinitionSource *source,
			  HeapTuple tup)
{
	Relation	rel = table_open(PolicyRelationId, AccessShareLock);
	Form_pg_policy form = (Form_pg_policy) GETSTRUCT(tup);
	const char *name = quote_identifier(NameStr(form->polname));
	const char *table = quote_identifier(get_rel_name(form->polrelid));
	List	   *context = deparse_context_for(get_rel_name(form->polrelid),
											  form->polrelid);
	StringInfoData buf;
	Datum		value;
	bool		isnull;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE POLICY %s ON %s%s", name, table,
					 form->polpermissive ? "" : " AS RESTRICTIVE");
	switch (form->polcmd)
	{
		case ACL_SELECT_CHR:
			appendStringInfoString(&buf, " FOR SELECT");
			break;
		case ACL_INSERT_CHR:
			appendStringInfoString(&buf, " FOR INSERT");
			break;
		case ACL_UPDATE_CHR:
			appendStringInfoString(&buf, " FOR UPDATE");
			break;
		case ACL_DELETE_CHR:
			appendStringInfoString(&buf, " FOR DELETE");
			break;
		default:
			break;
	}
	value = heap_getattr(tup, Anum_pg_policy_polroles, RelationGetDescr(rel),
						 &isnull);
	appendStringInfo(&buf, " TO %s", policy_roles(source, value));
	value = heap_getattr(tup, Anum_pg_policy_polqual, RelationGetDescr(rel),
						 &isnull);
	if (!isnull)
		appendStringInfo(&buf, " USING (%s)",
						 deparse_expression(stringToNode(TextDatumGetCString(value)),
											context, false, false));
	value = heap_getattr(tup, Anum_pg_policy_polwithcheck,
						 RelationGetDescr(rel), &isnull);
	if (!isnull)
		appendStringInfo(&buf, " WITH CHECK (%s)",
						 deparse_expression(stringToNode(TextDatumGetCString(value)),
											context, false, false));
	table_close(rel, AccessShareLock);

	tm_definition_add(definition, "create", buf.data,
					  psprintf("DROP POLICY %s ON %s", name, table));
	tm_definition_add_comment(definition,
							  psprintf("POLICY %s ON %s", name, table),
							  &definition->object);
}

/* They are in no order. */
static char *
policy_roles(const DefinitionSource *source, Datum roles)
{
	ArrayType  *array = DatumGetArrayTypeP(roles);
	Oid		   *oids = (Oid *) ARR_DATA_PTR(array);
	int			noids = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const char **names = palloc(sizeof(char *) * Max(noids, 1));
	StringInfoData buf;

	for (int i = 0; i < noids; i++)
		names[i] = tm_definition_role(source, oids[i]);
	qsort(names, noids, sizeof(char *), compare_strings);
	initStringInfo(&buf);
	for (int i = 0; i < noids; i++)
		appendStringInfo(&buf, "%s%s", i == 0 ? "" : ", ", names[i]);
	return buf.data;
}

static void
define_rule(Definition *definition, HeapTuple tup)
{
	Form_pg_rewrite form = (Form_pg_rewrite) GETSTRUCT(tup);
	const char *name = quote_identifier(NameStr(form->rulename));
	const char *table = quote_identifier(get_rel_name(form->ev_class));
	char	   *text = tm_rule_definition(tup);

	tm_definition_add(definition, "create", text,
					  psprintf("DROP RULE %s ON %s", name, table));
	tm_definition_add(definition, "state",
					  psprintf("ALTER TABLE %s %s RULE %s", table,
							   form->ev_enabled == 'D' ? "DISABLE" :
							   form->ev_enabled == 'A' ? "ENABLE ALWAYS" :
							   form->ev_enabled == 'R' ? "ENABLE REPLICA" :
							   "ENABLE", name), NULL)->usual =
		form->ev_enabled == RULE_FIRES_ON_ORIGIN;
	tm_definition_add_comment(definition,
							  psprintf("RULE %s ON %s", name, table),
							  &definition->object);
}

static void
define_statistics(Definition *definition, const DefinitionSource *source,
				  HeapTuple tup)
{
	Form_pg_statistic_ext form = (Form_pg_statistic_ext) GETSTRUCT(tup);
	char	   *name = psprintf("STATISTICS %s",
								quote_identifier(NameStr(form->stxname)));
	char	   *spelled = TextDatumGetCString(DirectFunctionCall1(pg_get_statisticsobjdef,
																  ObjectIdGetDatum(form->oid)));

	tm_definition_add(definition, "create",
					  without_qualifier(spelled, "CREATE STATISTICS ",
										source->nspid),
					  psprintf("DROP %s", name));
	tm_definition_add(definition, "target",
					  psprintf("ALTER %s SET STATISTICS %d", name,
							   tm_definition_number(StatisticExtRelationId, tup,
													Anum_pg_statistic_ext_stxstattarget)),
					  NULL)->usual =
		tm_definition_number(StatisticExtRelationId, tup,
							 Anum_pg_statistic_ext_stxstattarget) == -1;
	tm_definition_add_owner(definition, source, name, form->stxowner);
	tm_definition_add_comment(definition, name, &definition->object);
}

/* A copy of the row of an object that no cache has, or NULL. */
static HeapTuple
row_of(Oid catalog, Oid index, AttrNumber attno, Oid objid)
{
	Relation	rel = table_open(catalog, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, attno, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(objid));
	scan = systable_beginscan(rel, index, true, NULL, 1, &key);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
		tup = heap_copytuple(tup);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return tup;
}

/* The server qualifies the name of what it defines, right after the start. */
static char *
without_qualifier(const char *text, const char *start, Oid nspid)
{
	size_t		length = strlen(start);
	char	   *schema = psprintf("%s.",
								  quote_identifier(get_namespace_name(nspid)));

	if (strncmp(text, start, length) != 0 ||
		strncmp(text +length, schema, strlen(schema)) != 0)
		return pstrdup(text);
	return psprintf("%s%s", start, text +length + strlen(schema));
}

/* A row of a catalog, for kinds of objects that have no statements here. */
static void
describe_row(Definition *definition, const DefinitionSource *source)
{
	const ObjectAddress *object = &definition->object;
	Relation	rel = table_open(object->classId, AccessShareLock);
	ViewColumn *columns = tm_column_forms(rel);
	StringInfoData buf;
	Oid			index;
	AttrNumber	attno;
	HeapTuple	tup = NULL;

	initStringInfo(&buf);
	if (tm_catalog_identity(object->classId, &index, &attno))
		tup = row_of(object->classId, index, attno, object->objectId);
	for (int i = 0; HeapTupleIsValid(tup) && i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);
		bool		isnull;
		Datum		value = heap_getattr(tup, i + 1, RelationGetDescr(rel), &isnull);

		if (columns[i].form == FORM_IGNORED || isnull)
			continue;
		appendStringInfo(&buf, "%s%s = %s", buf.len > 0 ? "\n" : "",
						 NameStr(att->attname),
						 value_in_words(source, att, &columns[i], value));
	}
	table_close(rel, AccessShareLock);
	definition->text = buf.data;
}

static char *
value_in_words(const DefinitionSource *source, Form_pg_attribute att,
			   const ViewColumn *column, Datum value)
{
	Oid			output;
	bool		is_varlena;
	ObjectAddress object;
	ObjectLabel label;

	if (column->form == FORM_OID && OidIsValid(DatumGetObjectId(value)))
	{
		if (column->refclass == AuthIdRelationId)
			return pstrdup(tm_definition_role(source, DatumGetObjectId(value)));
		ObjectAddressSet(object, column->refclass, DatumGetObjectId(value));
		if (tm_object_label(source->nspid, &object, &label))
			return label.name;
	}
	getTypeOutputInfo(att->atttypid, &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

/* What people read. */
static void
conclude(Definition *definition)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, definition->parts)
	{
		DefinitionPart *part = lfirst(lc);

		/* said by the first one already, or not worth a word */
		if (strncmp(part->key, "label ", 6) == 0 || part->usual)
			continue;
		appendStringInfo(&buf, "%s%s;", buf.len > 0 ? "\n" : "", part->sql);
	}
	definition->text = buf.data;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}
