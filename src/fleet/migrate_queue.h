/*
 * migrate_queue.h
 *		Who of the tenants is next, and how far the run has got.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_QUEUE_H
#define TENANT_MGR_MIGRATE_QUEUE_H

#include "datatype/timestamp.h"
#include "storage/condition_variable.h"
#include "utils/uuid.h"

#include "fleet/migrate.h"
#include "fleet/migrate_tenant.h"

/* Tenants that are done before others are begun with */
typedef enum MigrateStage
{
	MIGRATE_TEMPLATES,
	MIGRATE_CANARIES,
	MIGRATE_REST
} MigrateStage;

#define MIGRATE_STAGES	(MIGRATE_REST + 1)

/* No worker, as the taker of a tenant: the director itself */
#define MIGRATE_NOBODY	0

typedef enum QueueItemState
{
	ITEM_WAITING,
	ITEM_TAKEN,
	ITEM_DONE,
	ITEM_FAILED
} QueueItemState;

/* One tenant */
typedef struct QueueItem
{
	pg_uuid_t	id;				/* which */
	int8		state;			/* QueueItemState */
	int16		tries;			/* attempts that have failed */
	int			taker;			/* process that has taken it */
	TimestampTz not_before;		/* waits for this time after one of them */
} QueueItem;

/*
 * In shared memory if there are workers.  The first part does not change; what
 * follows does under a lock.
 */
typedef struct MigrateQueue
{
	MigrateRun	run;			/* what is done */
	bool		shared;			/* in shared memory? */
	int			nitems;			/* number of tenants */
	int			stage_end[MIGRATE_STAGES];	/* first tenant after each stage */

	ConditionVariable changed;	/* something of what follows has */
	MigrateStage stage;			/* which tenants are handed out now */
	int			next;			/* first that nobody has tried */
	int			ndone;			/* that have all, or are no more */
	int			nfailed;		/* that do not get on */
	int			ntaken;			/* that somebody works on */
	int64		napplied;		/* migrations that were applied */
	int			ndiffering;		/* tenants that are not like their templates */
	bool		stopped;		/* no more are handed out */
	MigrateFailure failure;		/* the first, once nfailed is not 0 */
	MigrateFailure difference;	/* the first, once ndiffering is not 0 */

	QueueItem	items[FLEXIBLE_ARRAY_MEMBER];
} MigrateQueue;

/* How far it has got */
typedef struct QueueCounts
{
	MigrateStage stage;
	int			nitems;
	int			ndone;
	int			nfailed;
	int64		napplied;
	int			ndiffering;
	bool		stopped;
	bool		ended;			/* nothing is left, and nobody at work */
} QueueCounts;

/* The lock that queues in shared memory are guarded by. */
extern void tm_migrate_shmem_request(void);
extern void tm_migrate_shmem_startup(void);

/* Bytes for so many tenants, and what makes memory of that size a queue. */
extern Size tm_migrate_queue_size(int nitems);
extern void tm_migrate_queue_init(MigrateQueue *queue, const MigrateRun *run,
								  int nitems, bool shared);

/*
 * Take a tenant.  Returns its number, or -1 when there is nothing to do for the
 * moment, or at all: then *wait is for how many milliseconds, or -1.
 */
extern int	tm_migrate_queue_take(MigrateQueue *queue, int taker, long *wait);

/* It is over with a tenant that was taken. */
extern void tm_migrate_queue_put(MigrateQueue *queue, int item,
								 const MigrateOutcome *outcome);

/* One that was taken by a worker which is no more, or -1. */
extern int	tm_migrate_queue_orphan(MigrateQueue *queue);

/* Is there nothing left to be taken, now or later? */
extern bool tm_migrate_queue_is_over(MigrateQueue *queue);

/* Nobody takes any more from now on. */
extern void tm_migrate_queue_stop(MigrateQueue *queue);

extern QueueCounts tm_migrate_queue_counts(MigrateQueue *queue);

#endif							/* TENANT_MGR_MIGRATE_QUEUE_H */
