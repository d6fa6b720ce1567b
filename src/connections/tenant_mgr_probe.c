/*
 * tenant_mgr_probe.c
 *		The program that talks to servers which nobody knows.
 *
 * What a server sends is read by libpq, which trusts it: it computes for as
 * long as the server wants it to, and takes as much memory as the server says.
 * So it is not done in a process of the server, but in one that has nothing: no
 * shared memory, no keys, no files, no environment, little memory, and no more
 * time than the session that has started it lets it live (probe.c).
 *
 * It is given one connection after the other, and tells of each what came of
 * it.  It logs in as the registry says and under no other identity: there is no
 * client certificate, no Kerberos, no file of passwords or services.
 *
 * A text that the server may have had a hand in is kept apart from the client's
 * own words, cut to a kilobyte and made one line.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "libpq-fe.h"

#include "connections/probe_protocol.h"

#define MAX_MEMORY			(32 * 1024 * 1024)
#define MAX_FILES			32
#define MAX_CPU_SECONDS		2
#define MAX_PARAMETERS		16
#define APPLICATION_NAME	"tenant_mgr health"
#define NO_FILE				"/dev/null/none"
#define QUESTION			"SELECT pg_catalog.pg_is_in_recovery()"

/* One that is under way */
typedef struct Probe
{
	ProbeRequest request;		/* as given */
	char	   *conninfo;		/* where to */
	char	   *password;		/* with which password, or NULL */
	PGconn	   *conn;			/* the connection */
	double		started_at;		/* when, in ms */
	ProbeAnswer answer;			/* what is known by now */
} Probe;

/* Errors of a server that have words of their own here; others have none */
static const struct
{
	const char *part;			/* what libpq's message has in it */
	const char *words;			/* what is said instead */
}			known_failures[] = {
	{"no password supplied", "the server asks for a password, and there is none"},
	{"server closed the connection unexpectedly", "server closed the connection unexpectedly"},
	{"expected authentication request from server", "it does not speak the protocol: expected authentication request from server"},
	{"does not support SSL", "the server does not support SSL"},
	{"certificate verify failed", "the certificate of the server is not trusted"},
	{"does not match host name", "the certificate of the server is for another host"},
	{"root certificate file", "there is no root certificate to verify the server with"},
	{"SSL error", "SSL failed"},
	{"authentication method requirement", "the server wants a method of authentication that is not allowed"},
	{"channel binding", "channel binding is required, and the server does not do it"},
	{"SCRAM", "authentication by SCRAM failed"},
	{"GSSAPI", "the server wants a method of authentication that is not allowed"},
	{"hot standby", "the server is not what target_session_attrs asks for"},
	{"read-only", "the server is not what target_session_attrs asks for"},
	{"out of memory", "the server sent more than there is memory for"},
	{"Connection reset", "the server reset the connection"},
	{"lost synchronization", "the server does not speak the protocol"}
};

static void give_up_everything(void);
static void close_other_files(void);
static void limit(int resource, rlim_t value);
static bool read_request(Probe *probe);
static char *read_string(size_t size);
static bool read_fully(void *buffer, size_t size);
static void tell(const Probe *probe);
static void run(Probe *probe);
static PGconn *start(const Probe *probe);
static bool has_parameter(const char *conninfo, const char *keyword);
static bool libpq_knows(const char *keyword);
static bool log_in(Probe *probe);
static void ask(Probe *probe);
static void take_answer(Probe *probe, const PGresult *result);
static bool wait_for_socket(Probe *probe, short events);
static void enter(Probe *probe, ProbePhase phase);
static void fail(Probe *probe, const char *message);
static void find_sqlstate(ProbeAnswer *answer, char *message);
static void one_line(char *line, size_t size, const char *text);
static void ignore_notice(void *arg, const PGresult *notice);
static double now_ms(void);

