/*
 * standby_catchup.c
 *		Bound sessions on a standby, which nobody wakes up.
 *
 * A session has to follow its tenant before its next statement is parsed, or
 * the names in it are looked up on the old search path (watch.c).  On a primary
 * whoever commits the change wakes up the others.  On a standby the change is
 * replayed by a process that runs no code of ours, and the session finds the
 * invalidation messages at the start of its next transaction only: nothing of
 * ours runs between that and the parser.
 *
 * What the server does when a command comes in is to see whether it has been
 * asked to catch up with invalidation messages; then it runs an empty
 * transaction before it looks at the command, and at the end of that our
 * callback settles the binding.  So a bound session on a standby asks itself to
 * catch up, while it waits for a command.  It must not be awakened by that, for
 * it would catch up at once, and not when the command is there.  The server's
 * own timeouts wake up whoever waits, and so would its signals, hence a timer
 * and a signal of our own.  The timer is set at the end of a transaction, to the
 * shortest time after which the server is sure to be waiting; should the next
 * command be faster, so little time has passed that it might as well have come
 * before the change.
 *
 * It costs the standby an empty transaction for each command of a bound session,
 * and nothing is run while a session is idle.  Where there are no such timers, a
 * session follows with the first statement that it gets parsed.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "access/xlog.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "storage/sinval.h"

#include "binding/binding.h"
#include "binding/standby_catchup.h"

#if defined(_POSIX_TIMERS) && _POSIX_TIMERS > 0 && defined(SIGRTMIN)

/* After this time, in nanoseconds, a session waits for its next command */
#define CATCHUP_DELAY	1000000

/* The signal: one that nobody else in a server is known to use */
#define CATCHUP_SIGNAL	(SIGRTMIN + 4)

static bool make_timer(timer_t *timer);
static void handle_catchup_signal(SIGNAL_ARGS);

void
tm_standby_catchup_arm(void)
{
	static timer_t timer;
	static bool made = false;
	static bool failed = false;
	struct itimerspec delay = {{0, 0}, {0, CATCHUP_DELAY}};

	if (failed || MyBackendType != B_BACKEND ||
		tm_binding_current() == NULL || !RecoveryInProgress())
		return;
	if (!made)
	{
		made = make_timer(&timer);
		failed = !made;
	}
	/* one that is set already begins anew */
	if (made)
		(void) timer_settime(timer, 0, &delay, NULL);
}

/* False if the system has none to give; this is no place for an error. */
static bool
make_timer(timer_t *timer)
{
	struct sigevent event = {0};

	pqsignal(CATCHUP_SIGNAL, handle_catchup_signal);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = CATCHUP_SIGNAL;
	return timer_create(CLOCK_MONOTONIC, &event, timer) == 0;
}

/* As HandleCatchupInterrupt(), but the latch is left alone. */
static void
handle_catchup_signal(SIGNAL_ARGS)
{
	catchupInterruptPending = true;
}

#else

void
tm_standby_catchup_arm(void)
{
}

#endif
