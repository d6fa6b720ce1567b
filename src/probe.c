/*
 * probe.c
 *		Trying whether servers answer, many at once.
 *
 * A probe connects, asks whether the server is in recovery, and disconnects.
 * Up to MAX_RUNNING of them run side by side; each moves on when its socket
 * is ready, and none is waited for longer than its time.
 *
 * libpq looks up host names before it returns from starting a connection, and
 * nothing can interrupt it.  The clocks of the other probes stand still
 * meanwhile, so that a slow name server is not taken for slow databases.  An
 * address as the host needs no name server.
 *
 * libpq's memory and sockets are not the transaction's.  Every way out of
 * tm_probe_run() goes through end_all().
 *
 * What the other side says is not trusted: a server knows the password that
 * it was sent and could have it shown as an error, so a message with the
 * password in it is not passed on; notices are thrown away, for libpq would
 * write them to the server's log.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "libpq-fe.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "crypto.h"
#include "probe.h"
#include "wipe.h"

#define MAX_RUNNING			64
#define GIVE_UP_CHECK_MS	200
#define MAX_VERSION_LEN		64
#define MAX_MESSAGE_LEN		1000
#define APPLICATION_NAME	"tenant_mgr health"
#define NO_PASSWORD_FILE	"/dev/null/none"
#define QUESTION			"SELECT pg_catalog.pg_is_in_recovery()"

typedef enum ProbePhase
{
	PROBE_CONNECTING,			/* until the server lets us in */
	PROBE_ASKING				/* until it has answered */
} ProbePhase;

/* One that is under way */
typedef struct RunningProbe
{
	int			number;			/* which target it is */
	PGconn	   *conn;			/* the connection */
	ProbePhase	phase;			/* what is waited for */
	uint32		events;			/* and when to look at the socket again */
	double		started_at;		/* when, in ms */
} RunningProbe;

/* All of them */
typedef struct ProbeRun
{
	ProbeTarget *targets;		/* as given */
	ProbeResult *results;		/* as returned */
	int			ntargets;		/* number of both */
	int			nstarted;		/* so many have been begun, in their order */
	int			nrunning;		/* so many of these have not ended */
	int			timeout_ms;		/* for each */
	RunningProbe running[MAX_RUNNING];	/* in no order */
	WaitEventSet *set;			/* while we wait, else NULL */
	double		asked_at;		/* when it was asked whether to give up */
	const ProbeHooks *hooks;	/* as given */
} ProbeRun;

static bool run_to_end(ProbeRun *run);
static bool is_given_up(ProbeRun *run);
static void start_some(ProbeRun *run);
static void start_one(ProbeRun *run);
static void wait_for_any(ProbeRun *run, int max_wait_ms);
static void create_wait_set(ProbeRun *run);
static void advance(ProbeRun *run, RunningProbe *probe);
static void connect_further(ProbeRun *run, RunningProbe *probe);
static void send_question(ProbeRun *run, RunningProbe *probe);
static void read_answer(ProbeRun *run, RunningProbe *probe);
static void take_answer(ProbeRun *run, RunningProbe *probe,
						const PGresult *answer);
static void expire(ProbeRun *run);
static double next_expiry(const ProbeRun *run);
static void fail(ProbeRun *run, RunningProbe *probe, const char *message);
static void report(ProbeRun *run, RunningProbe *probe);
static void end_one(RunningProbe *probe);
static void forget_ended(ProbeRun *run);
static void end_all(ProbeRun *run);
static void wipe_copies(const ProbeTarget *target);
static char *presentable(const char *message, const char *password,
						 int max_len);
static void ignore_notice(void *arg, const PGresult *notice);
static double now_ms(void);

ProbeResult *
tm_probe_run(ProbeTarget *targets, int ntargets, int timeout_ms,
			 const ProbeHooks *hooks)
{
	ProbeRun   *run = palloc0(sizeof(ProbeRun));

	run->targets = targets;
	run->results = palloc0(sizeof(ProbeResult) * Max(ntargets, 1));
	run->ntargets = ntargets;
	run->timeout_ms = timeout_ms;
	run->hooks = hooks;

	PG_TRY();
	{
		if (!run_to_end(run))
			run->results = NULL;
	}
	PG_FINALLY();
	{
		end_all(run);
	}
	PG_END_TRY();

	return run->results;
}

