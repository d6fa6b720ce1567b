/*
 * assignment.c
 *		Which connections a tenant has: rows of tenant.assignment.
 *
 * This is the only file that knows the columns of that table, which is read
 * and written like the registry.  Both sides are ids, so an assignment follows
 * a rename of either.  A row whose connection is gone, because somebody has
 * deleted that by SQL, means nothing.
 *
 * An id of zeros in the place of the tenant's stands for all tenants that have
 * no connection of their own.
 *
 * A connection is locked as an object of the table, under a hash of its id,
 * to be assigned or dropped; after the name of the tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "base/argument.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/ownership.h"
#include "connections/assignment.h"
#include "connections/connection.h"
#include "tenants/event.h"
#include "tenants/tenant_lock.h"

/* Columns of tenant.assignment */
#define Anum_assignment_tenant_id		1
#define Anum_assignment_connection_id	2
#define Anum_assignment_assigned_at		3
#define Anum_assignment_assigned_by		4
#define Natts_assignment				4

#define CONNECTION_TYPE_SHARED		"shared"

#define ASSIGNMENT_TABLE			"assignment"
#define ASSIGNMENT_BY_TENANT		"assignment_pkey"
#define ASSIGNMENT_BY_CONNECTION	"assignment_connection_id_idx"

/* Whose connections a function is about */
typedef struct Assignee
{
	TenantInfo *tenant;			/* locked, or NULL for all the others */
	pg_uuid_t	id;				/* its id, or zeros */
	char	   *description;	/* for messages */
} Assignee;

static void lock_assignee(Assignee *assignee, FunctionCallInfo fcinfo);
static ConnectionInfo *lock_connection(const char *name);
static bool may_write_assignments(void);
static void check_may_assign_to_all(void);
static void check_may_take(const ConnectionInfo *connection);
static SysScanDesc scan_tenant(Relation rel, const pg_uuid_t *tenant_id);
static SysScanDesc scan_connection(Relation rel,
								   const pg_uuid_t *connection_id);
static pg_uuid_t *connection_of(HeapTuple tuple, Relation rel);
static bool is_assigned(Relation rel, const pg_uuid_t *tenant_id,
						const pg_uuid_t *connection_id);
static bool is_orphan(const AssignmentKey *key);
static List *list_of_tenant(const pg_uuid_t *tenant_id);
static int	remove_rows(Relation rel, SysScanDesc scan,
						const pg_uuid_t *connection_id);

PG_FUNCTION_INFO_V1(tenant_assign);
PG_FUNCTION_INFO_V1(tenant_unassign);

/* assign(name, connection_name): the tenant lives there, from now on or too. */
Datum
tenant_assign(PG_FUNCTION_ARGS)
{
	Datum		values[Natts_assignment] = {0};
	bool		nulls[Natts_assignment] = {0};
	ConnectionInfo *connection;
	Assignee	assignee;
	char	   *name;
	Relation	rel;

	name = tm_argument_text(fcinfo, 1, "connection name");
	tm_tenant_lock_begin("tenant.assign()");
	lock_assignee(&assignee, fcinfo);
	connection = lock_connection(name);
	check_may_take(connection);

	rel = tm_own_table_open(ASSIGNMENT_TABLE, Natts_assignment,
							RowExclusiveLock);
	if (is_assigned(rel, &assignee.id, &connection->id))
	{
		ereport(NOTICE,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("connection \"%s\" is already assigned to %s, skipping",
						connection->name, assignee.description)));
		table_close(rel, NoLock);
		PG_RETURN_VOID();
	}
	values[Anum_assignment_tenant_id - 1] = UUIDPGetDatum(&assignee.id);
	values[Anum_assignment_connection_id - 1] = UUIDPGetDatum(&connection->id);
	values[Anum_assignment_assigned_at - 1] =
		TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	values[Anum_assignment_assigned_by - 1] =
		CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	tm_own_table_insert(rel, Natts_assignment, values, nulls);
	CacheInvalidateRelcache(rel);
	table_close(rel, NoLock);
	tm_event_record("assign", assignee.tenant, connection->name, NULL);
	PG_RETURN_VOID();
}

/*
 * unassign(name, connection_name): the tenant does not live there any more,
 * or nowhere if no connection is named.
 */
