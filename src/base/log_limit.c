/*
 * log_limit.c
 *		How many lines a role can have written into the server's log.
 *
 * What somebody tries and is refused goes to the log even where the error is
 * caught, so a loop in one statement would fill a disk.  Each role that has
 * logged in, whatever it has changed to since, has a budget for each kind of
 * line, which fills up again with time; there is a line with each that is
 * spent, and the first one after a pause tells how many were left out.  Nobody
 * else's lines are left out for it.
 *
 * The budgets are in shared memory, or else a session has some of its own.
 * There is a fixed number of places, found by a hash.  A budget that is full is
 * as good as none, so whoever needs its place gets it; two roles that are busy
 * at the same place at the same time share one.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "base/log_limit.h"

#define PLACES				512
#define LINES_AT_ONCE		100
#define LINES_PER_SECOND	5

/* What is left to a role */
typedef struct Budget
{
	Oid			roleid;			/* whose it is, or was */
	LogLimitKind kind;			/* for which lines */
	double		lines;			/* so many were left */
	TimestampTz as_of;			/* at this time, or 0 if it was never used */
	uint64		left_out;		/* lines since the last one that was written */
} Budget;

typedef struct LogLimits
{
	slock_t		mutex;			/* guards the rest */
	Budget		budgets[PLACES];
} LogLimits;

/* in shared memory; written by tm_log_limit_shmem_startup() */
static LogLimits *shared = NULL;

/* this session's own, where there is no shared memory */
static Budget own_budgets[PLACES];

static bool spend(Budget *budget, Oid roleid, LogLimitKind kind,
				  TimestampTz now, uint64 *left_out);

void
tm_log_limit_shmem_request(void)
{
	RequestAddinShmemSpace(MAXALIGN(sizeof(LogLimits)));
}

void
tm_log_limit_shmem_startup(void)
{
	bool		found;

	shared = ShmemInitStruct("tenant_mgr log limits", sizeof(LogLimits),
							 &found);
	if (found)
		return;
	memset(shared, 0, sizeof(LogLimits));
	SpinLockInit(&shared->mutex);
}

bool
tm_log_limit_admits(LogLimitKind kind, uint64 *left_out)
{
	Oid			roleid = GetSessionUserId();
	TimestampTz now = GetCurrentTimestamp();
	uint32		place = hash_combine(murmurhash32(roleid), kind) % PLACES;
	bool		admitted;

	if (shared == NULL)
		return spend(&own_budgets[place], roleid, kind, now, left_out);
	SpinLockAcquire(&shared->mutex);
	admitted = spend(&shared->budgets[place], roleid, kind, now, left_out);
	SpinLockRelease(&shared->mutex);
	return admitted;
}

/* A handful of instructions, for a spinlock is held. */
static bool
spend(Budget *budget, Oid roleid, LogLimitKind kind, TimestampTz now,
	  uint64 *left_out)
{
	/* The clock may have been set back. */
	if (now > budget->as_of)
		budget->lines += (double) (now - budget->as_of) / USECS_PER_SEC *
			LINES_PER_SECOND;
	budget->as_of = now;
	if (budget->lines >= LINES_AT_ONCE)
	{
		budget->lines = LINES_AT_ONCE;
		if (budget->roleid != roleid || budget->kind != kind)
			budget->left_out = 0;
		budget->roleid = roleid;
		budget->kind = kind;
	}

	*left_out = budget->left_out;
	if (budget->lines < 1)
	{
		budget->left_out++;
		return false;
	}
	budget->lines -= 1;
	budget->left_out = 0;
	return true;
}

char *
tm_log_limit_detail(uint64 left_out)
{
	if (left_out == 0)
		return NULL;
	return psprintf(_("Messages of this kind about the same role that were left out before: %llu."),
					(unsigned long long) left_out);
}
