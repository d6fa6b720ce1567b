/*
 * binding_settle.c
 *		A binding goes on to be true, or is refused.
 *
 * A tenant that a session is bound to may be renamed, suspended or dropped, and
 * the role may lose its privilege.  The session follows, or can do nothing more.
 * It asks before each statement (watch.c), so what the binding was last found
 * good for is kept as a few numbers: as long as these are the same, nothing has
 * to be looked up.
 *
 * The loose ends of the setting's assign hook are tied up here as well: what a
 * RESET has left behind, and values that nobody could verify when they came.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/sinval.h"
#include "utils/builtins.h"
#include "utils/inval.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/access.h"
#include "binding/assigned_role.h"
#include "binding/authorization.h"
#include "binding/binding.h"
#include "binding/binding_path.h"
#include "binding/binding_settle.h"
#include "binding/change.h"
#include "binding/session_lock.h"
#include "tenants/persistent_schemas.h"
#include "tenants/registry.h"

/* for what the binding in force was last found good */
static struct
{
	uint64		generation;		/* of the registry */
	uint64		path_generation;	/* of the persistent schemas */
	Oid			roleid;			/* outer user, InvalidOid if not good */
	LocalTransactionId lxid;	/* transaction that holds the lock */
}			stamp;

SettledAt	tm_binding_settled_at;

static void note_rest(uint64 as_of);
static void set_tenant_again(const char *name, int elevel);
static bool default_is_waived(void);
static GucAction follow_action(void);
static void settle_orphan(void);
static inline bool is_astray(const pg_uuid_t *assigned);
static bool has_gone_astray(void);
static void return_to_assigned(bool wait, int elevel);
static bool may_settle(void);
static bool nothing_has_changed(void);
static void refuse_uninstalled(void);
static TenantInfo *tenant_of_binding(void);
static bool may_stay(const TenantInfo *tenant, AccessProblem *problem);
static void follow_tenant(const TenantInfo *tenant, uint64 as_of, int elevel);

bool
tm_binding_is_settled(void)
{
	uint64		as_of;

	if (tm_binding_path_is_orphan() || !tm_session_lock_is_intact())
		return false;
	if ((tm_current_binding == NULL || !tm_current_binding->verified) &&
		!may_settle())
		return !has_gone_astray();
	AcceptInvalidationMessages();
	as_of = tm_registry_generation();
	if (is_astray(tm_assigned_role_tenant()))
		return false;
	if (tm_current_binding != NULL &&
		(!nothing_has_changed() || stamp.lxid != tm_local_transaction_id()))
		return false;
	note_rest(as_of);
	return true;
}

/*
 * To look for an assignment may process invalidations; then what was found does
 * not count for the next statement.
 */
static void
note_rest(uint64 as_of)
{
	SettledAt  *at = &tm_binding_settled_at;

	if (tm_current_binding != NULL &&
		(!tm_current_binding->verified ||
		 tm_current_binding->authorization.deadline != DT_NOEND ||
		 tm_current_binding->authorization.lxid != InvalidLocalTransactionId))
		return;
	at->generation = as_of;
	at->path_generation = tm_persistent_schemas_generation;
	at->roleid = GetOuterUserId();
	at->session_user = GetSessionUserId();
	at->lxid = tm_local_transaction_id();
}

bool
tm_binding_needs_settling(void)
{
	return tm_binding_path_is_orphan() ||
		is_astray(tm_assigned_role_tenant_known()) ||
		(tm_current_binding != NULL &&
		 (!tm_current_binding->verified ||
		  tm_current_binding->generation != tm_registry_generation() ||
		  tm_current_binding->path_generation != tm_persistent_schemas_generation));
}

void
tm_binding_validate(void)
{
	TenantInfo *tenant;
	AccessProblem problem;
	uint64		as_of;

	settle_orphan();
	tm_session_lock_validate();
	return_to_assigned(true, ERROR);
	if (tm_current_binding == NULL)
		return;

	if (!tm_current_binding->verified)
	{
		/* The check hook finds everything that is wrong. */
		if (!may_settle())
			return;
		if (default_is_waived())
			set_tenant_again("", ERROR);
		else if (!tm_registry_installed())
			refuse_uninstalled();
		else
			set_tenant_again(tm_tenant, ERROR);
		return;
	}

	tm_authorization_enforce(&tm_current_binding->authorization, tm_tenant);
	tm_access_lock_schema(tm_current_binding->nspid, true);
	if (nothing_has_changed())
	{
		tm_binding_note_settled();
		return;
	}

	as_of = tm_registry_generation();
	if (!tm_registry_installed())
		refuse_uninstalled();
	tenant = tenant_of_binding();
	if (tenant == NULL || tenant->state == TENANT_TRASHED)
	{
		tm_access_absent(tm_tenant, &problem);
		problem.detail = _("The tenant that the session is bound to has been dropped.");
	}
	else if (may_stay(tenant, &problem))
	{
		follow_tenant(tenant, as_of, ERROR);
		return;
	}

	ereport(ERROR,
			(errcode(problem.sqlstate),
			 errmsg_internal("%s", problem.message),
			 problem.detail ? errdetail_internal("%s", problem.detail) : 0,
			 errhint("Use tenant.switch() or tenant.reset() to leave the tenant.")));
}