Datum
tenant_unassign(PG_FUNCTION_ARGS)
{
	ConnectionInfo *connection = NULL;
	Assignee	assignee;
	Relation	rel;
	int			removed;

	tm_tenant_lock_begin("tenant.unassign()");
	lock_assignee(&assignee, fcinfo);
	if (!PG_ARGISNULL(1))
		connection = tm_connection_lookup(text_to_cstring(PG_GETARG_TEXT_PP(1)),
										  false);

	rel = tm_own_table_open(ASSIGNMENT_TABLE, Natts_assignment,
							RowExclusiveLock);
	removed = remove_rows(rel, scan_tenant(rel, &assignee.id),
						  connection == NULL ? NULL : &connection->id);
	table_close(rel, NoLock);
	if (removed == 0 && connection != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("connection \"%s\" is not assigned to %s",
						connection->name, assignee.description)));
	if (removed > 0)
		tm_event_record("unassign", assignee.tenant,
						connection == NULL ? NULL : connection->name, NULL);
	PG_RETURN_VOID();
}

List *
tm_assignment_list(const pg_uuid_t *tenant_id)
{
	static const pg_uuid_t everybody = {{0}};
	List	   *connections = list_of_tenant(tenant_id);

	return connections != NIL ? connections : list_of_tenant(&everybody);
}

int
tm_assignment_count(const pg_uuid_t *connection_id)
{
	Relation	rel = tm_own_table_open(ASSIGNMENT_TABLE, Natts_assignment,
										AccessShareLock);
	SysScanDesc scan = scan_connection(rel, connection_id);
	int			count = 0;

	while (systable_getnext(scan) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		count++;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return count;
}

List *
tm_assignment_orphans(void)
{
	Relation	rel = tm_own_table_open(ASSIGNMENT_TABLE, Natts_assignment,
										AccessShareLock);
	SysScanDesc scan = tm_own_table_scan(rel, ASSIGNMENT_BY_TENANT, 0, NULL);
	List	   *orphans = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		AssignmentKey *key = palloc(sizeof(AssignmentKey));
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		key->tenant_id =
			*DatumGetUUIDP(heap_getattr(tuple, Anum_assignment_tenant_id,
										RelationGetDescr(rel), &isnull));
		key->connection_id = *connection_of(tuple, rel);

		/* It may just have gone with its tenant, or its connection. */
		if (is_orphan(key) &&
			is_assigned(rel, &key->tenant_id, &key->connection_id))
			orphans = lappend(orphans, key);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return orphans;
}

void
tm_assignment_lock_connection(const pg_uuid_t *connection_id,
							  LOCKMODE lockmode)
{
	Relation	rel = tm_own_table_open(ASSIGNMENT_TABLE, Natts_assignment,
										AccessShareLock);
	uint32		key = tm_uuid_lock_number(connection_id);

	LockDatabaseObject(RelationGetRelid(rel), key, 0, lockmode);
	table_close(rel, AccessShareLock);
}

void
tm_assignment_forget_tenant(const pg_uuid_t *tenant_id)
{
	Relation	rel = tm_own_table_open(ASSIGNMENT_TABLE, Natts_assignment,
										RowExclusiveLock);

	remove_rows(rel, scan_tenant(rel, tenant_id), NULL);
	table_close(rel, NoLock);
}

void
tm_assignment_forget_connection(const pg_uuid_t *connection_id)
{
	Relation	rel = tm_own_table_open(ASSIGNMENT_TABLE, Natts_assignment,
										RowExclusiveLock);

	remove_rows(rel, scan_connection(rel, connection_id), connection_id);
	table_close(rel, NoLock);
}

/* The first argument: a tenant whose owner calls, or null for all others. */
static void
lock_assignee(Assignee *assignee, FunctionCallInfo fcinfo)
{
	memset(assignee, 0, sizeof(*assignee));
	if (PG_ARGISNULL(0))
	{
		check_may_assign_to_all();
		assignee->description = _("tenants that have no other");
		return;
	}
	assignee->tenant =
		tm_ownership_lock_tenant(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								 NoLock, false);
	assignee->id = assignee->tenant->id;
	assignee->description = psprintf("tenant \"%s\"", assignee->tenant->name);
}

/* The connection of this name, which nobody drops meanwhile. */
static ConnectionInfo *
lock_connection(const char *name)
{
	ConnectionInfo *connection = tm_connection_lookup(name, false);

	for (;;)
	{
		pg_uuid_t	id = connection->id;

		/* It may be another one by the time that we have the lock. */
		tm_assignment_lock_connection(&id, AccessShareLock);
		connection = tm_connection_lookup(name, false);
		if (tm_uuid_equals(&connection->id, &id))
			return connection;
	}
}

/* Who may do so by SQL decides for everybody. */
static bool
may_write_assignments(void)
{
	return pg_class_aclcheck(tm_own_table_relid(ASSIGNMENT_TABLE), GetUserId(),
							 ACL_INSERT | ACL_DELETE) == ACLCHECK_OK;
}

/* It concerns everybody, so EXECUTE and a schema of one's own do not do. */
static void
check_may_assign_to_all(void)
{
	if (!may_write_assignments())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to assign a connection to all tenants"),
				 errhint("INSERT or DELETE on tenant.assignment is needed.")));
}

