/*
 * binding.c
 *		The tenant that a session or transaction works for.
 *
 * The one source of truth is the setting tenant_mgr.tenant, '' when unbound.
 * Because it is a setting, binding takes part in transactions, savepoints,
 * PL exception blocks and SET clauses of functions without any code of ours:
 * the server's GUC machinery undoes what has to be undone.  What else we have
 * to remember about a binding travels with the value as its "extra".
 *
 * The search path must live and die together with the binding.  So whenever
 * the setting gets a new value, its assign hook gives search_path a new value
 * too, by the same action (SET, SET LOCAL, SET clause) at the same nesting
 * level, and both are undone by the same event.  When the machinery restores
 * an old value it calls the assign hook as well, and then we must keep our
 * hands off, because search_path is restored likewise.  The two cases are
 * told apart by the check hook, which runs only for new values.  A third
 * case, the return to the default by RESET or its like, looks like a restore;
 * it is dealt with afterwards (see tm_binding_settle).
 *
 * A value may come at a time when nobody can look up a tenant: from a file,
 * from ALTER ROLE or from the client's options at the start of a session, or
 * by SET before the library was loaded.  Such a binding is "unverified": it
 * has no effect on the search path, and is looked at between statements, or
 * at the latest by the first one.
 *
 * Locks: a bound transaction holds AccessShareLock on the tenant's schema as
 * a database object; whoever drops or renames it takes AccessExclusiveLock.
 * The lock comes first, then the look at the registry.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/sinval.h"
#include "utils/builtins.h"
#include "utils/inval.h"

#include "base/compat.h"
#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "binding/access.h"
#include "binding/assigned_role.h"
#include "binding/authorization.h"
#include "binding/binding.h"
#include "binding/binding_path.h"
#include "binding/binding_refusals.h"
#include "binding/change.h"
#include "binding/deferred.h"
#include "binding/open_plan.h"
#include "binding/prepared.h"
#include "binding/session_lock.h"
#include "tenants/persistent_schemas.h"
#include "tenants/registry.h"

/* the setting; written by the GUC machinery only */
char	   *tm_tenant = NULL;

/* the binding in force; written by the assign hook */
static Binding *current_binding = NULL;

/* has it been verified?  Kept by the assign hooks; parallel workers get it */
bool		tm_tenant_verified = false;

/* whoever has to know of another tenant */
void		(*tm_binding_changed_hook) (void) = NULL;

/* record of our setting; written by tm_binding_start */
static struct config_generic *tenant_record = NULL;

/* for what the binding in force was last found good */
static struct
{
	uint64		generation;		/* of the registry */
	uint64		path_generation;	/* of the persistent schemas */
	Oid			roleid;			/* outer user, InvalidOid if not good */
	LocalTransactionId lxid;	/* transaction that holds the lock */
}			stamp;

static bool can_look_up(GucSource source);
static bool same_tenant(const Binding *a, const Binding *b);
static Binding *make_binding(const char *path, const char *prior);
static const char *prior_path(const Binding *binding);
static const char *path_when_unbound(void);
static const Binding *binding_beneath(void);
static void set_tenant(const char *name, GucAction action, int elevel);
static GucAction follow_action(void);
static void settle_orphan(void);
static bool is_astray(const pg_uuid_t *assigned);
static bool has_gone_astray(void);
static void return_to_assigned(bool wait, int elevel);
static bool may_settle(void);
static bool nothing_has_changed(void);
static TenantInfo *tenant_of_binding(void);
static bool may_stay(const TenantInfo *tenant, AccessProblem *problem);
static void follow_tenant(const TenantInfo *tenant, uint64 as_of, int elevel);
static void put_stamp(void);
static void set_tenant_again(const char *name, int elevel);
static bool default_is_waived(void);

/*
 * Look at a new value for the setting.  Where that is possible the tenant is
 * locked and verified, and all that the assign hook needs is prepared, so
 * that the hook has nothing left to fail at but memory.
 */
