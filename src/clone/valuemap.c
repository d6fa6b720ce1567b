/*
 * valuemap.c
 *		Values that hold OIDs of a schema's objects, under the new OIDs.
 *
 * An enum value is the OID of its label.  Arrays, composites, ranges and
 * multiranges carry the OID of their type in a header, whatever they are
 * made of.  The reg* types are OIDs by nature.  All of these are rewritten
 * in their binary form, recursively: that is exact, it runs none of the code
 * that an input function would, like a domain's checks, and it works before
 * the new types can be looked up.  Ranges over composites and the like are put
 * together by the server's own routines, which are told that the bounds are in
 * the order that they were in.  The one exception are ranges over types that
 * hold reg* values, for these may have another order in the clone: the new types
 * are asked, so they must be visible.
 *
 * Domains are their base types here.  A base type with C functions of its
 * own is opaque: it is copied as it is.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "binding/object_schema.h"
#include "clone/valuemap.h"
#include "guard/run_as.h"

/* A question about a type */
typedef bool (*TypeTest) (const OidMap *map, Oid typid);

static bool any_part(const OidMap *map, Oid typid, TypeTest test);
static bool is_mapped(const OidMap *map, Oid typid);
static bool is_reg_type(const OidMap *map, Oid typid);
static bool needs_order(const OidMap *map, Oid typid);
static Oid	subtype_of_range(Oid typid);
static Oid	reg_type_catalog(Oid typid);
static Datum map_array(const OidMap *map, Datum value);
static Datum map_composite(const OidMap *map, Datum value);
static Datum map_range(const OidMap *map, Datum value);
static Datum map_multirange(const OidMap *map, Datum value);
static void map_enum_bounds(const OidMap *map, char *start, char *end);
static RangeType *rebuild_range(const OidMap *map, const RangeType *range,
								Oid typid);
static MultirangeType *rebuild_multirange(const OidMap *map,
										  const MultirangeType *multirange,
										  Oid typid);
static TypeCacheEntry *lookup_range_type(const OidMap *map, Oid typid);
static void type_of_same_order(TypeCacheEntry *result, const OidMap *map,
							   Oid typid, PGFunction compare);
static Datum compare_as_given(PG_FUNCTION_ARGS);
static Datum compare_by_place(PG_FUNCTION_ARGS);
static RangeType **side_by_side(RangeType **ranges, int32 nranges);
static Oid	owner_of_type(Oid typid);

bool
tm_valuemap_holds_oids(const OidMap *map, Oid typid)
{
	return any_part(map, typid, is_mapped);
}

/* The order of enum values is that of their labels. */
bool
tm_valuemap_sorts_by_oid(Oid typid)
{
	Oid			elemtype;

	check_stack_depth();
	typid = getBaseType(typid);
	elemtype = get_element_type(typid);
	if (OidIsValid(elemtype))
		return tm_valuemap_sorts_by_oid(elemtype);
	switch (get_typtype(typid))
	{
		case TYPTYPE_COMPOSITE:
			{
				TupleDesc	tupdesc = lookup_rowtype_tupdesc(typid, -1);
				bool		result = false;

				for (int i = 0; i < tupdesc->natts && !result; i++)
					result = !TupleDescAttr(tupdesc, i)->attisdropped &&
						tm_valuemap_sorts_by_oid(TupleDescAttr(tupdesc, i)->atttypid);
				ReleaseTupleDesc(tupdesc);
				return result;
			}
		case TYPTYPE_RANGE:
			return tm_valuemap_sorts_by_oid(get_range_subtype(typid));
		case TYPTYPE_MULTIRANGE:
			return tm_valuemap_sorts_by_oid(get_range_subtype(get_multirange_range(typid)));
		default:
			return OidIsValid(reg_type_catalog(typid));
	}
}

bool
tm_valuemap_row_holds_oids(const OidMap *map, Oid rowtype)
{
	TupleDesc	tupdesc = lookup_rowtype_tupdesc(rowtype, -1);
	bool		result = false;

	for (int i = 0; i < tupdesc->natts && !result; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped)
			result = tm_valuemap_holds_oids(map, att->atttypid);
	}
	ReleaseTupleDesc(tupdesc);
	return result;
}

