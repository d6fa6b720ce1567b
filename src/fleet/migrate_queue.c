/*
 * migrate_queue.c
 *		Who of the tenants is next, and how far the run has got.
 *
 * The tenants stand in a row: templates, canaries, the rest.  Whoever has time
 * takes the next one of the present stage; a stage ends when each of its tenants
 * is done or has failed for good.  One that was in somebody's way goes back and
 * is taken again after a pause, which grows with each try, when nobody is left
 * who has not been tried.
 *
 * Where workers share a queue it is guarded by one lock for all runs, which is held
 * for moments.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"

#include "fleet/migrate_queue.h"

/* The first pause, and the longest */
#define FIRST_PAUSE_MS	100
#define LONGEST_PAUSE_MS	10000

#define LOCK_NAME	"tenant_mgr migrate"

/* guards all queues in shared memory; written by tm_migrate_shmem_startup */
static LWLock *queue_lock = NULL;

static void lock_queue(const MigrateQueue *queue);
static void unlock_queue(const MigrateQueue *queue);
static int	find_waiting(MigrateQueue *queue, TimestampTz now, long *wait);
static void end_item(MigrateQueue *queue, QueueItem *item, bool failed,
					 const MigrateOutcome *outcome);
static int	pause_after(int tries);
static bool is_over(const MigrateQueue *queue);

void
tm_migrate_shmem_request(void)
{
	RequestNamedLWLockTranche(LOCK_NAME, 1);
}

void
tm_migrate_shmem_startup(void)
{
	queue_lock = &GetNamedLWLockTranche(LOCK_NAME)->lock;
}

Size
tm_migrate_queue_size(int nitems)
{
	return add_size(offsetof(MigrateQueue, items),
					mul_size(sizeof(QueueItem), nitems));
}

void
tm_migrate_queue_init(MigrateQueue *queue, const MigrateRun *run, int nitems,
					  bool shared)
{
	memset(queue, 0, tm_migrate_queue_size(nitems));
	queue->run = *run;
	queue->nitems = nitems;
	ConditionVariableInit(&queue->changed);
	queue->shared = shared;
}

int
tm_migrate_queue_take(MigrateQueue *queue, int taker, long *wait)
{
	TimestampTz now = GetCurrentTimestamp();
	int			taken = -1;

	*wait = -1;
	lock_queue(queue);
	while (queue->stage < MIGRATE_REST &&
		   queue->ndone + queue->nfailed >= queue->stage_end[queue->stage])
		queue->stage++;
	if (!queue->stopped)
	{
		if (queue->next < queue->stage_end[queue->stage])
			taken = queue->next++;
		else
			taken = find_waiting(queue, now, wait);
	}
	if (taken >= 0)
	{
		queue->items[taken].state = ITEM_TAKEN;
		queue->items[taken].taker = taker;
		queue->ntaken++;
	}
	unlock_queue(queue);
	return taken;
}

void
tm_migrate_queue_put(MigrateQueue *queue, int number,
					 const MigrateOutcome *outcome)
{
	QueueItem  *item = &queue->items[number];
	TimestampTz now = GetCurrentTimestamp();

	lock_queue(queue);
	queue->ntaken--;
	queue->napplied += outcome->napplied;
	if (outcome->differs && queue->ndiffering++ == 0)
		queue->difference = outcome->difference;
	item->taker = MIGRATE_NOBODY;
	if (outcome->end == MIGRATE_RETRY && item->tries < queue->run.retries)
	{
		item->tries++;
		item->state = ITEM_WAITING;
		item->not_before = TimestampTzPlusMilliseconds(now,
													   pause_after(item->tries));
	}
	else
		end_item(queue, item, outcome->end != MIGRATE_DONE, outcome);
	unlock_queue(queue);
	ConditionVariableBroadcast(&queue->changed);
}

int
tm_migrate_queue_orphan(MigrateQueue *queue)
{
	int			orphan = -1;

	lock_queue(queue);
	for (int i = 0; i < queue->next && orphan < 0; i++)
	{
		const QueueItem *item = &queue->items[i];

		if (item->state == ITEM_TAKEN && item->taker != MIGRATE_NOBODY &&
			BackendPidGetProc(item->taker) == NULL)
			orphan = i;
	}
	unlock_queue(queue);
	return orphan;
}

bool
tm_migrate_queue_is_over(MigrateQueue *queue)
{
	bool		over;

	lock_queue(queue);
	over = queue->stopped || queue->ndone + queue->nfailed >= queue->nitems;
	unlock_queue(queue);
	return over;
}

void
tm_migrate_queue_stop(MigrateQueue *queue)
{
	lock_queue(queue);
	queue->stopped = true;
	unlock_queue(queue);
	ConditionVariableBroadcast(&queue->changed);
}

QueueCounts
tm_migrate_queue_counts(MigrateQueue *queue)
{
	QueueCounts counts;

	lock_queue(queue);
	counts.stage = queue->stage;
	counts.nitems = queue->nitems;
	counts.ndone = queue->ndone;
	counts.nfailed = queue->nfailed;
	counts.napplied = queue->napplied;
	counts.ndiffering = queue->ndiffering;
	counts.stopped = queue->stopped;
	counts.ended = is_over(queue);
	unlock_queue(queue);
	return counts;
}

static void
lock_queue(const MigrateQueue *queue)
{
	if (queue->shared)
		LWLockAcquire(queue_lock, LW_EXCLUSIVE);
}

static void
unlock_queue(const MigrateQueue *queue)
{
	if (queue->shared)
		LWLockRelease(queue_lock);
}

/* One whose pause is over; or -1, and how long there will be none. */
static int
find_waiting(MigrateQueue *queue, TimestampTz now, long *wait)
{
	TimestampTz soonest = DT_NOEND;

	/* All others are done, have failed, or are being worked on. */
	if (queue->ndone + queue->nfailed + queue->ntaken >= queue->next)
		return -1;
	for (int i = 0; i < queue->next; i++)
	{
		const QueueItem *item = &queue->items[i];

		if (item->state != ITEM_WAITING)
			continue;
		if (item->not_before <= now)
			return i;
		soonest = Min(soonest, item->not_before);
	}
	if (soonest != DT_NOEND)
		*wait = (soonest - now) / 1000 + 1;
	return -1;
}

/* After a canary, or when it was asked for, a failure is the end of all. */
static void
end_item(MigrateQueue *queue, QueueItem *item, bool failed,
		 const MigrateOutcome *outcome)
{
	item->state = failed ? ITEM_FAILED : ITEM_DONE;
	if (!failed)
	{
		queue->ndone++;
		return;
	}
	if (queue->nfailed++ == 0)
		queue->failure = outcome->failure;
	if (queue->run.stop_on_error || queue->stage == MIGRATE_CANARIES)
		queue->stopped = true;
}

static int
pause_after(int tries)
{
	int			ms = FIRST_PAUSE_MS;

	while (--tries > 0 && ms < LONGEST_PAUSE_MS)
		ms *= 2;
	return Min(ms, LONGEST_PAUSE_MS);
}

static bool
is_over(const MigrateQueue *queue)
{
	return queue->ntaken == 0 &&
		(queue->stopped || queue->ndone + queue->nfailed >= queue->nitems);
}