int
main(void)
{
	Probe		probe;

	give_up_everything();
	while (read_request(&probe))
	{
		run(&probe);
		tell(&probe);
		memset(probe.conninfo, 0, probe.request.conninfo_size);
		free(probe.conninfo);
		if (probe.password != NULL)
			memset(probe.password, 0, probe.request.password_size);
		free(probe.password);
	}
	_exit(0);
}

/* Nothing is needed but the socket to the session, as file 0. */
static void
give_up_everything(void)
{
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
#endif
	close_other_files();
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, MAX_FILES);
#if !defined(__SANITIZE_ADDRESS__)
	limit(RLIMIT_DATA, MAX_MEMORY);
#endif
}

/* What the session had open. */
static void
close_other_files(void)
{
	struct rlimit files;
	int			fd;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3, ~0U, 0) == 0)
		return;
#endif
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > 65536)
		files.rlim_cur = 65536;
	for (fd = 3; fd < (int) files.rlim_cur; fd++)
		close(fd);
}

static void
limit(int resource, rlim_t value)
{
	struct rlimit limits;

	limits.rlim_cur = limits.rlim_max = value;
	(void) setrlimit(resource, &limits);
}

/* False when the session wants no more, or is gone. */
static bool
read_request(Probe *probe)
{
	memset(probe, 0, sizeof(*probe));
	if (!read_fully(&probe->request, sizeof(probe->request)) ||
		probe->request.conninfo_size == 0)
		return false;
	probe->conninfo = read_string(probe->request.conninfo_size);
	if (probe->request.password_size > 0)
		probe->password = read_string(probe->request.password_size);
	return true;
}

static char *
read_string(size_t size)
{
	char	   *string = size <= PROBE_MAX_REQUEST ? malloc(size) : NULL;

	if (string == NULL || !read_fully(string, size) ||
		string[size - 1] != '\0')
		_exit(1);
	return string;
}

static bool
read_fully(void *buffer, size_t size)
{
	char	   *position = buffer;

	while (size > 0)
	{
		ssize_t		nread = read(0, position, size);

		if (nread < 0 && errno == EINTR)
			continue;
		if (nread <= 0)
			return false;
		position += nread;
		size -= nread;
	}
	return true;
}

/* The session reads it, or is gone. */
static void
tell(const Probe *probe)
{
	const char *position = (const char *) &probe->answer;
	size_t		size = sizeof(probe->answer);

	while (size > 0)
	{
		ssize_t		written = write(0, position, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			_exit(1);
		position += written;
		size -= written;
	}
}

/*
 * One timer is in case that the session cannot end us any more.  The other one
 * counts processor time, of which a login takes little: many servers that have
 * us compute must not take all of the machine's.
 */
static void
run(Probe *probe)
{
	struct itimerval timer = {{0, 0}, {0, 0}};
	struct itimerval cpu_timer = {{0, 0}, {MAX_CPU_SECONDS, 0}};

	timer.it_value.tv_sec = probe->request.timeout_ms / 1000 + 2;
	setitimer(ITIMER_REAL, &timer, NULL);
	setitimer(ITIMER_PROF, &cpu_timer, NULL);
	probe->started_at = now_ms();
	probe->conn = start(probe);
	if (probe->conn == NULL)
		fail(probe, "out of memory");
	else if (PQstatus(probe->conn) == CONNECTION_BAD)
		fail(probe, PQerrorMessage(probe->conn));
	else if (log_in(probe))
		ask(probe);
	PQfinish(probe->conn);
	timer.it_value.tv_sec = 0;
	cpu_timer.it_value.tv_sec = 0;
	setitimer(ITIMER_REAL, &timer, NULL);
	setitimer(ITIMER_PROF, &cpu_timer, NULL);
}

/*
 * A connection string in place of a database's name is taken apart; what comes
 * later counts.  An empty password keeps libpq from looking for one, and a file
 * that cannot be there from looking for its own.
 */
static PGconn *
start(const Probe *probe)
{
	const char *keywords[MAX_PARAMETERS];
	const char *values[MAX_PARAMETERS];
	PGconn	   *conn;
	int			n = 0;

#define ADD(keyword, value) \
	(keywords[n] = (keyword), values[n] = (value), n++)
	ADD("dbname", probe->conninfo);
	ADD("application_name", APPLICATION_NAME);
	ADD("password", probe->password != NULL ? probe->password : "");
	ADD("passfile", NO_FILE);
	ADD("sslcert", NO_FILE);
	ADD("gssencmode", "disable");
	if (libpq_knows("sslcertmode"))
		ADD("sslcertmode", "disable");
	if (libpq_knows("require_auth") &&
		!has_parameter(probe->conninfo, "require_auth"))
		ADD("require_auth", probe->request.must_use_password ?
			"password,md5,scram-sha-256" : "!gss,!sspi");
	keywords[n] = NULL;
	values[n] = NULL;
#undef ADD
	conn = PQconnectStartParams(keywords, values, 1);
	if (conn != NULL)
	{
		PQsetNoticeReceiver(conn, ignore_notice, NULL);
		PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	}
	return conn;
}

static bool
has_parameter(const char *conninfo, const char *keyword)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	PQconninfoOption *option;
	bool		found = false;

	for (option = options; option != NULL && option->keyword != NULL; option++)
		found |= strcmp(option->keyword, keyword) == 0 && option->val != NULL;
	PQconninfoFree(options);
	return found;
}

