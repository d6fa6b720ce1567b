/*
 * fingerprint_sql.c
 *		tenant.fingerprint(), and that of each object.
 *
 * Only tenants' fingerprints are kept; a snapshot is not changed, and of another
 * schema nobody asks often.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "compare/compared_schema.h"
#include "compare/kept_fingerprint.h"
#include "compare/object_label.h"

PG_FUNCTION_INFO_V1(tenant_fingerprint);
PG_FUNCTION_INFO_V1(tenant_object_fingerprints);

Datum
tenant_fingerprint(PG_FUNCTION_ARGS)
{
	Oid			nspid = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(0)),
										   false);
	TenantInfo *tenant = tm_registry_lookup_schema(get_namespace_name(nspid));
	char	   *text;

	if (tenant != NULL && tenant->nspid == nspid)
		text = tm_kept_fingerprint(tenant, PG_GETARG_BOOL(1))->text;
	else
		text = tm_fingerprint_of_schema(nspid);
	tm_compared_schema_release(nspid);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

Datum
tenant_object_fingerprints(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			nspid = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(0)),
										   false);
	Fingerprint *fingerprint;

	InitMaterializedSRF(fcinfo, 0);
	fingerprint = tm_fingerprint_read(nspid);
	for (int i = 0; i < fingerprint->nitems; i++)
	{
		FingerprintItem *item = &fingerprint->items[i];
		ObjectLabel label;
		Datum		values[3];
		bool		nulls[3] = {false};
		char		digits[TM_FINGERPRINT_SIZE];

		CHECK_FOR_INTERRUPTS();
		if (!tm_object_label(nspid, &item->object, &label))
			continue;
		tm_fingerprint_digits(item->digest, digits);
		values[0] = CStringGetTextDatum(label.type);
		values[1] = CStringGetTextDatum(label.name);
		values[2] = CStringGetTextDatum(digits);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	tm_compared_schema_release(nspid);
	return (Datum) 0;
}
