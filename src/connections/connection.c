/*
 * connection.c
 *		Databases that tenants live in: rows of tenant.connection.
 *
 * This is the only file that knows the columns of that table.  Administrators
 * write rows by SQL as well, or load them from elsewhere, so what a row has to
 * look like is said by constraints of the table, and the constraints are
 * checked for rows that are written from here, too.  Like the registry, the
 * table is read and written from here without regard to privileges on it.
 *
 * A row tells whether a superuser has said where it leads to, which makes a
 * difference to what may be done with it (connection_host.c).  A trigger sees
 * to it that nobody else says so, and that passwords are written by functions
 * only.
 *
 * A row is locked as SQL would lock it before it is changed, for it may be SQL
 * that changes it at the same time.
 *
 * The password is sealed with the database's data key and bound to the id of
 * the connection: in another row it cannot be opened, and by tenant.decrypt()
 * nowhere (secret.c).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/crypto.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "connections/connection.h"
#include "connections/connection_host.h"
#include "connections/connection_option.h"
#include "connections/health.h"
#include "secrets/secret.h"
#include "tenants/tenant_name.h"

/* Columns of tenant.connection */
#define Anum_connection_id				1
#define Anum_connection_name			2
#define Anum_connection_type			3
#define Anum_connection_region			4
#define Anum_connection_host			5
#define Anum_connection_port			6
#define Anum_connection_database		7
#define Anum_connection_username		8
#define Anum_connection_password		9
#define Anum_connection_ssl_mode		10
#define Anum_connection_pool_min_size	11
#define Anum_connection_pool_max_size	12
#define Anum_connection_pool_timeout	13
#define Anum_connection_pool_recycle	14
#define Anum_connection_pool_pre_ping	15
#define Anum_connection_role			16
#define Anum_connection_weight			17
#define Anum_connection_is_active		18
#define Anum_connection_options			19
#define Anum_connection_created_at		20
#define Anum_connection_created_by		21
#define Anum_connection_by_superuser	22
#define Natts_connection				22

/* Version 0.1.0 had no more. */
#define Natts_connection_0_1			21

/* Bytes of a password, which can be a token; it is opened for each check */
#define MAX_PASSWORD		16384

#define CONNECTION_TABLE	"connection"
#define CONNECTION_BY_ID	"connection_pkey"
#define CONNECTION_BY_NAME	"connection_connection_name_key"

/* is it one of our own functions that writes?  Put back on all paths. */
static bool writing = false;

static Relation open_table(LOCKMODE lockmode);
static int	known_columns(TupleDesc desc);
static void write_row(Relation rel, ItemPointer place, const Datum *values,
					  const bool *nulls, const bool *replace);
static bool is_restored(void);
static HeapTuple restored_row(HeapTuple tuple, TupleDesc desc);
static void check_writer(Relation rel, HeapTuple old_tuple,
						 HeapTuple new_tuple, bool *by_superuser);
static bool is_changed(TupleDesc desc, HeapTuple old_tuple,
					   HeapTuple new_tuple, AttrNumber attno);
static char *id_text(const pg_uuid_t *id);
static SysScanDesc scan_by_name(Relation rel, const char *name);
static void refuse_missing(const char *name);
static int	compare_names(const ListCell *a, const ListCell *b);
static bool lock_row(Relation rel, HeapTuple tuple);
static ConnectionInfo *info_from_tuple(HeapTuple tuple, TupleDesc desc);
static char *text_or_null(Datum value, bool isnull);
static void fill_row(const ConnectionInfo *connection, Datum *values,
					 bool *nulls);
static void set_text(Datum *values, bool *nulls, AttrNumber attno,
					 const char *string);
static HeapTuple begin_own_row(const ConnectionInfo *connection, Relation *rel,
							   SysScanDesc *scan);
static void end_own_row(Relation rel, SysScanDesc scan);

PG_FUNCTION_INFO_V1(tenant_connection_written);

/*
 * Row trigger, before a connection is written: what a superuser has said and
 * others change is not what a superuser has said.
 */
