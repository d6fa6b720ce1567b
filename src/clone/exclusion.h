/*
 * exclusion.h
 *		Whose rows travel into a clone, and what else would show those that do
 *		not.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_EXCLUSION_H
#define TENANT_MGR_EXCLUSION_H

#include "clone/clone_state.h"

/*
 * Mark the members whose rows travel, and those that show rows that do not.
 * Raises TM009 if rows that travel refer to some that do not.
 */
extern void tm_exclusion_decide(CloneState *state);

#endif							/* TENANT_MGR_EXCLUSION_H */
