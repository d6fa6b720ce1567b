/*
 * health_policy.h
 *		How often a session has servers looked at, and when it calls them ill.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_HEALTH_POLICY_H
#define TENANT_MGR_HEALTH_POLICY_H

#include "connections/health_record.h"

extern int	tm_health_interval; /* ms between looks at a connection, or 0 */
extern int	tm_health_timeout;	/* ms that a server has to answer in */
extern int	tm_health_failure_threshold;	/* failures until unhealthy */
extern int	tm_health_recovery_threshold;	/* successes until healthy */
extern int	tm_health_max_backoff;	/* ms between looks, at most */
extern int	tm_health_degraded_latency; /* ms that are too slow, or 0 */

/* What the settings of this session amount to. */
extern void tm_health_policy(HealthPolicy *policy);

#endif							/* TENANT_MGR_HEALTH_POLICY_H */
