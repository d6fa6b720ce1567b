/*
 * breaker.c
 *		When to stop using something that fails, and when to try it again.
 *
 * A breaker is closed as long as there are fewer failures in a row than the
 * policy bears.  Then it is open: attempts are made at growing distances, and
 * each is a trial.  A trial lasts until the policy's number of attempts in a
 * row has succeeded, which closes the breaker, or one has failed, which opens
 * it for twice as long as before.
 *
 * Nothing here looks at a clock or does anything: the caller makes attempts,
 * tells what came of them, and asks how long to wait.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "connections/breaker.h"

static const char *const state_names[] = {
	[BREAKER_CLOSED] = "closed",
	[BREAKER_OPEN] = "open",
	[BREAKER_HALF_OPEN] = "half_open"
};

void
tm_breaker_begin(Breaker *breaker)
{
	if (breaker->state != BREAKER_OPEN)
		return;
	breaker->state = BREAKER_HALF_OPEN;
	breaker->successes = 0;
}

void
tm_breaker_end(Breaker *breaker, bool success, const BreakerPolicy *policy)
{
	tm_breaker_begin(breaker);

	if (!success)
	{
		if (breaker->failures < PG_INT32_MAX)
			breaker->failures++;
		if (breaker->state == BREAKER_HALF_OPEN)
		{
			breaker->state = BREAKER_OPEN;
			if (breaker->failed_trials < PG_INT32_MAX)
				breaker->failed_trials++;
		}
		else if (breaker->failures >= policy->failure_threshold)
		{
			breaker->state = BREAKER_OPEN;
			breaker->failed_trials = 0;
		}
		return;
	}

	breaker->failures = 0;
	if (breaker->state == BREAKER_HALF_OPEN &&
		++breaker->successes >= policy->recovery_threshold)
	{
		breaker->state = BREAKER_CLOSED;
		breaker->failed_trials = 0;
	}
}

int
tm_breaker_pause(const Breaker *breaker, const BreakerPolicy *policy)
{
	int			longest = Max(policy->interval_ms, policy->max_backoff_ms);
	int			pause = policy->interval_ms;
	int			i;

	if (breaker->state != BREAKER_OPEN)
		return pause;
	for (i = 0; i < breaker->failed_trials && pause < longest; i++)
		pause = pause > longest / 2 ? longest : pause * 2;
	return pause;
}

const char *
tm_breaker_state_name(BreakerState state)
{
	return state_names[state];
}