Datum
tenant_connection_written(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple	old_tuple = NULL;
	HeapTuple	new_tuple;
	TupleDesc	desc;
	int			attno = Anum_connection_by_superuser;
	Datum		value;
	bool		isnull = false;
	bool		by_superuser;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger function was not called by trigger manager")));
	new_tuple = trigger->tg_trigtuple;
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		old_tuple = trigger->tg_trigtuple;
		new_tuple = trigger->tg_newtuple;
	}
	desc = RelationGetDescr(trigger->tg_relation);
	if (writing || known_columns(desc) != Natts_connection)
		return PointerGetDatum(new_tuple);

	if (old_tuple == NULL && superuser() && is_restored())
		return PointerGetDatum(restored_row(new_tuple, desc));
	check_writer(trigger->tg_relation, old_tuple, new_tuple, &by_superuser);
	value = BoolGetDatum(by_superuser);
	return PointerGetDatum(heap_modify_tuple_by_cols(new_tuple, desc, 1,
													 &attno, &value, &isnull));
}

ConnectionInfo *
tm_connection_lookup(const char *name, bool missing_ok)
{
	Relation	rel = open_table(AccessShareLock);
	SysScanDesc scan = scan_by_name(rel, name);
	HeapTuple	tuple = systable_getnext(scan);
	ConnectionInfo *connection = NULL;

	if (tuple != NULL)
		connection = info_from_tuple(tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	if (connection == NULL && !missing_ok)
		refuse_missing(name);
	return connection;
}

ConnectionInfo *
tm_connection_lookup_id(const pg_uuid_t *id)
{
	Relation	rel = open_table(AccessShareLock);
	ConnectionInfo *connection = NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_connection_id, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(id));
	scan = tm_own_table_scan(rel, CONNECTION_BY_ID, 1, &key);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
		connection = info_from_tuple(tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return connection;
}

List *
tm_connection_list(bool active_only)
{
	Relation	rel = open_table(AccessShareLock);
	SysScanDesc scan = tm_own_table_scan(rel, CONNECTION_BY_NAME, 0, NULL);
	List	   *connections = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		ConnectionInfo *connection = info_from_tuple(tuple,
													 RelationGetDescr(rel));

		CHECK_FOR_INTERRUPTS();
		if (connection->is_active || !active_only)
			connections = lappend(connections, connection);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	/* The index may be missing. */
	list_sort(connections, compare_names);
	return connections;
}

ConnectionInfo *
tm_connection_lock(const char *name)
{
	Relation	rel = open_table(RowExclusiveLock);
	ConnectionInfo *connection = NULL;

	/* Whoever had the row locked may have changed it, or its name. */
	while (connection == NULL)
	{
		SysScanDesc scan = scan_by_name(rel, name);
		HeapTuple	tuple = systable_getnext(scan);

		CHECK_FOR_INTERRUPTS();
		if (tuple == NULL)
			refuse_missing(name);
		if (lock_row(rel, tuple))
			connection = info_from_tuple(tuple, RelationGetDescr(rel));
		systable_endscan(scan);
	}
	table_close(rel, NoLock);

	return connection;
}

void
tm_connection_insert(const ConnectionInfo *connection)
{
	Relation	rel = open_table(RowExclusiveLock);
	Datum		values[Natts_connection] = {0};
	bool		nulls[Natts_connection] = {0};

	if (connection->host != NULL && !superuser())
		tm_connection_host_check(connection->host);
	fill_row(connection, values, nulls);
	values[Anum_connection_by_superuser - 1] = BoolGetDatum(superuser());
	values[Anum_connection_id - 1] = UUIDPGetDatum(&connection->id);
	values[Anum_connection_created_at - 1] =
		TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	set_text(values, nulls, Anum_connection_created_by,
			 GetUserNameFromId(GetUserId(), false));
	write_row(rel, NULL, values, nulls, NULL);
	CacheInvalidateRelcache(rel);
	tm_health_announce();
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

void
tm_connection_update(const ConnectionInfo *connection)
{
	Datum		values[Natts_connection] = {0};
	bool		nulls[Natts_connection] = {0};
	bool		replace[Natts_connection];
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple = begin_own_row(connection, &rel, &scan);

	fill_row(connection, values, nulls);
	memset(replace, true, sizeof(replace));
	replace[Anum_connection_id - 1] = false;
	replace[Anum_connection_created_at - 1] = false;
	replace[Anum_connection_created_by - 1] = false;
	replace[Anum_connection_by_superuser - 1] = false;
	write_row(rel, &tuple->t_self, values, nulls, replace);
	end_own_row(rel, scan);
}

void
tm_connection_delete(const ConnectionInfo *connection)
{
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple = begin_own_row(connection, &rel, &scan);

	tm_own_table_delete(rel, &tuple->t_self);
	end_own_row(rel, scan);
}

bytea *
tm_connection_seal_password(const pg_uuid_t *id, Datum password)
{
	SecretPlace place;

	/* Some methods of authentication would take it for none. */
	if (toast_raw_datum_size(password) == VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("password must not be empty")));
	if (toast_raw_datum_size(password) > VARHDRSZ + MAX_PASSWORD)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("password is longer than %d bytes", MAX_PASSWORD)));
	tm_secret_place_password(&place, id_text(id));
	return tm_secret_seal_text(&place, password);
}

