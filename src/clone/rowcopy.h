/*
 * rowcopy.h
 *		The rows of a clone's tables, one by one.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ROWCOPY_H
#define TENANT_MGR_ROWCOPY_H

#include "clone/clone_state.h"

/*
 * Copy the rows that state->snapshot sees of every table whose rows travel.
 * The catalog rows must be visible, TOAST tables complete, and other indexes
 * not yet built.
 */
extern void tm_rowcopy_tables(CloneState *state);

#endif							/* TENANT_MGR_ROWCOPY_H */
