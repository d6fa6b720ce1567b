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
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
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

#include "compare/column_form.h"
#include "compare/definition.h"
#include "compare/definition_function.h"
#include "compare/definition_operator.h"
#include "compare/definition_part.h"
#include "compare/definition_relation.h"
#include "compare/definition_text_search.h"
#include "compare/definition_type.h"
#include "compare/fingerprint.h"
#include "compare/object_label.h"

static void define_row(Definition *definition, const DefinitionSource *source,
					   HeapTuple tup);
static void define_schema(Definition *definition,
						  const DefinitionSource *source);
static void define_constraint(Definition *definition, HeapTuple tup);
static void add_validity(Definition *definition, Form_pg_constraint form,
						 char *validate);
static void define_trigger(Definition *definition, HeapTuple tup);
static void define_policy(Definition *definition,
						  const DefinitionSource *source, HeapTuple tup);
static char *policy_roles(const DefinitionSource *source, Datum roles);
static int	compare_strings(const void *a, const void *b);
static void define_rule(Definition *definition, HeapTuple tup);
static void define_statistics(Definition *definition,
							  const DefinitionSource *source, HeapTuple tup);
static void define_default_privileges(Definition *definition,
									  const DefinitionSource *source,
									  HeapTuple tup);
static const char *objects_of_kind(char kind);
static void describe_row(Definition *definition,
						 const DefinitionSource *source, HeapTuple tup);
static char *value_in_words(const DefinitionSource *source,
							Form_pg_attribute att, const ViewColumn *column,
							Datum value);
static void conclude(Definition *definition);

Definition *
tm_definition(const DefinitionSource *source, const ObjectAddress *object)
{
	Definition *definition = palloc0(sizeof(Definition));
	HeapTuple	tup;

	definition->object = *object;
	definition->complete = true;
	if (object->classId == RelationRelationId)
		tm_define_relation(definition, source);
	else
	{
		tup = tm_definition_row(object->classId, object->objectId);
		if (HeapTupleIsValid(tup))
			define_row(definition, source, tup);
	}
	if (definition->text == NULL)
		conclude(definition);
	return definition;
}

/* What a row of a catalog stands for, other than a relation. */
static void
define_row(Definition *definition, const DefinitionSource *source,
		   HeapTuple tup)
{
	switch (definition->object.classId)
	{
		case CastRelationId:
			tm_define_cast(definition, source, tup);
			break;
		case CollationRelationId:
			tm_define_collation(definition, source, tup);
			break;
		case ConstraintRelationId:
			define_constraint(definition, tup);
			break;
		case ConversionRelationId:
			tm_define_conversion(definition, source, tup);
			break;
		case DefaultAclRelationId:
			define_default_privileges(definition, source, tup);
			break;
		case NamespaceRelationId:
			define_schema(definition, source);
			break;
		case OperatorClassRelationId:
			tm_define_operator_class(definition, source, tup);
			break;
		case OperatorFamilyRelationId:
			tm_define_operator_family(definition, source, tup);
			break;
		case OperatorRelationId:
			tm_define_operator(definition, source, tup);
			break;
		case PolicyRelationId:
			define_policy(definition, source, tup);
			break;
		case ProcedureRelationId:
			tm_define_function(definition, source, tup);
			break;
		case RewriteRelationId:
			define_rule(definition, tup);
			break;
		case StatisticExtRelationId:
			define_statistics(definition, source, tup);
			break;
		case TriggerRelationId:
			define_trigger(definition, tup);
			break;
		case TSConfigRelationId:
			tm_define_ts_configuration(definition, source, tup);
			break;
		case TSDictionaryRelationId:
			tm_define_ts_dictionary(definition, source, tup);
			break;
		case TSParserRelationId:
			tm_define_ts_parser(definition, tup);
			break;
		case TSTemplateRelationId:
			tm_define_ts_template(definition, tup);
			break;
		case TypeRelationId:
			tm_define_type(definition, source, tup);
			break;
		default:
			definition->complete = false;
			describe_row(definition, source, tup);
			break;
	}
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
		psprintf("TABLE %s", tm_definition_relation(form->conrelid));
	const char *only;
	char	   *spelled;

	/* of a partition, an index of its own becomes one of the parent's */
	definition->inherited = form->coninhcount > 0 && !form->conislocal &&
		!OidIsValid(form->conparentid);
	if (form->contype == CONSTRAINT_FOREIGN && OidIsValid(form->conparentid))
		definition->complete = false;
	spelled = TextDatumGetCString(DirectFunctionCall1(pg_get_constraintdef,
													  ObjectIdGetDatum(form->oid)));
	only = OidIsValid(form->conindid) && form->contype != CONSTRAINT_FOREIGN ?
		"ONLY " : "";
	tm_definition_add(definition, "create",
					  psprintf("ALTER %s ADD CONSTRAINT %s %s",
							   only[0] == '\0' ? target :
							   psprintf("TABLE ONLY %s",
										tm_definition_relation(form->conrelid)),
							   name, spelled),
					  psprintf("ALTER %s DROP CONSTRAINT %s", target, name));

	if (definition->inherited)
		add_validity(definition, form,
					 psprintf("ALTER %s VALIDATE CONSTRAINT %s", target, name));
	if (only[0] != '\0')
		tm_define_index_state(definition, form->conindid);
	if (form->conislocal != (form->coninhcount == 0) && form->conislocal)
		tm_definition_add(definition, "local",
						  psprintf("constraint %s is declared in the table itself, too",
								   name), NULL)->note = true;
	tm_definition_add_comment(definition,
							  psprintf("CONSTRAINT %s ON %s", name,
									   of_domain ?
									   psprintf("DOMAIN %s", format_type_be(form->contypid)) :
									   tm_definition_relation(form->conrelid)),
							  &definition->object);
}

