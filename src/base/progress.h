/*
 * progress.h
 *		How far long operations have got.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PROGRESS_H
#define TENANT_MGR_PROGRESS_H

typedef enum ProgressOperation
{
	PROGRESS_CREATE,
	PROGRESS_CLONE,
	PROGRESS_SNAPSHOT,
	PROGRESS_ROLLBACK,
	PROGRESS_PURGE,
	PROGRESS_ENCRYPT,
	PROGRESS_MIGRATE
} ProgressOperation;

typedef enum ProgressPhase
{
	PROGRESS_LOCKING,
	PROGRESS_READING_CATALOGS,
	PROGRESS_WRITING_CATALOGS,
	PROGRESS_CREATING_FILES,
	PROGRESS_COPYING_BLOCKS,
	PROGRESS_COPYING_ROWS,
	PROGRESS_BUILDING_INDEXES,
	PROGRESS_DROPPING_OBJECTS,
	PROGRESS_SEALING_ROWS,
	PROGRESS_MIGRATING_TEMPLATES,
	PROGRESS_MIGRATING_CANARIES,
	PROGRESS_MIGRATING_TENANTS
} ProgressPhase;

/* How much shared memory this takes, and what happens when it is there. */
extern void tm_progress_shmem_request(void);
extern void tm_progress_shmem_startup(void);

/*
 * From begin to end, or to the end of the transaction or savepoint if that
 * fails, the session is shown to work for the tenant.  Nothing of this can
 * fail, and nothing happens without shared memory.  An empty name stands for
 * many tenants.
 */
extern void tm_progress_begin(ProgressOperation operation, const char *tenant);
extern void tm_progress_end(void);

/*
 * Another phase, and what there is to do in it: a number of items (relations,
 * or the objects of a purge), or a number of items and bytes; 0 if that is
 * not known.
 */
extern void tm_progress_phase(ProgressPhase phase, uint64 items, uint64 bytes);

/* That much more of it has been done. */
extern void tm_progress_add(uint64 items, uint64 bytes);

/*
 * For parallel workers: what they add counts for the session whose number
 * this is.  The number is that of the leader, or -1, which is nobody.
 */
extern int	tm_progress_number(void);
extern void tm_progress_join(int number);

#endif							/* TENANT_MGR_PROGRESS_H */
