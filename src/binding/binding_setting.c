/*
 * binding_setting.c
 *		The setting behind a binding.
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
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/sinval.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/setting.h"
#include "base/uuid.h"
#include "binding/access.h"
#include "binding/assigned_role.h"
#include "binding/authorization.h"
#include "binding/binding.h"
#include "binding/binding_path.h"
#include "binding/binding_refusals.h"
#include "binding/binding_setting.h"
#include "binding/binding_settle.h"
#include "binding/change.h"
#include "binding/origin.h"
#include "binding/prepared.h"
#include "binding/session_lock.h"
#include "tenants/persistent_schemas.h"
#include "tenants/registry.h"

/* whoever has to know of another tenant */
void		(*tm_binding_changed_hook) (void) = NULL;

static bool can_look_up(GucSource source);
static bool same_tenant(const Binding *a, const Binding *b);
static Binding *make_binding(const char *path, const char *prior);
static const char *prior_path(const Binding *binding);
static const char *path_when_unbound(void);
static const Binding *binding_beneath(void);

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
	Authorization authorization;
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
	Binding    *binding = tm_binding_current();

	if (InitializingParallelWorker && binding != NULL)
		binding->verified = newval;
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
	Binding    *old_binding = tm_binding_current();
	Binding    *in_force;
	const Binding *beneath;
	bool		fresh = (extra != NULL && extra == tm_change.binding);

	tm_change.binding = NULL;
	tm_binding_unsettle();

	PG_TRY();
	{
		tm_binding_refuse_change(tm_binding_record, newval, new_binding, fresh);
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
			tm_binding_path_follow(new_binding->path, tm_binding_record);
		else if ((old_binding && old_binding->verified) ||
				 binding_beneath() != NULL)
			tm_binding_path_follow(prior_path(new_binding), tm_binding_record);
		tm_binding_path_forget();
	}
	else if (old_binding && old_binding->verified)
		tm_binding_path_orphan(old_binding->path, prior_path(old_binding));
	else if ((beneath = binding_beneath()) != NULL)
		tm_binding_path_orphan(beneath->path, prior_path(beneath));

	in_force = (new_binding && new_binding->bound) ? new_binding : NULL;
	tm_current_binding = in_force;
	tm_origin_forget_label();
	if (!InitializingParallelWorker)
		tm_tenant_verified = in_force && in_force->verified;
	if (!same_tenant(old_binding, in_force) && tm_binding_changed_hook != NULL)
		tm_binding_changed_hook();

	if (in_force == NULL || InitializingParallelWorker)
		return;
	if (fresh)
		tm_binding_note_settled();
	else if (IsUnderPostmaster && MyProc != NULL &&
			 (!in_force->verified || tm_prepared_own_types ||
			  in_force->generation != tm_registry_generation()))
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

/*
 * Is this a value to be verified now, and a time at which that is possible?
 * A value from before the library was loaded is applied while nothing else of
 * it is in place, and at nesting levels that are set right only afterwards.
 */
static bool
can_look_up(GucSource source)
{
	return source >= PGC_S_INTERACTIVE && source != PGC_S_TEST &&
		tm_binding_record != NULL && IsTransactionState() &&
		!InitializingParallelWorker;
}

static bool
same_tenant(const Binding *a, const Binding *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->verified == b->verified &&
		tm_uuid_equals(&a->id, &b->id);
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
	const Binding *binding = tm_binding_record->extra;

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

	if (tm_binding_record == NULL)
		return NULL;
	for (entry = tm_binding_record->stack; entry != NULL; entry = entry->prev)
	{
		const Binding *binding = entry->prior.extra;

		if (entry->state == GUC_SET_LOCAL && entry->masked.extra != NULL)
			binding = entry->masked.extra;
		if (binding != NULL && binding->bound && binding->verified)
			return binding;
	}
	return NULL;
}
