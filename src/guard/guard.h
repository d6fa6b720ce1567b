/*
 * guard.h
 *		A bound session stays with its tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_H
#define TENANT_MGR_GUARD_H

#include "utils/guc.h"
#include "utils/uuid.h"

#include "binding/binding_in_force.h"
#include "binding/guard_mode.h"
#include "binding/running_code.h"

#define TM_GUARD_TENANT_SETTING		"tenant_mgr.guard_tenant"

/* Whether tenants can be reached by sessions that are not bound */
typedef enum UnboundMode
{
	UNBOUND_ALLOW,
	UNBOUND_DENY
} UnboundMode;

extern int	tm_unbound;			/* an UnboundMode */
extern int	tm_unbound_superuser;	/* an UnboundMode, for superusers */

/*
 * Is this session, at this moment, kept away from any tenant?  False as well
 * where nothing could be looked up, such as in an aborted transaction.
 */
extern bool tm_guard_is_on(void);

/*
 * Raise an error, or write to the log, if the object or the schema belongs to
 * a tenant that the session is kept away from.  An object that does not exist
 * belongs to nobody.  Returns false if the object is out of reach, which the
 * caller gets to know only where no error is raised.
 */
extern bool tm_guard_check_object(Oid classid, Oid objid);

/* Whom an operation of ours works for, or NULL; written by guard.c only. */
extern const pg_uuid_t *tm_guard_working_for;

/*
 * May there be plans that have to be judged again when the tenant changes?
 * Written by guard.c and by whoever judges without asking it.
 */
extern bool tm_guard_plans_depend;

/*
 * The schema of the tenant that decides what can be reached, or InvalidOid
 * where it takes more than that to know.  What is in it need not be checked,
 * and nearly everything is.
 */
static inline Oid
tm_guard_judge_schema(void)
{
	const Binding *binding;
	Oid			code;

	if (tm_guard == GUARD_OFF || tm_guard_working_for != NULL)
		return InvalidOid;
	code = tm_running_code_schema();
	if (OidIsValid(code))
		return code;
	binding = tm_binding_in_force();
	return binding != NULL ? binding->nspid : InvalidOid;
}

/*
 * The same where it is known without calling anything; what maintenance runs is
 * left out.
 */
static inline Oid
tm_guard_judge_at_hand(void)
{
	const Binding *binding = tm_binding_current();

	if (tm_guard == GUARD_OFF || tm_guard_working_for != NULL)
		return InvalidOid;
	if (OidIsValid(tm_running_code.schema))
		return tm_running_code.schema;
	return binding != NULL && binding->verified && !tm_session_locked &&
		!tm_maintained_any() ? binding->nspid : InvalidOid;
}

/* The question of tm_guard_check_object without consequences. */
extern bool tm_guard_out_of_reach(Oid classid, Oid objid);

/* Whether a refusal is an error or, with guard = log, a line in the log */
extern int	tm_guard_elevel(void);

/*
 * Raise an error, or write to the log, because something of that name cannot
 * be judged where it stands.
 */
extern void tm_guard_refuse_computed(const char *name);

/* The tenant that decides what may be used; false if there is none. */
extern bool tm_guard_judge(pg_uuid_t *id);

/*
 * What the extension does to a schema on somebody's order is none of the
 * guard's business, but what the schema's own functions do meanwhile is: they
 * are judged as if the session were bound to the tenant of that schema, also
 * where it is not bound at all.  Takes
 * effect in parallel workers, too, and is undone by abort.  The result goes
 * to the second function.
 */
extern int	tm_guard_enter_own(Oid nspid);
extern void tm_guard_leave_own(int save_nestlevel);

/* The former within a nesting level of settings that is there already. */
extern void tm_guard_set_own(Oid nspid);

/* The setting behind this, and its hooks. */
extern char *tm_guard_tenant;
extern bool tm_guard_check_tenant(char **newval, void **extra,
								  GucSource source);
extern void tm_guard_assign_tenant(const char *newval, void *extra);

/* A plan is made that the guard has not looked at. */
extern void tm_guard_note_unjudged(void);

/* Have plans made again if there may be some that depend on the tenant. */
extern void tm_guard_forget_plans(void);

#endif							/* TENANT_MGR_GUARD_H */
