/*
 * tenant_hook.c
 *		Calling the functions that want to know what becomes of a tenant.
 *
 * Hooks are an administrator's functions (hook_table.c) that are called for
 * tenants whose owners are not to be trusted with an administrator's rights.  So
 * each runs as the owner of the tenant's schema (tenant_work.c), whoever has
 * asked for the operation; what it finds on the tenant's path gets the rights
 * of that owner and no others.  Where the owner is a superuser, that is only
 * for functions of superusers.  A SECURITY DEFINER function has the rights of
 * its own owner, and a search path of its own.
 *
 * A tenant that is live is what the hook is bound to; before the first, and
 * when it is in the trash or gone, there is only the path of the persistent
 * schemas.  What a hook does is a part of the transaction, and settings that
 * it changes are as before when it is over.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "binding/binding.h"
#include "binding/binding_in_force.h"
#include "binding/ownership.h"
#include "lifecycle/hook_table.h"
#include "lifecycle/tenant_hook.h"
#include "lifecycle/tenant_work.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"

/* How deep hooks can be called by what hooks do */
#define MAX_DEPTH	8

/* What the hooks of one event are about */
typedef struct HookCall
{
	const char *event;			/* such as "after_create" */
	const char *tenant;			/* name of the tenant */
	const pg_uuid_t *id;		/* its id, or NULL if there is none yet */
	bool		is_there;		/* has it a row, to be looked at again? */
	Oid			owner;			/* of its schema, once or now */
	Jsonb	   *detail;			/* what else is told, or NULL */
} HookCall;

/* What is told if something goes wrong */
typedef struct HookContext
{
	const HookCall *call;
	const char *function;
} HookContext;

/* how many hooks are being called; put back on error */
static int	depth = 0;

static void run_hooks(const HookCall *call);
static void run_hook(const HookCall *call, const TenantHook *hook);
static bool is_live(const TenantInfo *tenant);
static void check_rights(Oid funcid, Oid roleid);
static void call_function(Oid funcid, Jsonb *argument);
static void push_string(JsonbParseState **state, const char *key,
						const char *value);
static Jsonb *build_argument(const HookCall *call, const TenantInfo *tenant);
static void add_context(void *arg);

void
tm_tenant_hook_run(const char *event, const TenantInfo *tenant, Jsonb *detail)
{
	HookCall	call = {
		.event = event,
		.tenant = tenant->name,
		.id = &tenant->id,
		.is_there = true,
		.detail = detail,
	};

	if (!tm_hook_is_there(event))
		return;
	call.owner = tm_tenant_hook_owner(tenant);
	run_hooks(&call);
}

void
tm_tenant_hook_before(const char *event, const char *name, Jsonb *detail)
{
	if (tm_hook_is_there(event))
		tm_tenant_hook_run(event, tm_ownership_lock_tenant(name, NoLock, true),
						   detail);
}

void
tm_tenant_hook_run_without(const char *event, const char *name,
						   const pg_uuid_t *id, Oid owner, Jsonb *detail)
{
	HookCall	call = {
		.event = event,
		.tenant = name,
		.id = id,
		.owner = owner,
		.detail = detail,
	};

	if (tm_hook_is_there(event))
		run_hooks(&call);
}

Oid
tm_tenant_hook_owner(const TenantInfo *tenant)
{
	return OidIsValid(tenant->nspid) ?
		tm_tenant_lock_schema_owner(tenant->nspid) : GetUserId();
}

void
tm_tenant_hook_switched(void)
{
	Binding    *binding;
	TenantInfo *tenant;

	if (!tm_hook_is_there("after_switch"))
		return;
	binding = tm_binding_in_force();
	tenant = binding != NULL ? tm_registry_lookup_id(&binding->id) : NULL;
	if (tenant != NULL)
		tm_tenant_hook_run("after_switch", tenant, NULL);
}

