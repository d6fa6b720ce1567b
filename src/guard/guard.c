/*
 * guard.c
 *		A bound session stays with its tenant.
 *
 * What is used is judged when it is used and by what it is, not by how it was
 * found: an object belongs to the tenant that its schema belongs to (see
 * schema_owner.c), and one that belongs to another tenant than the session's
 * is refused, whoever asks and whatever privileges there are.  No way to write
 * a name, no search path, view or function makes a difference.
 *
 * Here is who judges and what is refused.  What asks is in guard_hooks.c, which
 * sees everything that is executed, guard_query.c (sequences and types in
 * expressions) and guard_utility.c (utility statements).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/plancache.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "base/log_limit.h"
#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/binding.h"
#include "binding/binding_in_force.h"
#include "binding/guard_mode.h"
#include "binding/object_schema.h"
#include "binding/policy.h"
#include "binding/running_code.h"
#include "binding/session_lock.h"
#include "binding/wall.h"
#include "guard/guard.h"
#include "stats/guard_stats.h"
#include "tenants/registry.h"
#include "tenants/schema_owner.h"

/* A tenant that there is not, for work on a schema of nobody */
#define NOBODY		"00000000-0000-0000-0000-000000000000"

/* Objects that have been written to the log for the present statement */
#define MAX_LOGGED	32

/* the settings; written by wall.c, the last one by the GUC machinery */
int			tm_unbound = UNBOUND_ALLOW;
int			tm_unbound_superuser = UNBOUND_ALLOW;
char	   *tm_guard_tenant = NULL;

/*
 * tm_guard_enter_own is changing its setting.  An error on the way leaves this
 * behind for the next check of a value, which ends it.
 */
static bool entering_own = false;

/* written by the assign hook */
const pg_uuid_t *tm_guard_working_for = NULL;

/* set by whatever judges; taken back by tm_guard_forget_plans */
bool		tm_guard_plans_depend = true;

/* written by already_logged */
static struct
{
	TimestampTz statement;		/* when the statement came */
	int			nobjects;
	Oid			objects[MAX_LOGGED];
}			logged;

static bool works_for_tenant(void);
static bool other_owner(Oid nspid, SchemaOwner *owner);
static bool serves_client(void);
static bool is_maintenance(void);
static void refuse(const SchemaOwner *owner, const ObjectAddress *object);
static void note(const SchemaOwner *owner, const ObjectAddress *object);
static void count_violation(const pg_uuid_t *id, bool refused);
static char *tenant_of_code(const pg_uuid_t *id);
static char *describe(const ObjectAddress *object);
static bool already_logged(Oid objid);

bool
tm_guard_is_on(void)
{
	Binding    *binding;

	tm_policy_refresh();
	if (tm_guard == GUARD_OFF && tm_unbound == UNBOUND_ALLOW)
		return false;
	if (!IsTransactionState() || InitializingParallelWorker)
		return false;
	if (tm_guard != GUARD_OFF && works_for_tenant())
		return true;
	binding = tm_binding_current();
	if (binding != NULL && binding->verified)
		return tm_guard != GUARD_OFF;

	/* Who has been locked and has lost its tenant has nothing else. */
	return ((tm_unbound == UNBOUND_DENY && !is_maintenance()) ||
			tm_session_locked) && serves_client();
}

bool
tm_guard_check_object(Oid classid, Oid objid)
{
	SchemaOwner owner;
	ObjectAddress object;
	pg_uuid_t	id;

	if (!other_owner(tm_object_schema(classid, objid), &owner))
		return true;
	ObjectAddressSet(object, classid, objid);
	if (tm_guard == GUARD_LOG && tm_guard_judge(&id))
	{
		note(&owner, &object);
		return true;
	}
	refuse(&owner, &object);
	return false;				/* not reached */
}

int
tm_guard_elevel(void)
{
	return tm_guard == GUARD_LOG && tm_binding_in_force() != NULL ? LOG : ERROR;
}

void
tm_guard_refuse_computed(const char *name)
{
	ereport(tm_guard_elevel(),
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("cannot use \"%s\" here with a relation that is not a constant while bound to a tenant",
					name),
			 errdetail("Whose relation it is could not be judged when it is used."),
			 errhint("Give the name of the relation as a string.")));
}

