/*
 * warrant.c
 *		By what right a session is bound to a tenant, and until when.
 *
 * The privilege to use the tenant's schema is always needed (entitlement.c).
 * Whether it is enough, the setting tenant_mgr.switch_requires says.  If it
 * asks for a token, a session can be bound
 *
 * - by a token that is being verified at this moment;
 * - if its user is a superuser;
 * - to the tenant that its user is assigned to;
 * - to the tenant that it is bound to already, by the warrant of old.
 *
 * It is the session to be bound that is asked, wherever the tenant's name comes
 * from.  A default is worth no more than the client's own wish: a role can give
 * itself one in another database, where no token is required, or could before
 * one was.  So is a session that may be bound for transactions only not bound
 * by a default.
 *
 * A warrant from a token may have a deadline, and one for a transaction is
 * worth nothing in the next.  It belongs to the binding: it is restored with
 * it, and every statement asks whether it still holds.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "binding/assigned_role.h"
#include "binding/binding.h"
#include "binding/change.h"
#include "binding/policy.h"
#include "binding/token_setting.h"
#include "binding/warrant.h"
#include "guc.h"

static const Warrant *warrant_for(const TenantInfo *tenant);
static bool is_assigned(const TenantInfo *tenant);
static void missing_token(EntitlementProblem *problem);
static void lasting(EntitlementProblem *problem);

void
tm_warrant_unlimited(Warrant *warrant)
{
	warrant->deadline = DT_NOEND;
	warrant->lxid = InvalidLocalTransactionId;
}

/*
 * A procedure may run for long after the client's statement has begun, so the
 * clock is read, if there is a deadline at all.
 */
bool
tm_warrant_holds(const Warrant *warrant)
{
	return (warrant->deadline == DT_NOEND ||
			GetCurrentTimestamp() < warrant->deadline) &&
		(warrant->lxid == InvalidLocalTransactionId ||
		 warrant->lxid == tm_local_transaction_id());
}

void
tm_warrant_enforce(const Warrant *warrant, const char *name)
{
	if (tm_warrant_holds(warrant))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_TOKEN_REFUSED),
			 errmsg("token has expired"),
			 errdetail("It has bound the session to tenant \"%s\".", name),
			 errhint("Use tenant.switch_token() with a new token, or tenant.reset() to leave the tenant.")));
}

bool
tm_warrant_find(const TenantInfo *tenant, bool following, Warrant *warrant,
				EntitlementProblem *problem)
{
	const Warrant *held = warrant_for(tenant);

	tm_policy_refresh();
	if (tm_change.presented != NULL)
		*warrant = *tm_change.presented;
	else if (following && held != NULL)
		*warrant = *held;
	else if (is_assigned(tenant))
		tm_warrant_unlimited(warrant);
	else if (following && tm_session_switch == SESSION_SWITCH_DENY &&
			 !tm_binding_is_passing())
	{
		lasting(problem);
		return false;
	}
	else if (tm_switch_requires == SWITCH_REQUIRES_USAGE ||
			 superuser_arg(GetOuterUserId()))
		tm_warrant_unlimited(warrant);
	else if (held != NULL && tm_warrant_holds(held))
		*warrant = *held;
	else
	{
		missing_token(problem);
		return false;
	}
	return true;
}

bool
tm_warrant_to_store(void)
{
	EntitlementProblem problem;

	tm_policy_refresh();
	if (tm_switch_requires == SWITCH_REQUIRES_USAGE ||
		!IsTransactionState() || superuser())
		return true;
	missing_token(&problem);
	tm_entitlement_object(&problem);
	return false;
}

void
tm_warrant_bind(const Warrant *warrant, const char *name, GucAction action)
{
	tm_change.presented = warrant;
	tm_binding_set(name, action);
	tm_change.presented = NULL;
}

/* The warrant by which the session is bound to this tenant, or NULL. */
static const Warrant *
warrant_for(const TenantInfo *tenant)
{
	const Binding *binding = tm_binding_current();

	if (binding == NULL || !binding->verified ||
		memcmp(&tenant->id, &binding->id, sizeof(pg_uuid_t)) != 0)
		return NULL;
	return &binding->warrant;
}

static bool
is_assigned(const TenantInfo *tenant)
{
	const pg_uuid_t *assigned = tm_assigned_role_tenant();

	return assigned != NULL &&
		memcmp(assigned, &tenant->id, sizeof(pg_uuid_t)) == 0;
}

static void
missing_token(EntitlementProblem *problem)
{
	problem->sqlstate = ERRCODE_TENANT_TOKEN_REFUSED;
	problem->message = pstrdup(_("switching to a tenant requires a token"));
	problem->detail = pstrdup(_("The setting tenant_mgr.switch_requires is \"token\"."));
}

static void
lasting(EntitlementProblem *problem)
{
	problem->sqlstate = ERRCODE_INSUFFICIENT_PRIVILEGE;
	problem->message = pstrdup(_("cannot bind the session to a tenant"));
	problem->detail = pstrdup(_("The setting tenant_mgr.session_switch allows transactions to be bound only."));
}
