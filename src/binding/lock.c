/*
 * lock.c
 *		The SQL functions that lock a session to its tenant, and unlock it.
 *
 * What a lock keeps from happening is in session_lock.c.  Here is what becomes
 * of what the session remembers: under a lock nothing goes on elsewhere, and what
 * was made under it ends with it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/tenant_mgr.h"
#include "binding/binding.h"
#include "binding/binding_settle.h"
#include "binding/deferred.h"
#include "binding/open_plan.h"
#include "binding/prepared.h"
#include "binding/session_lock.h"
#include "binding/temp_object.h"

#define MAX_KEY_LEN		1024

static text *key_argument(FunctionCallInfo fcinfo);

PG_FUNCTION_INFO_V1(tenant_lock);
PG_FUNCTION_INFO_V1(tenant_unlock);
PG_FUNCTION_INFO_V1(tenant_is_locked);

/* lock(key): the session stays with its tenant until it is unlocked. */
Datum
tenant_lock(PG_FUNCTION_ARGS)
{
	text	   *key = key_argument(fcinfo);
	Binding    *binding;

	PreventCommandIfParallelMode("tenant.lock()");
	tm_session_lock_refuse();

	/* What is run for somebody does not decide where the session stays. */
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot execute %s within security-restricted operation",
						"tenant.lock()")));
	tm_deferred_run_others();
	tm_binding_validate();
	binding = tm_binding_current();
	if (binding == NULL || !binding->verified)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NOT_BOUND),
				 errmsg("session is not bound to a tenant"),
				 errhint("Use tenant.switch() first.")));

	tm_open_plan_refuse_lock(&binding->id);
	tm_session_lock_close(binding, key);
	PG_RETURN_VOID();
}

/* unlock(key): it may go where it likes again. */
Datum
tenant_unlock(PG_FUNCTION_ARGS)
{
	text	   *key = key_argument(fcinfo);

	PreventCommandIfParallelMode("tenant.unlock()");
	if (!tm_session_locked)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("session is not locked")));

	tm_session_lock_check_key(key);

	/* What was made under the lock ends with it. */
	tm_deferred_run_locked();
	tm_prepared_unlocked();
	tm_open_plan_unlocked();
	tm_temp_object_drop_locked();

	tm_session_lock_open();
	PG_RETURN_VOID();
}

/* is_locked(): would it have to be unlocked? */
Datum
tenant_is_locked(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(tm_session_locked);
}

static text *
key_argument(FunctionCallInfo fcinfo)
{
	text	   *key;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("key must not be null")));
	key = PG_GETARG_TEXT_PP(0);
	if (VARSIZE_ANY_EXHDR(key) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key must not be empty")));
	if (VARSIZE_ANY_EXHDR(key) > MAX_KEY_LEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key is too long"),
				 errdetail("The limit is %d bytes.", MAX_KEY_LEN)));
	return key;
}
