/*
 * probe.c
 *		Trying whether servers answer, many at once.
 *
 * A probe connects, asks whether the server is in recovery, and disconnects.
 * That is done by another program (tenant_mgr_probe.c), in processes that have
 * nothing of the server and that can be killed.  Up to MAX_PROCESSES of them
 * are started as they are needed; each is given one target after the other.
 * One that has not told the outcome in time, whatever it is busy with, is
 * killed, and so is what it has been led to: that is the outcome of one target
 * and no other's.  The program ends by itself when we are gone.
 *
 * A process takes one file descriptor here.  One more is kept for the set of
 * events that we wait with, so that there is always something to wait with.
 *
 * What the other side says is not trusted: a server knows the password that
 * it was sent and could have it shown as an error, in whatever disguise.  So
 * what is told to everybody is said in words of our own.  What the server said
 * itself is for those who may see the password.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/crypto.h"
#include "connections/probe.h"
#include "connections/probe_protocol.h"
#include "connections/probe_text.h"

#define MAX_PROCESSES		64
#define GIVE_UP_CHECK_MS	200
#define GRACE_MS			250 /* for a process that has seen the time itself */
#define MAX_REAP_MS			1000

/* A process, and the target that it has */
typedef struct Prober
{
	pid_t		pid;			/* 0 if there is none */
	int			socket;			/* to talk to it */
	int			number;			/* which target it has, or -1 */
	double		started_at;		/* when it got that, in ms */
	ProbePhase	phase;			/* how far it has got */
	StringInfoData unsent;		/* what is left of the request, from cursor */
	ProbeAnswer answer;			/* what has been read of the answer */
	Size		nread;			/* bytes of it */
} Prober;

/* All of them */
typedef struct ProbeRun
{
	ProbeTarget *targets;		/* as given */
	ProbeResult *results;		/* as returned */
	int			ntargets;		/* number of both */
	int			next[2];		/* which to begin next, of suspects at 1 */
	int			nbegun[2];		/* so many have been begun, likewise */
	int			nrunning;		/* so many of these have not ended */
	int			nsuspects;		/* so many of these are suspects */
	int			timeout_ms;		/* for each */
	double		began_at;		/* when it was begun, in ms */
	Prober		probers[MAX_PROCESSES]; /* those that there are, and room */
	bool		has_spare;		/* is there a descriptor for the set? */
	WaitEventSet *set;			/* while we wait, else NULL */
	double		asked_at;		/* when it was asked whether to give up */
	const ProbeHooks *hooks;	/* as given */
} ProbeRun;

static bool run_to_end(ProbeRun *run);
static bool is_given_up(ProbeRun *run);
static void start_some(ProbeRun *run);
static int	choose_target(ProbeRun *run);
static int	next_target(ProbeRun *run, bool suspect);
static Prober *find_prober(ProbeRun *run);
static bool start_process(ProbeRun *run, Prober *prober);
static void spawn(Prober *prober, int far_end);
static void give_target(ProbeRun *run, Prober *prober, int number);
static void append_request(StringInfo buf, const ProbeTarget *target,
						   int timeout_ms);
static void wait_for_any(ProbeRun *run, int max_wait_ms);
static void create_wait_set(ProbeRun *run);
static void take_spare(ProbeRun *run);
static void send_request(ProbeRun *run, Prober *prober);
static void read_answer(ProbeRun *run, Prober *prober);
static void take_answer(ProbeRun *run, Prober *prober);
static void lose_process(ProbeRun *run, Prober *prober);
static void expire(ProbeRun *run);
static double next_expiry(const ProbeRun *run);
static void report(ProbeRun *run, Prober *prober, const ProbeAnswer *answer);
static void report_refused(ProbeRun *run, int number);
static void tell_result(ProbeRun *run, int number);
static int	end_process(Prober *prober);
static int	reap(pid_t pid);
static void end_all(ProbeRun *run);
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
	run->began_at = now_ms();
	run->hooks = hooks;

	PG_TRY();
	{
		take_spare(run);
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
	int			number;

	while ((number = choose_target(run)) >= 0)
	{
		bool		suspect = run->targets[number].suspect;
		bool		refused = run->targets[number].refusal != NULL;
		Prober	   *prober = refused ? NULL : find_prober(run);

		if (!refused &&
			(prober == NULL ||
			 (prober->pid == 0 && !start_process(run, prober))))
			break;
		run->next[suspect]++;
		run->nbegun[suspect]++;
		if (run->hooks != NULL && run->hooks->begun != NULL)
			run->hooks->begun(number, run->hooks->arg);
		if (refused)
			report_refused(run, number);
		else
			give_target(run, prober, number);
	}
}

