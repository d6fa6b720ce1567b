/*
 * authorization.h
 *		By what right a session is bound to a tenant, and until when.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_AUTHORIZATION_H
#define TENANT_MGR_AUTHORIZATION_H

#include "datatype/timestamp.h"
#include "storage/lock.h"
#include "binding/access.h"
#include "utils/guc.h"

/* May a session be bound for longer than a transaction? */
typedef enum SessionSwitch
{
	SESSION_SWITCH_ALLOW,
	SESSION_SWITCH_DENY
} SessionSwitch;

/* What a role needs to switch to a tenant */
typedef enum SwitchRequirement
{
	SWITCH_REQUIRES_USAGE,
	SWITCH_REQUIRES_TOKEN
} SwitchRequirement;

extern int	tm_session_switch;	/* a SessionSwitch */
extern int	tm_switch_requires; /* a SwitchRequirement */

/* Kept with a binding; see Binding */
typedef struct Authorization
{
	TimestampTz deadline;		/* DT_NOEND if there is none */
	LocalTransactionId lxid;	/* the only transaction that it is for, or
								 * InvalidLocalTransactionId */
} Authorization;

/* The one that holds for ever. */
extern void tm_authorization_unlimited(Authorization *authorization);

/* Does it hold in this transaction and statement?  Cheap if it is unlimited. */
extern bool tm_authorization_holds_now(const Authorization *authorization);
static inline bool
tm_authorization_holds(const Authorization *authorization)
{
	return (authorization->deadline == DT_NOEND &&
			authorization->lxid == InvalidLocalTransactionId) ||
		tm_authorization_holds_now(authorization);
}

/* Raise TM005 unless it does; the name is that of the tenant. */
extern void tm_authorization_enforce(const Authorization *authorization,
									 const char *name);

/*
 * The authorization by which the session can be bound to a tenant; following
 * means that it does no more than follow the tenant that it is bound to, or
 * that it has been given before anybody could verify it.  False, and a problem,
 * if there is none.
 */
extern bool tm_authorization_find(const TenantInfo *tenant, bool following,
								  Authorization *authorization,
								  AccessProblem *problem);

/*
 * May the current user give a tenant to a role, a database or a function?
 * For a check hook, which is given the objection to make.
 */
extern bool tm_authorization_to_store(void);

/* Bind by this authorization, for as long as the action says. */
extern void tm_authorization_bind(const Authorization *authorization,
								  const char *name, GucAction action);

#endif							/* TENANT_MGR_AUTHORIZATION_H */