/* A constraint that comes with a parent's can have been validated without it. */
static void
add_validity(Definition *definition, Form_pg_constraint form, char *validate)
{
	DefinitionPart *part;
	bool		like_parents = true;
	ListCell   *lc;

	if (!form->convalidated)
	{
		tm_definition_add(definition, "not valid",
						  psprintf("constraint %s is not validated",
								   quote_identifier(NameStr(form->conname))),
						  validate)->note = true;
		return;
	}
	foreach(lc, tm_definition_parents(form->conrelid))
	{
		Oid			parent = get_relation_constraint_oid(lfirst_oid(lc),
														 NameStr(form->conname),
														 true);
		HeapTuple	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(parent));

		if (!HeapTupleIsValid(tup))
			continue;
		like_parents &= ((Form_pg_constraint) GETSTRUCT(tup))->convalidated;
		ReleaseSysCache(tup);
	}
	if (like_parents)
		return;
	part = tm_definition_add(definition, "valid", validate, NULL);
	part->at_birth = true;
	part->late = true;
}

static void
define_trigger(Definition *definition, HeapTuple tup)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tup);
	const char *name = quote_identifier(NameStr(form->tgname));
	const char *table = tm_definition_relation(form->tgrelid);
	const char *state;

	/* that of a parent comes and goes with it, but for its state */
	definition->inherited = OidIsValid(form->tgparentid);
	if (!definition->inherited)
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
					  psprintf("ALTER TABLE ONLY %s %s TRIGGER %s", table,
							   state, name), NULL)->usual =
		form->tgenabled == TRIGGER_FIRES_ON_ORIGIN &&
		!definition->inherited;
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
	const char *table = tm_definition_relation(form->polrelid);
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
	const char *table = tm_definition_relation(form->ev_class);
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
					  tm_definition_unqualified(spelled, "CREATE STATISTICS ",
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

/* There is no row as long as nobody has any. */
static void
define_default_privileges(Definition *definition,
						  const DefinitionSource *source, HeapTuple tup)
{
	Form_pg_default_acl form = (Form_pg_default_acl) GETSTRUCT(tup);
	Relation	rel = table_open(DefaultAclRelationId, AccessShareLock);
	bool		isnull;
	Datum		acl = heap_getattr(tup, Anum_pg_default_acl_defaclacl,
								   RelationGetDescr(rel), &isnull);

	table_close(rel, AccessShareLock);
	tm_definition_add_default_grants(definition, source,
									 psprintf("ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA %s",
											  tm_definition_role(source, form->defaclrole),
											  source->schema_name),
									 objects_of_kind(form->defaclobjtype), acl);
}

static const char *
objects_of_kind(char kind)
{
	switch (kind)
	{
		case DEFACLOBJ_SEQUENCE:
			return "SEQUENCES";
		case DEFACLOBJ_FUNCTION:
			return "FUNCTIONS";
		case DEFACLOBJ_TYPE:
			return "TYPES";
		default:
			return "TABLES";
	}
}

/* A row of a catalog, for kinds of objects that have no statements here. */
static void
describe_row(Definition *definition, const DefinitionSource *source,
			 HeapTuple tup)
{
	const ObjectAddress *object = &definition->object;
	Relation	rel = table_open(object->classId, AccessShareLock);
	ViewColumn *columns = tm_column_forms(rel);
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
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
		if (strncmp(part->key, "label ", 6) == 0 || part->usual ||
			part->early || part->at_birth)
			continue;
		appendStringInfo(&buf, "%s%s%s%s", buf.len > 0 ? "\n" : "",
						 part->note ? "-- " : "", part->sql,
						 part->note ? "" : ";");
	}
	definition->text = buf.data;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}
