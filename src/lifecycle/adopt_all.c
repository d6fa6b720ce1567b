/*
 * adopt_all.c
 *		Many schemas become tenants at once.
 *
 * Each schema is adopted in a subtransaction of its own: one that cannot be a
 * tenant is reported and does not keep the others from being adopted.  Schemas
 * that can never be tenants, and those that are already, are passed over, so
 * that it can be done again when there are new ones.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "lifecycle/lifecycle.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

#define ADOPT_ALL_COLUMNS	3

/* One schema */
typedef struct Adoption
{
	const char *schema;			/* the schema, */
	char	   *name;			/* its tenant's name, once it is one, */
	Jsonb	   *metadata;		/* and what is registered */
	bool		is_template;
} Adoption;

static List *schemas_to_adopt(text *pattern, ArrayType *except);
static bool is_excepted(Datum schema, ArrayType *except);
static bool is_like(Datum schema, Datum pattern);
static int	compare_schemas(const ListCell *a, const ListCell *b);
static void adopt_one(ReturnSetInfo *rsinfo, const char *schema,
					  Jsonb *metadata, bool is_template);
static void adopt(void *arg);

PG_FUNCTION_INFO_V1(tenant_adopt_all);

/* adopt_all(like, except, is_template): a row for each schema. */
Datum
tenant_adopt_all(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Jsonb	   *metadata = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
															  CStringGetDatum("{}")));
	ListCell   *lc;

	tm_tenant_lock_begin("tenant.adopt_all()");
	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, schemas_to_adopt(PG_GETARG_TEXT_PP(0),
								 PG_GETARG_ARRAYTYPE_P(1)))
	{
		CHECK_FOR_INTERRUPTS();
		adopt_one(rsinfo, lfirst(lc), metadata, PG_GETARG_BOOL(2));
	}
	return (Datum) 0;
}

/* Names of schemas that can be tenants and are none, in their order. */
static List *
schemas_to_adopt(text *pattern, ArrayType *except)
{
	Relation	rel = table_open(NamespaceRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *schemas = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		char	   *name =
			pstrdup(NameStr(((Form_pg_namespace) GETSTRUCT(tuple))->nspname));
		Datum		schema = CStringGetTextDatum(name);

		CHECK_FOR_INTERRUPTS();
		if (!tm_tenant_name_is_reserved(name) &&
			is_like(schema, PointerGetDatum(pattern)) &&
			!is_excepted(schema, except) &&
			tm_registry_lookup_schema(name) == NULL)
			schemas = lappend(schemas, name);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(schemas, compare_schemas);
	return schemas;
}

static bool
is_excepted(Datum schema, ArrayType *except)
{
	Datum	   *patterns;
	bool	   *nulls;
	int			npatterns;

	deconstruct_array(except, TEXTOID, -1, false, TYPALIGN_INT,
					  &patterns, &nulls, &npatterns);
	for (int i = 0; i < npatterns; i++)
	{
		if (!nulls[i] && is_like(schema, patterns[i]))
			return true;
	}
	return false;
}

static bool
is_like(Datum schema, Datum pattern)
{
	return DatumGetBool(DirectFunctionCall2Coll(textlike, C_COLLATION_OID,
												schema, pattern));
}

static int
compare_schemas(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* What is not about the schema, a cancelled statement above all, goes on. */
static void
adopt_one(ReturnSetInfo *rsinfo, const char *schema, Jsonb *metadata,
		  bool is_template)
{
	Adoption	adoption = {schema, NULL, metadata, is_template};
	Datum		values[ADOPT_ALL_COLUMNS];
	bool		nulls[ADOPT_ALL_COLUMNS] = {false, true, true};
	char	   *message = tm_attempt(adopt, &adoption);

	values[0] = CStringGetTextDatum(schema);
	if (message == NULL)
	{
		values[1] = CStringGetTextDatum(adoption.name);
		nulls[1] = false;
	}
	else
	{
		values[2] = CStringGetTextDatum(message);
		nulls[2] = false;
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
adopt(void *arg)
{
	Adoption   *adoption = arg;

	adoption->name = tm_lifecycle_adopt(adoption->schema, NULL,
										adoption->metadata,
										adoption->is_template);
}