/*
 * Which target is next, or -1.  Suspects come with the others, for these may
 * take all of the time, but leave them half of the processes that there are.
 * Whatever the time, one of each is begun.
 */
static int
choose_target(ProbeRun *run)
{
	int			other = next_target(run, false);
	int			suspect = next_target(run, true);
	int			nprocesses = 0;
	int			i;

	if (run->hooks != NULL && run->hooks->begin_ms > 0 &&
		now_ms() >= run->began_at + run->hooks->begin_ms)
	{
		if (run->nbegun[false] > 0)
			other = -1;
		if (run->nbegun[true] > 0)
			suspect = -1;
	}
	if (other < 0 || suspect < 0)
		return Max(other, suspect);

	for (i = 0; i < MAX_PROCESSES; i++)
		nprocesses += run->probers[i].pid != 0;
	return 2 * (run->nsuspects + 1) <= nprocesses ? suspect : other;
}

static int
next_target(ProbeRun *run, bool suspect)
{
	int		   *next = &run->next[suspect];

	while (*next < run->ntargets && run->targets[*next].suspect != suspect)
		(*next)++;
	return *next < run->ntargets ? *next : -1;
}

/* One that has nothing to do, or else room for one, or NULL. */
static Prober *
find_prober(ProbeRun *run)
{
	Prober	   *room = NULL;
	int			i;

	for (i = 0; i < MAX_PROCESSES; i++)
	{
		Prober	   *prober = &run->probers[i];

		if (prober->pid == 0)
			room = room != NULL ? room : prober;
		else if (prober->number < 0)
			return prober;
	}
	return room;
}

/* False if those that are running have to do. */
static bool
start_process(ProbeRun *run, Prober *prober)
{
	int			ends[2];

	if (!AcquireExternalFD())
	{
		if (run->nrunning > 0)
			return false;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open a connection"),
				 errdetail("There are too many open files in this session.")));
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
	{
		ReleaseExternalFD();
		if (run->nrunning > 0)
			return false;
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create socket: %m")));
	}
	memset(prober, 0, sizeof(*prober));
	prober->socket = ends[0];
	prober->number = -1;
	(void) fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	(void) fcntl(ends[0], F_SETFL, O_NONBLOCK);
	spawn(prober, ends[1]);
	if (prober->pid == 0)
	{
		int			save_errno = errno;

		close(prober->socket);
		ReleaseExternalFD();
		if (run->nrunning > 0)
			return false;
		errno = save_errno;
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not execute program \"%s\": %m",
						PROBE_PROGRAM)));
	}
	return true;
}

/*
 * Start the program with nothing of ours but the socket.  It gets neither our
 * environment nor a way into our log, and begins with no signal handled.  It
 * closes other files itself.  Without a program, pid stays 0.
 */
static void
spawn(Prober *prober, int far_end)
{
	char		path[MAXPGPATH];
	char	   *arguments[] = {path, NULL};
	char	   *environment[] = {
		"HOME=/nonexistent", "LC_ALL=C", "KRB5_CONFIG=/dev/null",
		"KRB5CCNAME=MEMORY:", "KRB5_CLIENT_KTNAME=/dev/null/none",
		NULL, NULL
	};
	char	   *library_path = getenv("LD_LIBRARY_PATH");
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t	all;
	sigset_t	none;
	int			problem;

	snprintf(path, sizeof(path), "%s/%s", pkglib_path, PROBE_PROGRAM);
	if (library_path != NULL)
		environment[lengthof(environment) - 2] =
			psprintf("LD_LIBRARY_PATH=%s", library_path);
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, far_end, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF |
							 POSIX_SPAWN_SETSIGMASK);
	problem = posix_spawn(&prober->pid, path, &actions, &attributes,
						  arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	close(far_end);
	if (problem != 0)
	{
		prober->pid = 0;
		errno = problem;
	}
}

static void
give_target(ProbeRun *run, Prober *prober, int number)
{
	prober->number = number;
	prober->started_at = now_ms();
	prober->phase = PROBE_CONNECTING;
	prober->nread = 0;
	run->nrunning++;
	run->nsuspects += run->targets[number].suspect;
	append_request(&prober->unsent, &run->targets[number], run->timeout_ms);
	send_request(run, prober);
}

