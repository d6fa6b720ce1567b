/*
 * keyring.h
 *		The root keys, which come from outside of the database.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_KEYRING_H
#define TENANT_MGR_KEYRING_H

#include "nodes/pg_list.h"

#include "secrets/keyring_text.h"

extern char *tm_key_file;		/* where the root keys are, or '' */
extern char *tm_key_command;	/* what prints them, or '' */

/* The assign hook of the latter. */
extern void tm_keyring_assign_command(const char *newval, void *extra);

/*
 * When the library is loaded by the starting server: read the ring, if one is
 * configured.  FATAL when it cannot be used.
 */
extern void tm_keyring_start(void);

/* Tell all processes what was read; when shared memory is made. */
extern void tm_keyring_shmem_startup(void);

/*
 * Before a new data key is made: a session that nobody tells of a new ring
 * shall look for one, also in the middle of a statement.
 */
extern void tm_keyring_refresh(void);

/*
 * A number that moves when the ring in force is another one.  Needs a
 * transaction.
 */
extern uint64 tm_keyring_generation(void);

/*
 * The key that wraps new data keys, and the one of a version; in guarded
 * memory, valid until the ring is asked for again.  55000 when no ring is
 * configured; TM006 when there is none that can be used or it has no such key.
 */
extern const RootKey *tm_keyring_current(void);
extern const RootKey *tm_keyring_lookup(int32 version);

/* The key of a version, or NULL if the ring that is in force has none. */
extern const RootKey *tm_keyring_find(int32 version);

/*
 * Is there a ring in force?  Tells also, palloc'd, what is wrong with the one
 * that is configured now, or NULL.
 */
extern bool tm_keyring_is_usable(char **problem);

/* The versions in the ring, a palloc'd list of integers; there is one. */
extern List *tm_keyring_versions(void);

/* Is the file where a base backup would include it? */
extern bool tm_keyring_is_in_data_directory(void);

/* Where the ring comes from: "file", "command" or "none". */
extern const char *tm_keyring_source(void);

#endif							/* TENANT_MGR_KEYRING_H */
