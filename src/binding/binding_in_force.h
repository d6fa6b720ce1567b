/*
 * binding_in_force.h
 *		The binding that decides what may be used.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BINDING_IN_FORCE_H
#define TENANT_MGR_BINDING_IN_FORCE_H

#include "binding/binding.h"
#include "binding/session_lock.h"

/* A parallel worker has been told the tenant's name and nothing else. */
extern void tm_binding_complete(Binding *binding);

/*
 * The binding if it has been verified, or NULL, also when it is not the one
 * that the session is locked to.  Only its id and schema are of use to a
 * parallel worker.  Needs a transaction.
 */
static inline Binding *
tm_binding_in_force(void)
{
	Binding    *binding = tm_binding_current();

	if (binding == NULL || !binding->verified ||
		!tm_session_lock_is_intact())
		return NULL;
	if (!OidIsValid(binding->nspid))
		tm_binding_complete(binding);
	return binding;
}

#endif							/* TENANT_MGR_BINDING_IN_FORCE_H */
