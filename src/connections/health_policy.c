/*
 * health_policy.c
 *		How often a session has servers looked at, and when it calls them ill.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "connections/health_policy.h"

/* the settings; written by the GUC machinery only */
int			tm_health_interval = 10 * 1000;
int			tm_health_timeout = 5 * 1000;
int			tm_health_failure_threshold = 3;
int			tm_health_recovery_threshold = 2;
int			tm_health_max_backoff = 60 * 1000;
int			tm_health_degraded_latency = 1000;

void
tm_health_policy(HealthPolicy *policy)
{
	policy->breaker.failure_threshold = tm_health_failure_threshold;
	policy->breaker.recovery_threshold = tm_health_recovery_threshold;
	policy->breaker.interval_ms = tm_health_interval;
	policy->breaker.max_backoff_ms = tm_health_max_backoff;
	policy->degraded_latency_ms = tm_health_degraded_latency;
}
