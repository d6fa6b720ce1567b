/*
 * assigned_role.c
 *		Roles that work for one tenant only: rows of tenant.assigned_role.
 *
 * This is the only file that knows the columns of that table, which is read
 * and written like the registry.  A session whose user, the one that logged
 * in, is assigned is bound to that tenant and to no other, whatever schemas
 * the role may use; binding_settle.c sees to it.
 *
 * The role also gets tenant_mgr.tenant as a setting of its own in this
 * database, so that its sessions are bound before their first statement is
 * parsed.  That is a convenience: the client can override it, but not the row.
 *
 * A role is kept by its name, for OIDs do not survive a dump.  If it is
 * renamed or dropped, its row means nothing any more; tenant.doctor() tells.
 *
 * A backend remembers what it knows about its user for as long as the
 * generation of the registry stays, which a change of the table moves, too.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/argument.h"
#include "catalog/namespace.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/user.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/own_schema.h"
#include "base/own_table.h"
#include "base/preload.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/assigned_role.h"
#include "binding/binding.h"
#include "binding/ownership.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

/* Columns of tenant.assigned_role */
#define Anum_assigned_role_role_name	1
#define Anum_assigned_role_tenant_id	2
#define Natts_assigned_role				2

#define ASSIGNED_ROLE_TABLE		"assigned_role"
#define ASSIGNED_ROLE_BY_ROLE	"assigned_role_pkey"
#define ASSIGNED_ROLE_BY_TENANT	"assigned_role_tenant_id_idx"

/* what is known about the session's user; written by the lookup */
static struct
{
	Oid			session_user;	/* InvalidOid when nothing is known */
	uint64		generation;		/* of the registry of which it is true */
	bool		assigned;		/* to a tenant? */
	pg_uuid_t	tenant_id;		/* to this one */
}			known;

static pg_noinline void look_up_tenant(void);
static char *role_argument(FunctionCallInfo fcinfo, int argno);
static bool table_exists(void);
static bool find_role(Relation rel, const char *role, pg_uuid_t *tenant_id,
					  ItemPointer tid);
static SysScanDesc scan_tenant(Relation rel, const pg_uuid_t *tenant_id);
static void change_setting(const char *role, const char *tenant);
static VariableSetStmt *setting_statement(const char *tenant);
static char *value_in_settings(ArrayType *settings);
static void changed(Relation rel);

PG_FUNCTION_INFO_V1(tenant_assign_role);
PG_FUNCTION_INFO_V1(tenant_unassign_role);

/* assign_role(name, role): the role works for the tenant and for no other. */
Datum
tenant_assign_role(PG_FUNCTION_ARGS)
{
	char	   *role = role_argument(fcinfo, 1);
	Datum		values[Natts_assigned_role];
	bool		nulls[Natts_assigned_role] = {false, false};
	TenantInfo *tenant;
	TenantInfo *holder;
	pg_uuid_t	holder_id;
	ItemPointerData tid;
	char	   *name;
	Relation	rel;
	Oid			roleid;

	name = tm_argument_text(fcinfo, 0, "tenant name");
	tm_tenant_lock_begin("tenant.assign_role()");
	if (!tm_is_preloaded())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("library \"%s\" is not preloaded", TM_EXTENSION_NAME),
				 errdetail("Sessions of the role would not be bound until they load it."),
				 errhint("Add it to shared_preload_libraries and restart the server.")));
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	roleid = get_role_oid(role, false);
	if (superuser_arg(roleid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot assign superuser \"%s\" to a tenant", role)));

	rel = tm_own_table_open(ASSIGNED_ROLE_TABLE, Natts_assigned_role,
							ShareRowExclusiveLock);
	if (find_role(rel, role, &holder_id, &tid))
	{
		holder = tm_registry_lookup_id(&holder_id);
		if (holder != NULL &&
			!tm_uuid_equals(&holder_id, &tenant->id))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("role \"%s\" is already assigned to another tenant",
							role),
					 errhint("Use tenant.unassign_role() first.")));
		tm_own_table_delete(rel, &tid);
	}

	/* The server's own command decides who may do that to the role. */
	change_setting(role, tenant->name);
	values[Anum_assigned_role_role_name - 1] = CStringGetTextDatum(role);
	values[Anum_assigned_role_tenant_id - 1] = UUIDPGetDatum(&tenant->id);
	tm_own_table_insert(rel, Natts_assigned_role, values, nulls);
	changed(rel);
	tm_event_record("assign_role", tenant, role, NULL);

	if (tm_schema_aclcheck(tenant->nspid, roleid, ACL_USAGE) != ACLCHECK_OK)
		ereport(WARNING,
				(errmsg("role \"%s\" has no privilege on schema \"%s\"",
						role, tenant->schema_name)));
	PG_RETURN_VOID();
}

