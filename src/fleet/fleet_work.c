/*
 * fleet_work.c
 *		One statement for many tenants.
 *
 * For each tenant in turn the session is bound to it, as if it had switched,
 * and the statement is parsed and run anew, in a subtransaction: an error is
 * that tenant's alone.
 *
 * Whose rights?  The statement can lead to code of the tenant, in views, triggers
 * and functions, which must not get rights over other tenants.  So it runs as the
 * owner of the tenant's schema if the caller may act as that role, as superusers
 * always may.  Otherwise, and where the owner is a superuser and the caller is not,
 * it runs with the rights that the caller has been granted.  In both cases it is
 * in a security-restricted operation, and the guard judges it as the tenant's code
 * (tenant_work.c).
 *
 * Whoever is to stay with one tenant cannot be allowed to ask them all; and an
 * answer that leaves tenants out because of privileges would be a wrong one, so
 * the caller needs USAGE on the schemas of all.
 *
 * A statement that only reads is undone when it has been run, which costs
 * nothing and gives back its locks: thousands of tenants' tables would not fit
 * the lock table.  Nor would what a backend remembers of their tables fit its
 * memory, so it forgets everything now and then.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/argument.h"
#include "base/cancellation.h"
#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "binding/assigned_role.h"
#include "binding/authorization.h"
#include "binding/binding.h"
#include "binding/ownership.h"
#include "fleet/fleet_work.h"
#include "lifecycle/tenant_work.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

/* After how many tenants the caches are thrown away */
#define FORGET_EVERY	100

static void refuse_bound(const char *function);
static List *all_tenants(void);
static List *named_tenants(ArrayType *names);
static int	compare_tenants(const ListCell *a, const ListCell *b);
static Oid	role_for(const TenantInfo *tenant);
static uint64 execute(const char *sql, bool reads, DestReceiver *dest);
static void note_error(FleetResult *result, ErrorData *error);

List *
tm_fleet_choose(FunctionCallInfo fcinfo, int argno, const char *function)
{
	List	   *tenants;
	ListCell   *lc;

	refuse_bound(function);
	tenants = PG_ARGISNULL(argno) ? all_tenants() :
		named_tenants(PG_GETARG_ARRAYTYPE_P(argno));
	list_sort(tenants, compare_tenants);
	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);

		/* One that has lost its schema is an error of its own. */
		if (OidIsValid(tenant->nspid) &&
			tm_schema_aclcheck(tenant->nspid, GetUserId(),
							   ACL_USAGE) != ACLCHECK_OK)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for schema %s",
							tenant->schema_name),
					 errdetail("It is the schema of tenant \"%s\", one of those that are asked for.",
							   tenant->name),
					 errhint("Name the tenants that you may use.")));
	}
	return tenants;
}

bool
tm_fleet_run(const TenantInfo *tenant, const char *sql, bool reads,
			 DestReceiver *dest, FleetResult *result)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	memset(result, 0, sizeof(FleetResult));
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		TenantInfo *found = tm_registry_lookup_id(&tenant->id);
		TenantWork	work;

		if (found == NULL || found->state == TENANT_TRASHED)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_SCHEMA),
					 errmsg("tenant \"%s\" does not exist", tenant->name)));
		if (!OidIsValid(found->nspid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_SCHEMA),
					 errmsg("schema \"%s\" does not exist",
							found->schema_name)));
		tm_work_begin(&work, found, role_for(found));
		result->rows = execute(sql, reads, dest);
		if (reads)
			RollbackAndReleaseCurrentSubTransaction();
		else
		{
			tm_work_end(&work);
			ReleaseCurrentSubTransaction();
		}
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		note_error(result, error);
	}
	PG_END_TRY();

	return result->sqlstate == 0;
}

void
tm_fleet_forget(int ndone)
{
	CHECK_FOR_INTERRUPTS();
	if (ndone % FORGET_EVERY == 0)
		InvalidateSystemCaches();
}

