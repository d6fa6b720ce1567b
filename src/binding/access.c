/*
 * access.c
 *		Which tenants the current role can be bound to, and why not.
 *
 * The role is the outer user, the one that SET ROLE selects, so neither a
 * SECURITY DEFINER function nor its SET clause widens what a session can be
 * bound to.  A session whose user is assigned to a tenant can be bound to
 * that one only.
 *
 * Nothing here raises an error about the tenant.  The same facts are wanted
 * as an error, as the objection of a setting's check hook, and as a plain
 * answer, so they are handed to the caller as a problem.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/inval.h"

#include "base/compat.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/access.h"
#include "binding/assigned_role.h"
#include "tenants/registry.h"
#include "tenants/tenant_name.h"

static bool lock_by_name(const char *name, TenantInfo *tenant, uint64 *as_of,
						 AccessProblem *problem);
static bool has_schema(const TenantInfo *tenant, AccessProblem *problem);
static bool fits_path(const TenantInfo *tenant, AccessProblem *problem);

bool
tm_access_by_name(const char *name, TenantInfo *tenant, uint64 *as_of,
				  AccessProblem *problem)
{
	return lock_by_name(name, tenant, as_of, problem) &&
		tm_access_check(tenant, problem);
}

bool
tm_access_by_order(const char *name, TenantInfo *tenant, uint64 *as_of,
				   AccessProblem *problem)
{
	return lock_by_name(name, tenant, as_of, problem) &&
		tm_access_is_possible(tenant, problem);
}

/* Privileges come first: the rest is the business of those who have them. */
bool
tm_access_check(const TenantInfo *tenant, AccessProblem *problem)
{
	Oid			roleid = GetOuterUserId();
	const pg_uuid_t *assigned = tm_assigned_role_tenant();

	problem->detail = NULL;

	if (assigned != NULL &&
		!tm_uuid_equals(assigned, &tenant->id))
	{
		tm_access_assigned(problem);
		return false;
	}

	if (!has_schema(tenant, problem))
		return false;
	if (tm_schema_aclcheck(tenant->nspid, roleid, ACL_USAGE) != ACLCHECK_OK)
	{
		problem->sqlstate = ERRCODE_INSUFFICIENT_PRIVILEGE;
		problem->message = psprintf(_("permission denied for schema %s"),
									tenant->schema_name);
		return false;
	}
	if (tenant->is_template && !tm_schema_ownercheck(tenant->nspid, roleid))
	{
		problem->sqlstate = ERRCODE_INSUFFICIENT_PRIVILEGE;
		problem->message = psprintf(_("must be owner of schema %s"),
									tenant->schema_name);
		problem->detail = psprintf(_("Tenant \"%s\" is a template."),
								   tenant->name);
		return false;
	}
	if (tenant->state == TENANT_SUSPENDED)
	{
		char	   *reason = tm_registry_suspend_reason(tenant);

		problem->sqlstate = ERRCODE_TENANT_SUSPENDED;
		problem->message = psprintf(_("tenant \"%s\" is suspended"),
									tenant->name);
		if (reason != NULL)
			problem->detail = psprintf(_("The reason given is: %s"), reason);
		return false;
	}
	return fits_path(tenant, problem);
}

bool
tm_access_is_possible(const TenantInfo *tenant, AccessProblem *problem)
{
	problem->detail = NULL;
	return has_schema(tenant, problem) && fits_path(tenant, problem);
}

bool
tm_access_may_see(const TenantInfo *tenant)
{
	if (pg_class_aclcheck(tm_own_table_relid("registry"), GetUserId(),
						  ACL_SELECT) == ACLCHECK_OK)
		return true;
	return OidIsValid(tenant->nspid) &&
		(tm_schema_aclcheck(tenant->nspid, GetUserId(), ACL_USAGE) == ACLCHECK_OK ||
		 tm_schema_ownercheck(tenant->nspid, GetUserId()));
}

void
tm_access_reject(const AccessProblem *problem)
{
	GUC_check_errcode(problem->sqlstate);
	GUC_check_errmsg("%s", problem->message);
	if (problem->detail)
		GUC_check_errdetail("%s", problem->detail);
}

void
tm_access_assigned(AccessProblem *problem)
{
	problem->sqlstate = ERRCODE_TENANT_LOCKED;
	problem->message = psprintf(_("role \"%s\" is assigned to a tenant and works for no other"),
								GetUserNameFromId(GetSessionUserId(), false));
	problem->detail = NULL;
}

void
tm_access_absent(const char *name, AccessProblem *problem)
{
	problem->sqlstate = ERRCODE_UNDEFINED_SCHEMA;
	problem->message = psprintf(_("tenant \"%s\" does not exist"),
								tm_tenant_name_printable(name));
	problem->detail = NULL;
}

bool
tm_access_lock_schema(Oid nspid, bool wait)
{
	if (!wait)
		return tm_try_lock_object(NamespaceRelationId, nspid, AccessShareLock);
	LockDatabaseObject(NamespaceRelationId, nspid, 0, AccessShareLock);
	return true;
}

/* Find the tenant and lock its schema. */
static bool
lock_by_name(const char *name, TenantInfo *tenant, uint64 *as_of,
			 AccessProblem *problem)
{
	TenantInfo *found;
	Oid			locked = InvalidOid;

	if (!tm_registry_installed())
	{
		problem->sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
		problem->message = psprintf(_("extension \"%s\" is not installed in this database"),
									TM_EXTENSION_NAME);
		problem->detail = NULL;
		return false;
	}

	for (;;)
	{
		*as_of = tm_registry_generation();
		found = tm_registry_lookup(name, true);
		if (found == NULL)
		{
			tm_access_absent(name, problem);
			return false;
		}
		if (!OidIsValid(found->nspid) || found->nspid == locked)
			break;

		/* While we waited, the name may have gone to another schema. */
		if (OidIsValid(locked))
			UnlockDatabaseObject(NamespaceRelationId, locked, 0,
								 AccessShareLock);
		tm_access_lock_schema(found->nspid, true);
		locked = found->nspid;
	}
	*tenant = *found;
	return true;
}

static bool
has_schema(const TenantInfo *tenant, AccessProblem *problem)
{
	if (OidIsValid(tenant->nspid))
		return true;
	problem->sqlstate = ERRCODE_UNDEFINED_SCHEMA;
	problem->message = psprintf(_("schema \"%s\" does not exist"),
								tenant->schema_name);
	problem->detail = psprintf(_("It is the schema of tenant \"%s\"."),
							   tenant->name);
	return false;
}

/* On a search path there is a name that is not the one of a schema. */
static bool
fits_path(const TenantInfo *tenant, AccessProblem *problem)
{
	if (strcmp(tenant->schema_name, "$user") != 0)
		return true;
	problem->sqlstate = ERRCODE_FEATURE_NOT_SUPPORTED;
	problem->message = psprintf(_("schema \"%s\" cannot be put on a search path"),
								tenant->schema_name);
	return false;
}