static bool
libpq_knows(const char *keyword)
{
	PQconninfoOption *options = PQconndefaults();
	PQconninfoOption *option;
	bool		found = false;

	for (option = options; option != NULL && option->keyword != NULL; option++)
		found |= strcmp(option->keyword, keyword) == 0;
	PQconninfoFree(options);
	return found;
}

/* False if that was it. */
static bool
log_in(Probe *probe)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	for (;;)
	{
		if (!wait_for_socket(probe, next == PGRES_POLLING_READING ?
							 POLLIN : POLLOUT))
			return false;
		next = PQconnectPoll(probe->conn);
		if (next == PGRES_POLLING_OK)
			break;
		if (next != PGRES_POLLING_READING && next != PGRES_POLLING_WRITING)
		{
			fail(probe, PQerrorMessage(probe->conn));
			return false;
		}
		if (PQstatus(probe->conn) != CONNECTION_STARTED)
			enter(probe, PROBE_LOGGING_IN);
	}
	if (probe->request.must_use_password &&
		!PQconnectionUsedPassword(probe->conn))
	{
		probe->answer.outcome = PROBE_NO_PASSWORD_USED;
		return false;
	}
	return true;
}

/*
 * The answer is taken row by row, so that a server that never stops sending
 * rows is not heard out.
 */
static void
ask(Probe *probe)
{
	PGresult   *result;
	int			unsent;

	enter(probe, PROBE_ASKING);
	if (PQsetnonblocking(probe->conn, 1) != 0 ||
		!PQsendQuery(probe->conn, QUESTION) ||
		!PQsetSingleRowMode(probe->conn))
	{
		fail(probe, PQerrorMessage(probe->conn));
		return;
	}
	do
	{
		unsent = PQflush(probe->conn);
		if (unsent >= 0 &&
			!wait_for_socket(probe, unsent > 0 ? POLLIN | POLLOUT : POLLIN))
			return;
		if (unsent < 0 || !PQconsumeInput(probe->conn))
		{
			fail(probe, PQerrorMessage(probe->conn));
			return;
		}
	} while (PQisBusy(probe->conn));

	result = PQgetResult(probe->conn);
	take_answer(probe, result);
	PQclear(result);
}

static void
take_answer(Probe *probe, const PGresult *result)
{
	ProbeAnswer *answer = &probe->answer;
	const char *version = PQparameterStatus(probe->conn, "server_version");
	const char *message = PQresultErrorMessage(result);
	char		said;

	if (PQresultStatus(result) != PGRES_SINGLE_TUPLE && message[0] != '\0')
	{
		fail(probe, message);
		return;
	}
	answer->outcome = PROBE_ODD_ANSWER;
	if (PQresultStatus(result) != PGRES_SINGLE_TUPLE ||
		PQntuples(result) != 1 || PQnfields(result) != 1 ||
		PQgetlength(result, 0, 0) != 1)
		return;
	said = PQgetvalue(result, 0, 0)[0];
	if (said != 't' && said != 'f')
		return;
	answer->outcome = PROBE_ANSWERED;
	answer->in_recovery = (said == 't');
	answer->latency_ms = now_ms() - probe->started_at;
	one_line(answer->version, sizeof(answer->version),
			 version != NULL ? version : "");
}

