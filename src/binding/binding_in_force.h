/*
 * binding_in_force.h
 *		The binding that decides what may be used.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BINDING_IN_FORCE_H
#define TENANT_MGR_BINDING_IN_FORCE_H

#include "binding/binding.h"

/*
 * The binding if it has been verified, or NULL, also when it is not the one
 * that the session is locked to.  Only its id and schema are of use to a
 * parallel worker.  Needs a transaction.
 */
extern Binding *tm_binding_in_force(void);

#endif							/* TENANT_MGR_BINDING_IN_FORCE_H */
