/*
 * health_record.c
 *		What is known of the health of one server.
 *
 * A record is the sum of the last probes.  The figures are those of a window
 * of HEALTH_WINDOW probes; the status follows the last few of them, so that
 * it does not wait for old ones to be forgotten:
 *
 *	unknown		nobody has looked, or could look the last time
 *	unhealthy	the breaker is not closed, or the server has never answered
 *	degraded	the last probe was not answered, or by a server in another
 *				role, or the last RECENT ones took too long on average
 *	healthy		otherwise
 *
 * Nothing here looks at a clock or at shared memory.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/timestamp.h"

#include "connections/health_record.h"

#define NOT_ANSWERED	(-1.0f)
#define RECENT			5
#define SUSPECT_RATE	0.75
#define SUSPECT_PART	0.25

static const char *const status_names[] = {
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_DEGRADED] = "degraded",
	[HEALTH_UNHEALTHY] = "unhealthy"
};

static void add_to_window(HealthRecord *record, float latency);
static void sum_up_window(HealthRecord *record);
static int	compare_floats(const void *a, const void *b);
static HealthStatus status_of(const HealthRecord *record,
							  const HealthFinding *finding,
							  const HealthPolicy *policy);
static bool is_slow(const HealthRecord *record, const HealthPolicy *policy);
static void keep_text(char *place, Size size, const char *text);

void
tm_health_record_add(HealthRecord *record, const HealthFinding *finding,
					 const HealthPolicy *policy)
{
	HealthState *state = &record->state;
	HealthStatus status;

	state->last_checked = finding->found_at;
	if (finding->error != NULL)
		keep_text(state->last_error, HEALTH_ERROR_SIZE, finding->error);
	if (finding->checked)
	{
		tm_breaker_end(&record->breaker, finding->answered, &policy->breaker);
		add_to_window(record, finding->answered ?
					  (float) finding->latency_ms : NOT_ANSWERED);
		sum_up_window(record);
		state->breaker = record->breaker.state;
		state->consecutive_failures = record->breaker.failures;
	}
	if (finding->checked && finding->answered)
	{
		state->last_success = finding->found_at;
		state->in_recovery = finding->in_recovery;
		keep_text(state->server_version, HEALTH_VERSION_SIZE,
				  finding->server_version);
	}

	status = status_of(record, finding, policy);
	if (status != state->status)
	{
		state->status = status;
		state->last_change = finding->found_at;
	}
}

HealthStatus
tm_health_finding_status(const HealthFinding *finding,
						 const HealthPolicy *policy)
{
	if (!finding->checked)
		return HEALTH_UNKNOWN;
	if (!finding->answered)
		return HEALTH_UNHEALTHY;
	if (finding->wrong_role ||
		(policy->degraded_latency_ms > 0 &&
		 finding->latency_ms > policy->degraded_latency_ms))
		return HEALTH_DEGRADED;
	return HEALTH_HEALTHY;
}

TimestampTz
tm_health_record_due(const HealthRecord *record, const HealthPolicy *policy)
{
	return TimestampTzPlusMilliseconds(record->state.last_checked,
									   tm_breaker_pause(&record->breaker,
														&policy->breaker));
}

/* A server that answers now and then is no better than one that never does. */
bool
tm_health_record_is_suspect(const HealthRecord *record, int timeout_ms)
{
	const HealthState *state = &record->state;

	if (state->nprobes == 0)
		return false;
	return state->consecutive_failures > 0 ||
		state->success_rate < SUSPECT_RATE ||
		state->latency_avg_ms > timeout_ms * SUSPECT_PART;
}

const char *
tm_health_status_name(HealthStatus status)
{
	return status_names[status];
}

static void
add_to_window(HealthRecord *record, float latency)
{
	record->latency[record->next] = latency;
	record->next = (record->next + 1) % HEALTH_WINDOW;
	record->state.nprobes = Min(record->state.nprobes + 1, HEALTH_WINDOW);
}

/* The 95th percentile is the smallest latency that 95% do not exceed. */
static void
sum_up_window(HealthRecord *record)
{
	HealthState *state = &record->state;
	float		answered[HEALTH_WINDOW];
	double		sum = 0;
	int			nanswered = 0;
	int			i;

	for (i = 0; i < state->nprobes; i++)
	{
		if (record->latency[i] == NOT_ANSWERED)
			continue;
		answered[nanswered++] = record->latency[i];
		sum += record->latency[i];
	}
	state->success_rate = (double) nanswered / state->nprobes;
	state->latency_avg_ms = NOT_ANSWERED;
	state->latency_p95_ms = NOT_ANSWERED;
	if (nanswered == 0)
		return;

	qsort(answered, nanswered, sizeof(float), compare_floats);
	state->latency_avg_ms = sum / nanswered;
	state->latency_p95_ms = answered[(nanswered * 95 + 99) / 100 - 1];
}

static int
compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x > y) - (x < y);
}

static HealthStatus
status_of(const HealthRecord *record, const HealthFinding *finding,
		  const HealthPolicy *policy)
{
	if (!finding->checked)
		return HEALTH_UNKNOWN;
	if (record->breaker.state != BREAKER_CLOSED ||
		record->state.last_success == 0)
		return HEALTH_UNHEALTHY;
	if (!finding->answered || finding->wrong_role || is_slow(record, policy))
		return HEALTH_DEGRADED;
	return HEALTH_HEALTHY;
}

static bool
is_slow(const HealthRecord *record, const HealthPolicy *policy)
{
	double		sum = 0;
	int			nanswered = 0;
	int			i;

	for (i = 1; i <= Min(record->state.nprobes, RECENT); i++)
	{
		float		latency = record->latency[(record->next - i +
											   HEALTH_WINDOW) % HEALTH_WINDOW];

		if (latency == NOT_ANSWERED)
			continue;
		sum += latency;
		nanswered++;
	}
	return policy->degraded_latency_ms > 0 && nanswered > 0 &&
		sum / nanswered > policy->degraded_latency_ms;
}

static void
keep_text(char *place, Size size, const char *text)
{
	int			length = pg_mbcliplen(text, strlen(text), size - 1);

	memcpy(place, text, length);
	place[length] = '\0';
}
