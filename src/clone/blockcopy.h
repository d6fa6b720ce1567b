/*
 * blockcopy.h
 *		Relation contents, block by block.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BLOCKCOPY_H
#define TENANT_MGR_BLOCKCOPY_H

#include "clone/clone_state.h"

/*
 * Decide for every relation with rows how they are copied.  In the share
 * mode, what is copied block by block is locked against writers already.
 */
extern void tm_blockcopy_choose(CloneState *state);

/* Copy the tables and indexes for which that was decided. */
extern void tm_blockcopy_relations(CloneState *state);

#endif							/* TENANT_MGR_BLOCKCOPY_H */
