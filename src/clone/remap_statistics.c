/*
 * remap_statistics.c
 *		Which statistics of the source hold for a clone.
 *
 * Statistics show values of the rows, so they go with the rows and stay behind
 * with them.  The contents of an extended statistics object cannot be taken
 * apart to change OIDs in them, and some values cannot be mapped before the
 * types of the clone are visible, and columns that are computed from OIDs get
 * other ones (derived_value.c).  What does not come along is left to the next
 * ANALYZE.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_statistic_ext_data.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "clone/derived_value.h"
#include "clone/remap_statistics.h"
#include "clone/valuemap.h"

static bool expressions_hold_oids(const OidMap *map, HeapTuple statistics);
static ClosureMember *table_of_row(CloneState *state, Relation catalog,
								   HeapTuple row, bool *inherited);
static Oid	table_of_statistics(Oid statistics);
static bool has_derived_column(const OidMap *map, Oid relid, AttrNumber attnum);
static bool values_can_travel(const OidMap *map, Relation catalog,
							  HeapTuple row);

bool
tm_statistics_travel(CloneState *state, Oid classid, Oid objid)
{
	Oid			relid = objid;
	ClosureMember *member;

	if (classid == StatisticExtRelationId)
	{
		HeapTuple	tup = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(objid));
		bool		holds_oids;

		if (!HeapTupleIsValid(tup))
			return false;
		relid = ((Form_pg_statistic_ext) GETSTRUCT(tup))->stxrelid;
		holds_oids = expressions_hold_oids(state->map, tup) ||
			tm_valuemap_row_holds_oids(state->map, get_rel_type_id(relid)) ||
			has_derived_column(state->map, relid, InvalidAttrNumber);
		ReleaseSysCache(tup);
		if (holds_oids)
			return false;
	}
	member = tm_closure_find(state->closure, RelationRelationId, relid);
	return member != NULL && member->with_rows;
}

/* Those of a table with its children tell values of children left out. */
bool
tm_statistics_row_travels(CloneState *state, Relation catalog, HeapTuple row)
{
	bool		inherited;
	Form_pg_statistic form;
	ClosureMember *table = table_of_row(state, catalog, row, &inherited);

	if (inherited && (table == NULL || table->shows_left_out))
		return false;
	if (RelationGetRelid(catalog) != StatisticRelationId)
		return true;
	form = (Form_pg_statistic) GETSTRUCT(row);
	return values_can_travel(state->map, catalog, row) &&
		(get_attgenerated(form->starelid, form->staattnum) == '\0' ||
		 !has_derived_column(state->map, form->starelid, form->staattnum));
}

/* Is this column of a table computed from OIDs, or any if none is named? */
static bool
has_derived_column(const OidMap *map, Oid relid, AttrNumber attnum)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Bitmapset  *columns = tm_derived_columns(rel, map);

	table_close(rel, NoLock);
	return attnum == InvalidAttrNumber ? columns != NULL :
		bms_is_member(attnum, columns);
}

/* The table that a row is about, and whether it is with its children. */
static ClosureMember *
table_of_row(CloneState *state, Relation catalog, HeapTuple row,
			 bool *inherited)
{
	Oid			relid;

	if (RelationGetRelid(catalog) == StatisticRelationId)
	{
		Form_pg_statistic form = (Form_pg_statistic) GETSTRUCT(row);

		relid = form->starelid;
		*inherited = form->stainherit;
	}
	else
	{
		Form_pg_statistic_ext_data form = (Form_pg_statistic_ext_data) GETSTRUCT(row);

		relid = table_of_statistics(form->stxoid);
		*inherited = form->stxdinherit;
	}
	return tm_closure_find(state->closure, RelationRelationId, relid);
}

static Oid
table_of_statistics(Oid statistics)
{
	HeapTuple	tup = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(statistics));
	Oid			relid = InvalidOid;

	if (HeapTupleIsValid(tup))
	{
		relid = ((Form_pg_statistic_ext) GETSTRUCT(tup))->stxrelid;
		ReleaseSysCache(tup);
	}
	return relid;
}

/* Has any expression of an extended statistics object such values? */
static bool
expressions_hold_oids(const OidMap *map, HeapTuple statistics)
{
	bool		isnull;
	Datum		tree = SysCacheGetAttr(STATEXTOID, statistics,
									   Anum_pg_statistic_ext_stxexprs, &isnull);
	ListCell   *lc;

	if (isnull)
		return false;
	foreach(lc, castNode(List, stringToNode(TextDatumGetCString(tree))))
	{
		if (tm_valuemap_holds_oids(map, exprType(lfirst(lc))))
			return true;
	}
	return false;
}

/*
 * Values that cannot be mapped before the types of the clone are visible are
 * left to the next ANALYZE.
 */
static bool
values_can_travel(const OidMap *map, Relation catalog, HeapTuple row)
{
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		bool		isnull;
		Datum		values = heap_getattr(row, Anum_pg_statistic_stavalues1 + i,
										  RelationGetDescr(catalog), &isnull);

		if (!isnull &&
			tm_valuemap_needs_types(map,
									ARR_ELEMTYPE(DatumGetArrayTypeP(values))))
			return false;
	}
	return true;
}