/* unassign_role(role): the role may go where its privileges allow. */
Datum
tenant_unassign_role(PG_FUNCTION_ARGS)
{
	char	   *role = role_argument(fcinfo, 0);
	TenantInfo *tenant;
	pg_uuid_t	tenant_id;
	ItemPointerData tid;
	Relation	rel;

	tm_tenant_lock_begin("tenant.unassign_role()");
	rel = tm_own_table_open(ASSIGNED_ROLE_TABLE, Natts_assigned_role,
							ShareRowExclusiveLock);
	if (!find_role(rel, role, &tenant_id, &tid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" is not assigned to a tenant",
						tm_tenant_name_printable(role))));

	/* Where there is no schema any more there is nobody to ask. */
	tenant = tm_registry_lookup_id(&tenant_id);
	if (tenant != NULL && OidIsValid(tenant->nspid))
		tm_ownership_check(tenant);
	if (OidIsValid(get_role_oid(role, true)))
		change_setting(role, NULL);
	tm_own_table_delete(rel, &tid);
	changed(rel);
	tm_event_record("unassign_role", tenant, role, NULL);
	PG_RETURN_VOID();
}

const pg_uuid_t *
tm_assigned_role_tenant_known(void)
{
	/* In this order, for the server's own processes have no session user. */
	if (known.assigned && known.generation == tm_registry_generation() &&
		known.session_user == GetSessionUserId())
		return &known.tenant_id;
	return NULL;
}

const pg_uuid_t *
tm_assigned_role_tenant(void)
{
	if (known.session_user != GetSessionUserId() ||
		known.generation != tm_registry_generation())
		look_up_tenant();
	return known.assigned ? &known.tenant_id : NULL;
}

static void
look_up_tenant(void)
{
	Oid			session_user = GetSessionUserId();
	uint64		as_of = tm_registry_generation();
	ItemPointerData tid;
	Relation	rel;

	known.session_user = InvalidOid;
	known.assigned = false;
	if (tm_registry_installed() && table_exists())
	{
		char	   *role = GetUserNameFromId(session_user, true);

		rel = tm_own_table_open(ASSIGNED_ROLE_TABLE, Natts_assigned_role,
								AccessShareLock);
		known.assigned = role != NULL &&
			find_role(rel, role, &known.tenant_id, &tid);
		table_close(rel, AccessShareLock);
	}
	known.generation = as_of;
	known.session_user = session_user;
}

List *
tm_assigned_role_list(void)
{
	Relation	rel = tm_own_table_open(ASSIGNED_ROLE_TABLE,
										Natts_assigned_role, AccessShareLock);
	SysScanDesc scan = tm_own_table_scan(rel, ASSIGNED_ROLE_BY_ROLE, 0, NULL);
	List	   *roles = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		AssignedRole *assigned = palloc0(sizeof(AssignedRole));
		TupleDesc	desc = RelationGetDescr(rel);
		bool		isnull;
		Datum		value;

		CHECK_FOR_INTERRUPTS();
		value = heap_getattr(tuple, Anum_assigned_role_role_name, desc,
							 &isnull);
		strlcpy(assigned->role, TextDatumGetCString(value), NAMEDATALEN);
		value = heap_getattr(tuple, Anum_assigned_role_tenant_id, desc,
							 &isnull);
		memcpy(&assigned->tenant_id, DatumGetUUIDP(value), sizeof(pg_uuid_t));
		roles = lappend(roles, assigned);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return roles;
}

void
tm_assigned_role_follow(const TenantInfo *tenant, const char *new_name)
{
	ListCell   *lc;

	foreach(lc, tm_assigned_role_list())
	{
		const AssignedRole *assigned = lfirst(lc);
		Oid			roleid = get_role_oid(assigned->role, true);

		if (tm_uuid_equals(&assigned->tenant_id, &tenant->id) &&
			OidIsValid(roleid))
			AlterSetting(MyDatabaseId, roleid, setting_statement(new_name));
	}
}

void
tm_assigned_role_forget(const TenantInfo *tenant)
{
	Relation	rel = tm_own_table_open(ASSIGNED_ROLE_TABLE,
										Natts_assigned_role, RowExclusiveLock);
	SysScanDesc scan = scan_tenant(rel, &tenant->id);
	bool		found = false;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		Datum		role = heap_getattr(tuple, Anum_assigned_role_role_name,
										RelationGetDescr(rel), &isnull);
		Oid			roleid = get_role_oid(TextDatumGetCString(role), true);

		CHECK_FOR_INTERRUPTS();
		if (OidIsValid(roleid))
			AlterSetting(MyDatabaseId, roleid, setting_statement(NULL));
		tm_own_table_delete(rel, &tuple->t_self);
		found = true;
	}
	systable_endscan(scan);
	if (found)
		changed(rel);
	else
		table_close(rel, NoLock);
}