/*
 * The owner of a tenant speaks for the tenant, not for the connection.  Only
 * one that is shared is there for whoever wants it.
 */
static void
check_may_take(const ConnectionInfo *connection)
{
	if (strcmp(connection->type, CONNECTION_TYPE_SHARED) != 0 &&
		!may_write_assignments())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to assign connection \"%s\"",
						connection->name),
				 errdetail("Its type is %s.", connection->type),
				 errhint("INSERT or DELETE on tenant.assignment is needed to assign connections that are not shared.")));
}

static SysScanDesc
scan_tenant(Relation rel, const pg_uuid_t *tenant_id)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_assignment_tenant_id, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(tenant_id));
	return tm_own_table_scan(rel, ASSIGNMENT_BY_TENANT, 1, &key);
}

static SysScanDesc
scan_connection(Relation rel, const pg_uuid_t *connection_id)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_assignment_connection_id, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(connection_id));
	return tm_own_table_scan(rel, ASSIGNMENT_BY_CONNECTION, 1, &key);
}

/* Good as long as the tuple is. */
static pg_uuid_t *
connection_of(HeapTuple tuple, Relation rel)
{
	bool		isnull;

	return DatumGetUUIDP(heap_getattr(tuple, Anum_assignment_connection_id,
									  RelationGetDescr(rel), &isnull));
}

static bool
is_assigned(Relation rel, const pg_uuid_t *tenant_id,
			const pg_uuid_t *connection_id)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&keys[0], Anum_assignment_tenant_id, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(tenant_id));
	ScanKeyInit(&keys[1], Anum_assignment_connection_id,
				BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(connection_id));
	scan = tm_own_table_scan(rel, ASSIGNMENT_BY_TENANT, 2, keys);
	found = systable_getnext(scan) != NULL;
	systable_endscan(scan);
	return found;
}

static bool
is_orphan(const AssignmentKey *key)
{
	if (tm_connection_lookup_id(&key->connection_id) == NULL)
		return true;
	return !tm_uuid_is_zero(&key->tenant_id) &&
		tm_registry_lookup_id(&key->tenant_id) == NULL;
}

static List *
list_of_tenant(const pg_uuid_t *tenant_id)
{
	Relation	rel = tm_own_table_open(ASSIGNMENT_TABLE, Natts_assignment,
										AccessShareLock);
	SysScanDesc scan = scan_tenant(rel, tenant_id);
	List	   *connections = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		ConnectionInfo *connection =
			tm_connection_lookup_id(connection_of(tuple, rel));

		if (connection != NULL)
			connections = lappend(connections, connection);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return connections;
}

/*
 * Delete what the scan finds, all of it or one connection's, and end the
 * scan.  Returns the number of rows.
 */
static int
remove_rows(Relation rel, SysScanDesc scan, const pg_uuid_t *connection_id)
{
	HeapTuple	tuple;
	int			removed = 0;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (connection_id != NULL &&
			!tm_uuid_equals(connection_of(tuple, rel), connection_id))
			continue;
		tm_own_table_delete(rel, &tuple->t_self);
		removed++;
	}
	systable_endscan(scan);
	if (removed > 0)
		CacheInvalidateRelcache(rel);
	CommandCounterIncrement();
	return removed;
}
