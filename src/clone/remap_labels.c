/*
 * remap_labels.c
 *		OIDs for the labels of enum types.
 *
 * Labels with even OIDs are compared by OID, so going through them in their
 * order each even OID must exceed the one before.  If the OID counter wraps
 * around on the way, the rest gets odd ones, which are compared by their
 * stored position.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/pg_enum.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "clone/remap_labels.h"

static List *labels_in_order(Relation enumRel, Oid typid, Snapshot snapshot);
static int	compare_labels(const ListCell *a, const ListCell *b);

void
tm_remap_assign_labels(CloneState *state, Oid typid)
{
	Relation	enumRel = table_open(EnumRelationId, RowExclusiveLock);
	List	   *labels = labels_in_order(enumRel, typid, state->snapshot);
	Oid			previous = InvalidOid;
	bool		wrapped = false;
	ListCell   *lc;

	foreach(lc, labels)
	{
		Oid			clone;

		do
		{
			clone = GetNewOidWithIndex(enumRel, EnumOidIndexId,
									   Anum_pg_enum_oid);
			if (!wrapped && clone < previous)
				wrapped = true;
		} while ((clone & 1) != (wrapped ? 1 : 0));
		tm_oidmap_add(state->map, EnumRelationId,
					  ((Form_pg_enum) lfirst(lc))->oid, clone);
		previous = clone;
	}
	list_free_deep(labels);
	table_close(enumRel, RowExclusiveLock);
}

/* They come in the order of the index, unless that is ignored. */
static List *
labels_in_order(Relation enumRel, Oid typid, Snapshot snapshot)
{
	List	   *labels = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(typid));
	scan = systable_beginscan(enumRel, EnumTypIdSortOrderIndexId, true,
							  snapshot, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_enum label = palloc(sizeof(FormData_pg_enum));

		memcpy(label, GETSTRUCT(tup), sizeof(FormData_pg_enum));
		labels = lappend(labels, label);
	}
	systable_endscan(scan);
	if (IgnoreSystemIndexes)
		list_sort(labels, compare_labels);
	return labels;
}

/* list_sort comparator: by position. */
static int
compare_labels(const ListCell *a, const ListCell *b)
{
	float4		left = ((Form_pg_enum) lfirst(a))->enumsortorder;
	float4		right = ((Form_pg_enum) lfirst(b))->enumsortorder;

	return left < right ? -1 : left > right;
}
