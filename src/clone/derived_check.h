/*
 * derived_check.h
 *		Whether rows of a clone are what its constraints say, where that depends
 *		on OIDs.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DERIVED_CHECK_H
#define TENANT_MGR_DERIVED_CHECK_H

#include "clone/clone_state.h"

/* Raise TM009 for a check that is not true for a row of the clone. */
extern void tm_derived_check_rows(CloneState *state);

/*
 * Note the clone's foreign keys between columns of which one changes and the
 * other does not, to be checked when tables outside are locked.
 */
extern void tm_derived_note_references(CloneState *state);

#endif							/* TENANT_MGR_DERIVED_CHECK_H */
