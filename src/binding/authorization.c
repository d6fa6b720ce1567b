/*
 * authorization.c
 *		By what right a session is bound to a tenant, and until when.
 *
 * The privilege to use the tenant's schema is always needed (access.c).
 * Whether it is enough, the setting tenant_mgr.switch_requires says.  If it
 * asks for a token, a session can be bound
 *
 * - by a token that is being verified at this moment;
 * - if its user is a superuser;
 * - to the tenant that its user is assigned to;
 * - to the tenant that it is bound to already, by the authorization of old.
 *
 * It is the session to be bound that is asked, wherever the tenant's name comes
 * from.  A default is worth no more than the client's own wish: a role can give
 * itself one in another database, where no token is required, or could before
 * one was.  So is a session that may be bound for transactions only not bound
 * by a default.
 *
 * An authorization from a token may have a deadline, and one for a transaction is
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
#include "base/uuid.h"
#include "binding/assigned_role.h"
#include "binding/authorization.h"
#include "binding/binding.h"
#include "binding/change.h"
#include "binding/policy.h"

/* the settings; written by wall.c */
int			tm_session_switch = SESSION_SWITCH_ALLOW;
int			tm_switch_requires = SWITCH_REQUIRES_USAGE;

static const Authorization *authorization_for(const TenantInfo *tenant);
static bool is_assigned(const TenantInfo *tenant);
static void missing_token(AccessProblem *problem);
static void lasting(AccessProblem *problem);

void
tm_authorization_unlimited(Authorization *authorization)
{
	authorization->deadline = DT_NOEND;
	authorization->lxid = InvalidLocalTransactionId;
}

/*
 * A procedure may run for long after the client's statement has begun, so the
 * clock is read, if there is a deadline at all.
 */
bool
tm_authorization_holds_now(const Authorization *authorization)
{
	return (authorization->deadline == DT_NOEND ||
			GetCurrentTimestamp() < authorization->deadline) &&
		(authorization->lxid == InvalidLocalTransactionId ||
		 authorization->lxid == tm_local_transaction_id());
}

void
tm_authorization_enforce(const Authorization *authorization, const char *name)
{
	if (tm_authorization_holds(authorization))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_TOKEN_REFUSED),
			 errmsg("token has expired"),
			 errdetail("It has bound the session to tenant \"%s\".", name),
			 errhint("Use tenant.switch_token() with a new token, or tenant.reset() to leave the tenant.")));
}

bool
tm_authorization_find(const TenantInfo *tenant, bool following,
					  Authorization *authorization,
					  AccessProblem *problem)
{
	const Authorization *held = authorization_for(tenant);

	tm_policy_refresh();
	if (tm_change.presented != NULL)
		*authorization = *tm_change.presented;
	else if (following && held != NULL)
		*authorization = *held;
	else if (is_assigned(tenant))
		tm_authorization_unlimited(authorization);
	else if (following && tm_session_switch == SESSION_SWITCH_DENY &&
			 !tm_binding_is_passing())
	{
		lasting(problem);
		return false;
	}
	else if (tm_switch_requires == SWITCH_REQUIRES_USAGE ||
			 superuser_arg(GetOuterUserId()))
		tm_authorization_unlimited(authorization);
	else if (held != NULL && tm_authorization_holds(held))
		*authorization = *held;
	else
	{
		missing_token(problem);
		return false;
	}
	return true;
}

bool
tm_authorization_to_store(void)
{
	AccessProblem problem;

	tm_policy_refresh();
	if (tm_switch_requires == SWITCH_REQUIRES_USAGE ||
		!IsTransactionState() || superuser())
		return true;
	missing_token(&problem);
	tm_access_reject(&problem);
	return false;
}

void
tm_authorization_bind(const Authorization *authorization, const char *name,
					  GucAction action)
{
	tm_change.presented = authorization;
	tm_binding_set(name, action);
	tm_change.presented = NULL;
}

/* The authorization by which the session is bound to this tenant, or NULL. */
static const Authorization *
authorization_for(const TenantInfo *tenant)
{
	const Binding *binding = tm_binding_current();

	if (binding == NULL || !binding->verified ||
		!tm_uuid_equals(&tenant->id, &binding->id))
		return NULL;
	return &binding->authorization;
}

static bool
is_assigned(const TenantInfo *tenant)
{
	const pg_uuid_t *assigned = tm_assigned_role_tenant();

	return assigned != NULL &&
		tm_uuid_equals(assigned, &tenant->id);
}

static void
missing_token(AccessProblem *problem)
{
	problem->sqlstate = ERRCODE_TENANT_TOKEN_REFUSED;
	problem->message = pstrdup(_("switching to a tenant requires a token"));
	problem->detail = pstrdup(_("The setting tenant_mgr.switch_requires is \"token\"."));
}

static void
lasting(AccessProblem *problem)
{
	problem->sqlstate = ERRCODE_INSUFFICIENT_PRIVILEGE;
	problem->message = pstrdup(_("cannot bind the session to a tenant"));
	problem->detail = pstrdup(_("The setting tenant_mgr.session_switch allows transactions to be bound only."));
}
