/*
 * session_wakeup.c
 *		Sessions that are idle follow what has been committed.
 *
 * A session that is bound follows its tenant before each statement, but the
 * hooks run after a statement has been parsed, which is too late for its search
 * path.  So whoever commits a change of a name, a state or a schema wakes up the
 * other sessions of the database: it asks them to process invalidation messages,
 * for which an idle backend runs an empty transaction, and at the end of each
 * transaction there is a callback of ours (watch.c).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/resowner.h"

#include "base/compat.h"
#include "binding/binding_settle.h"
#include "binding/session_wakeup.h"

/* others are to be woken up when the transaction commits */
static bool armed = false;

static void release_of_resources(ResourceReleasePhase phase, bool isCommit,
								 bool isTopLevel, void *arg);

/* An earlier attempt to load the library may have come this far. */
void
tm_session_wakeup_init(void)
{
	UnregisterResourceReleaseCallback(release_of_resources, NULL);
	RegisterResourceReleaseCallback(release_of_resources, NULL);
}

void
tm_session_wakeup_at_commit(void)
{
	CommandCounterIncrement();
	armed = true;
	if (tm_binding_needs_settling())
		tm_binding_settle(true);
}

void
tm_session_wakeup_arm(void)
{
	armed = true;
}

/*
 * Ask every other backend of this database to process invalidation messages.
 * The array is read without a lock: an entry that is just being recycled
 * means a signal too many, or a backend that has yet to look at anything.
 */
void
tm_session_wakeup_now(void)
{
	uint32		i;

	for (i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];

		if (proc->pid != 0 && proc != MyProc &&
			proc->databaseId == MyDatabaseId)
			tm_signal_catchup(proc);
	}
}

/*
 * The locks of a transaction have been released, after its invalidation
 * messages were sent: now others can see what it has done.
 */
static void
release_of_resources(ResourceReleasePhase phase, bool isCommit,
					 bool isTopLevel, void *arg)
{
	if (!armed || !isTopLevel || phase != RESOURCE_RELEASE_AFTER_LOCKS)
		return;
	armed = false;
	if (isCommit)
		tm_session_wakeup_now();
}
