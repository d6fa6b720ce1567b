/*
 * binding_refusals.c
 *		Why a session does not take another tenant.
 *
 * The check hook of tenant_mgr.tenant (binding_setting.c) has looked at the value; here
 * is what depends on how it came and on what the session is doing: a switch for
 * the session where only transactions may be bound, one within a transaction, or
 * beside a statement that still reads.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"

#include "base/compat.h"
#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/authorization.h"
#include "binding/binding.h"
#include "binding/binding_refusals.h"
#include "binding/change.h"
#include "binding/guard_mode.h"
#include "binding/open_plan.h"
#include "binding/running_code.h"
#include "binding/session_lock.h"
#include "tenants/schema_owner.h"

/* the setting; written by the GUC machinery only */
int			tm_nested_switch = NESTED_SWITCH_ALLOW;

static void refuse_nested(const GucStack *stack,
						  const Binding *current_binding,
						  const Binding *new_binding);
static void refuse_from_code(const char *name, const Binding *new_binding);

/*
 * Is there a reason not to take a value that the check hook had no objection
 * to, or has not seen?  What the session does on its own to stay where it is
 * is not asked for reasons; a function's SET clause ends with the function,
 * and with all that was opened meanwhile.
 */
void
tm_binding_refuse_change(struct config_generic *tenant_record,
						 const char *newval, const Binding *new_binding,
						 bool fresh)
{
	const Binding *current_binding = tm_binding_current();
	GucStack   *stack;

	if (tm_change.following || tenant_record == NULL)
		return;
	if (!fresh)
	{
		if (!tm_setting_returns_to_default(tenant_record, newval))
			return;
		tm_session_lock_refuse();
		tm_open_plan_refuse(NULL);
		return;
	}

	stack = tenant_record->stack;
	if (stack != NULL && stack->state == GUC_SAVE)
		return;
	if (new_binding->bound && !new_binding->lent &&
		tm_session_switch == SESSION_SWITCH_DENY &&
		(stack == NULL || stack->state == GUC_SET))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot bind the session to a tenant"),
				 errdetail("The setting %s allows transactions to be bound only.",
						   "tenant_mgr.session_switch"),
				 errhint("Use tenant.switch_local() in a transaction block.")));
	if (new_binding->bound)
		refuse_nested(tenant_record->stack, current_binding, new_binding);
	if (!new_binding->bound)
		tm_open_plan_refuse(NULL);
	else if (current_binding == NULL || !current_binding->verified ||
			 !tm_uuid_equals(&current_binding->id, &new_binding->id))
		tm_open_plan_refuse(&new_binding->id);
	if (new_binding->bound)
		refuse_from_code(newval, new_binding);
}

void
tm_binding_warn_unconfined(const char *function)
{
	if (!IsTransactionBlock() && tm_open_plan_is_whole_command())
		ereport(WARNING,
				(errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s can only be used in transaction blocks",
						function)));
}

/*
 * Does a switch go from tenant to tenant within a transaction, where that is an
 * error?  An entry has been put on the stack for the change; what it would
 * restore is from before, and a tenant that is another one is the transaction's.
 */
static void
refuse_nested(const GucStack *stack, const Binding *current_binding,
			  const Binding *new_binding)
{
	if (tm_nested_switch != NESTED_SWITCH_ERROR ||
		current_binding == NULL || !current_binding->verified ||
		tm_uuid_equals(&current_binding->id, &new_binding->id))
		return;
	if (!IsTransactionBlock() &&
		(stack == NULL || stack->prior.extra == (void *) current_binding))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 errmsg("cannot switch to another tenant within a transaction that is bound to tenant \"%s\"",
					tm_tenant),
			 errdetail("The setting %s is \"error\".",
					   "tenant_mgr.nested_switch"),
			 errhint("End the transaction first.")));
}

/*
 * A tenant's code does not decide that the session goes on with another tenant:
 * whoever has called it does not expect that.
 */
static void
refuse_from_code(const char *name, const Binding *new_binding)
{
	Oid			nspid = tm_running_code_schema();
	SchemaOwner owner;

	if (!OidIsValid(nspid) || tm_guard != GUARD_ENFORCE)
		return;
	if (!tm_schema_owner(nspid, &owner) ||
		tm_uuid_equals(&owner.id, &new_binding->id))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("cannot bind the session to tenant \"%s\" from code of tenant \"%s\"",
					name, owner.name),
			 errhint("Keep functions that switch in a persistent schema.")));
}
