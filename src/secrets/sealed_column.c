/*
 * sealed_column.c
 *		The state of a column that is being encrypted.
 *
 * While a column of texts is turned into one of secrets (encrypt_column.c), the
 * table has a second column and a trigger, whose names tell which column they
 * belong to.  The trigger seals whatever is written to the first column into
 * the second one, for the tenant that the table's schema belongs to, whoever
 * writes it and however it was bound.
 *
 * A value that was sealed for another tenant, as in a clone, or with a key that
 * has been shredded or succeeded, does not count as sealed.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/crypto.h"
#include "base/tenant_mgr.h"
#include "base/wipe.h"
#include "secrets/sealed_column.h"
#include "secrets/secret.h"
#include "tenants/registry.h"

/* The trigger's comes last, after those that may change the row. */
#define COLUMN_PREFIX	"tenant_mgr_sealed_"
#define TRIGGER_PREFIX	"~tenant_mgr_seal_"

static bool is_secret_type(Oid typid);
static void place_from_column(SecretPlace *place, const SealedColumn *column);
static HeapTuple seal_row(TriggerData *trigger, const SealedColumn *column);

PG_FUNCTION_INFO_V1(tenant_seal_column);

/* Trigger: the row with the column of that name sealed beside it. */
Datum
tenant_seal_column(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation	rel;
	TenantInfo *tenant;
	SealedColumn column;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ||
		trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger function was not called by trigger manager")));
	rel = trigger->tg_relation;

	tenant = tm_registry_lookup_schema(get_namespace_name(RelationGetNamespace(rel)));
	if (tenant == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" does not belong to a tenant",
						RelationGetRelationName(rel)),
				 errhint("Drop trigger \"%s\", or use tenant.adopt() for the schema.",
						 trigger->tg_trigger->tgname)));
	if (!tm_sealed_column_find(rel, trigger->tg_trigger->tgargs[0],
							   &tenant->id, &column) || column.sealed == 0)
		return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
							   trigger->tg_newtuple : trigger->tg_trigtuple);
	return PointerGetDatum(seal_row(trigger, &column));
}

bool
tm_sealed_column_find(Relation rel, const char *column,
					  const pg_uuid_t *tenant_id, SealedColumn *result)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Oid			typid;

	result->tenant_id = *tenant_id;
	result->plain = get_attnum(RelationGetRelid(rel), column);
	if (result->plain <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column, RelationGetRelationName(rel))));
	typid = TupleDescAttr(desc, result->plain - 1)->atttypid;
	if (is_secret_type(typid))
		return false;
	if (typid != TEXTOID && typid != VARCHAROID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" is of type %s",
						column, RelationGetRelationName(rel),
						format_type_be(typid)),
				 errdetail("Only columns of type text or character varying can be encrypted.")));

	result->sealed = get_attnum(RelationGetRelid(rel),
								tm_sealed_column_name(result->plain));
	if (result->sealed > 0 &&
		!is_secret_type(TupleDescAttr(desc, result->sealed - 1)->atttypid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" is not of type %s",
						tm_sealed_column_name(result->plain),
						RelationGetRelationName(rel), "tenant.secret")));
	result->context = psprintf("%s.%s", RelationGetRelationName(rel), column);
	return true;
}

char *
tm_sealed_column_name(AttrNumber plain)
{
	return psprintf("%s%d", COLUMN_PREFIX, plain);
}

char *
tm_sealed_column_trigger(AttrNumber plain)
{
	return psprintf("%s%d", TRIGGER_PREFIX, plain);
}

bool
tm_sealed_column_is_done(const SealedColumn *column, TupleTableSlot *slot)
{
	SecretPlace place;
	Datum		plain;
	Datum		sealed;
	bool		plain_isnull;
	bool		sealed_isnull;
	text	   *plain_text;
	volatile bool done = false;

	plain = slot_getattr(slot, column->plain, &plain_isnull);
	sealed = slot_getattr(slot, column->sealed, &sealed_isnull);
	if (plain_isnull || sealed_isnull)
		return plain_isnull == sealed_isnull;
	place_from_column(&place, column);
	plain_text = DatumGetTextPP(plain);
	PG_TRY();
	{
		done = tm_secret_matches(&place, DatumGetByteaPP(sealed),
								 VARDATA_ANY(plain_text),
								 VARSIZE_ANY_EXHDR(plain_text));
	}
	PG_FINALLY();
	{
		tm_wipe_detoasted(plain, plain_text);
	}
	PG_END_TRY();
	return done;
}

Datum
tm_sealed_column_value(const SealedColumn *column, TupleTableSlot *slot,
					   bool *isnull)
{
	SecretPlace place;
	Datum		value = slot_getattr(slot, column->plain, isnull);

	if (*isnull)
		return (Datum) 0;
	place_from_column(&place, column);
	return PointerGetDatum(tm_secret_seal_text(&place, value));
}

/* Ours, and no other of that name */
static bool
is_secret_type(Oid typid)
{
	return typid == tm_secret_type();
}

static void
place_from_column(SecretPlace *place, const SealedColumn *column)
{
	memset(place, 0, sizeof(*place));
	place->scope = column->tenant_id;
	place->context = column->context;
	place->context_size = strlen(column->context);
	place->aad = "";
}

static HeapTuple
seal_row(TriggerData *trigger, const SealedColumn *column)
{
	HeapTuple	tuple = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
		trigger->tg_newtuple : trigger->tg_trigtuple;
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	int			attno = column->sealed;
	SecretPlace place;
	Datum		value;
	bool		isnull;

	value = heap_getattr(tuple, column->plain, desc, &isnull);
	if (!isnull)
	{
		place_from_column(&place, column);
		value = PointerGetDatum(tm_secret_seal_text(&place, value));
	}
	return heap_modify_tuple_by_cols(tuple, desc, 1, &attno, &value, &isnull);
}