Datum
tm_valuemap_value(const OidMap *map, Datum value, Oid typid)
{
	Oid			catalog;

	check_stack_depth();
	typid = getBaseType(typid);

	catalog = reg_type_catalog(typid);
	if (OidIsValid(catalog))
		return ObjectIdGetDatum(tm_oidmap_translate(map, catalog,
													DatumGetObjectId(value)));
	if (OidIsValid(get_element_type(typid)))
		return map_array(map, value);

	switch (get_typtype(typid))
	{
		case TYPTYPE_ENUM:
			return ObjectIdGetDatum(tm_oidmap_translate(map, EnumRelationId,
														DatumGetObjectId(value)));
		case TYPTYPE_COMPOSITE:
			return map_composite(map, value);
		case TYPTYPE_RANGE:
			return map_range(map, value);
		case TYPTYPE_MULTIRANGE:
			return map_multirange(map, value);
		default:
			return value;
	}
}

bool
tm_valuemap_needs_types(const OidMap *map, Oid typid)
{
	return any_part(map, typid, needs_order);
}

Datum
tm_valuemap_anyarray(const OidMap *map, Datum value)
{
	return map_array(map, value);
}

/*
 * Is something true of a type, or of a type that its values are made of?  It is
 * asked of base types, never of domains.
 */
static bool
any_part(const OidMap *map, Oid typid, TypeTest test)
{
	TupleDesc	tupdesc;
	Oid			elemtype;
	bool		result = false;

	check_stack_depth();
	typid = getBaseType(typid);
	if (test(map, typid))
		return true;
	elemtype = get_element_type(typid);
	if (OidIsValid(elemtype))
		return any_part(map, elemtype, test);

	switch (get_typtype(typid))
	{
		case TYPTYPE_COMPOSITE:
			tupdesc = lookup_rowtype_tupdesc(typid, -1);
			for (int i = 0; i < tupdesc->natts && !result; i++)
			{
				Form_pg_attribute att = TupleDescAttr(tupdesc, i);

				result = !att->attisdropped &&
					any_part(map, att->atttypid, test);
			}
			ReleaseTupleDesc(tupdesc);
			return result;
		case TYPTYPE_RANGE:
		case TYPTYPE_MULTIRANGE:
			return any_part(map, subtype_of_range(typid), test);
		default:
			return false;
	}
}

/* Do its values hold an OID that is another one in the clone, or may be? */
static bool
is_mapped(const OidMap *map, Oid typid)
{
	Oid			elemtype;

	if (is_reg_type(map, typid))
		return true;
	elemtype = get_element_type(typid);
	if (OidIsValid(elemtype))
		return tm_oidmap_contains(map, TypeRelationId, elemtype);

	switch (get_typtype(typid))
	{
		case TYPTYPE_ENUM:
		case TYPTYPE_COMPOSITE:
		case TYPTYPE_RANGE:
		case TYPTYPE_MULTIRANGE:
			return tm_oidmap_contains(map, TypeRelationId, typid);
		default:
			return false;
	}
}

static bool
is_reg_type(const OidMap *map, Oid typid)
{
	return OidIsValid(reg_type_catalog(typid));
}

/* Is it a range whose bounds may be in another order in the clone? */
static bool
needs_order(const OidMap *map, Oid typid)
{
	char		typtype = get_typtype(typid);

	return (typtype == TYPTYPE_RANGE || typtype == TYPTYPE_MULTIRANGE) &&
		any_part(map, subtype_of_range(typid), is_reg_type);
}

/* Of a range or a multirange. */
static Oid
subtype_of_range(Oid typid)
{
	if (get_typtype(typid) == TYPTYPE_MULTIRANGE)
		typid = get_multirange_range(typid);
	return get_range_subtype(typid);
}

/* The catalog whose OIDs a reg* type holds, or InvalidOid. */
static Oid
reg_type_catalog(Oid typid)
{
	switch (typid)
	{
		case REGCLASSOID:
			return RelationRelationId;
		case REGCOLLATIONOID:
			return CollationRelationId;
		case REGCONFIGOID:
			return TSConfigRelationId;
		case REGDICTIONARYOID:
			return TSDictionaryRelationId;
		case REGNAMESPACEOID:
			return NamespaceRelationId;
		case REGOPEROID:
		case REGOPERATOROID:
			return OperatorRelationId;
		case REGPROCOID:
		case REGPROCEDUREOID:
			return ProcedureRelationId;
		case REGROLEOID:
			return AuthIdRelationId;
		case REGTYPEOID:
			return TypeRelationId;
		default:
			return InvalidOid;
	}
}

