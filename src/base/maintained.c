/*
 * maintained.c
 *		The relation that the server works on just now.
 *
 * ANALYZE, VACUUM, CLUSTER, COPY and whatever builds an index evaluate
 * expressions and triggers of a table, and no hook tells of which one.  But the
 * backend tells those who look at its progress, and that can be read here.
 *
 * There is one entry for each backend, not one for each command that is under
 * way.  A command that is executed by the table's code takes the entry, and
 * leaves none; so does a subtransaction of that code when it is rolled back.  The
 * rest of the outer command would be nobody's then.  So the entry is noted before
 * each utility statement and each subtransaction, and put back afterwards.
 *
 * A parallel worker that builds an index has no entry of its own and looks at
 * that of its leader.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "storage/proc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/maintained.h"

/* What was there when a subtransaction began, in the memory of that */
typedef struct NotedEntry
{
	SubTransactionId subid;
	Maintained	entry;
	struct NotedEntry *outer;
} NotedEntry;

/* written by tm_maintained_begin_subtransaction and its like */
static NotedEntry *noted = NULL;

static Oid	relation_of(ProgressCommandType command, Oid relid);
static Oid	relation_of_leader(void);

Oid
tm_maintained_look(void)
{
	if (IsParallelWorker())
		return relation_of_leader();
	if (MyBEEntry == NULL)
		return InvalidOid;
	return relation_of(MyBEEntry->st_progress_command,
					   MyBEEntry->st_progress_command_target);
}

void
tm_maintained_note(Maintained *entry)
{
	entry->command = PROGRESS_COMMAND_INVALID;
	if (MyBEEntry == NULL ||
		MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID)
		return;
	entry->command = MyBEEntry->st_progress_command;
	entry->relid = MyBEEntry->st_progress_command_target;
	for (int i = 0; i < PGSTAT_NUM_PROGRESS_PARAM; i++)
		entry->params[i] = MyBEEntry->st_progress_param[i];
}

void
tm_maintained_restore(const Maintained *entry)
{
	int			index[PGSTAT_NUM_PROGRESS_PARAM];

	if (entry->command == PROGRESS_COMMAND_INVALID ||
		(entry->command == MyBEEntry->st_progress_command &&
		 entry->relid == MyBEEntry->st_progress_command_target))
		return;
	for (int i = 0; i < PGSTAT_NUM_PROGRESS_PARAM; i++)
		index[i] = i;
	pgstat_progress_start_command(entry->command, entry->relid);
	pgstat_progress_update_multi_param(PGSTAT_NUM_PROGRESS_PARAM, index,
									   entry->params);
}

void
tm_maintained_begin_subtransaction(SubTransactionId subid)
{
	Maintained	entry;
	NotedEntry *note;

	tm_maintained_note(&entry);
	if (entry.command == PROGRESS_COMMAND_INVALID)
		return;
	note = MemoryContextAlloc(CurTransactionContext, sizeof(NotedEntry));
	note->subid = subid;
	note->entry = entry;
	note->outer = noted;
	noted = note;
}

/* The server has taken the entry away by now, if the subtransaction aborts. */
void
tm_maintained_end_subtransaction(SubTransactionId subid, bool aborted)
{
	NotedEntry *note = noted;

	if (note == NULL || note->subid != subid)
		return;
	noted = note->outer;
	if (aborted)
		tm_maintained_restore(&note->entry);
}

void
tm_maintained_end_of_transaction(void)
{
	noted = NULL;
}

static Oid
relation_of(ProgressCommandType command, Oid relid)
{
	switch (command)
	{
		case PROGRESS_COMMAND_ANALYZE:
		case PROGRESS_COMMAND_CLUSTER:
		case PROGRESS_COMMAND_COPY:
		case PROGRESS_COMMAND_CREATE_INDEX:
		case PROGRESS_COMMAND_VACUUM:
			return relid;
		default:
			return InvalidOid;
	}
}

/* A worker works on one thing, so the answer is final. */
static Oid
relation_of_leader(void)
{
	static bool known = false;
	static Oid	relid = InvalidOid;
	PGPROC	   *leader = MyProc->lockGroupLeader;

	if (known || leader == NULL)
		return relid;
	for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++)
	{
		PgBackendStatus *status = tm_backend_status(i);

		if (status == NULL || status->st_procpid != leader->pid)
			continue;
		relid = relation_of(status->st_progress_command,
							status->st_progress_command_target);
		break;
	}
	known = true;
	return relid;
}
