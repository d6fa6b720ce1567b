/*
 * function_settings.c
 *		Settings of functions that name the schema they live in.
 *
 * CREATE FUNCTION ... SET search_path = shop keeps a name, not an OID.  When
 * the schema is copied or renamed, the name goes on to mean whatever is called
 * so: nothing, or another tenant.  Unlike the body of the function it is no
 * program but a list of names, so it can be changed without a doubt.  This is
 * done wherever a schema gets a name: in a clone, by a rename, on the way to
 * the trash and back.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "binding/binding.h"
#include "clone/closure.h"
#include "clone/function_settings.h"
#include "tenants/tenant_name.h"

static char *retarget_path(const char *path, const char *schema,
						   const char *new_schema);
static char *retarget_qualified(const char *name, const char *schema,
								const char *new_schema);
static char *retarget_tenant(const char *name, const char *schema,
							 const char *new_schema);
static char *join_names(List *names, const char *separator);
static void follow_schema(Relation rel, Oid funcid, const char *schema,
						  const char *new_schema);

char *
tm_function_setting_retarget(const char *setting, const char *schema,
							 const char *new_schema)
{
	const char *value = strchr(setting, '=');
	char	   *name;
	char	   *changed = NULL;

	if (value == NULL)
		return NULL;
	name = pnstrdup(setting, value - setting);
	value++;
	if (pg_strcasecmp(name, "search_path") == 0)
		changed = retarget_path(value, schema, new_schema);
	else if (pg_strcasecmp(name, "default_text_search_config") == 0)
		changed = retarget_qualified(value, schema, new_schema);
	else if (pg_strcasecmp(name, TM_TENANT_SETTING) == 0)
		changed = retarget_tenant(value, schema, new_schema);
	return changed ? psprintf("%s=%s", name, changed) : NULL;
}

bool
tm_function_settings_retarget(Datum *settings, const char *schema,
							  const char *new_schema)
{
	Datum	   *elements;
	int			nelements;
	bool		changed = false;

	deconstruct_array(DatumGetArrayTypeP(*settings), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &nelements);
	for (int i = 0; i < nelements; i++)
	{
		char	   *setting;

		setting = tm_function_setting_retarget(TextDatumGetCString(elements[i]),
											   schema, new_schema);

		if (setting == NULL)
			continue;
		elements[i] = CStringGetTextDatum(setting);
		changed = true;
	}
	if (changed)
		*settings = PointerGetDatum(construct_array(elements, nelements,
													TEXTOID, -1, false,
													TYPALIGN_INT));
	return changed;
}

void
tm_function_settings_follow_schema(Oid nspid, const char *schema,
								   const char *new_schema)
{
	Relation	rel;
	ListCell   *lc;

	if (strcmp(schema, new_schema) == 0)
		return;
	rel = table_open(ProcedureRelationId, RowExclusiveLock);
	foreach(lc, tm_closure_functions(nspid))
	{
		CHECK_FOR_INTERRUPTS();
		follow_schema(rel, lfirst_oid(lc), schema, new_schema);
	}
	table_close(rel, RowExclusiveLock);
}

/* A list of schemas. */
static char *
retarget_path(const char *path, const char *schema, const char *new_schema)
{
	List	   *names;
	ListCell   *lc;
	bool		found = false;

	if (!SplitIdentifierString(pstrdup(path), ',', &names))
		return NULL;
	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), schema) == 0)
		{
			lfirst(lc) = unconstify(char *, new_schema);
			found = true;
		}
	}
	return found ? join_names(names, ", ") : NULL;
}

/* The name of an object, with or without that of its schema. */
static char *
retarget_qualified(const char *name, const char *schema,
				   const char *new_schema)
{
	List	   *names;

	if (!SplitIdentifierString(pstrdup(name), '.', &names) ||
		list_length(names) != 2 || strcmp(linitial(names), schema) != 0)
		return NULL;
	linitial(names) = unconstify(char *, new_schema);
	return join_names(names, ".");
}

/* A tenant is called like its schema, but for the prefix. */
static char *
retarget_tenant(const char *name, const char *schema, const char *new_schema)
{
	const char *prefix = tm_schema_prefix ? tm_schema_prefix : "";
	size_t		len = strlen(prefix);

	if (strncmp(schema, prefix, len) != 0 ||
		strncmp(new_schema, prefix, len) != 0 ||
		strcmp(name, schema + len) != 0)
		return NULL;
	return pstrdup(new_schema + len);
}

static char *
join_names(List *names, const char *separator)
{
	StringInfoData result;
	ListCell   *lc;

	initStringInfo(&result);
	foreach(lc, names)
	{
		if (result.len > 0)
			appendStringInfoString(&result, separator);
		appendStringInfoString(&result, quote_identifier(lfirst(lc)));
	}
	return result.data;
}

static void
follow_schema(Relation rel, Oid funcid, const char *schema,
			  const char *new_schema)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Datum		values[Natts_pg_proc] = {0};
	bool		nulls[Natts_pg_proc] = {0};
	bool		replace[Natts_pg_proc] = {0};
	Datum		settings;
	bool		isnull;

	/* It may just have been dropped. */
	if (!HeapTupleIsValid(tuple))
		return;
	settings = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig,
							   &isnull);
	if (!isnull && tm_function_settings_retarget(&settings, schema, new_schema))
	{
		HeapTuple	changed;

		values[Anum_pg_proc_proconfig - 1] = settings;
		replace[Anum_pg_proc_proconfig - 1] = true;
		changed = heap_modify_tuple(tuple, RelationGetDescr(rel), values,
									nulls, replace);
		CatalogTupleUpdate(rel, &changed->t_self, changed);
		InvokeObjectPostAlterHook(ProcedureRelationId, funcid, 0);
	}
	ReleaseSysCache(tuple);
}