void
tm_fleet_work_row(const TenantInfo *tenant, const FleetResult *result,
				  Datum *values, bool *nulls)
{
	values[0] = CStringGetTextDatum(tenant->name);
	values[1] = Int64GetDatum(result->rows);
	nulls[0] = false;
	nulls[1] = nulls[2] = nulls[3] = true;
	if (result->sqlstate == 0)
	{
		nulls[1] = false;
		return;
	}
	nulls[2] = nulls[3] = false;
	values[2] = CStringGetTextDatum(unpack_sql_state(result->sqlstate));
	values[3] = CStringGetTextDatum(result->message);
}

static void
refuse_bound(const char *function)
{
	tm_ownership_refuse_other(NULL);
	if (tm_assigned_role_tenant() != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_LOCKED),
				 errmsg("role \"%s\" is assigned to a tenant and works for no other",
						GetUserNameFromId(GetSessionUserId(), false))));
	if (tm_binding_current() != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s cannot be used by a session that is bound to a tenant",
						function),
				 errhint("Use tenant.reset() first.")));
	if (tm_switch_requires != SWITCH_REQUIRES_USAGE &&
		!superuser_arg(GetOuterUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_TOKEN_REFUSED),
				 errmsg("%s cannot be used where a token is required to use a tenant",
						function),
				 errdetail("A token is for one tenant.")));
}

/* Templates have no life of their own. */
static List *
all_tenants(void)
{
	List	   *tenants = tm_registry_list();
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);

		if (tenant->state == TENANT_TRASHED || tenant->is_template)
			tenants = foreach_delete_current(tenants, lc);
	}
	return tenants;
}

static List *
named_tenants(ArrayType *names)
{
	List	   *tenants = NIL;
	ListCell   *lc;

	foreach(lc, tm_argument_texts(names, "tenant name"))
	{
		CHECK_FOR_INTERRUPTS();
		tenants = lappend(tenants, tm_registry_lookup(lfirst(lc), false));
	}
	list_sort(tenants, compare_tenants);

	/* Each of them once */
	for (int i = list_length(tenants) - 1; i > 0; i--)
	{
		if (strcmp(((TenantInfo *) list_nth(tenants, i))->name,
				   ((TenantInfo *) list_nth(tenants, i - 1))->name) == 0)
			tenants = list_delete_nth_cell(tenants, i);
	}
	return tenants;
}

static int
compare_tenants(const ListCell *a, const ListCell *b)
{
	return strcmp(((const TenantInfo *) lfirst(a))->name,
				  ((const TenantInfo *) lfirst(b))->name);
}

/* As whom the statement runs; the caller's USAGE may have been revoked. */
static Oid
role_for(const TenantInfo *tenant)
{
	Oid			owner = tm_tenant_lock_schema_owner(tenant->nspid);

	if (has_privs_of_role(GetUserId(), owner) &&
		(superuser() || !superuser_arg(owner)))
		return owner;
	if (tm_schema_aclcheck(tenant->nspid, GetUserId(),
						   ACL_USAGE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, tenant->schema_name);
	return GetUserId();
}

static uint64
execute(const char *sql, bool reads, DestReceiver *dest)
{
	SPIExecuteOptions options = {.read_only = reads,.dest = dest};
	uint64		rows;
	int			result;

	SPI_connect();
	result = SPI_execute_extended(sql, &options);
	if (result == SPI_ERROR_COPY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot COPY to or from the client for all tenants")));
	if (result == SPI_ERROR_TRANSACTION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("transactions cannot be begun or ended for all tenants")));
	if (result < 0)
		elog(ERROR, "could not execute: %s", SPI_result_code_string(result));
	rows = SPI_processed;
	SPI_finish();

	return rows;
}

/* What stops the session is no tenant's error. */
static void
note_error(FleetResult *result, ErrorData *error)
{
	if (tm_is_cancellation(error))
		ReThrowError(error);
	result->rows = 0;
	result->sqlstate = error->sqlerrcode;
	result->message = pstrdup(error->message != NULL ? error->message : "");
	FreeErrorData(error);
}
