/*
 * health_check.c
 *		Looking at a connection, and telling when its health has changed.
 *
 * tenant.check_connection() does at once, for one connection, what the
 * workers do for all of them from time to time.  It needs neither workers nor
 * shared memory; where there is shared memory, what it finds counts.
 *
 * That a connection turns out to be healthy when nothing was known of it is
 * no news.
 *
 * Anybody can listen to a channel, and anybody can send there.  So a
 * notification only says that it is time to look, and at which connection,
 * whose id tells nothing to who may not look.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/async.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "connections/connection_host.h"
#include "connections/conninfo.h"
#include "connections/health.h"
#include "connections/health_check.h"
#include "connections/health_policy.h"
#include "tenants/event.h"

#define NOTIFY_CHANNEL		"tenant_mgr"
#define CHECK_COLUMNS		5
#define HEALTH_COLUMNS		15

static ProbeResult *check_now(const ConnectionInfo *connection,
							  HealthFinding *finding);
static bool is_news(HealthStatus before, HealthStatus after);
static void fill_health_row(const HealthEntry *entry, Datum *values,
							bool *nulls);
static void set_time(Datum *values, bool *nulls, int column,
					 TimestampTz time);
static void set_text(Datum *values, bool *nulls, int column,
					 const char *text);

PG_FUNCTION_INFO_V1(tenant_check_connection);
PG_FUNCTION_INFO_V1(tenant_connection_health);

/* check_connection(connection_name): does it answer now? */
Datum
tenant_check_connection(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ConnectionInfo *connection = tm_connection_lookup(name, false);
	ProbeResult *result;
	HealthFinding finding;
	HealthPolicy policy;
	HealthStatus before;
	HealthStatus after;
	TimestampTz due;
	bool		may_know;
	TupleDesc	desc;
	Datum		values[CHECK_COLUMNS] = {0};
	bool		nulls[CHECK_COLUMNS] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	result = check_now(connection, &finding);
	if (tm_health_add(connection, &finding, &before, &after, &due) &&
		before != after)
	{
		tm_health_check_log(connection, &finding, before, after);
		tm_health_check_announce(connection, &finding, before, after);
	}

	tm_health_policy(&policy);
	set_text(values, nulls, 0,
			 tm_health_status_name(tm_health_finding_status(&finding,
															&policy)));
	values[1] = Float8GetDatum(finding.latency_ms);
	may_know = tm_connection_may_reveal();
	set_text(values, nulls, 2, may_know && result->far_version != NULL ?
			 result->far_version : finding.server_version);
	values[3] = BoolGetDatum(finding.in_recovery);
	nulls[1] = nulls[3] = !finding.answered;
	set_text(values, nulls, 4, may_know && result->far_error != NULL ?
			 result->far_error : finding.error);

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/* connection_health(): what is known of the connections of this database. */
Datum
tenant_connection_health(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, tm_health_list())
	{
		Datum		values[HEALTH_COLUMNS] = {0};
		bool		nulls[HEALTH_COLUMNS] = {0};

		fill_health_row(lfirst(lc), values, nulls);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

void
tm_health_check_target(const ConnectionInfo *connection, ProbeTarget *target)
{
	memset(target, 0, sizeof(*target));
	target->refusal = tm_connection_refusal(connection);
	if (target->refusal == NULL && connection->password != NULL)
		target->password = tm_connection_open_password(connection);
	target->must_use_password = tm_connection_must_use_password(connection);
	target->conninfo = tm_conninfo_build_for_server(connection, NULL);
}

void
tm_health_check_judge(const ConnectionInfo *connection,
					  const ProbeResult *result, HealthFinding *finding)
{
	memset(finding, 0, sizeof(*finding));
	finding->found_at = result->ended_at;
	finding->checked = true;
	finding->answered = result->answered;
	finding->error = result->error;
	if (!result->answered)
		return;

	finding->in_recovery = result->in_recovery;
	finding->latency_ms = result->latency_ms;
	finding->server_version = result->server_version;
	finding->wrong_role = result->in_recovery != connection->is_replica;
	if (!finding->wrong_role)
		return;
	if (result->in_recovery)
		finding->error = _("the server is in recovery, but the connection's role is primary");
	else
		finding->error = _("the server is not in recovery, but the connection's role is replica");
}

void
tm_health_check_log(const ConnectionInfo *connection,
					const HealthFinding *finding,
					HealthStatus before, HealthStatus after)
{
	if (!is_news(before, after))
		return;
	ereport(LOG,
			(errmsg("connection \"%s\" is %s, and was %s before",
					connection->name, tm_health_status_name(after),
					tm_health_status_name(before)),
			 finding->error != NULL ?
			 errdetail_internal("%s", finding->error) : 0,
			 errhidestmt(true),
			 errhidecontext(true)));
}

void
tm_health_check_announce(const ConnectionInfo *connection,
						 const HealthFinding *finding,
						 HealthStatus before, HealthStatus after)
{
	Jsonb	   *detail;
	Jsonb	   *message;

	if (!is_news(before, after) || XactReadOnly || RecoveryInProgress() ||
		IsInParallelMode())
		return;

	detail = tm_event_detail("before", tm_health_status_name(before),
							 "error", finding->error, NULL);
	tm_event_record(tm_health_status_name(after), NULL, connection->name,
					detail);

	message = tm_event_detail("event", tm_health_status_name(after),
							  "connection_id",
							  DatumGetCString(DirectFunctionCall1(uuid_out,
																  UUIDPGetDatum(&connection->id))),
							  "before", tm_health_status_name(before), NULL);
	Async_Notify(NOTIFY_CHANNEL,
				 JsonbToCString(NULL, &message->root, VARSIZE(message)));
}

static ProbeResult *
check_now(const ConnectionInfo *connection, HealthFinding *finding)
{
	ProbeTarget target;
	ProbeResult *result;

	tm_health_check_target(connection, &target);
	result = tm_probe_run(&target, 1, tm_health_timeout, NULL);
	tm_health_check_judge(connection, result, finding);
	return result;
}

static bool
is_news(HealthStatus before, HealthStatus after)
{
	return before != after &&
		!(before == HEALTH_UNKNOWN && after == HEALTH_HEALTHY);
}

static void
fill_health_row(const HealthEntry *entry, Datum *values, bool *nulls)
{
	const HealthState *state = &entry->state;

	values[0] = UUIDPGetDatum(&entry->id);
	set_text(values, nulls, 1, tm_health_status_name(state->status));
	set_text(values, nulls, 2, tm_breaker_state_name(state->breaker));
	values[3] = Float8GetDatum(state->latency_avg_ms);
	values[4] = Float8GetDatum(state->latency_p95_ms);
	values[5] = Float8GetDatum(state->success_rate);
	values[6] = Int32GetDatum(state->nprobes);
	values[7] = Int32GetDatum(state->consecutive_failures);
	set_time(values, nulls, 8, state->last_checked);
	set_time(values, nulls, 9, state->last_success);
	set_time(values, nulls, 10, state->last_change);
	set_time(values, nulls, 11, entry->next_check);
	set_text(values, nulls, 12, state->last_error);
	set_text(values, nulls, 13, state->server_version);
	values[14] = BoolGetDatum(state->in_recovery);

	nulls[3] = nulls[4] = nulls[14] = state->success_rate == 0;
	nulls[5] = state->nprobes == 0;
	nulls[11] = state->last_checked == 0 || tm_health_interval == 0;
}

static void
set_time(Datum *values, bool *nulls, int column, TimestampTz time)
{
	nulls[column] = time == 0;
	values[column] = TimestampTzGetDatum(time);
}

/* There is none if it is empty. */
static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL || text[0] == '\0';

	if (!nulls[column])
		values[column] = CStringGetTextDatum(text);
}
