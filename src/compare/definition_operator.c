/*
 * definition_operator.c
 *		Operators and their classes in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "commands/defrem.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/dependency.h"
#include "compare/definition_operator.h"
#include "compare/definition_part.h"

static char *type_or_none(Oid typid);
static char *estimators(Form_pg_operator form);
static char *family_name(Oid family);
static void append_members(StringInfo buf, Form_pg_opclass form);
static int	compare_operators(const ListCell *a, const ListCell *b);
static int	compare_functions(const ListCell *a, const ListCell *b);
static void append_operator(StringInfo buf, Form_pg_amop form);
static void append_function(StringInfo buf, Form_pg_amproc form);
static void add_loose_operators(Definition *definition, const char *name,
								Oid family);
static void add_loose_functions(Definition *definition, const char *name,
								Oid family);
static bool is_loose(Oid classid, Oid member, Oid family);

void
tm_define_operator(Definition *definition, const DefinitionSource *source,
				   HeapTuple tup)
{
	Form_pg_operator form = (Form_pg_operator) GETSTRUCT(tup);
	char	   *name = psprintf("OPERATOR %s (%s, %s)", NameStr(form->oprname),
								type_or_none(form->oprleft),
								type_or_none(form->oprright));
	StringInfoData buf;
	DefinitionPart *part;

	/* the other half of a pair that is not there yet */
	if (!OidIsValid(form->oprcode))
		definition->complete = false;
	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE OPERATOR %s (FUNCTION = %s",
					 NameStr(form->oprname),
					 tm_definition_function(form->oprcode));
	if (OidIsValid(form->oprleft))
		appendStringInfo(&buf, ", LEFTARG = %s", format_type_be(form->oprleft));
	if (OidIsValid(form->oprright))
		appendStringInfo(&buf, ", RIGHTARG = %s",
						 format_type_be(form->oprright));
	if (OidIsValid(form->oprcom))
		appendStringInfo(&buf, ", COMMUTATOR = %s",
						 tm_definition_operator(form->oprcom));
	if (OidIsValid(form->oprnegate))
		appendStringInfo(&buf, ", NEGATOR = %s",
						 tm_definition_operator(form->oprnegate));
	if (form->oprcanhash)
		appendStringInfoString(&buf, ", HASHES");
	if (form->oprcanmerge)
		appendStringInfoString(&buf, ", MERGES");
	part = tm_definition_add(definition, "create",
							 psprintf("%s%s)", buf.data,
									  OidIsValid(form->oprrest) ||
									  OidIsValid(form->oprjoin) ?
									  psprintf(", %s", estimators(form)) : ""),
							 psprintf("DROP %s", name));
	part->essence = buf.data;

	/* it is made with them */
	part = tm_definition_add(definition, "estimators",
							 psprintf("ALTER %s SET (RESTRICT = %s, JOIN = %s)",
									  name,
									  OidIsValid(form->oprrest) ?
									  tm_definition_function(form->oprrest) : "NONE",
									  OidIsValid(form->oprjoin) ?
									  tm_definition_function(form->oprjoin) : "NONE"),
							 NULL);
	part->usual = true;
	tm_definition_add_owner(definition, source, name, form->oprowner);
	tm_definition_add_comment(definition, name, &definition->object);
}

void
tm_define_operator_class(Definition *definition, const DefinitionSource *source,
						 HeapTuple tup)
{
	Form_pg_opclass form = (Form_pg_opclass) GETSTRUCT(tup);
	char	   *method = get_am_name(form->opcmethod);
	char	   *name = psprintf("OPERATOR CLASS %s USING %s",
								quote_identifier(NameStr(form->opcname)),
								quote_identifier(method));
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE OPERATOR CLASS %s%s FOR TYPE %s USING %s FAMILY %s AS STORAGE %s",
					 quote_identifier(NameStr(form->opcname)),
					 form->opcdefault ? " DEFAULT" : "",
					 format_type_be(form->opcintype), quote_identifier(method),
					 family_name(form->opcfamily),
					 format_type_be(OidIsValid(form->opckeytype) ?
									form->opckeytype : form->opcintype));
	append_members(&buf, form);
	tm_definition_add(definition, "create", buf.data, psprintf("DROP %s", name));
	tm_definition_add_owner(definition, source, name, form->opcowner);
	tm_definition_add_comment(definition, name, &definition->object);
}

void
tm_define_operator_family(Definition *definition,
						  const DefinitionSource *source, HeapTuple tup)
{
	Form_pg_opfamily form = (Form_pg_opfamily) GETSTRUCT(tup);
	char	   *name = psprintf("OPERATOR FAMILY %s USING %s",
								quote_identifier(NameStr(form->opfname)),
								quote_identifier(get_am_name(form->opfmethod)));

	tm_definition_add(definition, "create", psprintf("CREATE %s", name),
					  psprintf("DROP %s", name));
	add_loose_operators(definition, name, form->oid);
	add_loose_functions(definition, name, form->oid);
	tm_definition_add_owner(definition, source, name, form->opfowner);
	tm_definition_add_comment(definition, name, &definition->object);
}

static char *
type_or_none(Oid typid)
{
	return OidIsValid(typid) ? format_type_be(typid) : pstrdup("NONE");
}

static char *
estimators(Form_pg_operator form)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (OidIsValid(form->oprrest))
		appendStringInfo(&buf, "RESTRICT = %s",
						 tm_definition_function(form->oprrest));
	if (OidIsValid(form->oprjoin))
		appendStringInfo(&buf, "%sJOIN = %s", buf.len > 0 ? ", " : "",
						 tm_definition_function(form->oprjoin));
	return buf.data;
}