char *
tm_assigned_role_default(Oid roleid)
{
	Relation	rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	char	   *value = NULL;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase,
				BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(MyDatabaseId));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole,
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(roleid));
	scan = systable_beginscan(rel, DbRoleSettingDatidRolidIndexId, true, NULL,
							  2, keys);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
	{
		bool		isnull;
		Datum		settings = heap_getattr(tuple,
											Anum_pg_db_role_setting_setconfig,
											RelationGetDescr(rel), &isnull);

		if (!isnull)
			value = value_in_settings(DatumGetArrayTypeP(settings));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return value;
}

/* A name that is too long is nobody's, and not cut. */
static char *
role_argument(FunctionCallInfo fcinfo, int argno)
{
	char	   *role;

	role = tm_argument_text(fcinfo, argno, "role name");
	if (strlen(role) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist",
						tm_tenant_name_printable(role))));
	return role;
}

/* Has the extension been updated to a version that has it? */
static bool
table_exists(void)
{
	Oid			nspid = tm_own_schema();

	return OidIsValid(nspid) &&
		OidIsValid(get_relname_relid(ASSIGNED_ROLE_TABLE, nspid));
}

/* Whom a role is assigned to, and where the row is. */
static bool
find_role(Relation rel, const char *role, pg_uuid_t *tenant_id,
		  ItemPointer tid)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_assigned_role_role_name, BTEqualStrategyNumber,
				F_TEXTEQ, CStringGetTextDatum(role));
	scan = tm_own_table_scan(rel, ASSIGNED_ROLE_BY_ROLE, 1, &key);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
	{
		bool		isnull;
		Datum		id = heap_getattr(tuple, Anum_assigned_role_tenant_id,
									  RelationGetDescr(rel), &isnull);

		memcpy(tenant_id, DatumGetUUIDP(id), sizeof(pg_uuid_t));
		ItemPointerCopy(&tuple->t_self, tid);
	}
	systable_endscan(scan);
	return tuple != NULL;
}

static SysScanDesc
scan_tenant(Relation rel, const pg_uuid_t *tenant_id)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_assigned_role_tenant_id, BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(tenant_id));
	return tm_own_table_scan(rel, ASSIGNED_ROLE_BY_TENANT, 1, &key);
}

/* ALTER ROLE ... IN DATABASE ... SET or RESET, with its checks. */
static void
change_setting(const char *role, const char *tenant)
{
	AlterRoleSetStmt *stmt = makeNode(AlterRoleSetStmt);

	stmt->role = makeNode(RoleSpec);
	stmt->role->roletype = ROLESPEC_CSTRING;
	stmt->role->rolename = pstrdup(role);
	stmt->role->location = -1;
	stmt->database = get_database_name(MyDatabaseId);
	stmt->setstmt = setting_statement(tenant);
	AlterRoleSet(stmt);
}

static VariableSetStmt *
setting_statement(const char *tenant)
{
	VariableSetStmt *stmt = makeNode(VariableSetStmt);

	stmt->name = TM_TENANT_SETTING;
	stmt->kind = VAR_RESET;
	if (tenant != NULL)
	{
		A_Const    *value = makeNode(A_Const);

		value->val.sval.type = T_String;
		value->val.sval.sval = pstrdup(tenant);
		value->location = -1;
		stmt->kind = VAR_SET_VALUE;
		stmt->args = list_make1(value);
	}
	return stmt;
}

/* The value of our setting in an array of NAME=VALUE, or NULL. */
static char *
value_in_settings(ArrayType *settings)
{
	const Size	len = strlen(TM_TENANT_SETTING);
	Datum	   *elems;
	int			nelems;
	int			i;

	deconstruct_array(settings, TEXTOID, -1, false, TYPALIGN_INT,
					  &elems, NULL, &nelems);
	for (i = 0; i < nelems; i++)
	{
		char	   *setting = TextDatumGetCString(elems[i]);

		if (strncmp(setting, TM_TENANT_SETTING, len) == 0 &&
			setting[len] == '=')
			return setting + len + 1;
	}
	return NULL;
}

/* Every session looks at its user again; closes the table. */
static void
changed(Relation rel)
{
	table_close(rel, NoLock);
	tm_registry_announce();
}
