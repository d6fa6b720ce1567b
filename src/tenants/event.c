/*
 * event.c
 *		Who did what, and when: rows of tenant.event.
 *
 * This is the only file that knows the columns of that table.  Rows are
 * written as the registry's are, by whoever does what they tell of, in the
 * same transaction: what has not been committed has not happened.  Names are
 * kept as they were; only the tenant's id is good for looking anything up.
 *
 * Rows are deleted by CALL tenant.purge(), in batches, oldest first.  Two
 * sessions that do so at the same time would get in each other's way; the
 * second waits on a lock on the table as an object, which is taken for nothing
 * else, and then looks at what is left.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <stdarg.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/own_table.h"
#include "tenants/event.h"
#include "tenants/notification.h"

/* Columns of tenant.event */
#define Anum_event_event_id			1
#define Anum_event_happened_at		2
#define Anum_event_event			3
#define Anum_event_tenant_id		4
#define Anum_event_tenant			5
#define Anum_event_object			6
#define Anum_event_actor			7
#define Anum_event_session_actor	8
#define Anum_event_detail			9
#define Natts_event					9

#define EVENT_TABLE		"event"
#define EVENT_SEQUENCE	"event_event_id_seq"
#define EVENT_BY_ID	"event_pkey"
#define EVENT_BY_TIME	"event_happened_at_idx"

#define PURGE_BATCH		10000

/* the setting; written by the GUC machinery only */
int			tm_event_retention = 90 * 24 * 60 * 60;

static int64 next_event_id(Relation rel);
static Oid	sequence_oid(Relation rel);
static bool is_taken(Relation rel, int64 id);
static void set_text(Datum *values, bool *nulls, AttrNumber attno,
					 const char *value);

void
tm_event_record(const char *event, const TenantInfo *tenant,
				const char *object, Jsonb *detail)
{
	Relation	rel = tm_own_table_open(EVENT_TABLE, Natts_event,
										RowExclusiveLock);
	Datum		values[Natts_event] = {0};
	bool		nulls[Natts_event] = {0};
	pg_uuid_t	id;

	values[Anum_event_event_id - 1] = Int64GetDatum(next_event_id(rel));

	/* By the clock, for a transaction may do many things. */
	values[Anum_event_happened_at - 1] =
		TimestampTzGetDatum(GetCurrentTimestamp());
	set_text(values, nulls, Anum_event_event, event);
	nulls[Anum_event_tenant_id - 1] = (tenant == NULL);
	if (tenant != NULL)
	{
		id = tenant->id;
		values[Anum_event_tenant_id - 1] = UUIDPGetDatum(&id);
	}
	set_text(values, nulls, Anum_event_tenant,
			 tenant != NULL ? tenant->name : NULL);
	set_text(values, nulls, Anum_event_object, object);
	set_text(values, nulls, Anum_event_actor,
			 GetUserNameFromId(GetUserId(), true));
	set_text(values, nulls, Anum_event_session_actor,
			 GetUserNameFromId(GetSessionUserId(), true));
	nulls[Anum_event_detail - 1] = (detail == NULL);
	if (detail != NULL)
		values[Anum_event_detail - 1] = JsonbPGetDatum(detail);

	/* A trigger may pick what is worth to be remembered. */
	(void) tm_own_table_try_insert(rel, Natts_event, values, nulls);
	table_close(rel, NoLock);

	tm_notification_add(event, tenant,
						strcmp(event, "rename") == 0 ||
						strcmp(event, "restore") == 0 ? object : NULL);
}

Jsonb *
tm_event_detail(const char *key, const char *value,...)
{
	JsonbParseState *state = NULL;
	JsonbValue *object;
	va_list		args;

	va_start(args, value);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (key != NULL)
	{
		JsonbValue	string = {.type = jbvString};

		if (value != NULL)
		{
			string.val.string.val = unconstify(char *, key);
			string.val.string.len = strlen(key);
			pushJsonbValue(&state, WJB_KEY, &string);
			string.val.string.val = unconstify(char *, value);
			string.val.string.len = strlen(value);
			pushJsonbValue(&state, WJB_VALUE, &string);
		}
		key = va_arg(args, const char *);
		if (key != NULL)
			value = va_arg(args, const char *);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	va_end(args);

	return object->val.object.nPairs > 0 ? JsonbValueToJsonb(object) : NULL;
}

bool
tm_event_sequence_is_behind(void)
{
	Relation	rel = tm_own_table_open(EVENT_TABLE, Natts_event,
										AccessShareLock);
	Relation	sequence = table_open(sequence_oid(rel), AccessShareLock);
	SysScanDesc scan = systable_beginscan(sequence, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple = systable_getnext(scan);
	bool		behind = false;

	/* The next one: what has been given out is not to be given again. */
	if (tuple != NULL)
	{
		Form_pg_sequence_data data =
			(Form_pg_sequence_data) GETSTRUCT(tuple);

		behind = is_taken(rel, data->is_called ? data->last_value + 1 :
						  data->last_value);
	}
	systable_endscan(scan);
	table_close(sequence, AccessShareLock);
	table_close(rel, AccessShareLock);

	return behind;
}

bool
tm_event_purge(void)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	TimestampTz limit;
	int			ndeleted = 0;

	if (tm_event_retention == 0)
		return false;
	rel = tm_own_table_open(EVENT_TABLE, Natts_event, RowExclusiveLock);
	LockDatabaseObject(RelationGetRelid(rel), 0, 0, ExclusiveLock);

	limit = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										-tm_event_retention *
										INT64CONST(1000));
	ScanKeyInit(&key, Anum_event_happened_at, BTLessStrategyNumber,
				F_TIMESTAMPTZ_LT, TimestampTzGetDatum(limit));
	scan = tm_own_table_scan(rel, EVENT_BY_TIME, 1, &key);
	while (ndeleted < PURGE_BATCH &&
		   (tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		tm_own_table_delete(rel, &tuple->t_self);
		ndeleted++;
	}
	systable_endscan(scan);
	table_close(rel, NoLock);

	return ndeleted == PURGE_BATCH;
}

/*
 * A number that no event has: a restore may have set the sequence back.  Its
 * own privileges are of no concern, as little as the table's.
 */
static int64
next_event_id(Relation rel)
{
	Oid			sequence = sequence_oid(rel);
	int64		id = nextval_internal(sequence, false);

	while (is_taken(rel, id))
	{
		CHECK_FOR_INTERRUPTS();
		id = nextval_internal(sequence, false);
	}
	return id;
}

static Oid
sequence_oid(Relation rel)
{
	Oid			sequence = get_relname_relid(EVENT_SEQUENCE,
											 RelationGetNamespace(rel));

	if (!OidIsValid(sequence))
		elog(ERROR, "sequence \"%s\" does not exist", EVENT_SEQUENCE);
	return sequence;
}

static bool
is_taken(Relation rel, int64 id)
{
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&key, Anum_event_event_id, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(id));
	scan = tm_own_table_scan(rel, EVENT_BY_ID, 1, &key);
	found = systable_getnext(scan) != NULL;
	systable_endscan(scan);
	return found;
}

static void
set_text(Datum *values, bool *nulls, AttrNumber attno, const char *value)
{
	nulls[attno - 1] = (value == NULL);
	if (value != NULL)
		values[attno - 1] = CStringGetTextDatum(value);
}
