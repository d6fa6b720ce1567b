/*
 * superuser_schema.c
 *		Is a superuser's schema the superusers' own?
 *
 * What is done for a tenant is done as the owner of its schema.  Where that is
 * a superuser, a trigger, a default, a view or a function that comes first on the
 * path would have a superuser's rights, whoever has made it; a security-
 * restricted operation does not keep code from ALTER ROLE.  So nothing is done
 * there as a superuser while others can create objects in the schema, own one
 * of them, or have written the function of a trigger.
 *
 * TRIGGER on a superuser's table is not looked for, because GRANT ALL contains
 * it: whoever has that can attach a trigger at any moment, and it will be run as
 * whoever writes to the table, here as everywhere.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/dependency.h"
#include "lifecycle/schema_acl.h"
#include "lifecycle/superuser_schema.h"

static void check_privileges(const TenantInfo *tenant, Oid roleid);
static void check_members(const TenantInfo *tenant, Oid roleid);
static void check_triggers(const TenantInfo *tenant, Oid roleid, Oid relid);
static void check_object(const TenantInfo *tenant, Oid roleid, Oid classid,
						 Oid objid);
static bool is_others(Oid classid, Oid objid);

void
tm_superuser_schema_check(const TenantInfo *tenant, Oid roleid)
{
	if (!superuser_arg(roleid))
		return;
	check_privileges(tenant, roleid);
	check_members(tenant, roleid);
}

static void
check_privileges(const TenantInfo *tenant, Oid roleid)
{
	const Acl  *acl = tm_schema_acl(tenant->nspid);

	for (int i = 0; acl != NULL && i < ACL_NUM(acl); i++)
	{
		const AclItem *item = &ACL_DAT(acl)[i];

		if ((ACLITEM_GET_PRIVS(*item) & ACL_CREATE) != 0 &&
			(item->ai_grantee == ACL_ID_PUBLIC ||
			 !superuser_arg(item->ai_grantee)))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("cannot work for tenant \"%s\" as superuser \"%s\"",
							tenant->name, GetUserNameFromId(roleid, false)),
					 errdetail("The role owns schema \"%s\", in which others can create objects.",
							   tenant->schema_name),
					 errhint("Let an ordinary role own the schema.")));
	}
}

/* What is in the schema, and the triggers of its tables */
static void
check_members(const TenantInfo *tenant, Oid roleid)
{
	Relation	pg_depend = table_open(DependRelationId, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;

	scan = tm_dependency_scan_dependents(pg_depend, NULL, NamespaceRelationId,
										 tenant->nspid);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		CHECK_FOR_INTERRUPTS();
		check_object(tenant, roleid, form->classid, form->objid);
		if (form->classid == RelationRelationId)
			check_triggers(tenant, roleid, form->objid);
	}
	systable_endscan(scan);
	table_close(pg_depend, AccessShareLock);
}

static void
check_triggers(const TenantInfo *tenant, Oid roleid, Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		has_triggers = HeapTupleIsValid(tuple) &&
		((Form_pg_class) GETSTRUCT(tuple))->relhastriggers;
	Relation	pg_trigger;
	ScanKeyData key;
	SysScanDesc scan;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	if (!has_triggers)
		return;
	pg_trigger = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_trigger, TriggerRelidNameIndexId, true, NULL,
							  1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

		if (!form->tgisinternal)
			check_object(tenant, roleid, ProcedureRelationId, form->tgfoid);
	}
	systable_endscan(scan);
	table_close(pg_trigger, AccessShareLock);
}

static void
check_object(const TenantInfo *tenant, Oid roleid, Oid classid, Oid objid)
{
	ObjectAddress object;

	if (!is_others(classid, objid))
		return;
	ObjectAddressSet(object, classid, objid);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("cannot work for tenant \"%s\" as superuser \"%s\"",
					tenant->name, GetUserNameFromId(roleid, false)),
			 errdetail("The role owns schema \"%s\", and somebody who is no superuser owns %s.",
					   tenant->schema_name,
					   getObjectDescription(&object, false)),
			 errhint("Let an ordinary role own the schema.")));
}

/* Is it owned by somebody who is no superuser?  What has no owner is not. */
static bool
is_others(Oid classid, Oid objid)
{
	AttrNumber	attnum = get_object_attnum_owner(classid);
	int			cache = get_object_catcache_oid(classid);
	HeapTuple	tuple;
	Oid			owner;
	bool		isnull;

	if (attnum == InvalidAttrNumber || cache < 0)
		return false;
	tuple = SearchSysCache1(cache, ObjectIdGetDatum(objid));
	if (!HeapTupleIsValid(tuple))
		return false;
	owner = DatumGetObjectId(SysCacheGetAttr(cache, tuple, attnum, &isnull));
	ReleaseSysCache(tuple);
	return !superuser_arg(owner);
}