bool
tm_guard_out_of_reach(Oid classid, Oid objid)
{
	SchemaOwner owner;
	pg_uuid_t	id;

	if (tm_guard == GUARD_LOG && tm_guard_judge(&id))
		return false;
	return other_owner(tm_object_schema(classid, objid), &owner);
}

int
tm_guard_enter_own(Oid nspid)
{
	int			save_nestlevel = NewGUCNestLevel();

	tm_guard_set_own(nspid);
	return save_nestlevel;
}

void
tm_guard_set_own(Oid nspid)
{
	SchemaOwner owner;
	bool		owned;

	if (tm_guard == GUARD_OFF && !tm_guard_is_on())
		return;
	owned = tm_schema_owner(nspid, &owner);

	/* A clone's schema is nobody's until there is the tenant. */
	if (!owned && (tm_guard_working_for != NULL || !tm_guard_is_on()))
		return;
	entering_own = true;
	(void) set_config_option(TM_GUARD_TENANT_SETTING,
							 !owned ? NOBODY :
							 DatumGetCString(DirectFunctionCall1(uuid_out,
																 UUIDPGetDatum(&owner.id))),
							 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	entering_own = false;
}

void
tm_guard_leave_own(int save_nestlevel)
{
	AtEOXact_GUC(true, save_nestlevel);
}

bool
tm_guard_check_tenant(char **newval, void **extra, GucSource source)
{
	bool		ours = entering_own || InitializingParallelWorker;
	pg_uuid_t  *id;

	entering_own = false;
	if ((*newval)[0] == '\0')
		return true;
	if (!ours)
	{
		GUC_check_errcode(ERRCODE_CANT_CHANGE_RUNTIME_PARAM);
		GUC_check_errmsg("parameter \"%s\" cannot be changed",
						 TM_GUARD_TENANT_SETTING);
		return false;
	}
	id = tm_guc_alloc(sizeof(pg_uuid_t));
	if (id == NULL)
		return false;
	*id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in,
											 CStringGetDatum(*newval)));
	*extra = id;
	return true;
}

void
tm_guard_assign_tenant(const char *newval, void *extra)
{
	tm_guard_working_for = (const pg_uuid_t *) extra;
}

void
tm_guard_note_unjudged(void)
{
	tm_guard_plans_depend = true;
}

void
tm_guard_forget_plans(void)
{
	if (tm_guard_plans_depend)
		ResetPlanCache();
	tm_guard_plans_depend = false;
}

/* Is it known whose code is run, beside the session's binding? */
static bool
works_for_tenant(void)
{
	return tm_guard_working_for != NULL || OidIsValid(tm_running_code_schema());
}

/*
 * It is whose schema an operation of ours works on, whose code is run, or that
 * the session is bound to.
 */
bool
tm_guard_judge(pg_uuid_t *id)
{
	Binding    *binding;
	Oid			nspid;

	if (tm_guard_working_for != NULL)
	{
		*id = *tm_guard_working_for;
		return true;
	}
	nspid = tm_guard == GUARD_OFF ? InvalidOid : tm_running_code_schema();
	if (OidIsValid(nspid))
	{
		SchemaOwner owner;

		/* Code that has dropped its own schema is nobody's. */
		if (tm_schema_owner(nspid, &owner))
			*id = owner.id;
		else
			memset(id, 0, sizeof(*id));
		return true;
	}
	binding = tm_binding_in_force();
	if (binding != NULL)
		*id = binding->id;
	return binding != NULL;
}

/* The tenant that the schema belongs to, if the session is kept away from it */
static bool
other_owner(Oid nspid, SchemaOwner *owner)
{
	pg_uuid_t	id;
	bool		judged;

	if (!OidIsValid(nspid))
		return false;
	if (nspid == tm_guard_judge_schema())
	{
		tm_guard_plans_depend = true;
		return false;
	}
	judged = tm_guard_judge(&id);
	if (!tm_schema_owner(nspid, owner))
		return false;
	tm_guard_plans_depend = true;
	return !judged || !tm_uuid_equals(&owner->id, &id);
}

/*
 * Sessions of clients have to be bound; what the server does on its own
 * account, and replication, has no tenant.
 */
static bool
serves_client(void)
{
	if (IsParallelWorker())
		return tm_leader_is_backend();
	return MyBackendType == B_BACKEND;
}

/*
 * Superusers dump, restore and vacuum databases by tools that know of no tenant.
 * So what has been set for the server, a database or a role does not mean them,
 * unless it is said that it does, nor does what the database keeps; what they
 * have set for themselves does.  pg_upgrade is the only client while it runs, and
 * cannot say anything.
 */
