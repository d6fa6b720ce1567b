/*
 * storage.h
 *		The files of a clone's relations.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_STORAGE_H
#define TENANT_MGR_STORAGE_H

#include "clone/clone_state.h"

/*
 * Create the files: empty ones for tables, complete ones for sequences.
 * Transaction abort removes them.
 */
extern void tm_storage_create_files(CloneState *state);

/*
 * Let the relation cache know that the files are new, which matters with
 * wal_level = minimal.  The catalog rows must be visible.
 */
extern void tm_storage_announce_files(CloneState *state);

/*
 * Make the indexes valid that have no entries yet and are neither copied nor
 * built.  The catalog rows must be visible.
 */
extern void tm_storage_init_indexes(CloneState *state);

/* Build the indexes for which that was decided; rows must be in place. */
extern void tm_storage_build_indexes(CloneState *state);

#endif							/* TENANT_MGR_STORAGE_H */