char *
tm_connection_open_password(const ConnectionInfo *connection)
{
	SecretPlace place;
	text	   *password;
	char	   *result;

	tm_secret_place_password(&place, id_text(&connection->id));
	password = tm_secret_try_open(&place, connection->password);
	if (password == NULL)
	{
		tm_secret_place_old_password(&place, id_text(&connection->id));
		password = tm_secret_open(&place, connection->password);
	}
	result = text_to_cstring(password);
	tm_crypto_wipe(VARDATA_ANY(password), VARSIZE_ANY_EXHDR(password));
	pfree(password);
	return result;
}

void
tm_connection_wipe(char *string)
{
	tm_crypto_wipe(string, strlen(string));
	pfree(string);
}

static Relation
open_table(LOCKMODE lockmode)
{
	return tm_own_table_open(CONNECTION_TABLE, Natts_connection_0_1, lockmode);
}

/* A table of version 0.1.0 will do, and others may have added columns. */
static int
known_columns(TupleDesc desc)
{
	return desc->natts >= Natts_connection &&
		strcmp(NameStr(TupleDescAttr(desc, Natts_connection - 1)->attname),
			   "by_superuser") == 0 ?
		Natts_connection : Natts_connection_0_1;
}

/* A new row, or one in the place of another, as functions of ours write it. */
static void
write_row(Relation rel, ItemPointer place, const Datum *values,
		  const bool *nulls, const bool *replace)
{
	int			natts = known_columns(RelationGetDescr(rel));

	writing = true;
	PG_TRY();
	{
		if (place == NULL)
			tm_own_table_insert(rel, natts, values, nulls);
		else
			tm_own_table_update(rel, place, natts, values, nulls, replace);
	}
	PG_FINALLY();
	{
		writing = false;
	}
	PG_END_TRY();
}

/*
 * Does the row come from a dump?  A superuser who restores one has not written it,
 * and may not know what is in it.  All that pg_dump makes, and pg_restore, say so by
 * a setting that hardly anybody else touches.
 */
static bool
is_restored(void)
{
	return !check_function_bodies;
}

/* What it says of its writer is true, if it says anything. */
static HeapTuple
restored_row(HeapTuple tuple, TupleDesc desc)
{
	int			attno = Anum_connection_options;
	bool		isnull;
	Datum		options = heap_getattr(tuple, attno, desc, &isnull);
	Datum		name;

	if (isnull)
		return tuple;
	name = heap_getattr(tuple, Anum_connection_name, desc, &isnull);
	options = JsonbPGetDatum(tm_connection_options_that_may_be(DatumGetJsonbP(options),
															   isnull ? "" : TextDatumGetCString(name)));
	isnull = false;
	return heap_modify_tuple_by_cols(tuple, desc, 1, &attno, &options,
									 &isnull);
}

/*
 * May the current user write this, by SQL, and what is to be said of it then?
 * The old row is NULL if it is a new one.  A superuser says what is to be said,
 * and if it is nothing, that it was a superuser.
 */
