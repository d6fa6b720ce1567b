/*
 * health_worker.c
 *		A round through the connections of one database.
 *
 * A worker is started for each round (health_launcher.c).  It reads the
 * connections that are due, probes them side by side, those first that have
 * waited longest, keeps what it has found, tells what has changed, and ends.
 * While it probes it is in no transaction.
 *
 * Others wait for their turn, in this database and elsewhere.  So a round does
 * not begin with a connection when it has lasted for as long as a server has to
 * answer; what is left over is due in the next one, which comes when it is this
 * database's turn again.  Servers that will probably not answer soon do not
 * take all of the processes (probe.c).
 *
 * It runs as the bootstrap superuser, who owns the server, and reads and writes
 * tables of the extension only; what somebody has hung on these runs as that
 * user, too.  Settings that get in its way are overridden (worker.c).
 * What keeps one change from being told keeps no other.
 *
 * Nobody can drop, rename or copy a database while there is a session in it,
 * and the server does not ask background workers to leave.  But whoever wants
 * to has locked the database against new sessions; so the worker looks for
 * such a lock from time to time, and leaves by itself.
 *
 * On a standby the health is kept in the standby's memory; nothing is written
 * and nobody notified.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/worker.h"
#include "connections/connection.h"
#include "connections/health.h"
#include "connections/health_check.h"
#include "connections/health_policy.h"
#include "connections/health_schedule.h"
#include "connections/health_worker.h"
#include "tenants/registry.h"

/* So long connections are begun at least, however short the timeout is */
#define MIN_BEGIN_MS	1000

/* One connection in this round */
typedef struct Check
{
	ConnectionInfo *connection; /* which one */
	HealthTurn	turn;			/* when it was due */
	bool		ended;			/* has it been looked at? */
	HealthFinding finding;		/* what was found */
	HealthStatus before;		/* what it was before, if that is known */
	HealthStatus after;			/* what it is now */
} Check;

/* A round; everything in it is in a context that outlives transactions */
typedef struct HealthRound
{
	MemoryContext context;		/* of the round */
	Check	   *checks;			/* the connections that can be probed */
	ProbeTarget *targets;		/* the same in the same order, for the probe */
	int			nchecks;		/* number of them */
	int			nconnections;	/* number of connections, due or not */
	List	   *changes;		/* copies of checks that have changed
								 * something */
	TimestampTz next;			/* when the next one is due */
} HealthRound;

static void begin_transaction(void);
static void read_connections(HealthRound *round);
static int	compare_turns(const void *a, const void *b);
static void add_check(HealthRound *round, const Check *due);
static bool prepare_target(HealthRound *round, Check *check);
static char *describe_error(const ErrorData *edata);
static void probe_begun(int number, void *arg);
static void probe_ended(int number, const ProbeResult *result, void *arg);
static void keep_finding(HealthRound *round, Check *check);
static void leave_over(HealthRound *round);
static bool is_wanted_elsewhere(void *arg);
static void announce_changes(const HealthRound *round);
static void announce_change(const Check *check);