/* No copy of the password is left behind when the buffer grows. */
static void
append_request(StringInfo buf, const ProbeTarget *target, int timeout_ms)
{
	ProbeRequest request = {0};

	request.conninfo_size = strlen(target->conninfo) + 1;
	if (target->password != NULL)
		request.password_size = strlen(target->password) + 1;
	request.timeout_ms = timeout_ms;
	request.must_use_password = target->must_use_password;

	initStringInfo(buf);
	enlargeStringInfo(buf, sizeof(request) + request.conninfo_size +
					  request.password_size);
	appendBinaryStringInfo(buf, (char *) &request, sizeof(request));
	appendBinaryStringInfo(buf, target->conninfo, request.conninfo_size);
	if (target->password != NULL)
		appendBinaryStringInfo(buf, target->password, request.password_size);
}

/* Processes come and go, and nothing can be taken out of a set. */
static void
wait_for_any(ProbeRun *run, int max_wait_ms)
{
	WaitEvent	events[MAX_PROCESSES + 2];
	int			nevents;
	int			i;

	create_wait_set(run);
	nevents = WaitEventSetWait(run->set, max_wait_ms, events, lengthof(events),
							   tm_wait_event("TenantMgrHealthProbe"));
	FreeWaitEventSet(run->set);
	run->set = NULL;
	take_spare(run);

	for (i = 0; i < nevents; i++)
	{
		Prober	   *prober = events[i].user_data;

		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		if (prober == NULL)
			continue;
		if (events[i].events & WL_SOCKET_WRITEABLE)
			send_request(run, prober);
		if ((events[i].events & WL_SOCKET_READABLE) && prober->number >= 0)
			read_answer(run, prober);
	}
}

static void
create_wait_set(ProbeRun *run)
{
	int			i;

	ReleaseExternalFD();
	run->has_spare = false;
	run->set = tm_create_wait_event_set(run->nrunning + 2);
	AddWaitEventToSet(run->set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(run->set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL,
					  NULL);
	for (i = 0; i < MAX_PROCESSES; i++)
	{
		Prober	   *prober = &run->probers[i];
		uint32		events = WL_SOCKET_READABLE;

		if (prober->pid == 0 || prober->number < 0)
			continue;
		if (prober->unsent.data != NULL)
			events |= WL_SOCKET_WRITEABLE;
		AddWaitEventToSet(run->set, events, prober->socket, NULL, prober);
	}
}

/* Nobody else takes it in between: it is ours alone. */
static void
take_spare(ProbeRun *run)
{
	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open a connection"),
				 errdetail("There are too many open files in this session.")));
	run->has_spare = true;
}

/* As much as fits; what has been sent is wiped. */
static void
send_request(ProbeRun *run, Prober *prober)
{
	StringInfo	buf = &prober->unsent;

	while (buf->data != NULL && buf->cursor < buf->len)
	{
		ssize_t		sent = send(prober->socket, buf->data + buf->cursor,
								buf->len - buf->cursor, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (sent < 0)
		{
			lose_process(run, prober);
			return;
		}
		buf->cursor += sent;
	}
	if (buf->data == NULL)
		return;
	tm_crypto_wipe(buf->data, buf->len);
	pfree(buf->data);
	buf->data = NULL;
}

static void
read_answer(ProbeRun *run, Prober *prober)
{
	for (;;)
	{
		ssize_t		nread = recv(prober->socket,
								 (char *) &prober->answer + prober->nread,
								 sizeof(ProbeAnswer) - prober->nread, 0);

		if (nread < 0 && errno == EINTR)
			continue;
		if (nread < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (nread <= 0)
		{
			lose_process(run, prober);
			return;
		}
		prober->nread += nread;
		if (prober->nread < sizeof(ProbeAnswer))
			continue;
		take_answer(run, prober);
		if (prober->number < 0)
			return;
	}
}

/* It comes from a process that has been talked to, and is not trusted. */
static void
take_answer(ProbeRun *run, Prober *prober)
{
	ProbeAnswer *answer = &prober->answer;

	prober->nread = 0;
	answer->sqlstate[PROBE_SQLSTATE_SIZE - 1] = '\0';
	answer->own_text[PROBE_TEXT_SIZE - 1] = '\0';
	answer->far_text[PROBE_TEXT_SIZE - 1] = '\0';
	answer->version[PROBE_VERSION_SIZE - 1] = '\0';
	if (answer->phase == PROBE_LOGGING_IN || answer->phase == PROBE_ASKING)
		prober->phase = (ProbePhase) answer->phase;
	if (answer->outcome != PROBE_UNDER_WAY)
		report(run, prober, answer);
}

/*
 * It has ended by itself: out of memory or of processor time, or led to
 * something by the server.  One that has not reached anybody says nothing of
 * the server; something is wrong here then.
 */
static void
lose_process(ProbeRun *run, Prober *prober)
{
	ProbeAnswer answer = {.outcome = PROBE_FAILED};
	bool		in_time = now_ms() < prober->started_at + run->timeout_ms;
	int			status = end_process(prober);

	/* Whoever has asked us to end may have signalled it as well. */
	CHECK_FOR_INTERRUPTS();

	answer.phase = prober->phase;
	if (!in_time)
		answer.outcome = PROBE_TIMED_OUT;
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF)
		strlcpy(answer.own_text,
				"the server has the client compute for too long",
				PROBE_TEXT_SIZE);
	else if (prober->number >= 0 && prober->phase == PROBE_CONNECTING)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("program \"%s\" has ended before it has connected to a server",
						PROBE_PROGRAM),
				 errdetail_internal("%s", wait_result_to_str(status))));
	report(run, prober, &answer);
}

