/*
 * health_settings.c
 *		The settings of connection health.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker_internals.h"
#include "utils/guc.h"

#include "base/setting.h"
#include "connections/connection_host.h"
#include "connections/health.h"

/* the settings; written by the GUC machinery only */
int			tm_health_slots = 256;
int			tm_health_workers = 2;
int			tm_health_interval = 10 * 1000;
int			tm_health_timeout = 5 * 1000;
static int	health_failure_threshold = 3;
static int	health_recovery_threshold = 2;
static int	health_max_backoff = 60 * 1000;
static int	health_degraded_latency = 1000;

static void define_round_settings(void);
static void define_breaker_settings(void);

void
tm_health_settings_define(void)
{
	define_round_settings();
	define_breaker_settings();
	tm_connection_host_define();
}

void
tm_health_policy(HealthPolicy *policy)
{
	policy->breaker.failure_threshold = health_failure_threshold;
	policy->breaker.recovery_threshold = health_recovery_threshold;
	policy->breaker.interval_ms = tm_health_interval;
	policy->breaker.max_backoff_ms = health_max_backoff;
	policy->degraded_latency_ms = health_degraded_latency;
}

static void
define_round_settings(void)
{
	/* Loaded later, there is no shared memory and the number means nothing. */
	tm_setting_define_int("tenant_mgr.health_slots",
						  "Sets the number of connections whose health is kept in shared memory.",
						  "Zero means that no connection is looked at in the background.",
						  &tm_health_slots,
						  256,
						  0, 100000,
						  process_shared_preload_libraries_in_progress ?
						  PGC_POSTMASTER : PGC_SIGHUP,
						  0,
						  NULL,
						  NULL,
						  NULL);

	tm_setting_define_int("tenant_mgr.health_workers",
						  "Sets the number of databases whose connections are looked at at the same time.",
						  "Each takes one of max_worker_processes while it lasts.",
						  &tm_health_workers,
						  2,
						  1, MAX_PARALLEL_WORKER_LIMIT,
						  PGC_SIGHUP,
						  0,
						  NULL,
						  NULL,
						  NULL);

	tm_setting_define_int("tenant_mgr.health_interval",
						  "Sets the time from one look at a connection to the next.",
						  "Zero means that connections are not looked at in the background.",
						  &tm_health_interval,
						  10 * 1000,
						  0, 24 * 60 * 60 * 1000,
						  PGC_SUSET,
						  GUC_UNIT_MS,
						  NULL,
						  NULL,
						  NULL);

	tm_setting_define_int("tenant_mgr.health_timeout",
						  "Sets the time in which a server has to answer when its health is checked.",
						  NULL,
						  &tm_health_timeout,
						  5 * 1000,
						  1, 10 * 60 * 1000,
						  PGC_SUSET,
						  GUC_UNIT_MS,
						  NULL,
						  NULL,
						  NULL);
}

static void
define_breaker_settings(void)
{
	tm_setting_define_int("tenant_mgr.health_failure_threshold",
						  "Sets the number of failures in a row that make a connection unhealthy.",
						  NULL,
						  &health_failure_threshold,
						  3,
						  1, 1000,
						  PGC_SUSET,
						  0,
						  NULL,
						  NULL,
						  NULL);

	tm_setting_define_int("tenant_mgr.health_recovery_threshold",
						  "Sets the number of successes in a row that make it healthy again.",
						  NULL,
						  &health_recovery_threshold,
						  2,
						  1, 1000,
						  PGC_SUSET,
						  0,
						  NULL,
						  NULL,
						  NULL);

	tm_setting_define_int("tenant_mgr.health_max_backoff",
						  "Sets the longest time between two looks at an unhealthy connection.",
						  "It is looked at after tenant_mgr.health_interval, and then after twice as long each time.",
						  &health_max_backoff,
						  60 * 1000,
						  0, 24 * 60 * 60 * 1000,
						  PGC_SUSET,
						  GUC_UNIT_MS,
						  NULL,
						  NULL,
						  NULL);

	tm_setting_define_int("tenant_mgr.health_degraded_latency",
						  "Sets the time that a server may take to answer without being degraded.",
						  "Zero means any time.",
						  &health_degraded_latency,
						  1000,
						  0, 10 * 60 * 1000,
						  PGC_SUSET,
						  GUC_UNIT_MS,
						  NULL,
						  NULL,
						  NULL);
}