void
tm_health_worker_main(Datum arg)
{
	HealthRound round = {.next = DT_NOEND};
	ProbeHooks	hooks = {
		.begun = probe_begun,
		.ended = probe_ended,
		.give_up = is_wanted_elsewhere,
		.arg = &round
	};
	uint64		ticket;

	tm_worker_begin();
	round.context = AllocSetContextCreate(TopMemoryContext,
										  "tenant_mgr health round",
										  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(round.context);

	ticket = tm_health_schedule_begin(MyDatabaseId);
	read_connections(&round);
	if (round.nconnections == 0)
	{
		tm_health_schedule_forget(MyDatabaseId, ticket);
		return;
	}

	hooks.begin_ms = Max(tm_health_timeout, MIN_BEGIN_MS);

	/* Given up, it is done again when the launcher thinks it is time. */
	if (tm_probe_run(round.targets, round.nchecks, tm_health_timeout,
					 &hooks) != NULL)
	{
		leave_over(&round);
		tm_health_schedule_end(MyDatabaseId, ticket, round.next);
	}
	announce_changes(&round);
}

/* What is written is of the time of the transaction, not of the start. */
static void
begin_transaction(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
}

static void
read_connections(HealthRound *round)
{
	TimestampTz now = GetCurrentTimestamp();
	List	   *connections = NIL;
	Check	   *due;
	int			ndue = 0;
	ListCell   *lc;
	int			i;

	begin_transaction();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(round->context);

	if (tm_registry_installed())
		connections = tm_connection_list(true);
	tm_health_keep_only(connections);
	round->nconnections = list_length(connections);
	round->targets = palloc0(sizeof(ProbeTarget) * Max(round->nconnections, 1));
	round->checks = palloc0(sizeof(Check) * Max(round->nconnections, 1));
	due = palloc0(sizeof(Check) * Max(round->nconnections, 1));
	foreach(lc, connections)
	{
		Check	   *check = &due[ndue];

		if (tm_health_interval == 0)
			break;
		CHECK_FOR_INTERRUPTS();
		check->connection = lfirst(lc);
		if (tm_health_is_due(check->connection, now, &check->turn))
			ndue++;
		else
			round->next = Min(round->next, check->turn.due);
	}
	qsort(due, ndue, sizeof(Check), compare_turns);
	for (i = 0; i < ndue; i++)
		add_check(round, &due[i]);

	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(round->context);
}

/* Who has waited longest comes first. */
static int
compare_turns(const void *a, const void *b)
{
	const Check *first = a;
	const Check *second = b;

	return (first->turn.due > second->turn.due) -
		(first->turn.due < second->turn.due);
}

static void
add_check(HealthRound *round, const Check *due)
{
	Check	   *check = &round->checks[round->nchecks];

	*check = *due;
	if (prepare_target(round, check))
	{
		round->targets[round->nchecks].suspect = check->turn.suspect;
		round->nchecks++;
	}
	else
		keep_finding(round, check);
}

/* False, with the finding saying why, if the password cannot be opened. */
static bool
prepare_target(HealthRound *round, Check *check)
{
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool prepared = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(round->context);
	PG_TRY();
	{
		tm_health_check_target(check->connection,
							   &round->targets[round->nchecks]);
		ReleaseCurrentSubTransaction();
		prepared = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(round->context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(round->context);
		CurrentResourceOwner = owner;
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(edata);
		check->finding.error = describe_error(edata);
		check->finding.found_at = GetCurrentTimestamp();
	}
	PG_END_TRY();

	MemoryContextSwitchTo(round->context);
	CurrentResourceOwner = owner;
	return prepared;
}

static char *
describe_error(const ErrorData *edata)
{
	if (edata->detail == NULL)
		return pstrdup(edata->message);
	return psprintf("%s: %s", edata->message, edata->detail);
}

static void
probe_begun(int number, void *arg)
{
	tm_health_begin(((HealthRound *) arg)->checks[number].connection);
}

/* Kept at once, for others may take longer. */
static void
probe_ended(int number, const ProbeResult *result, void *arg)
{
	HealthRound *round = arg;
	Check	   *check = &round->checks[number];

	check->ended = true;
	tm_health_check_judge(check->connection, result, &check->finding);
	keep_finding(round, check);
}

/* What there was no time for is still due. */
static void
leave_over(HealthRound *round)
{
	int			i;

	for (i = 0; i < round->nchecks; i++)
	{
		if (!round->checks[i].ended)
			round->next = Min(round->next, round->checks[i].turn.due);
	}
}

static void
keep_finding(HealthRound *round, Check *check)
{
	TimestampTz due;

	if (tm_health_add(check->connection, &check->finding, &check->before,
					  &check->after, &due) && check->before != check->after)
	{
		Check	   *change = palloc(sizeof(Check));

		*change = *check;
		round->changes = lappend(round->changes, change);
		tm_health_check_log(check->connection, &check->finding,
							check->before, check->after);
	}
	round->next = Min(round->next, due);
}

/* Would we have to wait for somebody to get into this database now? */
static bool
is_wanted_elsewhere(void *arg)
{
	LOCKTAG		tag;
	bool		wanted;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
	begin_transaction();
	wanted = LockAcquire(&tag, RowExclusiveLock, false, true) ==
		LOCKACQUIRE_NOT_AVAIL;
	CommitTransactionCommand();
	MemoryContextSwitchTo(((HealthRound *) arg)->context);
	return wanted;
}

static void
announce_changes(const HealthRound *round)
{
	ListCell   *lc;

	if (RecoveryInProgress())
		return;
	foreach(lc, round->changes)
	{
		PG_TRY();
		{
			announce_change(lfirst(lc));
		}
		PG_CATCH();
		{
			HOLD_INTERRUPTS();
			EmitErrorReport();
			AbortCurrentTransaction();
			FlushErrorState();
			RESUME_INTERRUPTS();
		}
		PG_END_TRY();
		MemoryContextSwitchTo(round->context);
	}
}

/* The extension, or the connection, may be gone by now. */
static void
announce_change(const Check *check)
{
	begin_transaction();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (tm_registry_installed() &&
		tm_connection_lookup_id(&check->connection->id) != NULL)
		tm_health_check_announce(check->connection, &check->finding,
								 check->before, check->after);
	PopActiveSnapshot();
	CommitTransactionCommand();
}
