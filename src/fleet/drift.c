/*
 * drift.c
 *		Which tenants are not like their templates.
 *
 * A tenant is compared with its template as that is now, if both have the same
 * last migration, else with the fingerprint that the ledger has of the template at
 * the tenant's version.  What has been kept of a comparison is good for as long as
 * both fingerprints are the same.  So where nothing has changed, a few tables are
 * scanned and no schema is read.  Schemas that may have changed are read one by one,
 * when somebody asks for their rows in the view.
 *
 * A tenant differs since the first change after which it did: its own, or the
 * template's.  Where no change has been noted, commit timestamps may tell, unless
 * they are not kept: the earliest one of the rows of objects that are not alike.
 * What is missing has none.
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
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "binding/binding_in_force.h"
#include "clone/catalog_rules.h"
#include "compare/compared_schema.h"
#include "compare/kept_fingerprint.h"
#include "fleet/drift.h"
#include "fleet/migration_ledger.h"

/* The objects of a template, kept between calls */
typedef struct TemplateObjects
{
	Oid			nspid;			/* its schema */
	Fingerprint *fingerprint;	/* and all that is in it */
} TemplateObjects;

/* What is known of all tenants, in one look */
typedef struct Fleet
{
	HTAB	   *tenants;		/* id -> TenantEntry */
	HTAB	   *latest;			/* id -> LedgerLatest */
	HTAB	   *kept;			/* id -> KeptFingerprint */
	List	   *old_versions;	/* OldVersion, those that were asked for */
} Fleet;

typedef struct TenantEntry
{
	pg_uuid_t	id;				/* hash key */
	const TenantInfo *tenant;	/* of this id */
} TenantEntry;

/* A template as it once was */
typedef struct OldVersion
{
	const TenantInfo *template; /* this one, */
	const char *version;		/* with this migration as its last */
	const char *fingerprint;	/* or NULL */
} OldVersion;

/* One comparison */
typedef struct Comparison
{
	const TenantInfo *tenant;	/* who is compared, */
	const TenantInfo *template; /* with whom, */
	const char *version;		/* at which version, */
	bool		is_present;		/* which is the template's, too */
	const char *expected;		/* the template's fingerprint, or NULL */
	TimestampTz changed_at;		/* since when it has that, or DT_NOBEGIN */
	KeptFingerprint *kept;		/* what is known of the tenant */
	Oid			locked[2];		/* schemas of both, as far as they are there */
	int			nlocked;
} Comparison;

static int	compare_drifting(const ListCell *a, const ListCell *b);
static bool may_compare(const TenantInfo *tenant);
static HTAB *tenants_by_id(List *tenants);
static const TenantInfo *template_of(const Fleet *fleet,
									 const TenantInfo *tenant);
static bool is_live(const TenantInfo *tenant);
static const char *latest_of(const Fleet *fleet, const TenantInfo *tenant);
static const KeptFingerprint *kept_of(const Fleet *fleet,
									  const TenantInfo *tenant);
static const char *old_fingerprint(Fleet *fleet, const TenantInfo *template,
								   const char *version);
static DriftingTenant *look_at(Fleet *fleet, const TenantInfo *tenant);
static bool same_version(const char *a, const char *b);
static const char *last_version(const TenantInfo *tenant);
static bool begin_comparison(const char *name, Comparison *comparison);
static const TenantInfo *lock_compared(const char *name,
									   Comparison *comparison);
static void tell_drift(FunctionCallInfo fcinfo, const Comparison *comparison);
static bool is_settled(const KeptFingerprint *kept, const char *expected,
					   bool is_present);
static void compare(FunctionCallInfo fcinfo, const Comparison *comparison);
static TimestampTz since_when(const Comparison *comparison,
							  TimestampTz committed);
static TimestampTz earliest(TimestampTz a, TimestampTz b,
							TimestampTz created_at);
static Fingerprint *template_objects(FunctionCallInfo fcinfo, Oid nspid);
static int	count_differences(const Fingerprint *a, const Fingerprint *b,
							  TimestampTz *since);
static void note_time(const FingerprintItem *item, TimestampTz *since);
static TransactionId xmin_of(const ObjectAddress *object);

