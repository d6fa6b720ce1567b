/*
 * migrate_tenant.h
 *		One tenant gets what it lacks.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_TENANT_H
#define TENANT_MGR_MIGRATE_TENANT_H

#include "nodes/pg_list.h"
#include "utils/uuid.h"

#include "fleet/migrate.h"

/* How it has ended */
typedef enum MigrateEnd
{
	MIGRATE_DONE,				/* the tenant lacks nothing now, or is gone */
	MIGRATE_RETRY,				/* it was in somebody's way, or others in its */
	MIGRATE_FAILED				/* a migration has failed */
} MigrateEnd;

typedef struct MigrateOutcome
{
	MigrateEnd	end;			/* how it has ended */
	int			napplied;		/* migrations that the tenant has got */
	MigrateFailure failure;		/* set unless it is done */
	bool		differs;		/* is it not like its template? */
	MigrateFailure difference;	/* the last that was found, no error */
} MigrateOutcome;

/* Who works through tenants: a worker, or the session of the caller */
typedef struct MigrateSession
{
	const MigrateRun *run;		/* what for */
	bool		in_worker;		/* a worker? */
	bool		nested;			/* called by a procedure or DO block? */
	List	   *steps;			/* migrations of the run, in their order */
	MemoryContext context;		/* all of the above is in it */
	MemoryContext tenant_context;	/* reset with each tenant */
	int			nvisited;		/* tenants since caches were emptied */
} MigrateSession;

/*
 * Begin and end.  There is a nonatomic connection of SPI and a transaction, each
 * of which all functions here replace: whoever waits afterwards has no snapshot
 * that others would wait for.  The session is in a context of its own,
 * a child of the given one, which must outlive transactions.
 */
extern MigrateSession *tm_migrate_session_begin(const MigrateRun *run,
												MemoryContext parent,
												bool in_worker, bool nested);
extern void tm_migrate_session_end(MigrateSession *session);

/*
 * Give the tenant the migrations of the run that it does not have, each in a
 * transaction of its own; a trial ends with all of it rolled back, and tells
 * the client.  An error is raised only if the run as a whole is to end.
 */
extern void tm_migrate_tenant(MigrateSession *session, const pg_uuid_t *id,
							  MigrateOutcome *outcome);

/* Write that whoever worked on the tenant has died of it. */
extern void tm_migrate_note_death(MigrateSession *session,
								  const pg_uuid_t *id,
								  MigrateFailure *failure);

#endif							/* TENANT_MGR_MIGRATE_TENANT_H */