bool
tm_binding_check_tenant(char **newval, void **extra, GucSource source)
{
	TenantInfo	tenant;
	AccessProblem problem;
	Authorization		authorization;
	Binding    *binding;
	const char *prior;
	char	   *path;
	uint64		as_of;

	tm_change.binding = NULL;

	if (!tm_session_lock_permits_tenant(*newval, source))
		return false;
	if (!can_look_up(source))
	{
		if ((*newval)[0] == '\0')
			return true;
		if (source == PGC_S_TEST && !tm_authorization_to_store())
			return false;
		binding = make_binding("", NULL);
		if (binding == NULL)
			return false;
		binding->bound = true;
		binding->verified = InitializingParallelWorker && tm_tenant_verified;
		*extra = binding;
		return true;
	}

	if ((*newval)[0] == '\0')
	{
		if (tm_assigned_role_tenant() != NULL)
		{
			tm_access_assigned(&problem);
			tm_access_reject(&problem);
			return false;
		}
		tm_change.binding = make_binding("", path_when_unbound());
		*extra = tm_change.binding;
		return tm_change.binding != NULL;
	}

	tm_authorization_unlimited(&authorization);
	if (tm_change.lending ?
		!tm_access_by_order(*newval, &tenant, &as_of, &problem) :
		(!tm_access_by_name(*newval, &tenant, &as_of, &problem) ||
		 !tm_authorization_find(&tenant, tm_change.following, &authorization,
								&problem)))
	{
		tm_access_reject(&problem);
		return false;
	}

	prior = path_when_unbound();
	path = tm_binding_path_of_schema(tenant.schema_name);
	binding = make_binding(path, prior);
	pfree(path);
	if (binding == NULL)
		return false;
	binding->id = tenant.id;
	binding->nspid = tenant.nspid;
	binding->authorization = authorization;
	binding->bound = true;
	binding->verified = true;
	binding->lent = tm_change.lending;
	binding->generation = as_of;
	binding->path_generation = tm_persistent_schemas_generation;
	*extra = binding;
	tm_change.binding = binding;
	return true;
}

/* Nobody sets it but the leader of a parallel worker. */
bool
tm_binding_check_verified(bool *newval, void **extra, GucSource source)
{
	if (InitializingParallelWorker || *newval == tm_tenant_verified)
		return true;
	GUC_check_errcode(ERRCODE_CANT_CHANGE_RUNTIME_PARAM);
	GUC_check_errmsg("parameter \"%s\" cannot be changed",
					 TM_VERIFIED_SETTING);
	return false;
}

/* The tenant may have come before. */
void
tm_binding_assign_verified(bool newval, void *extra)
{
	if (InitializingParallelWorker && current_binding != NULL)
		current_binding->verified = newval;
}

/*
 * The setting gets a value: make the search path follow if it is a new one.
 * The path is set before anything of ours changes, because an error on the
 * way leaves the old value in force without another call of this hook.
 */
