/*
 * shared_ddl.c
 *		Whether bound sessions may change what tenants share.
 *
 * The guard keeps a bound session away from other tenants, not from what is
 * nobody's: a dump of a schema, or a migration, that is run for one tenant and
 * finds no table of its own by a name finds the shared one, and drops that.
 * With tenant_mgr.shared_ddl = deny, what is outside of the tenant and of the
 * session's temporary schema cannot be dropped, altered or truncated, nor be
 * given an index, a trigger, a rule, a policy or statistics.  It can be read
 * and written as before, and new objects can be made there.
 *
 * What is asked about comes from guard_reach.c, for what a statement names, and
 * from guard_access.c, for what the server says that it does.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_language.h"
#include "catalog/pg_publication.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "binding.h"
#include "guc.h"
#include "object_schema.h"
#include "schema_owner.h"
#include "shared_ddl.h"
#include "tenant_mgr.h"

static bool is_shared(Oid classid, Oid objid, const Binding *binding);
static Oid	schema_of_extension(Oid extid);

void
tm_shared_ddl_check(Oid classid, Oid objid)
{
	Binding    *binding;

	if (tm_shared_ddl == SHARED_DDL_ALLOW)
		return;
	binding = tm_binding_in_force();
	if (binding == NULL || !is_shared(classid, objid, binding))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("cannot change %s while bound to tenant \"%s\"",
					classid == DbRoleSettingRelationId ?
					_("settings of roles or databases") :
					tm_object_describe(classid, objid), tm_tenant),
			 errdetail("It does not belong to the tenant, and \"%s\" is \"deny\".",
					   "tenant_mgr.shared_ddl"),
			 errhint("Change what tenants share in a session that is not bound.")));
}

/*
 * Parts of something else stand or fall with that: the server tells of it as
 * well.  Another tenant's objects are the guard's business.
 */
static bool
is_shared(Oid classid, Oid objid, const Binding *binding)
{
	Oid			nspid;

	switch (classid)
	{
		case EventTriggerRelationId:
		case ForeignDataWrapperRelationId:
		case ForeignServerRelationId:
		case LanguageRelationId:
		case PublicationRelationId:
			return true;
		case ExtensionRelationId:
			nspid = schema_of_extension(objid);
			break;
		default:
			if (IsSharedRelation(classid))
				return true;
			nspid = tm_object_schema(classid, objid);
			break;
	}
	return OidIsValid(nspid) && nspid != binding->nspid &&
		!isAnyTempNamespace(nspid) && !tm_schema_owner(nspid, NULL);
}

/* To the server, an extension is in no schema. */
static Oid
schema_of_extension(Oid extid)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	Oid			nspid = InvalidOid;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extid));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		nspid = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return nspid;
}
