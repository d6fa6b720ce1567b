/*
 * fleet_rows.c
 *		The rows of a query over many tenants, with the tenant before each.
 *
 * Rows of a tenant go to a store of their own first, because an error may come
 * after some of them; then to the store of the result, which goes to disk when
 * it exceeds work_mem.  Values that are out of line are fetched at once: the
 * tenant's table is not locked any more when the caller reads them.
 *
 * The types have to be those of the column definition list.  To a column of
 * type text all others are converted by their output functions, because a type
 * of a tenant's own, an enum for example, is another one in each of them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/detoast.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "fleet/fleet_rows.h"

struct FleetRows
{
	DestReceiver receiver;		/* must be the first: rows come here */
	TupleDesc	desc;			/* of the result */
	Tuplestorestate *store;		/* rows of the present tenant */
	TupleTableSlot *slot;		/* to read them */
	MemoryContext context;		/* for a row */
	MemoryContext types;		/* for output functions of a tenant */
	Datum		tenant;			/* name of the tenant, as a text */
	FmgrInfo   *output;			/* function for each column, or fn_oid 0 */
	Datum	   *values;			/* a row */
	bool	   *nulls;
};

static void rows_startup(DestReceiver *self, int operation,
						 TupleDesc typeinfo);
static bool rows_receive(TupleTableSlot *slot, DestReceiver *self);
static void rows_end(DestReceiver *self);
static void match_column(FleetRows *rows, int column, Form_pg_attribute got);

FleetRows *
tm_fleet_rows_create(TupleDesc desc)
{
	FleetRows  *rows = palloc0(sizeof(FleetRows));

	rows->receiver.receiveSlot = rows_receive;
	rows->receiver.rStartup = rows_startup;
	rows->receiver.rShutdown = rows_end;
	rows->receiver.rDestroy = rows_end;
	rows->receiver.mydest = DestTuplestore;
	rows->desc = desc;
	rows->store = tuplestore_begin_heap(false, false, work_mem);
	rows->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	rows->context = AllocSetContextCreate(CurrentMemoryContext,
										  "tenant_mgr query row",
										  ALLOCSET_DEFAULT_SIZES);
	rows->types = AllocSetContextCreate(CurrentMemoryContext,
										"tenant_mgr query types",
										ALLOCSET_SMALL_SIZES);
	rows->output = palloc0(desc->natts * sizeof(FmgrInfo));
	rows->values = palloc(desc->natts * sizeof(Datum));
	rows->nulls = palloc(desc->natts * sizeof(bool));
	return rows;
}

void
tm_fleet_rows_destroy(FleetRows *rows)
{
	ExecDropSingleTupleTableSlot(rows->slot);
	tuplestore_end(rows->store);
}

bool
tm_fleet_rows_query(FleetRows *rows, const TenantInfo *tenant,
					const char *sql, FleetResult *result)
{
	MemoryContextReset(rows->types);
	tuplestore_clear(rows->store);
	rows->tenant = CStringGetTextDatum(tenant->name);
	if (tm_fleet_run(tenant, sql, true, &rows->receiver, result))
		return true;
	tuplestore_clear(rows->store);
	return false;
}

void
tm_fleet_rows_put(FleetRows *rows, Tuplestorestate *store)
{
	while (tuplestore_gettupleslot(rows->store, true, false, rows->slot))
		tuplestore_puttupleslot(store, rows->slot);
	ExecClearTuple(rows->slot);
}

void
tm_fleet_rows_send(FleetRows *rows, DestReceiver *dest)
{
	while (tuplestore_gettupleslot(rows->store, true, false, rows->slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (!dest->receiveSlot(rows->slot, dest))
			break;
	}
	ExecClearTuple(rows->slot);
}

/* Does what the query returns fit what the caller expects? */
static void
rows_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	FleetRows  *rows = (FleetRows *) self;

	if (typeinfo->natts != rows->desc->natts - 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query returns %d columns and %d are expected after that of the tenant",
						typeinfo->natts, rows->desc->natts - 1)));
	for (int i = 0; i < typeinfo->natts; i++)
		match_column(rows, i + 1, TupleDescAttr(typeinfo, i));
}

static void
match_column(FleetRows *rows, int column, Form_pg_attribute got)
{
	Form_pg_attribute expected = TupleDescAttr(rows->desc, column);
	Oid			function;
	bool		is_varlena;

	rows->output[column].fn_oid = InvalidOid;
	if (expected->atttypmod < 0 ?
		IsBinaryCoercible(got->atttypid, expected->atttypid) :
		(got->atttypid == expected->atttypid &&
		 got->atttypmod == expected->atttypmod))
		return;
	if (expected->atttypid != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query returns type %s for column \"%s\" and %s is expected",
						format_type_with_typemod(got->atttypid,
												 got->atttypmod),
						NameStr(expected->attname),
						format_type_with_typemod(expected->atttypid,
												 expected->atttypmod))));
	getTypeOutputInfo(got->atttypid, &function, &is_varlena);
	fmgr_info_cxt(function, &rows->output[column], rows->types);
}

static bool
rows_receive(TupleTableSlot *slot, DestReceiver *self)
{
	FleetRows  *rows = (FleetRows *) self;
	MemoryContext old_context = MemoryContextSwitchTo(rows->context);

	slot_getallattrs(slot);
	rows->values[0] = rows->tenant;
	rows->nulls[0] = false;
	for (int i = 1; i < rows->desc->natts; i++)
	{
		Datum		value = slot->tts_values[i - 1];

		rows->nulls[i] = slot->tts_isnull[i - 1];
		if (rows->nulls[i])
			continue;
		if (OidIsValid(rows->output[i].fn_oid))
			value = CStringGetTextDatum(OutputFunctionCall(&rows->output[i],
														   value));
		else if (TupleDescAttr(rows->desc, i)->attlen == -1 &&
				 VARATT_IS_EXTERNAL(DatumGetPointer(value)))
			value = PointerGetDatum(detoast_external_attr((struct varlena *) DatumGetPointer(value)));
		rows->values[i] = value;
	}
	tuplestore_putvalues(rows->store, rows->desc, rows->values, rows->nulls);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(rows->context);
	return true;
}

static void
rows_end(DestReceiver *self)
{
}