/* Whose time is up has to go; how far it has got says what is wrong. */
static void
expire(ProbeRun *run)
{
	double		now = now_ms();
	int			i;

	for (i = 0; i < MAX_PROCESSES; i++)
	{
		Prober	   *prober = &run->probers[i];
		ProbeAnswer answer = {.outcome = PROBE_TIMED_OUT};

		if (prober->pid == 0 || prober->number < 0 ||
			now < prober->started_at + run->timeout_ms + GRACE_MS)
			continue;
		answer.phase = prober->phase;
		end_process(prober);
		report(run, prober, &answer);
	}
}

static double
next_expiry(const ProbeRun *run)
{
	double		earliest = now_ms();
	int			i;

	for (i = 0; i < MAX_PROCESSES; i++)
	{
		if (run->probers[i].pid != 0 && run->probers[i].number >= 0)
			earliest = Min(earliest, run->probers[i].started_at);
	}
	return earliest + run->timeout_ms + GRACE_MS;
}

/* The process, if it is still there, can have another target. */
static void
report(ProbeRun *run, Prober *prober, const ProbeAnswer *answer)
{
	int			number = prober->number;

	if (number < 0)
		return;
	prober->number = -1;
	run->nrunning--;
	run->nsuspects -= run->targets[number].suspect;
	tm_probe_text_result(answer, run->timeout_ms,
						 run->targets[number].password,
						 &run->results[number]);
	tell_result(run, number);
}

static void
report_refused(ProbeRun *run, int number)
{
	run->results[number].error = pstrdup(run->targets[number].refusal);
	tell_result(run, number);
}

static void
tell_result(ProbeRun *run, int number)
{
	ProbeResult *result = &run->results[number];

	result->ended_at = GetCurrentTimestamp();
	if (run->hooks != NULL && run->hooks->ended != NULL)
		run->hooks->ended(number, result, run->hooks->arg);
}

/* Returns how it has ended.  Raises no error. */
static int
end_process(Prober *prober)
{
	int			status;

	kill(prober->pid, SIGKILL);
	close(prober->socket);
	ReleaseExternalFD();
	status = reap(prober->pid);
	prober->pid = 0;
	if (prober->unsent.data != NULL)
		tm_crypto_wipe(prober->unsent.data, prober->unsent.len);
	prober->unsent.data = NULL;
	return status;
}

/*
 * A process that was killed is gone in a moment, unless it waits for something
 * in the kernel.  Then it is left to whoever comes after us.
 */
static int
reap(pid_t pid)
{
	int			status = 0;
	int			waited;

	for (waited = 0; waited < MAX_REAP_MS; waited++)
	{
		pid_t		result = waitpid(pid, &status, WNOHANG);

		if (result == pid || (result < 0 && errno != EINTR))
			break;
		pg_usleep(1000);
	}
	return status;
}

/* Raises no error. */
static void
end_all(ProbeRun *run)
{
	int			i;

	if (run->set != NULL)
		FreeWaitEventSet(run->set);
	run->set = NULL;
	if (run->has_spare)
		ReleaseExternalFD();
	run->has_spare = false;
	for (i = 0; i < MAX_PROCESSES; i++)
	{
		if (run->probers[i].pid != 0)
			end_process(&run->probers[i]);
	}
	for (i = 0; i < run->ntargets; i++)
	{
		ProbeTarget *target = &run->targets[i];

		if (target->password != NULL)
			tm_crypto_wipe(target->password, strlen(target->password));
	}
}

static double
now_ms(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return INSTR_TIME_GET_MILLISEC(now);
}
