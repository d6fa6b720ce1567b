/*
 * doctor_hooks.c
 *		Hooks that would keep something from being done.
 *
 * An operation fails if one of its hooks cannot be called: if the function is not
 * there, has got another owner or another definition since, or if the owner of a
 * tenant may not execute it.  It is better to know that before.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/resowner.h"

#include "base/compat.h"
#include "doctor.h"
#include "lifecycle/hook_table.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"

static void check_hook(ReturnSetInfo *rsinfo, const TenantHook *hook,
					   List *tenants);
static ErrorData *objection(const TenantHook *hook, Oid funcid);
static const TenantInfo *not_executable(Oid funcid, List *tenants);

void
tm_doctor_check_hooks(ReturnSetInfo *rsinfo, List *tenants)
{
	ListCell   *lc;

	foreach(lc, tm_hook_list(NULL))
	{
		CHECK_FOR_INTERRUPTS();
		check_hook(rsinfo, lfirst(lc), tenants);
	}
}

static void
check_hook(ReturnSetInfo *rsinfo, const TenantHook *hook, List *tenants)
{
	char	   *function = psprintf("%s(jsonb)",
									quote_qualified_identifier(hook->schema,
															   hook->name));
	char	   *object = psprintf(_("hook of %s, function %s"), hook->event,
								  function);
	Oid			funcid = tm_hook_function(hook);
	const TenantInfo *tenant;
	ErrorData  *error;

	if (!OidIsValid(funcid))
	{
		tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
						 _("the function does not exist, so the operation fails"),
						 _("Create it again, or delete the hook from table tenant.hook."));
		return;
	}
	error = objection(hook, funcid);
	if (error != NULL)
	{
		tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
						 psprintf(_("it would not be called: %s"),
								  error->message),
						 error->hint != NULL ? error->hint :
						 _("Change the function, or drop the hook by tenant.drop_hook()."));
		return;
	}
	tenant = not_executable(funcid, tenants);
	if (tenant != NULL)
		tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
						 psprintf(_("role \"%s\", the owner of tenant \"%s\", cannot execute it"),
								  GetUserNameFromId(tm_tenant_lock_schema_owner(tenant->nspid),
													false),
								  tenant->name),
						 _("Use GRANT EXECUTE ON FUNCTION, or drop the hook by tenant.drop_hook()."));
}

/* Why it would not be called, palloc'd, or NULL. */
static ErrorData *
objection(const TenantHook *hook, Oid funcid)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		tm_hook_check_function(hook, funcid);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/* The first tenant as whose owner it cannot be called, or NULL. */
static const TenantInfo *
not_executable(Oid funcid, List *tenants)
{
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (OidIsValid(tenant->nspid) &&
			tm_function_aclcheck(funcid,
								 tm_tenant_lock_schema_owner(tenant->nspid),
								 ACL_EXECUTE) != ACLCHECK_OK)
			return tenant;
	}
	return NULL;
}