/* False when the time is up. */
static bool
wait_for_socket(Probe *probe, short events)
{
	struct pollfd fd;
	double		left;
	int			ready = 0;

	fd.fd = PQsocket(probe->conn);
	fd.events = events;
	if (fd.fd < 0)
		return true;			/* libpq says what is wrong */
	while ((left = probe->started_at + probe->request.timeout_ms -
			now_ms()) > 0)
	{
		ready = poll(&fd, 1, (int) left + 1);
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			break;
	}
	probe->answer.outcome = PROBE_TIMED_OUT;
	return false;
}

static void
enter(Probe *probe, ProbePhase phase)
{
	if (probe->answer.phase >= (int32_t) phase)
		return;
	probe->answer.phase = phase;
	tell(probe);
}

/*
 * Until somebody has accepted the connection, all is the client's own.  After
 * that, nothing is taken over but an SQLSTATE; and words of ours, if the
 * message has what is known.
 */
static void
fail(Probe *probe, const char *message)
{
	ProbeAnswer *answer = &probe->answer;
	char	   *copy = strdup(message);
	size_t		i;

	answer->outcome = PROBE_FAILED;
	if (copy == NULL)
		return;
	if (answer->phase == PROBE_CONNECTING)
		one_line(answer->own_text, sizeof(answer->own_text), copy);
	else
	{
		find_sqlstate(answer, copy);
		for (i = 0; answer->outcome == PROBE_FAILED &&
			 i < sizeof(known_failures) / sizeof(known_failures[0]); i++)
		{
			if (strstr(copy, known_failures[i].part) == NULL)
				continue;
			one_line(answer->own_text, sizeof(answer->own_text),
					 known_failures[i].words);
			break;
		}
	}
	one_line(answer->far_text, sizeof(answer->far_text), copy);
	free(copy);
}

/*
 * "...FATAL:  28P01: text", perhaps with "LOCATION: ..." on a further line: the
 * code, and the message without either.
 */
static void
find_sqlstate(ProbeAnswer *answer, char *message)
{
	static const char *const severities[] = {"FATAL:  ", "ERROR:  ", "PANIC:  "};
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const size_t length = PROBE_SQLSTATE_SIZE - 1;
	char	   *location = strstr(message, "\nLOCATION:  ");
	size_t		i;

	if (location != NULL)
		*location = '\0';
	for (i = 0; i < 3; i++)
	{
		char	   *code = strstr(message, severities[i]);

		if (code == NULL)
			continue;
		code += strlen(severities[i]);
		if (strspn(code, digits) != length || code[length] != ':')
			continue;
		memcpy(answer->sqlstate, code, length);
		memmove(code, code + length + 2,
				strlen(code + length + 1));
		answer->outcome = PROBE_REFUSED;
		return;
	}
}

/* Lines are separated by semicolons, words by a blank. */
static void
one_line(char *line, size_t size, const char *text)
{
	size_t		n = 0;

	for (; *text != '\0' && n + 3 < size; text++)
	{
		if ((unsigned char) *text > ' ' && *text != '\177')
			line[n++] = *text;
		else if (n > 0 && line[n - 1] != ' ')
		{
			if (*text == '\n')
				line[n++] = ';';
			line[n++] = ' ';
		}
	}
	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == ';'))
		n--;
	line[n] = '\0';
}

static void
ignore_notice(void *arg, const PGresult *notice)
{
	(void) arg;
	(void) notice;
}

static double
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000.0 + now.tv_nsec / 1000000.0;
}