void
tm_binding_assign_tenant(const char *newval, void *extra)
{
	Binding    *new_binding = (Binding *) extra;
	Binding    *old_binding = current_binding;
	const Binding *beneath;
	bool		fresh = (extra != NULL && extra == tm_change.binding);

	tm_change.binding = NULL;
	stamp.roleid = InvalidOid;

	PG_TRY();
	{
		tm_binding_refuse_change(tenant_record, newval, new_binding, fresh);
	}
	PG_CATCH();
	{
		/* The machinery has not taken them yet, and will not know of them. */
		if (fresh)
			tm_setting_discard(newval, extra);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (fresh)
	{
		if (new_binding->bound)
			tm_binding_path_follow(new_binding->path, tenant_record);
		else if ((old_binding && old_binding->verified) ||
				 binding_beneath() != NULL)
			tm_binding_path_follow(prior_path(new_binding), tenant_record);
		tm_binding_path_forget();
	}
	else if (old_binding && old_binding->verified)
		tm_binding_path_orphan(old_binding->path, prior_path(old_binding));
	else if ((beneath = binding_beneath()) != NULL)
		tm_binding_path_orphan(beneath->path, prior_path(beneath));

	current_binding = (new_binding && new_binding->bound) ? new_binding : NULL;
	if (!InitializingParallelWorker)
		tm_tenant_verified = current_binding && current_binding->verified;
	if (!same_tenant(old_binding, current_binding) &&
		tm_binding_changed_hook != NULL)
		tm_binding_changed_hook();

	if (current_binding == NULL || InitializingParallelWorker)
		return;
	if (fresh)
		put_stamp();
	else if (IsUnderPostmaster && MyProc != NULL &&
			 (!current_binding->verified || tm_prepared_follows() ||
			  current_binding->generation != tm_registry_generation()))
	{
		/*
		 * The next statement would be parsed with a search path that does not
		 * fit, or get parameters of a type that does not.  Asking ourselves
		 * to catch up runs an empty transaction before the next command is
		 * read, at whose end the binding is settled.
		 */
		HandleCatchupInterrupt();
	}
}

void
tm_binding_start(void)
{
	tm_binding_path_start();
	tenant_record = tm_setting_record(TM_TENANT_SETTING);
}

Binding *
tm_binding_current(void)
{
	return current_binding;
}

/* A parallel worker has been told the tenant's name and nothing else. */
Binding *
tm_binding_in_force(void)
{
	TenantInfo *tenant;

	if (current_binding == NULL || !current_binding->verified ||
		!tm_session_lock_is_intact())
		return NULL;
	if (!OidIsValid(current_binding->nspid) && tm_registry_installed())
	{
		tenant = tm_registry_lookup(tm_tenant, true);
		if (tenant != NULL)
		{
			current_binding->id = tenant->id;
			current_binding->nspid = tenant->nspid;
		}
	}
	return current_binding;
}

bool
tm_binding_is_settled(void)
{
	if (tm_binding_path_is_orphan() || !tm_session_lock_is_intact())
		return false;
	if ((current_binding == NULL || !current_binding->verified) &&
		!may_settle())
		return !has_gone_astray();
	AcceptInvalidationMessages();
	if (is_astray(tm_assigned_role_tenant()))
		return false;
	if (current_binding == NULL)
		return true;
	return tm_authorization_holds(&current_binding->authorization) &&
		stamp.roleid == GetOuterUserId() &&
		stamp.lxid == tm_local_transaction_id() &&
		stamp.generation == tm_registry_generation() &&
		stamp.path_generation == tm_persistent_schemas_generation;
}

bool
tm_binding_needs_settling(void)
{
	return tm_binding_path_is_orphan() ||
		is_astray(tm_assigned_role_tenant_known()) ||
		(current_binding != NULL &&
		 (!current_binding->verified ||
		  current_binding->generation != tm_registry_generation() ||
		  current_binding->path_generation != tm_persistent_schemas_generation));
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
	if (current_binding == NULL)
		return;

	if (!current_binding->verified)
	{
		/* The check hook finds everything that is wrong. */
		if (!may_settle())
			return;
		if (default_is_waived())
			set_tenant_again("", ERROR);
		else if (!tm_registry_installed())
			tm_binding_refuse_uninstalled();
		else
			set_tenant_again(tm_tenant, ERROR);
		return;
	}

	tm_authorization_enforce(&current_binding->authorization, tm_tenant);
	tm_access_lock_schema(current_binding->nspid, true);
	if (nothing_has_changed())
	{
		put_stamp();
		return;
	}

	as_of = tm_registry_generation();
	if (!tm_registry_installed())
		tm_binding_refuse_uninstalled();
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
	if (current_binding == NULL || !tm_registry_installed())
		return;

	if (current_binding->verified)
	{
		if (!tm_authorization_holds(&current_binding->authorization) ||
			!tm_access_lock_schema(current_binding->nspid, wait))
			return;
		if (nothing_has_changed())
		{
			put_stamp();
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
tm_binding_is_passing(void)
{
	return current_binding != NULL && tenant_record->stack != NULL &&
		tenant_record->stack->state != GUC_SET;
}

bool
tm_binding_is_of_function(void)
{
	return tenant_record->stack != NULL &&
		tenant_record->stack->state == GUC_SAVE;
}

bool
tm_binding_is_there(const char *name, bool local)
{
	return current_binding != NULL && strcmp(name, tm_tenant) == 0 &&
		(local || tenant_record->stack == NULL) && nothing_has_changed() &&
		strcmp(namespace_search_path, current_binding->path) == 0;
}

bool
tm_binding_is_pristine(void)
{
	return tm_tenant[0] == '\0' && tenant_record->stack == NULL;
}

void
tm_binding_set(const char *name, GucAction action)
{
	set_tenant(name, action, ERROR);
}

void
tm_binding_lend(const char *name)
{
	tm_change.lending = true;
	set_tenant(name, GUC_ACTION_SAVE, ERROR);
	tm_change.lending = false;
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
}

/*
 * Is this a value to be verified now, and a time at which that is possible?
 * A value from before the library was loaded is applied while nothing else of
 * it is in place, and at nesting levels that are set right only afterwards.
 */
static bool
can_look_up(GucSource source)
{
	return source >= PGC_S_INTERACTIVE && source != PGC_S_TEST &&
		tenant_record != NULL && IsTransactionState() &&
		!InitializingParallelWorker;
}

static bool
same_tenant(const Binding *a, const Binding *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->verified == b->verified &&
		memcmp(&a->id, &b->id, sizeof(pg_uuid_t)) == 0;
}

/* A new binding, or NULL if there is no memory. */
static Binding *
make_binding(const char *path, const char *prior)
{
	Size		pathlen = strlen(path) + 1;
	Size		priorlen = prior ? strlen(prior) + 1 : 0;
	Binding    *binding;

	binding = tm_guc_alloc(offsetof(Binding, path) + pathlen + priorlen);
	if (binding == NULL)
		return NULL;
	memset(binding, 0, offsetof(Binding, path));
	tm_authorization_unlimited(&binding->authorization);
	binding->prior_is_reset = (prior == NULL);
	binding->prior_offset = pathlen;
	memcpy(binding->path, path, pathlen);
	if (prior)
		memcpy(binding->path + pathlen, prior, priorlen);
	return binding;
}

/* The search path to return to, or NULL for the default. */
static const char *
prior_path(const Binding *binding)
{
	return binding->prior_is_reset ? NULL :
		binding->path + binding->prior_offset;
}

/*
 * The path that the session is to have when it is not bound any more.  From
 * tenant to tenant, the one from before the first is kept; also while a
 * transaction that has begun with a tenant has none.
 */
static const char *
path_when_unbound(void)
{
	const Binding *binding = tenant_record->extra;

	if (binding != NULL && (binding->verified ||
							(!binding->bound && binding_beneath() != NULL)))
		return prior_path(binding);
	return tm_binding_path_own();
}

/*
 * The verified binding that comes back if what has been done to the setting
 * within this transaction or function is undone; NULL if there is none.  Its
 * search path comes back as well.
 */
static const Binding *
binding_beneath(void)
{
	const GucStack *entry;

	if (tenant_record == NULL)
		return NULL;
	for (entry = tenant_record->stack; entry != NULL; entry = entry->prev)
	{
		const Binding *binding = entry->prior.extra;

		if (entry->state == GUC_SET_LOCAL && entry->masked.extra != NULL)
			binding = entry->masked.extra;
		if (binding != NULL && binding->bound && binding->verified)
			return binding;
	}
	return NULL;
}

static void
set_tenant(const char *name, GucAction action, int elevel)
{
	(void) set_config_option(TM_TENANT_SETTING, name, PGC_USERSET,
							 PGC_S_SESSION, action, true, elevel, false);
}

/*
 * The session puts a tenant into effect that it has been given, or follows
 * its tenant.
 */
static void
set_tenant_again(const char *name, int elevel)
{
	tm_change.following = true;
	tm_change.lending = current_binding != NULL && current_binding->lent &&
		name[0] != '\0';
	set_tenant(name, follow_action(), elevel);
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
	if (current_binding == NULL || current_binding->verified ||
		tenant_record->source >= PGC_S_CLIENT ||
		!superuser_arg(GetSessionUserId()))
		return false;
	return IsBinaryUpgrade || tenant_record->source < PGC_S_USER ||
		!tm_registry_installed() ||
		tm_registry_lookup(tm_tenant, true) == NULL;
}

/* The action that replaces the value in force for as long as that would be. */
static GucAction
follow_action(void)
{
	GucStack   *ours = tenant_record->stack;

	if (ours == NULL || ours->state == GUC_SET)
		return GUC_ACTION_SET;
	return GUC_ACTION_LOCAL;
}

/* If the path of a lost binding is still in force, replace it. */
static void
settle_orphan(void)
{
	if (tm_binding_path_is_orphan() && may_settle())
		tm_binding_path_settle(current_binding == NULL ||
							   !current_binding->verified, follow_action());
}

/*
 * Is the session elsewhere than with the tenant that its user is assigned to,
 * if there is one?
 */
static bool
is_astray(const pg_uuid_t *assigned)
{
	return assigned != NULL &&
		(current_binding == NULL || !current_binding->verified ||
		 memcmp(&current_binding->id, assigned, sizeof(pg_uuid_t)) != 0);
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
	return IsTransactionState() && tenant_record != NULL &&
		!IsInParallelMode() && !creating_extension &&
		!InSecurityRestrictedOperation() &&
		(MyBackendType == B_BACKEND || !IsUnderPostmaster ||
		 tm_binding_path_is_orphan() ||
		 (current_binding && current_binding->verified));
}

/*
 * Was the binding found good for this role, and has nothing moved since?
 * Then the beginning of another transaction makes no difference.
 */
static bool
nothing_has_changed(void)
{
	return tm_authorization_holds(&current_binding->authorization) &&
		stamp.roleid == GetOuterUserId() &&
		stamp.generation == tm_registry_generation() &&
		stamp.path_generation == tm_persistent_schemas_generation;
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
		memcmp(&tenant->id, &current_binding->id, sizeof(pg_uuid_t)) == 0)
		return tenant;
	return tm_registry_lookup_id(&current_binding->id);
}

/* Can the session stay with the tenant that it is bound to? */
static bool
may_stay(const TenantInfo *tenant, AccessProblem *problem)
{
	return current_binding->lent ? tm_access_is_possible(tenant, problem) :
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
		tenant->nspid != current_binding->nspid ||
		strncmp(current_binding->path, schema, schemalen) != 0 ||
		current_binding->path[schemalen] != ',';

	/* Whoever has chosen another path keeps it. */
	stale_path =
		current_binding->path_generation != tm_persistent_schemas_generation &&
		strcmp(namespace_search_path, current_binding->path) == 0 &&
		strcmp(tm_binding_path_of_schema(tenant->schema_name),
			   current_binding->path) != 0;

	if (may_settle() &&
		(!current_binding->verified || renamed || stale_path))
	{
		set_tenant_again(tenant->name, elevel);
		return;
	}
	current_binding->generation = as_of;
	current_binding->path_generation = tm_persistent_schemas_generation;
	put_stamp();
}

/* The binding in force is good, and its schema is locked. */
static void
put_stamp(void)
{
	stamp.generation = current_binding->generation;
	stamp.path_generation = current_binding->path_generation;
	stamp.roleid = GetOuterUserId();
	stamp.lxid = tm_local_transaction_id();
}
