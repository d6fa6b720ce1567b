/*
 * diff_sql.c
 *		tenant.diff() and tenant.diff_sql().
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "compare/compared_schema.h"
#include "compare/repair_order.h"
#include "compare/schema_diff.h"

PG_FUNCTION_INFO_V1(tenant_diff);
PG_FUNCTION_INFO_V1(tenant_diff_sql);

Datum
tenant_diff(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"missing", "extra", "different"};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			a = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(0)),
									   false);
	Oid			b = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(1)),
									   false);
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, tm_schema_diff(a, b)->differences)
	{
		Difference *difference = lfirst(lc);
		Datum		values[5];
		bool		nulls[5] = {false};

		if (difference->implied)
			continue;
		values[0] = CStringGetTextDatum(difference->label.type);
		values[1] = CStringGetTextDatum(difference->label.name);
		values[2] = CStringGetTextDatum(kinds[difference->kind]);
		nulls[3] = difference->a == NULL;
		nulls[4] = difference->b == NULL;
		if (!nulls[3])
			values[3] = CStringGetTextDatum(difference->a->text);
		if (!nulls[4])
			values[4] = CStringGetTextDatum(difference->b->text);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	tm_compared_schema_release(a);
	tm_compared_schema_release(b);
	return (Datum) 0;
}

Datum
tenant_diff_sql(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			a = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(0)),
									   false);
	Oid			b = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(1)),
									   false);
	List	   *found = tm_repair_in_order(tm_repair_plan(tm_schema_diff(a, b)));
	ListCell   *lc;

	if (found != NIL)
	{
		/*
		 * Names in statements mean what is in the second schema, and
		 * backslashes in strings nothing.
		 */
		found = lcons("SET standard_conforming_strings TO on;", found);
		found = lcons("SET check_function_bodies TO off;", found);
		found = lcons(psprintf("SET search_path TO %s, pg_catalog, pg_temp;",
							   quote_identifier(get_namespace_name(b))), found);
		found = lappend(found, "RESET standard_conforming_strings;");
		found = lappend(found, "RESET check_function_bodies;");
		found = lappend(found, "RESET search_path;");
	}

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach(lc, found)
	{
		Datum		value = CStringGetTextDatum(lfirst(lc));
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value,
							 &isnull);
	}
	tm_compared_schema_release(a);
	tm_compared_schema_release(b);
	return (Datum) 0;
}
