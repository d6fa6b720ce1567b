/*
 * drift.c
 *		Whether a schema is still like the one that it was made from.
 *
 * tenant.drift asks this for each tenant, mostly about the same template, whose
 * list of objects is kept for as long as the query is executed.
 *
 * Since when something differs, only commit timestamps can tell: the earliest one
 * of the rows of objects that are not alike.  What is missing has none.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/commit_ts.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "clone/catalog_rules.h"
#include "compare/compared_schema.h"
#include "compare/fingerprint.h"

/* What is kept between calls */
typedef struct KeptTemplate
{
	Oid			nspid;			/* the schema */
	Fingerprint *fingerprint;	/* and all that is in it */
} KeptTemplate;

static Fingerprint *template_fingerprint(FunctionCallInfo fcinfo, Oid nspid);
static int	count_differences(const Fingerprint *a, const Fingerprint *b,
							  TimestampTz *since);
static void note_time(const FingerprintItem *item, TimestampTz *since);
static TransactionId xmin_of(const ObjectAddress *object);

PG_FUNCTION_INFO_V1(tenant_drift_from);

Datum
tenant_drift_from(PG_FUNCTION_ARGS)
{
	Oid			template = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Oid			tenant = tm_compared_schema(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	Fingerprint *wanted = template_fingerprint(fcinfo, template);
	Fingerprint *present = tm_fingerprint_read(tenant);
	TimestampTz since = DT_NOEND;
	TupleDesc	tupdesc;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(present->text);
	values[1] = Int32GetDatum(count_differences(wanted, present, &since));
	values[2] = TimestampTzGetDatum(since);
	nulls[2] = since == DT_NOEND;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc),
													  values, nulls)));
}

/* That of the template, read once for all calls of a query. */
static Fingerprint *
template_fingerprint(FunctionCallInfo fcinfo, Oid nspid)
{
	KeptTemplate *kept = fcinfo->flinfo->fn_extra;

	if (kept == NULL || kept->nspid != nspid)
	{
		MemoryContext old_context = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (kept == NULL)
			kept = palloc0(sizeof(KeptTemplate));
		else
		{
			pfree(kept->fingerprint->items);
			pfree(kept->fingerprint);
			kept->nspid = InvalidOid;
		}
		kept->fingerprint = tm_fingerprint_read(nspid);
		kept->nspid = nspid;
		fcinfo->flinfo->fn_extra = kept;
		MemoryContextSwitchTo(old_context);
	}
	return kept->fingerprint;
}

/* One walk through both lists, which are in the same order. */
static int
count_differences(const Fingerprint *a, const Fingerprint *b,
				  TimestampTz *since)
{
	int			count = 0;
	int			i = 0;
	int			j = 0;

	while (i < a->nitems || j < b->nitems)
	{
		int			order = i == a->nitems ? 1 : j == b->nitems ? -1 :
			memcmp(a->items[i].name, b->items[j].name,
				   sizeof(a->items[i].name));

		CHECK_FOR_INTERRUPTS();
		if (order == 0 && memcmp(a->items[i].digest, b->items[j].digest,
								 sizeof(a->items[i].digest)) == 0)
		{
			i++;
			j++;
			continue;
		}
		count++;
		if (order >= 0)
			note_time(&b->items[j++], since);
		if (order <= 0)
			i++;
	}
	return count;
}

static void
note_time(const FingerprintItem *item, TimestampTz *since)
{
	TransactionId xmin;
	TimestampTz committed;

	if (!track_commit_timestamp)
		return;
	xmin = xmin_of(&item->object);
	if (TransactionIdIsNormal(xmin) &&
		TransactionIdGetCommitTsData(xmin, &committed, NULL) &&
		committed < *since)
		*since = committed;
}

/* Who has written the row of an object, or InvalidTransactionId. */
static TransactionId
xmin_of(const ObjectAddress *object)
{
	TransactionId xmin = InvalidTransactionId;
	Oid			index;
	AttrNumber	attno;
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	if (object->classId == RelationRelationId && object->objectSubId > 0)
	{
		tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(object->objectId),
							  Int16GetDatum(object->objectSubId));
		if (HeapTupleIsValid(tup))
		{
			xmin = HeapTupleHeaderGetXmin(tup->t_data);
			ReleaseSysCache(tup);
		}
		return xmin;
	}
	if (!tm_catalog_identity(object->classId, &index, &attno))
		return xmin;
	rel = table_open(object->classId, AccessShareLock);
	ScanKeyInit(&key, attno, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->objectId));
	scan = systable_beginscan(rel, index, true, NULL, 1, &key);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
		xmin = HeapTupleHeaderGetXmin(tup->t_data);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return xmin;
}