/* New element type in the header, and new elements if they hold OIDs. */
static Datum
map_array(const OidMap *map, Datum value)
{
	ArrayType  *array = DatumGetArrayTypePCopy(value);
	Oid			elemtype = ARR_ELEMTYPE(array);
	Oid			newtype = tm_oidmap_translate(map, TypeRelationId, elemtype);
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Datum	   *elems;
	bool	   *nulls;
	int			nelems;

	if (ARR_NDIM(array) == 0 || !tm_valuemap_holds_oids(map, elemtype))
	{
		array->elemtype = newtype;
		return PointerGetDatum(array);
	}

	get_typlenbyvalalign(elemtype, &typlen, &typbyval, &typalign);
	deconstruct_array(array, elemtype, typlen, typbyval, typalign,
					  &elems, &nulls, &nelems);
	for (int i = 0; i < nelems; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!nulls[i])
			elems[i] = tm_valuemap_value(map, elems[i], elemtype);
	}
	return PointerGetDatum(construct_md_array(elems, nulls, ARR_NDIM(array),
											  ARR_DIMS(array),
											  ARR_LBOUND(array), newtype,
											  typlen, typbyval, typalign));
}

/* New row type in the header, and new fields. */
static Datum
map_composite(const OidMap *map, Datum value)
{
	HeapTupleHeader row = DatumGetHeapTupleHeader(value);
	Oid			typid = HeapTupleHeaderGetTypeId(row);
	int32		typmod = HeapTupleHeaderGetTypMod(row);
	TupleDesc	tupdesc = lookup_rowtype_tupdesc(typid, typmod);
	Datum	   *values = palloc(sizeof(Datum) * tupdesc->natts);
	bool	   *nulls = palloc(sizeof(bool) * tupdesc->natts);
	HeapTupleData tuple;
	Datum		result;

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, tupdesc, values, nulls);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attisdropped)
			nulls[i] = true;
		else if (!nulls[i] && tm_valuemap_holds_oids(map, att->atttypid))
			values[i] = tm_valuemap_value(map, values[i], att->atttypid);
	}
	result = heap_copy_tuple_as_datum(heap_form_tuple(tupdesc, values, nulls),
									  tupdesc);
	HeapTupleHeaderSetTypeId((HeapTupleHeader) DatumGetPointer(result),
							 tm_oidmap_translate(map, TypeRelationId, typid));
	ReleaseTupleDesc(tupdesc);
	return result;
}

/*
 * New range type in the header, and new bounds.  The bounds follow the header
 * one after the other, and one byte of flags comes last.
 */
static Datum
map_range(const OidMap *map, Datum value)
{
	RangeType  *range = DatumGetRangeTypePCopy(value);
	Oid			typid = RangeTypeGetOid(range);
	Oid			subtype = get_range_subtype(typid);

	if (tm_valuemap_holds_oids(map, subtype) && !RangeIsEmpty(range))
	{
		if (get_typtype(getBaseType(subtype)) != TYPTYPE_ENUM)
			return RangeTypePGetDatum(rebuild_range(map, range, typid));
		map_enum_bounds(map, (char *) (range + 1),
						(char *) range + VARSIZE(range) - sizeof(char));
	}
	range->rangetypid = tm_oidmap_translate(map, TypeRelationId, typid);
	return PointerGetDatum(range);
}

/*
 * Likewise for a multirange, whose header goes on with a word for each range
 * but the first and a byte of flags for each.
 */
static Datum
map_multirange(const OidMap *map, Datum value)
{
	MultirangeType *multirange = DatumGetMultirangeTypePCopy(value);
	Oid			typid = MultirangeTypeGetOid(multirange);
	Oid			subtype = get_range_subtype(get_multirange_range(typid));

	if (tm_valuemap_holds_oids(map, subtype) && !MultirangeIsEmpty(multirange))
	{
		Size		header = sizeof(MultirangeType) +
			(multirange->rangeCount - 1) * sizeof(uint32) +
			multirange->rangeCount * sizeof(uint8);

		if (get_typtype(getBaseType(subtype)) != TYPTYPE_ENUM)
			return MultirangeTypePGetDatum(rebuild_multirange(map, multirange,
															  typid));
		map_enum_bounds(map, (char *) multirange + INTALIGN(header),
						(char *) multirange + VARSIZE(multirange));
	}
	multirange->multirangetypid = tm_oidmap_translate(map, TypeRelationId, typid);
	return PointerGetDatum(multirange);
}

/* Enum values next to each other; their order stays the same. */
static void
map_enum_bounds(const OidMap *map, char *start, char *end)
{
	for (Oid *bound = (Oid *) start; (char *) (bound + 1) <= end; bound++)
		*bound = tm_oidmap_translate(map, EnumRelationId, *bound);
}

