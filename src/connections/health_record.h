/*
 * health_record.h
 *		What is known of the health of one server.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_HEALTH_RECORD_H
#define TENANT_MGR_HEALTH_RECORD_H

#include "datatype/timestamp.h"

#include "connections/breaker.h"

#define HEALTH_WINDOW		64
#define HEALTH_ERROR_SIZE	256
#define HEALTH_VERSION_SIZE	64

typedef enum HealthStatus
{
	HEALTH_UNKNOWN,				/* has not been looked at, or could not be */
	HEALTH_HEALTHY,
	HEALTH_DEGRADED,			/* answers, but something is wrong with it */
	HEALTH_UNHEALTHY			/* does not answer */
} HealthStatus;

/* What is told about a server */
typedef struct HealthState
{
	HealthStatus status;		/* the sum of it */
	BreakerState breaker;		/* whether it should be used */
	int			consecutive_failures;	/* up to now */
	int			nprobes;		/* how many the following are about */
	double		success_rate;	/* part of them that were answered, 0 to 1 */
	double		latency_avg_ms; /* of those answered, if there are any */
	double		latency_p95_ms; /* likewise */
	TimestampTz last_checked;	/* end of the last probe, or 0 */
	TimestampTz last_success;	/* end of the last one answered, or 0 */
	TimestampTz last_change;	/* when the status became what it is, or 0 */
	bool		in_recovery;	/* according to the last answer */
	char		server_version[HEALTH_VERSION_SIZE];	/* likewise, or empty */
	char		last_error[HEALTH_ERROR_SIZE];	/* the last one, or empty */
} HealthState;

/* A server as it is kept; all zeros is one that nothing is known of */
typedef struct HealthRecord
{
	HealthState state;			/* what is told */
	Breaker		breaker;		/* why */
	int			next;			/* where the next probe goes in the window */
	float		latency[HEALTH_WINDOW]; /* of the last probes; negative: no
										 * answer */
} HealthRecord;

/* What came of looking at it once */
typedef struct HealthFinding
{
	TimestampTz found_at;		/* when */
	bool		checked;		/* false if it could not be tried at all */
	bool		answered;		/* if it was, has the server answered? */
	bool		wrong_role;		/* if so, not as what it is registered? */
	bool		in_recovery;	/* if so, is it a standby? */
	double		latency_ms;		/* if so, how long that took */
	const char *server_version; /* if so, what it says about itself */
	const char *error;			/* what is wrong, or NULL */
} HealthFinding;

/* When something is wrong, and when to look again */
typedef struct HealthPolicy
{
	BreakerPolicy breaker;		/* how many failures are too many */
	int			degraded_latency_ms;	/* what is too slow, or 0 */
} HealthPolicy;

extern void tm_health_record_add(HealthRecord *record,
								 const HealthFinding *finding,
								 const HealthPolicy *policy);

/* The status that one finding alone amounts to. */
extern HealthStatus tm_health_finding_status(const HealthFinding *finding,
											 const HealthPolicy *policy);

/* When it has to be looked at again. */
extern TimestampTz tm_health_record_due(const HealthRecord *record,
										const HealthPolicy *policy);

/*
 * Is the next probe likely to take long, compared with the time that it has?
 */
extern bool tm_health_record_is_suspect(const HealthRecord *record,
										int timeout_ms);

/* unknown, healthy, degraded or unhealthy */
extern const char *tm_health_status_name(HealthStatus status);

#endif							/* TENANT_MGR_HEALTH_RECORD_H */