/*
 * This is where the assign hook's loose ends are tied up: a binding that has
 * gone by RESET or set_config(..., NULL, ...) and has left its search path
 * behind, and one that nobody has verified yet.
 */
void
tm_binding_settle(bool wait)
{
	TenantInfo *tenant;
	AccessProblem problem;
	uint64		as_of;

	if (!may_settle())
		return;
	settle_orphan();
	return_to_assigned(wait, DEBUG2);
	if (default_is_waived())
		set_tenant_again("", DEBUG2);
	if (tm_current_binding == NULL || !tm_registry_installed())
		return;

	if (tm_current_binding->verified)
	{
		if (!tm_authorization_holds(&tm_current_binding->authorization) ||
			!tm_access_lock_schema(tm_current_binding->nspid, wait))
			return;
		if (nothing_has_changed())
		{
			tm_binding_note_settled();
			return;
		}
		as_of = tm_registry_generation();
		tenant = tenant_of_binding();
	}
	else
	{
		as_of = tm_registry_generation();
		tenant = tm_registry_lookup(tm_tenant, true);
		if (tenant && OidIsValid(tenant->nspid) &&
			!tm_access_lock_schema(tenant->nspid, wait))
			return;
	}
	if (tenant && tenant->state != TENANT_TRASHED &&
		may_stay(tenant, &problem))
		follow_tenant(tenant, as_of, DEBUG2);
}

bool
tm_binding_is_there(const char *name, bool local)
{
	return tm_current_binding != NULL && strcmp(name, tm_tenant) == 0 &&
		(local || tm_binding_record->stack == NULL) && nothing_has_changed() &&
		strcmp(namespace_search_path, tm_current_binding->path) == 0;
}

/* Have the search path looked at before the next command is read. */
void
tm_binding_end_of_transaction(void)
{
	if (tm_binding_path_is_orphan() && IsUnderPostmaster && MyProc != NULL)
		HandleCatchupInterrupt();
}

void
tm_binding_forget_lock(void)
{
	stamp.lxid = InvalidLocalTransactionId;
	tm_binding_settled_at.roleid = InvalidOid;
}

/* The binding in force is good, and its schema is locked. */
void
tm_binding_note_settled(void)
{
	stamp.generation = tm_current_binding->generation;
	stamp.path_generation = tm_current_binding->path_generation;
	stamp.roleid = GetOuterUserId();
	stamp.lxid = tm_local_transaction_id();
}

void
tm_binding_unsettle(void)
{
	stamp.roleid = InvalidOid;
	tm_binding_settled_at.roleid = InvalidOid;
}

/*
 * The session puts a tenant into effect that it has been given, or follows
 * its tenant.
 */
static void
set_tenant_again(const char *name, int elevel)
{
	tm_change.following = true;
	tm_change.lending = tm_current_binding != NULL &&
		tm_current_binding->lent && name[0] != '\0';
	tm_binding_try_set(name, follow_action(), elevel);
	tm_change.following = false;
	tm_change.lending = false;
}

/*
 * Has a superuser a tenant by default that is not to bind the session?  Who
 * maintains a database works for all its tenants, by tools that know of none, so
 * the default of a database or the server is not for superusers.  And while a
 * dump is restored, neither the extension nor the tenant is there yet.
 */
static bool
default_is_waived(void)
{
	if (tm_current_binding == NULL || tm_current_binding->verified ||
		tm_binding_record->source >= PGC_S_CLIENT ||
		!superuser_arg(GetSessionUserId()))
		return false;
	return IsBinaryUpgrade || tm_binding_record->source < PGC_S_USER ||
		!tm_registry_installed() ||
		tm_registry_lookup(tm_tenant, true) == NULL;
}

/* The action that replaces the value in force for as long as that would be. */
static GucAction
follow_action(void)
{
	GucStack   *ours = tm_binding_record->stack;

	if (ours == NULL || ours->state == GUC_SET)
		return GUC_ACTION_SET;
	return GUC_ACTION_LOCAL;
}

/* If the path of a lost binding is still in force, replace it. */
static void
settle_orphan(void)
{
	if (tm_binding_path_is_orphan() && may_settle())
		tm_binding_path_settle(tm_current_binding == NULL ||
							   !tm_current_binding->verified, follow_action());
}

/*
 * Is the session elsewhere than with the tenant that its user is assigned to,
 * if there is one?
 */
static bool
is_astray(const pg_uuid_t *assigned)
{
	return assigned != NULL &&
		(tm_current_binding == NULL || !tm_current_binding->verified ||
		 !tm_uuid_equals(&tm_current_binding->id, assigned));
}