PG_FUNCTION_INFO_V1(tenant_drift_candidates);
PG_FUNCTION_INFO_V1(tenant_drift_of);

/*
 * drift_candidates(): tenants that differ, or may, of those that the current user
 * owns together with their templates.
 */
Datum
tenant_drift_candidates(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (tm_binding_in_force() != NULL)
		return (Datum) 0;
	foreach(lc, tm_drifting_tenants(tm_registry_list()))
	{
		const DriftingTenant *one = lfirst(lc);
		Datum		values[6];
		bool		nulls[6] = {false};

		CHECK_FOR_INTERRUPTS();
		if (!may_compare(one->tenant) || !may_compare(one->template))
			continue;
		values[0] = CStringGetTextDatum(one->tenant->name);
		values[1] = CStringGetTextDatum(one->template->name);
		nulls[2] = one->version == NULL;
		if (one->version != NULL)
			values[2] = CStringGetTextDatum(one->version);
		values[3] = TimestampTzGetDatum(one->since);
		nulls[3] = one->since == DT_NOBEGIN;
		values[4] = Int32GetDatum(one->differences);
		nulls[4] = one->differences < 0;
		values[5] = BoolGetDatum(one->known);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* drift_of(name): a row if the tenant differs now, and none if it does not. */
Datum
tenant_drift_of(PG_FUNCTION_ARGS)
{
	Comparison	comparison = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (begin_comparison(text_to_cstring(PG_GETARG_TEXT_PP(0)), &comparison))
	{
		if (!is_settled(comparison.kept, comparison.expected,
						comparison.is_present))
			compare(fcinfo, &comparison);
		if (comparison.kept->differences != 0)
			tell_drift(fcinfo, &comparison);
	}

	/* Thousands of them are looked at in one statement. */
	while (comparison.nlocked > 0)
		tm_compared_schema_release(comparison.locked[--comparison.nlocked]);
	return (Datum) 0;
}

static void
tell_drift(FunctionCallInfo fcinfo, const Comparison *comparison)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const KeptFingerprint *kept = comparison->kept;
	Datum		values[2];
	bool		nulls[2];

	values[0] = TimestampTzGetDatum(kept->differs_since);
	nulls[0] = kept->differs_since == DT_NOBEGIN;
	values[1] = Int32GetDatum(kept->differences);
	nulls[1] = kept->differences < 0;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

List *
tm_drifting_tenants(List *tenants)
{
	Fleet		fleet = {.tenants = tenants_by_id(tenants),
	.latest = tm_ledger_latest(NULL),.kept = tm_kept_fingerprints()};
	List	   *drifting = NIL;
	ListCell   *lc;

	foreach(lc, tenants)
	{
		DriftingTenant *one;

		CHECK_FOR_INTERRUPTS();
		one = look_at(&fleet, lfirst(lc));
		if (one != NULL)
			drifting = lappend(drifting, one);
	}
	list_sort(drifting, compare_drifting);
	hash_destroy(fleet.kept);
	hash_destroy(fleet.latest);
	hash_destroy(fleet.tenants);
	return drifting;
}

/* By template, so that none is read twice, and by name. */
static int
compare_drifting(const ListCell *a, const ListCell *b)
{
	const DriftingTenant *one = lfirst(a);
	const DriftingTenant *other = lfirst(b);
	int			order = strcmp(one->template->name, other->template->name);

	return order != 0 ? order : strcmp(one->tenant->name, other->tenant->name);
}

/* What a schema is made of is told to its owner only. */
static bool
may_compare(const TenantInfo *tenant)
{
	return tm_schema_ownercheck(tenant->nspid, GetUserId());
}

static HTAB *
tenants_by_id(List *tenants)
{
	HASHCTL		ctl = {.keysize = sizeof(pg_uuid_t),
	.entrysize = sizeof(TenantEntry),.hcxt = CurrentMemoryContext};
	HTAB	   *by_id = hash_create("tenant_mgr tenants by id",
									list_length(tenants) + 1, &ctl,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);
		TenantEntry *entry = hash_search(by_id, &tenant->id, HASH_ENTER, NULL);

		entry->tenant = tenant;
	}
	return by_id;
}

/* NULL if there is none, or none any more. */
static const TenantInfo *
template_of(const Fleet *fleet, const TenantInfo *tenant)
{
	const TenantEntry *entry;

	if (!tenant->has_template)
		return NULL;
	entry = hash_search(fleet->tenants, &tenant->template_id, HASH_FIND, NULL);
	if (entry == NULL || !entry->tenant->is_template ||
		!is_live(entry->tenant))
		return NULL;
	return entry->tenant;
}

static bool
is_live(const TenantInfo *tenant)
{
	return tenant->state != TENANT_TRASHED && OidIsValid(tenant->nspid);
}

static const char *
latest_of(const Fleet *fleet, const TenantInfo *tenant)
{
	const LedgerLatest *entry = hash_search(fleet->latest, &tenant->id,
											HASH_FIND, NULL);

	return entry != NULL ? entry->version : NULL;
}

/* NULL if the schema has to be read. */
static const KeptFingerprint *
kept_of(const Fleet *fleet, const TenantInfo *tenant)
{
	const KeptFingerprint *kept = hash_search(fleet->kept, &tenant->id,
											  HASH_FIND, NULL);

	return kept != NULL && kept->is_true && kept->nspid == tenant->nspid ?
		kept : NULL;
}

/* Tenants that lag behind mostly have a version in common. */
static const char *
old_fingerprint(Fleet *fleet, const TenantInfo *template, const char *version)
{
	OldVersion *old;
	ListCell   *lc;

	if (version == NULL)
		return NULL;
	foreach(lc, fleet->old_versions)
	{
		old = lfirst(lc);
		if (old->template == template && strcmp(old->version, version) == 0)
			return old->fingerprint;
	}
	old = palloc(sizeof(OldVersion));
	old->template = template;
	old->version = version;
	old->fingerprint = tm_ledger_lookup(&template->id, version).fingerprint;
	fleet->old_versions = lappend(fleet->old_versions, old);
	return old->fingerprint;
}

/* NULL if the tenant is like its template, or cannot be compared with any. */
static DriftingTenant *
look_at(Fleet *fleet, const TenantInfo *tenant)
{
	const TenantInfo *template = template_of(fleet, tenant);
	const KeptFingerprint *kept;
	const KeptFingerprint *present;
	const char *expected;
	bool		is_present;
	DriftingTenant *one;

	if (template == NULL || !is_live(tenant))
		return NULL;
	one = palloc0(sizeof(DriftingTenant));
	one->tenant = tenant;
	one->template = template;
	one->version = latest_of(fleet, tenant);
	one->differences = -1;
	one->since = DT_NOBEGIN;

	is_present = same_version(one->version, latest_of(fleet, template));
	present = is_present ? kept_of(fleet, template) : NULL;
	expected = !is_present ?
		old_fingerprint(fleet, template, one->version) :
		present != NULL ? present->text : NULL;
	if (!is_present && expected == NULL)
		return NULL;

	kept = hash_search(fleet->kept, &tenant->id, HASH_FIND, NULL);
	one->was_known = kept != NULL;
	kept = kept_of(fleet, tenant);
	if (kept == NULL || expected == NULL)
		return one;
	if (strcmp(kept->text, expected) == 0)
		return NULL;
	if (is_settled(kept, expected, is_present))
	{
		one->known = true;
		one->differences = kept->differences;
		one->since = kept->differs_since;
	}
	return one;
}

static bool
same_version(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* NULL if the tenant has no migrations. */
static const char *
last_version(const TenantInfo *tenant)
{
	List	   *versions = tm_ledger_versions(&tenant->id);

	return versions != NIL ? llast(versions) : NULL;
}

/*
 * Read what has to be read anew, and is there somebody to compare the tenant with?
 * It may just have been dropped.
 */
static bool
begin_comparison(const char *name, Comparison *comparison)
{
	const TenantInfo *tenant = lock_compared(name, comparison);
	const TenantInfo *template;

	if (tenant == NULL)
		return false;
	template = tm_registry_template(tenant);
	if (template == NULL)
		return false;
	template = lock_compared(template->name, comparison);
	if (template == NULL)
		return false;

	comparison->tenant = tenant;
	comparison->template = template;
	comparison->version = last_version(tenant);
	comparison->is_present = same_version(comparison->version,
										  last_version(template));
	comparison->changed_at = DT_NOBEGIN;
	if (comparison->is_present)
	{
		const KeptFingerprint *present = tm_kept_fingerprint(template, false);

		comparison->expected = present->text;
		comparison->changed_at = present->changed_at;
	}
	else if (comparison->version != NULL)
		comparison->expected = tm_ledger_lookup(&template->id,
												comparison->version).fingerprint;
	if (comparison->expected == NULL)
		return false;
	comparison->kept = tm_kept_fingerprint(tenant, false);
	return true;
}

static const TenantInfo *
lock_compared(const char *name, Comparison *comparison)
{
	Oid			nspid = tm_compared_schema(name, true);
	const TenantInfo *tenant;

	if (!OidIsValid(nspid))
		return NULL;
	comparison->locked[comparison->nlocked++] = nspid;
	tenant = tm_registry_lookup(name, true);
	return tenant != NULL && tenant->nspid == nspid ? tenant : NULL;
}

/* Has it been compared with just that? */
static bool
is_settled(const KeptFingerprint *kept, const char *expected, bool is_present)
{
	bool		alike = strcmp(kept->text, expected) == 0;

	if (!kept->compared || strcmp(kept->compared_as, kept->text) != 0 ||
		strcmp(kept->compared_with, expected) != 0)
		return false;
	if (alike)
		return kept->differences == 0;
	return kept->differences > 0 || (!is_present && kept->differences < 0);
}

/* The result goes to what is kept, which counts from the next time on. */
static void
compare(FunctionCallInfo fcinfo, const Comparison *comparison)
{
	KeptFingerprint *kept = comparison->kept;
	TimestampTz committed = DT_NOEND;

	if (strcmp(kept->text, comparison->expected) == 0)
	{
		kept->differences = 0;
		kept->differs_since = DT_NOBEGIN;
	}
	else
	{
		int			differences = -1;

		if (comparison->is_present)
			differences = count_differences(template_objects(fcinfo, comparison->template->nspid),
											tm_fingerprint_read(comparison->tenant->nspid),
											&committed);
		kept->differs_since = since_when(comparison, committed);
		kept->differences = differences;
	}
	kept->compared = true;
	strlcpy(kept->compared_as, kept->text, sizeof(kept->compared_as));
	strlcpy(kept->compared_with, comparison->expected,
			sizeof(kept->compared_with));
	tm_kept_note_comparison(kept);
}

/*
 * What is kept is still that of the comparison before: if they were alike then, who
 * has changed since?
 */
static TimestampTz
since_when(const Comparison *comparison, TimestampTz committed)
{
	const KeptFingerprint *kept = comparison->kept;
	TimestampTz since;

	if (kept->compared && kept->differences != 0)
		return kept->differs_since;
	if (kept->compared && strcmp(kept->text, kept->compared_as) == 0)
		return comparison->changed_at;
	if (kept->compared &&
		strcmp(comparison->expected, kept->compared_with) == 0)
		return kept->changed_at;

	since = earliest(kept->changed_at, comparison->changed_at,
					 comparison->tenant->created_at);
	if (since == DT_NOBEGIN && committed != DT_NOEND)
		return committed;
	return since;
}

/* Of those that are known, and have come after the tenant, or DT_NOBEGIN. */
static TimestampTz
earliest(TimestampTz a, TimestampTz b, TimestampTz created_at)
{
	if (a < created_at)
		a = DT_NOBEGIN;
	if (b < created_at)
		b = DT_NOBEGIN;
	if (a == DT_NOBEGIN)
		return b;
	return b == DT_NOBEGIN ? a : Min(a, b);
}

/* That of the template, read once for all calls of a query. */
static Fingerprint *
template_objects(FunctionCallInfo fcinfo, Oid nspid)
{
	TemplateObjects *kept = fcinfo->flinfo->fn_extra;

	if (kept == NULL || kept->nspid != nspid)
	{
		MemoryContext old_context = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (kept == NULL)
			kept = palloc0(sizeof(TemplateObjects));
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