/* False if we were told to give up. */
static bool
run_to_end(ProbeRun *run)
{
	for (;;)
	{
		int			max_wait_ms;

		CHECK_FOR_INTERRUPTS();
		if (is_given_up(run))
			return false;
		start_some(run);
		if (run->nrunning == 0)
			return true;

		max_wait_ms = (int) Max(next_expiry(run) - now_ms(), 0) + 1;
		max_wait_ms = Min(max_wait_ms, GIVE_UP_CHECK_MS);
		wait_for_any(run, max_wait_ms);
		expire(run);
		forget_ended(run);
	}
}

/* Whenever nothing has happened for a while, and now and then otherwise. */
static bool
is_given_up(ProbeRun *run)
{
	double		now = now_ms();

	if (run->hooks == NULL || run->hooks->give_up == NULL ||
		now < run->asked_at + GIVE_UP_CHECK_MS)
		return false;
	run->asked_at = now;
	return run->hooks->give_up(run->hooks->arg);
}

static void
start_some(ProbeRun *run)
{
	while (run->nstarted < run->ntargets && run->nrunning < MAX_RUNNING)
	{
		if (!AcquireExternalFD())
		{
			/* One that is running will give its own back. */
			if (run->nrunning > 0)
				break;
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("could not open a connection"),
					 errdetail("There are too many open files in this session.")));
		}
		start_one(run);
		forget_ended(run);
	}
}

/* The caller has reserved a file descriptor; end_one() gives it back. */
static void
start_one(ProbeRun *run)
{
	const char *keywords[] = {"dbname", "application_name", "passfile",
	"password", NULL};
	const char *values[] = {NULL, APPLICATION_NAME, NO_PASSWORD_FILE,
	NULL, NULL};
	RunningProbe *probe = &run->running[run->nrunning];
	double		before = now_ms();
	int			i;

	memset(probe, 0, sizeof(*probe));
	probe->number = run->nstarted;
	values[0] = run->targets[probe->number].conninfo;
	values[3] = run->targets[probe->number].password;

	/*
	 * A connection string in place of a database's name is taken apart; what
	 * comes later counts.  A file of passwords would be one of the server's
	 * user.
	 */
	probe->conn = PQconnectStartParams(keywords, values, true);
	run->nstarted++;
	run->nrunning++;
	if (probe->conn == NULL)
	{
		ReleaseExternalFD();
		run->nrunning--;
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	}
	wipe_copies(&run->targets[probe->number]);
	PQsetNoticeReceiver(probe->conn, ignore_notice, NULL);

	probe->started_at = now_ms();
	for (i = 0; i < run->nrunning - 1; i++)
		run->running[i].started_at += probe->started_at - before;

	probe->phase = PROBE_CONNECTING;
	probe->events = WL_SOCKET_WRITEABLE;
	if (PQstatus(probe->conn) == CONNECTION_BAD)
		fail(run, probe, PQerrorMessage(probe->conn));
	else if (PQsocket(probe->conn) == PGINVALID_SOCKET)
		fail(run, probe, _("connection has no socket"));
}

/*
 * libpq may go over to another socket whenever it is called, and nothing can
 * be taken out of a set; hence a new one each time.
 */
static void
wait_for_any(ProbeRun *run, int max_wait_ms)
{
	WaitEvent	events[MAX_RUNNING + 2];
	int			nevents;
	int			i;

	create_wait_set(run);
	nevents = WaitEventSetWait(run->set, max_wait_ms, events, lengthof(events),
							   tm_wait_event("TenantMgrHealthProbe"));
	FreeWaitEventSet(run->set);
	run->set = NULL;

	for (i = 0; i < nevents; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		else if (events[i].events & (WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE))
			advance(run, (RunningProbe *) events[i].user_data);
	}
}