static void
check_writer(Relation rel, HeapTuple old_tuple, HeapTuple new_tuple,
			 bool *by_superuser)
{
	static const AttrNumber identity[] = {
		Anum_connection_id, Anum_connection_host, Anum_connection_port,
		Anum_connection_database, Anum_connection_username,
		Anum_connection_password, Anum_connection_ssl_mode,
		Anum_connection_options, Anum_connection_by_superuser
	};
	TupleDesc	desc = RelationGetDescr(rel);
	Datum		flag;
	bool		isnull;
	bool		changed = old_tuple == NULL;
	int			i;

	flag = heap_getattr(new_tuple, Anum_connection_by_superuser, desc,
						&isnull);
	*by_superuser = isnull ? superuser() && old_tuple == NULL :
		DatumGetBool(flag);
	if (superuser())
		return;

	for (i = 0; i < lengthof(identity); i++)
		changed |= is_changed(desc, old_tuple, new_tuple, identity[i]);
	if (!changed)
		return;
	*by_superuser = false;
	if (is_changed(desc, old_tuple, new_tuple, Anum_connection_host))
	{
		Datum		host = heap_getattr(new_tuple, Anum_connection_host, desc,
										&isnull);

		if (!isnull)
			tm_connection_host_check(TextDatumGetCString(host));
	}
	if ((is_changed(desc, old_tuple, new_tuple, Anum_connection_password) ||
		 is_changed(desc, old_tuple, new_tuple, Anum_connection_id)) &&
		!heap_attisnull(new_tuple, Anum_connection_password, desc))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to write a password of a connection"),
				 errhint("Use tenant.set_password().")));
}

/* A new row is all new. */
static bool
is_changed(TupleDesc desc, HeapTuple old_tuple, HeapTuple new_tuple,
		   AttrNumber attno)
{
	Form_pg_attribute attribute = TupleDescAttr(desc, attno - 1);
	Datum		old_value;
	Datum		new_value;
	bool		old_isnull;
	bool		new_isnull;

	if (old_tuple == NULL)
		return true;
	old_value = heap_getattr(old_tuple, attno, desc, &old_isnull);
	new_value = heap_getattr(new_tuple, attno, desc, &new_isnull);
	if (old_isnull || new_isnull)
		return old_isnull != new_isnull;
	return !datum_image_eq(old_value, new_value, attribute->attbyval,
						   attribute->attlen);
}

static char *
id_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

static SysScanDesc
scan_by_name(Relation rel, const char *name)
{
	ScanKeyData key;

	/* ScanKeyInit uses the collation "C", as the column does. */
	ScanKeyInit(&key, Anum_connection_name, BTEqualStrategyNumber,
				F_TEXTEQ, CStringGetTextDatum(name));
	return tm_own_table_scan(rel, CONNECTION_BY_NAME, 1, &key);
}

static void
refuse_missing(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("connection \"%s\" does not exist",
					tm_tenant_name_printable(name))));
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	const ConnectionInfo *first = lfirst(a);
	const ConnectionInfo *second = lfirst(b);

	return strcmp(first->name, second->name);
}

/* False if the row has been changed or deleted while we waited. */
static bool
lock_row(Relation rel, HeapTuple tuple)
{
	HeapTupleData locked = *tuple;
	TM_FailureData failure;
	TM_Result	result;
	Buffer		buffer;

	result = heap_lock_tuple(rel, &locked, GetCurrentCommandId(true),
							 LockTupleExclusive, LockWaitBlock, false,
							 &buffer, &failure);
	ReleaseBuffer(buffer);
	if (result != TM_Ok && result != TM_Updated && result != TM_Deleted)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("connection is being changed by the current command already")));
	return result == TM_Ok;
}

