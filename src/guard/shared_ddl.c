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
 * and written as before, and new tables and views can be made there.
 *
 * Some new objects work for others without being named by them: a function takes
 * the place of a built-in one for calls that fit it better, and so does an
 * operator or a cast.  Those are not made or changed either; nor, whatever the
 * setting is, by a session that is locked, or by the code of a tenant, which
 * may have been called with the rights of others.
 *
 * What is asked about comes from guard_reach.c, for what a statement names, and
 * from guard_access.c, for what the server says that it does.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_language.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_type.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/binding_in_force.h"
#include "binding/object_schema.h"
#include "binding/running_code.h"
#include "binding/session_lock.h"
#include "guard/shared_ddl.h"
#include "tenants/schema_owner.h"

/* the setting; written by wall.c */
int			tm_shared_ddl = SHARED_DDL_ALLOW;

static bool is_shared(Oid classid, Oid objid);
static const char *describe(Oid classid, Oid objid);
static bool is_shared_code(Oid classid, Oid objid);
static bool is_of_extension(Oid classid, Oid objid);
static bool is_shared_schema(Oid nspid);
static bool is_cast_for_all(Oid castid);
static bool is_for_all(Oid typid);

void
tm_shared_ddl_check(Oid classid, Oid objid)
{
	Oid			code = tm_running_code_schema();
	SchemaOwner owner;

	if (tm_shared_ddl == SHARED_DDL_ALLOW ||
		(tm_binding_in_force() == NULL && !OidIsValid(code)) ||
		!is_shared(classid, objid))
		return;
	if (OidIsValid(code) && tm_schema_owner(code, &owner))
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
				 errmsg("cannot change %s from code of tenant \"%s\"",
						describe(classid, objid), owner.name),
				 errdetail("It does not belong to the tenant, and \"%s\" is \"deny\".",
						   "tenant_mgr.shared_ddl")));
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("cannot change %s while bound to tenant \"%s\"",
					describe(classid, objid), tm_tenant),
			 errdetail("It does not belong to the tenant, and \"%s\" is \"deny\".",
					   "tenant_mgr.shared_ddl"),
			 errhint("Change what tenants share in a session that is not bound.")));
}

void
tm_shared_ddl_check_code(Oid classid, Oid objid)
{
	Oid			code = tm_running_code_schema();
	SchemaOwner owner;
	bool		is_tenants;

	if ((tm_shared_ddl == SHARED_DDL_ALLOW && !tm_session_locked &&
		 !OidIsValid(code)) ||
		creating_extension || !is_shared_code(classid, objid) ||
		is_of_extension(classid, objid))
		return;
	if (tm_session_locked)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_LOCKED),
				 errmsg("cannot make %s while locked to tenant \"%s\"",
						tm_object_describe(classid, objid), tm_tenant),
				 errdetail("Sessions of other tenants would run it."),
				 errhint("Use tenant.unlock() first.")));
	is_tenants = OidIsValid(code) && tm_schema_owner(code, &owner);
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 is_tenants ?
			 errmsg("cannot make %s from code of tenant \"%s\"",
					tm_object_describe(classid, objid), owner.name) :
			 errmsg("cannot make %s while bound to tenant \"%s\"",
					tm_object_describe(classid, objid), tm_tenant),
			 errdetail("Sessions of other tenants would run it."),
			 errhint("Make what tenants share in a session that is not bound.")));
}

/* Is it code that all sessions may come to run without knowing? */
static bool
is_shared_code(Oid classid, Oid objid)
{
	switch (classid)
	{
		case ProcedureRelationId:
		case OperatorRelationId:
			return is_shared_schema(tm_object_schema(classid, objid));
		case CastRelationId:
			return is_cast_for_all(objid);
		default:
			return false;
	}
}

/*
 * Somebody else has written the code of an extension, which can be moved as a
 * whole.  Functions that are not C can be put into one by its owner.
 */
static bool
is_of_extension(Oid classid, Oid objid)
{
	HeapTuple	tuple;
	Oid			language = ClanguageId;

	if (!OidIsValid(getExtensionOfObject(classid, objid)))
		return false;
	if (classid != ProcedureRelationId)
		return true;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(objid));
	if (HeapTupleIsValid(tuple))
	{
		language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
		ReleaseSysCache(tuple);
	}
	return language == ClanguageId || language == INTERNALlanguageId;
}

static bool
is_shared_schema(Oid nspid)
{
	return OidIsValid(nspid) && !isAnyTempNamespace(nspid) &&
		!tm_schema_owner(nspid, NULL);
}

/* A cast is in no schema.  It concerns those who have both of its types. */
static bool
is_cast_for_all(Oid castid)
{
	Relation	rel = table_open(CastRelationId, AccessShareLock);
	HeapTuple	tuple = get_catalog_object_by_oid(rel, Anum_pg_cast_oid, castid);
	bool		result = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_cast form = (Form_pg_cast) GETSTRUCT(tuple);

		result = is_for_all(form->castsource) && is_for_all(form->casttarget);
	}
	table_close(rel, AccessShareLock);
	return result;
}

/* A built-in type is in no schema that is looked at. */
static bool
is_for_all(Oid typid)
{
	return typid < FirstNormalObjectId ||
		is_shared_schema(tm_object_schema(TypeRelationId, typid));
}

/*
 * Parts of something else stand or fall with that: the server tells of it as
 * well.  Another tenant's objects are the guard's business.
 */
static bool
is_shared(Oid classid, Oid objid)
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
			/* To the server, an extension is in no schema. */
			nspid = tm_extension_schema(objid);
			break;
		default:
			if (IsSharedRelation(classid))
				return true;
			nspid = tm_object_schema(classid, objid);
			break;
	}
	return is_shared_schema(nspid);
}

static const char *
describe(Oid classid, Oid objid)
{
	return classid == DbRoleSettingRelationId ?
		_("settings of roles or databases") :
		tm_object_describe(classid, objid);
}
