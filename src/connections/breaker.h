/*
 * breaker.h
 *		When to stop using something that fails, and when to try it again.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BREAKER_H
#define TENANT_MGR_BREAKER_H

typedef enum BreakerState
{
	BREAKER_CLOSED,				/* in use */
	BREAKER_OPEN,				/* not in use */
	BREAKER_HALF_OPEN			/* on trial */
} BreakerState;

/* A breaker; all zeros is one that has just been made */
typedef struct Breaker
{
	BreakerState state;			/* as it is now */
	int			failures;		/* in a row, up to now */
	int			successes;		/* in a row, of the trial */
	int			failed_trials;	/* since it was closed last */
} Breaker;

/* How patient it is */
typedef struct BreakerPolicy
{
	int			failure_threshold;	/* failures in a row that open it */
	int			recovery_threshold; /* successes in a row that close it */
	int			interval_ms;	/* from one attempt to the next */
	int			max_backoff_ms; /* what that grows to while it is open */
} BreakerPolicy;

/* An attempt begins: an open breaker goes on trial. */
extern void tm_breaker_begin(Breaker *breaker);

/* An attempt, begun or not, has ended. */
extern void tm_breaker_end(Breaker *breaker, bool success,
						   const BreakerPolicy *policy);

/* Milliseconds from the end of an attempt to the next one. */
extern int	tm_breaker_pause(const Breaker *breaker,
							 const BreakerPolicy *policy);

/* closed, open or half_open */
extern const char *tm_breaker_state_name(BreakerState state);

#endif							/* TENANT_MGR_BREAKER_H */