static void
create_wait_set(ProbeRun *run)
{
	int			i;

	run->set = tm_create_wait_event_set(run->nrunning + 2);
	AddWaitEventToSet(run->set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(run->set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL,
					  NULL);
	for (i = 0; i < run->nrunning; i++)
	{
		RunningProbe *probe = &run->running[i];

		AddWaitEventToSet(run->set, probe->events, PQsocket(probe->conn),
						  NULL, probe);
	}
}

static void
advance(ProbeRun *run, RunningProbe *probe)
{
	switch (probe->phase)
	{
		case PROBE_CONNECTING:
			connect_further(run, probe);
			break;
		case PROBE_ASKING:
			read_answer(run, probe);
			break;
	}
	if (probe->conn != NULL && PQsocket(probe->conn) == PGINVALID_SOCKET)
		fail(run, probe, _("connection was closed"));
}

static void
connect_further(ProbeRun *run, RunningProbe *probe)
{
	switch (PQconnectPoll(probe->conn))
	{
		case PGRES_POLLING_READING:
			probe->events = WL_SOCKET_READABLE;
			break;
		case PGRES_POLLING_WRITING:
			probe->events = WL_SOCKET_WRITEABLE;
			break;
		case PGRES_POLLING_OK:
			send_question(run, probe);
			break;
		default:
			fail(run, probe, PQerrorMessage(probe->conn));
			break;
	}
}

/*
 * The answer is taken row by row, so that a server that never stops sending
 * rows is not heard out.
 */
static void
send_question(ProbeRun *run, RunningProbe *probe)
{
	probe->phase = PROBE_ASKING;
	if (PQsetnonblocking(probe->conn, 1) != 0 ||
		!PQsendQuery(probe->conn, QUESTION) ||
		!PQsetSingleRowMode(probe->conn))
	{
		fail(run, probe, PQerrorMessage(probe->conn));
		return;
	}
	probe->events = WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE;
}

static void
read_answer(ProbeRun *run, RunningProbe *probe)
{
	int			unsent = PQflush(probe->conn);
	PGresult   *answer;

	if (unsent < 0 || !PQconsumeInput(probe->conn))
	{
		fail(run, probe, PQerrorMessage(probe->conn));
		return;
	}
	probe->events = WL_SOCKET_READABLE;
	if (unsent > 0)
		probe->events |= WL_SOCKET_WRITEABLE;
	if (PQisBusy(probe->conn))
		return;

	answer = PQgetResult(probe->conn);
	PG_TRY();
	{
		take_answer(run, probe, answer);
	}
	PG_FINALLY();
	{
		PQclear(answer);
	}
	PG_END_TRY();
}

/* The answer is NULL if the server has sent none. */
static void
take_answer(ProbeRun *run, RunningProbe *probe, const PGresult *answer)
{
	ProbeResult *result = &run->results[probe->number];
	const char *version = PQparameterStatus(probe->conn, "server_version");

	if (PQresultStatus(answer) != PGRES_SINGLE_TUPLE)
	{
		const char *message = PQresultErrorMessage(answer);

		fail(run, probe,
			 message[0] != '\0' ? message : _("the server's answer is none to the question"));
		return;
	}
	if (PQntuples(answer) != 1 || PQnfields(answer) != 1 ||
		PQgetlength(answer, 0, 0) != 1 ||
		strchr("tf", PQgetvalue(answer, 0, 0)[0]) == NULL)
	{
		fail(run, probe, _("the server's answer is none to the question"));
		return;
	}

	result->answered = true;
	result->in_recovery = PQgetvalue(answer, 0, 0)[0] == 't';
	result->latency_ms = now_ms() - probe->started_at;
	result->server_version = presentable(version != NULL ? version : "",
										 run->targets[probe->number].password,
										 MAX_VERSION_LEN);
	report(run, probe);
}

/* Whose time is up has to go; how far it has got says what is wrong. */
static void
expire(ProbeRun *run)
{
	double		now = now_ms();
	int			i;

	for (i = 0; i < run->nrunning; i++)
	{
		RunningProbe *probe = &run->running[i];
		const char *format;

		if (probe->conn == NULL || now < probe->started_at + run->timeout_ms)
			continue;
		if (probe->phase == PROBE_ASKING)
			format = _("the server did not answer a query within %d ms");
		else if (PQstatus(probe->conn) == CONNECTION_STARTED)
			format = _("no connection to the server could be made within %d ms");
		else
			format = _("the server accepted the connection, but did not let us in within %d ms");
		fail(run, probe, psprintf(format, run->timeout_ms));
	}
}

static double
next_expiry(const ProbeRun *run)
{
	double		earliest = run->running[0].started_at;
	int			i;

	for (i = 1; i < run->nrunning; i++)
		earliest = Min(earliest, run->running[i].started_at);
	return earliest + run->timeout_ms;
}

static void
fail(ProbeRun *run, RunningProbe *probe, const char *message)
{
	run->results[probe->number].error =
		presentable(message, run->targets[probe->number].password,
					MAX_MESSAGE_LEN);
	report(run, probe);
}

/* There is a result; the connection is not needed any more. */
static void
report(ProbeRun *run, RunningProbe *probe)
{
	ProbeResult *result = &run->results[probe->number];

	end_one(probe);
	wipe_copies(&run->targets[probe->number]);
	result->ended_at = GetCurrentTimestamp();
	if (run->hooks != NULL && run->hooks->ended != NULL)
		run->hooks->ended(probe->number, result, run->hooks->arg);
}

static void
end_one(RunningProbe *probe)
{
	PQfinish(probe->conn);
	probe->conn = NULL;
	ReleaseExternalFD();
}

/* Not done at once: the events at hand point to places in the array. */
static void
forget_ended(ProbeRun *run)
{
	int			nleft = 0;
	int			i;

	for (i = 0; i < run->nrunning; i++)
	{
		if (run->running[i].conn != NULL)
			run->running[nleft++] = run->running[i];
	}
	run->nrunning = nleft;
}

/* Raises no error. */
static void
end_all(ProbeRun *run)
{
	int			i;

	if (run->set != NULL)
		FreeWaitEventSet(run->set);
	run->set = NULL;
	for (i = 0; i < run->nrunning; i++)
	{
		if (run->running[i].conn != NULL)
			end_one(&run->running[i]);
	}
	run->nrunning = 0;
	for (i = 0; i < run->ntargets; i++)
	{
		ProbeTarget *target = &run->targets[i];

		wipe_copies(target);
		if (target->password != NULL)
			tm_crypto_wipe(target->password, strlen(target->password));
	}
}

/* libpq has copied the password, and may have freed copies as they were. */
static void
wipe_copies(const ProbeTarget *target)
{
	if (target->password != NULL)
		tm_wipe_freed(strlen(target->password) + 1);
}

/*
 * What the other side says, fit to be shown: one line, not too long, in the
 * encoding of this database, without the password.
 */
static char *
presentable(const char *message, const char *password, int max_len)
{
	char	   *line;
	char	   *end;
	const char *c;

	if (password != NULL && password[0] != '\0' &&
		strstr(message, password) != NULL)
		return pstrdup(_("the message is not shown because the password occurs in it"));
	if (!pg_verify_mbstr(GetDatabaseEncoding(), message, strlen(message),
						 true))
		return pstrdup(_("the message is not shown because it is in another encoding"));

	/* Lines are separated by semicolons, words by a blank. */
	line = end = palloc(2 * strlen(message) + 1);
	for (c = message; *c != '\0'; c++)
	{
		if ((unsigned char) *c > ' ' && *c != '\177')
			*end++ = *c;
		else if (end > line && end[-1] != ' ')
		{
			if (*c == '\n')
				*end++ = ';';
			*end++ = ' ';
		}
	}
	while (end > line && (end[-1] == ' ' || end[-1] == ';'))
		end--;
	line[pg_mbcliplen(line, end - line, max_len)] = '\0';
	return line;
}

static void
ignore_notice(void *arg, const PGresult *notice)
{
}

static double
now_ms(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return INSTR_TIME_GET_MILLISEC(now);
}
