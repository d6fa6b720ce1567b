/*
 * worker.h
 *		Background workers: how they are started, and how they begin.
 *
 * A worker that is always there is registered by _PG_init:
 *
 *		tm_worker_register(&type);
 *
 * One that has something to do is started when there is, by any process that
 * has a latch, and can be waited for or ended by its handle, with the server's
 * own functions (postmaster/bgworker.h):
 *
 *		if (!tm_worker_start(&type, MyDatabaseId, roleid, arg, &handle))
 *			tm_worker_report_none_free(&type, LOG);
 *		...
 *		WaitForBackgroundWorkerShutdown(handle);
 *
 * The latch of whoever has started a worker is set when the worker has begun
 * and when it has ended; GetBackgroundWorkerPid() tells which.  A worker outlives
 * an error of its starter, who has to end it by TerminateBackgroundWorker() if
 * it is not to go on.
 *
 * Either way its main function begins with
 *
 *		tm_worker_begin();
 *
 * and is then in the database, and the role, that its starter has named.  When
 * the main function returns, the worker is gone.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_WORKER_H
#define TENANT_MGR_WORKER_H

#include "postmaster/bgworker.h"

/* A kind of worker; lives as long as the library */
typedef struct WorkerType
{
	const char *name;			/* what pg_stat_activity calls it */
	const char *function;		/* exported by the library: its main function */
	int			restart_seconds;	/* registered ones come again so long
									 * after an error */
	const char *none_free;		/* message when there is no room for one more,
								 * or NULL; marked for translation */
} WorkerType;

/*
 * Have the worker started with the server, in no database.  Only while the
 * server loads the library; otherwise, and in pg_upgrade, nothing happens.
 */
extern void tm_worker_register(const WorkerType *type);

/*
 * Start a worker in a database as a role, or as the superuser who owns the
 * server if that is InvalidOid; the argument is that of its main function.
 * False if max_worker_processes are there already.  The handle is palloc'd.
 *
 * The role's privileges are looked at by nobody, so it has to be one that the
 * starter may act as.  Servers before PostgreSQL 17 end the worker if the role
 * cannot log in.
 */
extern bool tm_worker_start(const WorkerType *type, Oid dbid, Oid roleid,
							Datum arg, BackgroundWorkerHandle **handle);

/* Say so, as an error or in the log. */
extern void tm_worker_report_none_free(const WorkerType *type, int elevel);

/*
 * The worker receives signals, as a session does, and is connected.  In a
 * database, settings that would get in its way have been overridden, and
 * pg_stat_activity shows it as active.  It is in no transaction.
 */
extern void tm_worker_begin(void);

#endif							/* TENANT_MGR_WORKER_H */