static void
run_hooks(const HookCall *call)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr hooks",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	ListCell   *lc;

	if (depth >= MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("hooks are nested too deeply"),
				 errdetail("Hooks have called functions that call hooks, %d times.",
						   MAX_DEPTH),
				 errhint("Keep what a hook does from calling the same hook again.")));
	depth++;
	PG_TRY();
	{
		foreach(lc, tm_hook_list(call->event))
			run_hook(call, lfirst(lc));
	}
	PG_FINALLY();
	{
		depth--;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

/* The tenant is looked at each time: the hook before may have changed it. */
static void
run_hook(const HookCall *call, const TenantHook *hook)
{
	HookContext context;
	ErrorContextCallback callback;
	TenantInfo *tenant = NULL;
	TenantWork	work;
	Oid			funcid;
	Oid			roleid = call->owner;
	Jsonb	   *argument;

	context.call = call;
	context.function = quote_qualified_identifier(hook->schema, hook->name);
	callback.callback = add_context;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	funcid = tm_hook_function(hook);
	if (!OidIsValid(funcid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s(jsonb) does not exist",
						context.function),
				 errhint("Create it again, or delete the hook from table %s.",
						 "tenant.hook")));
	tm_hook_check_function(hook, funcid);

	if (call->is_there)
	{
		tenant = tm_registry_lookup_id(call->id);
		if (tenant == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_SCHEMA),
					 errmsg("tenant \"%s\" does not exist", call->tenant),
					 errdetail("A hook before this one has dropped it.")));
		if (OidIsValid(tenant->nspid))
			roleid = tm_tenant_lock_schema_owner(tenant->nspid);
	}
	check_rights(funcid, roleid);
	argument = build_argument(call, tenant);
	if (tenant != NULL && is_live(tenant))
		tm_work_begin(&work, tenant, roleid);
	else
		tm_work_begin_elsewhere(&work, tenant != NULL ? tenant->nspid :
								InvalidOid, roleid);
	call_function(funcid, argument);
	tm_work_end(&work);
	error_context_stack = callback.previous;
}

/* Can somebody be bound to it? */
static bool
is_live(const TenantInfo *tenant)
{
	return tenant->state != TENANT_TRASHED && OidIsValid(tenant->nspid) &&
		strcmp(tenant->schema_name, "$user") != 0;
}

/* Nobody gets a superuser's rights by way of a tenant that belongs to one. */
static void
check_rights(Oid funcid, Oid roleid)
{
	AclResult	aclresult = tm_function_aclcheck(funcid, roleid, ACL_EXECUTE);
	HeapTuple	tuple;
	Form_pg_proc form;

	if (aclresult != ACLCHECK_OK)
		aclcheck_error(aclresult, OBJECT_FUNCTION, get_func_name(funcid));
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (superuser_arg(roleid) && !form->prosecdef &&
		!superuser_arg(form->proowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot run function %s as superuser \"%s\"",
						format_procedure(funcid),
						GetUserNameFromId(roleid, false)),
				 errdetail("The role owns the tenant's schema, and the owner of the function is no superuser."),
				 errhint("Let an ordinary role own the schema.")));
	ReleaseSysCache(tuple);
}

static void
call_function(Oid funcid, Jsonb *argument)
{
	FmgrInfo	flinfo;

	LOCAL_FCINFO(fcinfo, 1);

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	InvokeFunctionExecuteHook(funcid);
	fmgr_info(funcid, &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, 1, DEFAULT_COLLATION_OID, NULL,
							 NULL);
	fcinfo->args[0].value = JsonbPGetDatum(argument);
	fcinfo->args[0].isnull = false;
	(void) FunctionCallInvoke(fcinfo);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

static Jsonb *
build_argument(const HookCall *call, const TenantInfo *tenant)
{
	JsonbParseState *state = NULL;
	JsonbValue *object;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_string(&state, "event", call->event);
	push_string(&state, "tenant", tenant != NULL ? tenant->name :
				call->tenant);
	if (call->id != NULL)
		push_string(&state, "id",
					DatumGetCString(DirectFunctionCall1(uuid_out,
														UUIDPGetDatum(call->id))));
	if (tenant != NULL && OidIsValid(tenant->nspid))
		push_string(&state, "schema", tenant->schema_name);
	push_string(&state, "owner", GetUserNameFromId(call->owner, true));
	push_string(&state, "user", GetUserNameFromId(GetUserId(), true));
	if (call->detail != NULL)
	{
		JsonbIterator *it = JsonbIteratorInit(&call->detail->root);
		JsonbIteratorToken token;
		JsonbValue	value;

		while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		{
			if (token == WJB_KEY || token == WJB_VALUE)
				pushJsonbValue(&state, token, &value);
		}
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(object);
}

static void
push_string(JsonbParseState **state, const char *key, const char *value)
{
	JsonbValue	string = {.type = jbvString};

	if (value == NULL)
		return;
	string.val.string.val = unconstify(char *, key);
	string.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &string);
	string.val.string.val = unconstify(char *, value);
	string.val.string.len = strlen(value);
	pushJsonbValue(state, WJB_VALUE, &string);
}

static void
add_context(void *arg)
{
	const HookContext *context = arg;

	errcontext("hook %s of %s for tenant \"%s\"", context->function,
			   context->call->event, context->call->tenant);
}