/*
 * Maintenance cannot bind the session to its tenant again, but the statement
 * that it is a part of has been bound: it was left by code that is run in it.
 */
static bool
has_gone_astray(void)
{
	return IsTransactionState() && InSecurityRestrictedOperation() &&
		MyBackendType == B_BACKEND && is_astray(tm_assigned_role_tenant());
}

/*
 * If so, bind it to that one, unless that would mean to wait and we are not
 * to.  The client's options, or RESET after an assignment, lead astray.
 */
static void
return_to_assigned(bool wait, int elevel)
{
	const pg_uuid_t *assigned = tm_assigned_role_tenant();
	TenantInfo *tenant;

	if (has_gone_astray() && elevel >= ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_LOCKED),
				 errmsg("role \"%s\" cannot leave the tenant that it is assigned to",
						GetUserNameFromId(GetSessionUserId(), false))));
	if (!is_astray(assigned) || !may_settle())
		return;
	tenant = tm_registry_lookup_id(assigned);
	if (tenant == NULL || tenant->state == TENANT_TRASHED)
	{
		if (elevel >= ERROR)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_SCHEMA),
					 errmsg("tenant that role \"%s\" is assigned to does not exist",
							GetUserNameFromId(GetSessionUserId(), false))));
		return;
	}
	if (!OidIsValid(tenant->nspid) ||
		tm_access_lock_schema(tenant->nspid, wait))
		set_tenant_again(tenant->name, elevel);
}

/*
 * Can settings be changed here?  Not by a parallel query, not in the middle
 * of an extension script, and not while maintenance runs somebody else's
 * code.  Background processes keep the search path they were given for their
 * own protection, so a default for a role or database does not bind them.
 */
static bool
may_settle(void)
{
	return IsTransactionState() && tm_binding_record != NULL &&
		!IsInParallelMode() && !creating_extension &&
		!InSecurityRestrictedOperation() &&
		(MyBackendType == B_BACKEND || !IsUnderPostmaster ||
		 tm_binding_path_is_orphan() ||
		 (tm_current_binding && tm_current_binding->verified));
}

/*
 * Was the binding found good for this role, and has nothing moved since?
 * Then the beginning of another transaction makes no difference.
 */
static bool
nothing_has_changed(void)
{
	return tm_authorization_holds(&tm_current_binding->authorization) &&
		stamp.roleid == GetOuterUserId() &&
		stamp.generation == tm_registry_generation() &&
		stamp.path_generation == tm_persistent_schemas_generation;
}

static void
refuse_uninstalled(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("extension \"%s\" is not installed in this database",
					TM_EXTENSION_NAME),
			 errdetail("The session is bound to tenant \"%s\".", tm_tenant),
			 errhint("Use SET %s = '' to leave the tenant.",
					 TM_TENANT_SETTING)));
}

/*
 * The tenant that the session is bound to, whatever has become of it; NULL
 * when there is no trace of it.  Its name is a good guess, and one that the
 * registry usually answers from memory.
 */
static TenantInfo *
tenant_of_binding(void)
{
	TenantInfo *tenant = tm_registry_lookup(tm_tenant, true);

	if (tenant != NULL &&
		tm_uuid_equals(&tenant->id, &tm_current_binding->id))
		return tenant;
	return tm_registry_lookup_id(&tm_current_binding->id);
}

/* Can the session stay with the tenant that it is bound to? */
static bool
may_stay(const TenantInfo *tenant, AccessProblem *problem)
{
	return tm_current_binding->lent ? tm_access_is_possible(tenant, problem) :
		tm_access_check(tenant, problem);
}

/*
 * The tenant that the session is bound to is good and its schema is locked.
 * Take over what has changed about it, and note that all is well.
 */
static void
follow_tenant(const TenantInfo *tenant, uint64 as_of, int elevel)
{
	const char *schema = quote_identifier(tenant->schema_name);
	Size		schemalen = strlen(schema);
	bool		renamed;
	bool		stale_path;

	/* A path always goes on after the tenant's schema. */
	renamed = strcmp(tenant->name, tm_tenant) != 0 ||
		tenant->nspid != tm_current_binding->nspid ||
		strncmp(tm_current_binding->path, schema, schemalen) != 0 ||
		tm_current_binding->path[schemalen] != ',';

	/* Whoever has chosen another path keeps it. */
	stale_path =
		tm_current_binding->path_generation != tm_persistent_schemas_generation &&
		strcmp(namespace_search_path, tm_current_binding->path) == 0 &&
		strcmp(tm_binding_path_of_schema(tenant->schema_name),
			   tm_current_binding->path) != 0;

	if (may_settle() &&
		(!tm_current_binding->verified || renamed || stale_path))
	{
		set_tenant_again(tenant->name, elevel);
		return;
	}
	tm_current_binding->generation = as_of;
	tm_current_binding->path_generation = tm_persistent_schemas_generation;
	tm_binding_note_settled();
}