/* Qualified unless it is found by the search path. */
static char *
family_name(Oid family)
{
	HeapTuple	tup = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(family));
	Form_pg_opfamily form;
	char	   *result;

	if (!HeapTupleIsValid(tup))
		return psprintf("%u", family);
	form = (Form_pg_opfamily) GETSTRUCT(tup);
	result = quote_qualified_identifier(OpfamilyIsVisible(family) ? NULL :
										get_namespace_name(form->opfnamespace),
										NameStr(form->opfname));
	ReleaseSysCache(tup);
	return result;
}

/* The operators and functions of a class are those that depend on it. */
static void
append_members(StringInfo buf, Form_pg_opclass form)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	SysScanDesc scan = tm_dependency_scan_dependents(depend, NULL,
													 OperatorClassRelationId,
													 form->oid);
	List	   *operators = NIL;
	List	   *functions = NIL;
	HeapTuple	tup;
	ListCell   *lc;

	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);

		if (dep->deptype != DEPENDENCY_INTERNAL)
			continue;
		tup = tm_definition_row(dep->classid, dep->objid);
		if (dep->classid == AccessMethodOperatorRelationId)
			operators = lappend(operators, tup);
		else if (dep->classid == AccessMethodProcedureRelationId)
			functions = lappend(functions, tup);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);

	list_sort(operators, compare_operators);
	foreach(lc, operators)
	{
		appendStringInfoString(buf, ", ");
		append_operator(buf, (Form_pg_amop) GETSTRUCT((HeapTuple) lfirst(lc)));
	}
	list_sort(functions, compare_functions);
	foreach(lc, functions)
	{
		appendStringInfoString(buf, ", ");
		append_function(buf, (Form_pg_amproc) GETSTRUCT((HeapTuple) lfirst(lc)));
	}
}

/* list_sort comparator: by number; a class has one operator for each. */
static int
compare_operators(const ListCell *a, const ListCell *b)
{
	Form_pg_amop left = (Form_pg_amop) GETSTRUCT((HeapTuple) lfirst(a));
	Form_pg_amop right = (Form_pg_amop) GETSTRUCT((HeapTuple) lfirst(b));

	return left->amopstrategy - right->amopstrategy;
}

/* list_sort comparator: likewise of functions. */
static int
compare_functions(const ListCell *a, const ListCell *b)
{
	Form_pg_amproc left = (Form_pg_amproc) GETSTRUCT((HeapTuple) lfirst(a));
	Form_pg_amproc right = (Form_pg_amproc) GETSTRUCT((HeapTuple) lfirst(b));

	return left->amprocnum - right->amprocnum;
}

static void
append_operator(StringInfo buf, Form_pg_amop form)
{
	appendStringInfo(buf, "OPERATOR %d %s", form->amopstrategy,
					 format_operator(form->amopopr));
	if (OidIsValid(form->amopsortfamily))
		appendStringInfo(buf, " FOR ORDER BY %s",
						 family_name(form->amopsortfamily));
}

static void
append_function(StringInfo buf, Form_pg_amproc form)
{
	appendStringInfo(buf, "FUNCTION %d (%s, %s) %s", form->amprocnum,
					 format_type_be(form->amproclefttype),
					 format_type_be(form->amprocrighttype),
					 format_procedure(form->amproc));
}

/* What belongs to the family without belonging to one of its classes. */
static void
add_loose_operators(Definition *definition, const char *name, Oid family)
{
	CatCList   *members = SearchSysCacheList1(AMOPSTRATEGY,
											  ObjectIdGetDatum(family));

	for (int i = 0; i < members->n_members; i++)
	{
		Form_pg_amop form = (Form_pg_amop) GETSTRUCT(&members->members[i]->tuple);
		StringInfoData buf;
		char	   *types;

		if (!is_loose(AccessMethodOperatorRelationId, form->oid, family))
			continue;
		initStringInfo(&buf);
		append_operator(&buf, form);
		types = psprintf("%d (%s, %s)", form->amopstrategy,
						 format_type_be(form->amoplefttype),
						 format_type_be(form->amoprighttype));
		tm_definition_add(definition, psprintf("operator %s", types),
						  psprintf("ALTER %s ADD %s", name, buf.data),
						  psprintf("ALTER %s DROP OPERATOR %s", name, types))->change = NULL;
	}
	ReleaseSysCacheList(members);
}

static void
add_loose_functions(Definition *definition, const char *name, Oid family)
{
	CatCList   *members = SearchSysCacheList1(AMPROCNUM,
											  ObjectIdGetDatum(family));

	for (int i = 0; i < members->n_members; i++)
	{
		Form_pg_amproc form = (Form_pg_amproc) GETSTRUCT(&members->members[i]->tuple);
		StringInfoData buf;
		char	   *types;

		if (!is_loose(AccessMethodProcedureRelationId, form->oid, family))
			continue;
		initStringInfo(&buf);
		append_function(&buf, form);
		types = psprintf("%d (%s, %s)", form->amprocnum,
						 format_type_be(form->amproclefttype),
						 format_type_be(form->amprocrighttype));
		tm_definition_add(definition, psprintf("function %s", types),
						  psprintf("ALTER %s ADD %s", name, buf.data),
						  psprintf("ALTER %s DROP FUNCTION %s", name, types))->change = NULL;
	}
	ReleaseSysCacheList(members);
}

/* Does a member depend on the family itself? */
static bool
is_loose(Oid classid, Oid member, Oid family)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	SysScanDesc scan = tm_dependency_scan(depend, NULL, classid, member);
	HeapTuple	tup;
	bool		result = false;

	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);

		result |= dep->refclassid == OperatorFamilyRelationId &&
			dep->refobjid == family;
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return result;
}