static ConnectionInfo *
info_from_tuple(HeapTuple tuple, TupleDesc desc)
{
	ConnectionInfo *connection = palloc0(sizeof(ConnectionInfo));
	Datum		values[Natts_connection];
	bool		nulls[Natts_connection];

	tm_own_table_deform(tuple, desc, known_columns(desc), values, nulls);
	connection->id = *DatumGetUUIDP(values[Anum_connection_id - 1]);
	connection->name = TextDatumGetCString(values[Anum_connection_name - 1]);
	connection->type = TextDatumGetCString(values[Anum_connection_type - 1]);
	connection->region = text_or_null(values[Anum_connection_region - 1],
									  nulls[Anum_connection_region - 1]);
	connection->host = TextDatumGetCString(values[Anum_connection_host - 1]);
	connection->port = DatumGetInt32(values[Anum_connection_port - 1]);
	connection->database =
		TextDatumGetCString(values[Anum_connection_database - 1]);
	connection->username =
		TextDatumGetCString(values[Anum_connection_username - 1]);
	if (!nulls[Anum_connection_password - 1])
		connection->password =
			DatumGetByteaPCopy(values[Anum_connection_password - 1]);
	connection->ssl_mode =
		TextDatumGetCString(values[Anum_connection_ssl_mode - 1]);
	connection->pool_min_size =
		DatumGetInt32(values[Anum_connection_pool_min_size - 1]);
	connection->pool_max_size =
		DatumGetInt32(values[Anum_connection_pool_max_size - 1]);
	connection->pool_timeout =
		DatumGetInt32(values[Anum_connection_pool_timeout - 1]);
	connection->pool_recycle =
		DatumGetInt32(values[Anum_connection_pool_recycle - 1]);
	connection->pool_pre_ping =
		DatumGetBool(values[Anum_connection_pool_pre_ping - 1]);
	connection->role = TextDatumGetCString(values[Anum_connection_role - 1]);
	connection->is_replica = strcmp(connection->role, "replica") == 0;
	connection->weight = DatumGetInt32(values[Anum_connection_weight - 1]);
	connection->is_active =
		DatumGetBool(values[Anum_connection_is_active - 1]);
	if (!nulls[Anum_connection_options - 1])
		connection->options =
			DatumGetJsonbPCopy(values[Anum_connection_options - 1]);
	if (known_columns(desc) == Natts_connection &&
		!nulls[Anum_connection_by_superuser - 1])
		connection->by_superuser =
			DatumGetBool(values[Anum_connection_by_superuser - 1]);
	return connection;
}

static char *
text_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

/* All columns but the id, and who made the row when. */
static void
fill_row(const ConnectionInfo *connection, Datum *values, bool *nulls)
{
	set_text(values, nulls, Anum_connection_name, connection->name);
	set_text(values, nulls, Anum_connection_type, connection->type);
	set_text(values, nulls, Anum_connection_region, connection->region);
	set_text(values, nulls, Anum_connection_host, connection->host);
	values[Anum_connection_port - 1] = Int32GetDatum(connection->port);
	set_text(values, nulls, Anum_connection_database, connection->database);
	set_text(values, nulls, Anum_connection_username, connection->username);
	values[Anum_connection_password - 1] =
		PointerGetDatum(connection->password);
	nulls[Anum_connection_password - 1] = connection->password == NULL;
	set_text(values, nulls, Anum_connection_ssl_mode, connection->ssl_mode);
	values[Anum_connection_pool_min_size - 1] =
		Int32GetDatum(connection->pool_min_size);
	values[Anum_connection_pool_max_size - 1] =
		Int32GetDatum(connection->pool_max_size);
	values[Anum_connection_pool_timeout - 1] =
		Int32GetDatum(connection->pool_timeout);
	values[Anum_connection_pool_recycle - 1] =
		Int32GetDatum(connection->pool_recycle);
	values[Anum_connection_pool_pre_ping - 1] =
		BoolGetDatum(connection->pool_pre_ping);
	set_text(values, nulls, Anum_connection_role, connection->role);
	values[Anum_connection_weight - 1] = Int32GetDatum(connection->weight);
	values[Anum_connection_is_active - 1] =
		BoolGetDatum(connection->is_active);
	values[Anum_connection_options - 1] = PointerGetDatum(connection->options);
	nulls[Anum_connection_options - 1] = connection->options == NULL;
}

static void
set_text(Datum *values, bool *nulls, AttrNumber attno, const char *string)
{
	nulls[attno - 1] = string == NULL;

	if (string != NULL)
		values[attno - 1] = CStringGetTextDatum(string);
}

/* The row of a connection that is locked; ends with end_own_row(). */
static HeapTuple
begin_own_row(const ConnectionInfo *connection, Relation *rel,
			  SysScanDesc *scan)
{
	ScanKeyData key;
	HeapTuple	tuple;

	*rel = open_table(RowExclusiveLock);
	ScanKeyInit(&key, Anum_connection_id, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(&connection->id));
	*scan = tm_own_table_scan(*rel, CONNECTION_BY_ID, 1, &key);
	tuple = systable_getnext(*scan);
	if (tuple == NULL)
		elog(ERROR, "row of connection \"%s\" has vanished",
			 connection->name);
	return tuple;
}

static void
end_own_row(Relation rel, SysScanDesc scan)
{
	systable_endscan(scan);
	CacheInvalidateRelcache(rel);
	tm_health_announce();
	table_close(rel, NoLock);
	CommandCounterIncrement();
}