static bool
is_maintenance(void)
{
	static struct config_generic *record = NULL;

	if (IsBinaryUpgrade)
		return true;
	if (tm_unbound_superuser == UNBOUND_DENY ||
		!superuser_arg(GetOuterUserId()))
		return false;
	if (record == NULL)
		record = tm_setting_record("tenant_mgr.unbound");
	return record->source < PGC_S_INTERACTIVE ||
		tm_wall_setting(WALL_UNBOUND) == UNBOUND_ALLOW;
}

static void
refuse(const SchemaOwner *owner, const ObjectAddress *object)
{
	pg_uuid_t	id;
	bool		judged = tm_guard_judge(&id);
	char	   *code_of;
	Binding    *binding = tm_binding_in_force();

	/* Another tenant has got the name of ours, and we have not followed yet. */
	if (!works_for_tenant() && binding != NULL &&
		strcmp(owner->name, tm_tenant) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("tenant \"%s\" has changed while the statement was being prepared",
						tm_tenant),
				 errhint("Repeat the statement.")));
	count_violation(judged ? &id : NULL, true);
	if (!judged)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NOT_BOUND),
				 errmsg("cannot access %s of tenant \"%s\" without being bound to it",
						describe(object), owner->name),
				 errhint("Use tenant.switch() to bind the session.")));
	code_of = tenant_of_code(&id);
	if (code_of != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
				 errmsg("cannot access %s of tenant \"%s\" from code of tenant \"%s\"",
						describe(object), owner->name, code_of),
				 errhint("Keep what tenants share in a persistent schema.")));
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("cannot access %s of tenant \"%s\" while bound to tenant \"%s\"",
					describe(object), owner->name, tm_tenant),
			 errhint("Switch to the other tenant first, or keep what tenants share in a persistent schema.")));
}

static void
note(const SchemaOwner *owner, const ObjectAddress *object)
{
	pg_uuid_t	id;
	char	   *code_of;
	uint64		left_out;

	if (already_logged(object->objectId))
		return;
	(void) tm_guard_judge(&id);
	count_violation(&id, false);
	if (!tm_log_limit_admits(LOG_LIMIT_GUARD, &left_out))
		return;
	code_of = tenant_of_code(&id);
	if (code_of != NULL)
		ereport(LOG,
				(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
				 errmsg("access to %s of tenant \"%s\" from code of tenant \"%s\"",
						describe(object), owner->name, code_of),
				 left_out > 0 ?
				 errdetail_internal("%s", tm_log_limit_detail(left_out)) : 0));
	else
		ereport(LOG,
				(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
				 errmsg("access to %s of tenant \"%s\" while bound to tenant \"%s\"",
						describe(object), owner->name, tm_tenant),
				 left_out > 0 ?
				 errdetail_internal("%s", tm_log_limit_detail(left_out)) : 0));
}

/* It counts for the tenant that the session is bound to, or for the judge. */
static void
count_violation(const pg_uuid_t *id, bool refused)
{
	Binding    *binding = tm_binding_in_force();

	tm_guard_count_violation(binding != NULL ? &binding->id : id, refused);
}

/*
 * The name of the tenant that judges, where it is not the one that the session
 * is bound to, or NULL; "" if it is known no more.
 */
static char *
tenant_of_code(const pg_uuid_t *id)
{
	Binding    *binding = tm_binding_in_force();
	TenantInfo *tenant = tm_registry_lookup_id(id);

	if (binding != NULL &&
		(tenant == NULL ||
		 tm_uuid_equals(&binding->id, id)))
		return NULL;
	return tenant == NULL ? "" : tenant->name;
}

static char *
describe(const ObjectAddress *object)
{
	return tm_object_describe(object->classId, object->objectId);
}

/*
 * Has the object been noted for the present statement?  There are several
 * occasions to ask about each function and relation.
 */
static bool
already_logged(Oid objid)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	int			i;

	if (logged.statement != statement)
	{
		logged.statement = statement;
		logged.nobjects = 0;
	}
	for (i = 0; i < logged.nobjects; i++)
	{
		if (logged.objects[i] == objid)
			return true;
	}
	if (logged.nobjects < MAX_LOGGED)
		logged.objects[logged.nobjects++] = objid;
	return false;
}