/* Take a range apart and put it together from bounds for the clone. */
static RangeType *
rebuild_range(const OidMap *map, const RangeType *range, Oid typid)
{
	TypeCacheEntry *old_type = lookup_type_cache(typid, TYPECACHE_RANGE_INFO);
	Oid			subtype = old_type->rngelemtype->type_id;
	TypeCacheEntry same_order;
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	range_deserialize(old_type, range, &lower, &upper, &empty);
	if (!empty && !lower.infinite)
		lower.val = tm_valuemap_value(map, lower.val, subtype);
	if (!empty && !upper.infinite)
		upper.val = tm_valuemap_value(map, upper.val, subtype);
	if (needs_order(map, typid))
		return tm_range_serialize(lookup_range_type(map, typid),
								  &lower, &upper, empty);
	type_of_same_order(&same_order, map, typid, compare_as_given);
	return tm_range_serialize(&same_order, &lower, &upper, empty);
}

/*
 * Likewise for a multirange.  If its order may change, the server may call the
 * range type's canonical function to find out whether ranges touch each other, so
 * that runs as the owner of the type and with nothing but its privileges.
 */
static MultirangeType *
rebuild_multirange(const OidMap *map, const MultirangeType *multirange,
				   Oid typid)
{
	Oid			rangetype = get_multirange_range(typid);
	Oid			newtype = tm_oidmap_translate(map, TypeRelationId, typid);
	TypeCacheEntry *new_type;
	TypeCacheEntry same_order;
	RangeType **ranges;
	int32		nranges;
	RunAs		before;
	MultirangeType *result;

	multirange_deserialize(lookup_type_cache(rangetype, TYPECACHE_RANGE_INFO),
						   multirange, &nranges, &ranges);
	for (int i = 0; i < nranges; i++)
		ranges[i] = rebuild_range(map, ranges[i], rangetype);

	if (!needs_order(map, typid))
	{
		type_of_same_order(&same_order, map, rangetype, compare_by_place);
		return make_multirange(newtype, &same_order, nranges,
							   side_by_side(ranges, nranges));
	}
	new_type = lookup_range_type(map, rangetype);
	tm_run_as_begin(&before, owner_of_type(new_type->type_id),
					tm_object_schema(TypeRelationId, new_type->type_id));
	result = make_multirange(newtype, new_type, nranges, ranges);
	tm_run_as_end(&before);
	return result;
}

/* The range type that a range type of the source has become. */
static TypeCacheEntry *
lookup_range_type(const OidMap *map, Oid typid)
{
	Oid			newtype = tm_oidmap_translate(map, TypeRelationId, typid);

	if (!get_typisdefined(newtype))
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NOT_CLONABLE),
				 errmsg("cannot clone a constant of type %s",
						format_type_be(typid)),
				 errdetail("A default, check or stored expression holds a range whose bounds hold OIDs, which have no certain order."),
				 errhint("Write the constant as a function call.")));
	return lookup_type_cache(newtype, TYPECACHE_RANGE_INFO);
}

/*
 * What the server's routines need to know of a range type of the clone to put
 * ranges together that it has put together before.  It is the source's type,
 * under the new OID, but its values are compared by us, and nothing is made
 * canonical again.
 */
static void
type_of_same_order(TypeCacheEntry *result, const OidMap *map, Oid typid,
				   PGFunction compare)
{
	*result = *lookup_type_cache(typid, TYPECACHE_RANGE_INFO);
	result->type_id = tm_oidmap_translate(map, TypeRelationId, typid);
	result->rng_cmp_proc_finfo.fn_addr = compare;
	result->rng_canonical_finfo.fn_oid = InvalidOid;
}

/* The lower bound of a range comes first, and the range is not empty. */
static Datum
compare_as_given(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(-1);
}

/* Values that stand in memory in their order. */
static Datum
compare_by_place(PG_FUNCTION_ARGS)
{
	Pointer		left = PG_GETARG_POINTER(0);
	Pointer		right = PG_GETARG_POINTER(1);

	PG_RETURN_INT32(left < right ? -1 : left > right ? 1 : 0);
}

/* The same ranges, one after the other in memory. */
static RangeType **
side_by_side(RangeType **ranges, int32 nranges)
{
	RangeType **result = palloc(sizeof(RangeType *) * nranges);
	Size		size = 0;
	char	   *place;

	for (int i = 0; i < nranges; i++)
		size += MAXALIGN(VARSIZE(ranges[i]));
	place = palloc(size);
	for (int i = 0; i < nranges; i++)
	{
		result[i] = (RangeType *) memcpy(place, ranges[i], VARSIZE(ranges[i]));
		place += MAXALIGN(VARSIZE(ranges[i]));
	}
	return result;
}

static Oid
owner_of_type(Oid typid)
{
	HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	Oid			owner;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for type %u", typid);
	owner = ((Form_pg_type) GETSTRUCT(tup))->typowner;
	ReleaseSysCache(tup);
	return owner;
}
