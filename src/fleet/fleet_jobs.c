/*
 * fleet_jobs.c
 *		Statements for many tenants, by several background workers.
 *
 * The workers are in the same database, as the same role, and take one tenant
 * after the other from a list in shared memory.  Each tenant is a transaction
 * of its own, so what has been committed stays, whatever becomes of the
 * caller's.  Each worker has two queues of rows to the session that waits: for
 * what is returned, and for errors of a query; they are the tuple queues of
 * parallel queries.
 *
 * The shared memory goes with the caller's resource owner, on error and at the
 * end of the session, too, and takes the workers along.
 *
 * A worker that waited for a lock of the caller's transaction would wait for
 * ever: the caller waits for its workers, which is not a lock, so no deadlock is
 * detected.  So a transaction that has changed something cannot have workers.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/tqueue.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "base/preload.h"
#include "base/tenant_mgr.h"
#include "base/worker.h"
#include "fleet/fleet_jobs.h"
#include "fleet/fleet_rows.h"

#define FLEET_MAGIC		0x746d666c

/* Entries of the table of contents; queues come after them */
#define KEY_SHARED		1
#define KEY_SQL			2
#define KEY_TENANTS		3
#define KEY_COLUMNS		4
#define KEY_ROWS		100
#define KEY_ERRORS		10000

#define QUEUE_SIZE		65536
#define MAX_JOBS		1024

/* What all workers of a call share */
typedef struct FleetShared
{
	FleetTask	task;
	Oid			roleid;			/* whose rights the caller has */
	int			ntenants;
	int			ncolumns;
	pg_atomic_uint32 next;		/* the tenant to be taken next */
	pg_atomic_uint32 nfinished; /* workers that have come to the end */
} FleetShared;

/* A column of the result */
typedef struct FleetColumn
{
	NameData	name;
	Oid			type;
	int32		typmod;
	Oid			collation;
} FleetColumn;

/* The workers of a call, in memory that outlives it */
typedef struct FleetWorkers
{
	int			nworkers;
	BackgroundWorkerHandle *handles[FLEXIBLE_ARRAY_MEMBER];
} FleetWorkers;

/* A queue that the caller reads */
typedef struct FleetReader
{
	TupleQueueReader *reader;	/* NULL when all has been read */
	bool		is_errors;		/* errors of a query */
} FleetReader;

/* What a worker has at hand */
typedef struct FleetJob
{
	FleetShared *shared;
	const char *sql;
	TupleDesc	desc;			/* of rows */
	TupleDesc	error_desc;		/* of errors */
	DestReceiver *rows;
	DestReceiver *errors;
	MemoryContext context;		/* for one tenant */
} FleetJob;

static const WorkerType fleet_worker = {
	"tenant_mgr fleet", "tm_fleet_worker_main", 0,
	gettext_noop("could not start a background worker for tenants")
};

static dsm_segment *share(FleetTask task, List *tenants, const char *sql,
						  int jobs, TupleDesc desc, shm_toc **toc);
static FleetWorkers *start_workers(dsm_segment *segment, int jobs);
static void end_workers(dsm_segment *segment, Datum arg);
static void read_all(shm_toc *toc, dsm_segment *segment,
					 FleetWorkers *workers, Tuplestorestate *store,
					 TupleDesc desc,
					 void (*note_error) (const char *, int, const char *));
static bool read_some(FleetReader *reader, TupleTableSlot *slot,
					  Tuplestorestate *store,
					  void (*note_error) (const char *, int, const char *));
static TupleDesc error_description(void);
static DestReceiver *sender(shm_toc *toc, dsm_segment *segment, uint64 key,
							TupleDesc desc);
static void work_for(FleetJob *job, const TenantInfo *tenant);
static void commit(FleetResult *result, MemoryContext context);
static void send_result(FleetJob *job, DestReceiver *dest,
						const TenantInfo *tenant, const FleetResult *result);

PGDLLEXPORT void tm_fleet_worker_main(Datum arg);

int
tm_fleet_jobs_argument(FunctionCallInfo fcinfo, int argno)
{
	int			jobs = PG_ARGISNULL(argno) ? 1 : PG_GETARG_INT32(argno);

	if (jobs < 1 || jobs > MAX_JOBS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of jobs must be between 1 and %d",
						MAX_JOBS)));
	if (jobs > 1 && !tm_is_preloaded())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("library \"%s\" is not preloaded", TM_EXTENSION_NAME),
				 errdetail("More than one job takes background workers."),
				 errhint("Use one job, or add the library to shared_preload_libraries and restart the server.")));
	if (jobs > 1 && TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("background workers cannot be used by a transaction that has changed something"),
				 errdetail("They might wait for it."),
				 errhint("Use one job, or commit first.")));
	return jobs;
}

void
tm_fleet_jobs_run(FleetTask task, List *tenants, const char *sql, int jobs,
				  Tuplestorestate *store, TupleDesc desc,
				  void (*note_error) (const char *tenant, int sqlstate,
									  const char *message))
{
	shm_toc    *toc;
	dsm_segment *segment;
	FleetWorkers *workers;
	FleetShared *shared;

	jobs = Min(jobs, list_length(tenants));
	segment = share(task, tenants, sql, jobs, desc, &toc);
	workers = start_workers(segment, jobs);
	read_all(toc, segment, workers, store, desc, note_error);

	shared = shm_toc_lookup(toc, KEY_SHARED, false);
	if (pg_atomic_read_u32(&shared->nfinished) != workers->nworkers)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("a background worker has ended before its tenants were done"),
				 errhint("The server's log tells the reason.")));
	dsm_detach(segment);
}

/* What the workers have to know, and their queues */
static dsm_segment *
share(FleetTask task, List *tenants, const char *sql, int jobs,
	  TupleDesc desc, shm_toc **toc)
{
	int			ntenants = list_length(tenants);
	shm_toc_estimator estimator;
	dsm_segment *segment;
	FleetShared *shared;
	TenantInfo *all;
	FleetColumn *columns;
	char	   *text;
	Size		size;

	shm_toc_initialize_estimator(&estimator);
	shm_toc_estimate_chunk(&estimator, sizeof(FleetShared));
	shm_toc_estimate_chunk(&estimator, strlen(sql) + 1);
	shm_toc_estimate_chunk(&estimator, mul_size(sizeof(TenantInfo), ntenants));
	shm_toc_estimate_chunk(&estimator, sizeof(FleetColumn) * desc->natts);
	shm_toc_estimate_chunk(&estimator, mul_size(QUEUE_SIZE, 2 * jobs));
	shm_toc_estimate_keys(&estimator, 4 + 2 * jobs);
	size = shm_toc_estimate(&estimator);
	segment = dsm_create(size, 0);
	*toc = shm_toc_create(FLEET_MAGIC, dsm_segment_address(segment), size);

	shared = shm_toc_allocate(*toc, sizeof(FleetShared));
	shared->task = task;
	shared->roleid = GetUserId();
	shared->ntenants = ntenants;
	shared->ncolumns = desc->natts;
	pg_atomic_init_u32(&shared->next, 0);
	pg_atomic_init_u32(&shared->nfinished, 0);
	shm_toc_insert(*toc, KEY_SHARED, shared);

	text = shm_toc_allocate(*toc, strlen(sql) + 1);

	strcpy(text, sql);
	shm_toc_insert(*toc, KEY_SQL, text);

	all = shm_toc_allocate(*toc, sizeof(TenantInfo) * ntenants);
	for (int i = 0; i < ntenants; i++)
		all[i] = *(TenantInfo *) list_nth(tenants, i);
	shm_toc_insert(*toc, KEY_TENANTS, all);

	columns = shm_toc_allocate(*toc, sizeof(FleetColumn) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		columns[i].name = attribute->attname;
		columns[i].type = attribute->atttypid;
		columns[i].typmod = attribute->atttypmod;
		columns[i].collation = attribute->attcollation;
	}
	shm_toc_insert(*toc, KEY_COLUMNS, columns);

	for (int i = 0; i < jobs; i++)
	{
		shm_mq	   *rows = shm_mq_create(shm_toc_allocate(*toc, QUEUE_SIZE),
										 QUEUE_SIZE);
		shm_mq	   *errors = shm_mq_create(shm_toc_allocate(*toc, QUEUE_SIZE),
										   QUEUE_SIZE);

		shm_mq_set_receiver(rows, MyProc);
		shm_mq_set_receiver(errors, MyProc);
		shm_toc_insert(*toc, KEY_ROWS + i, rows);
		shm_toc_insert(*toc, KEY_ERRORS + i, errors);
	}
	return segment;
}

/* As many as there is room for. */
static FleetWorkers *
start_workers(dsm_segment *segment, int jobs)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);
	FleetWorkers *workers = palloc0(offsetof(FleetWorkers, handles) +
									jobs * sizeof(BackgroundWorkerHandle *));

	on_dsm_detach(segment, end_workers, PointerGetDatum(workers));
	for (int i = 0; i < jobs; i++)
	{
		uint64		arg = ((uint64) i << 32) | dsm_segment_handle(segment);

		if (!tm_worker_start(&fleet_worker, MyDatabaseId, GetSessionUserId(),
							 UInt64GetDatum(arg), &workers->handles[i]))
			break;
		workers->nworkers++;
	}
	MemoryContextSwitchTo(old_context);
	if (workers->nworkers == 0)
		tm_worker_report_none_free(&fleet_worker, ERROR);
	return workers;
}

/* Nobody reads any more what they send. */
static void
end_workers(dsm_segment *segment, Datum arg)
{
	FleetWorkers *workers = (FleetWorkers *) DatumGetPointer(arg);

	for (int i = 0; i < workers->nworkers; i++)
	{
		TerminateBackgroundWorker(workers->handles[i]);
		pfree(workers->handles[i]);
	}
	pfree(workers);
}

/* Read the queues in turn until all of them have come to an end. */
static void
read_all(shm_toc *toc, dsm_segment *segment, FleetWorkers *workers,
		 Tuplestorestate *store, TupleDesc desc,
		 void (*note_error) (const char *, int, const char *))
{
	int			nreaders = 2 * workers->nworkers;
	FleetReader *readers = palloc0(nreaders * sizeof(FleetReader));
	TupleTableSlot *row = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	TupleTableSlot *error = MakeSingleTupleTableSlot(error_description(),
													 &TTSOpsMinimalTuple);
	int			nopen = nreaders;

	for (int i = 0; i < nreaders; i++)
	{
		uint64		key = (i % 2 == 0 ? KEY_ROWS : KEY_ERRORS) + i / 2;
		shm_mq_handle *queue = shm_mq_attach(shm_toc_lookup(toc, key, false),
											 segment, workers->handles[i / 2]);

		readers[i].reader = CreateTupleQueueReader(queue);
		readers[i].is_errors = i % 2 != 0;
	}
	while (nopen > 0)
	{
		bool		idle = true;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < nreaders; i++)
		{
			if (readers[i].reader == NULL)
				continue;
			if (read_some(&readers[i], readers[i].is_errors ? error : row,
						  store, note_error))
				idle = false;
			if (readers[i].reader == NULL)
				nopen--;
		}
		if (!idle || nopen == 0)
			continue;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	ExecDropSingleTupleTableSlot(row);
	ExecDropSingleTupleTableSlot(error);
}

/* What is there to be read at once; false if there is nothing. */
static bool
read_some(FleetReader *reader, TupleTableSlot *slot, Tuplestorestate *store,
		  void (*note_error) (const char *, int, const char *))
{
	bool		done = false;
	MinimalTuple tuple = TupleQueueReaderNext(reader->reader, true, &done);

	if (done)
	{
		DestroyTupleQueueReader(reader->reader);
		reader->reader = NULL;
		return true;
	}
	if (tuple == NULL)
		return false;
	ExecStoreMinimalTuple(tuple, slot, false);
	if (!reader->is_errors)
		tuplestore_puttupleslot(store, slot);
	else
	{
		slot_getallattrs(slot);
		note_error(TextDatumGetCString(slot->tts_values[0]),
				   MAKE_SQLSTATE(TextDatumGetCString(slot->tts_values[2])[0],
								 TextDatumGetCString(slot->tts_values[2])[1],
								 TextDatumGetCString(slot->tts_values[2])[2],
								 TextDatumGetCString(slot->tts_values[2])[3],
								 TextDatumGetCString(slot->tts_values[2])[4]),
				   TextDatumGetCString(slot->tts_values[3]));
	}
	ExecClearTuple(slot);
	return true;
}

/* Errors look like rows of tenant.exec(). */
static TupleDesc
error_description(void)
{
	TupleDesc	desc = CreateTemplateTupleDesc(FLEET_EXEC_COLUMNS);

	TupleDescInitEntry(desc, 1, "tenant", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "rows", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 3, "sqlstate", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 4, "error", TEXTOID, -1, 0);
	return desc;
}

/* A worker: take one tenant after the other. */
void
tm_fleet_worker_main(Datum arg)
{
	uint64		argument = DatumGetUInt64(arg);
	int			number = (int) (argument >> 32);
	FleetJob	job = {0};
	const FleetColumn *columns;
	const TenantInfo *tenants;
	dsm_segment *segment;
	shm_toc    *toc;
	uint32		taken;

	tm_worker_begin();
	segment = dsm_attach((dsm_handle) argument);
	if (segment == NULL)
		return;					/* whoever has started us is gone */
	dsm_pin_mapping(segment);
	toc = shm_toc_attach(FLEET_MAGIC, dsm_segment_address(segment));
	if (toc == NULL)
		elog(ERROR, "unexpected contents of shared memory");

	job.shared = shm_toc_lookup(toc, KEY_SHARED, false);
	job.sql = shm_toc_lookup(toc, KEY_SQL, false);
	tenants = shm_toc_lookup(toc, KEY_TENANTS, false);
	columns = shm_toc_lookup(toc, KEY_COLUMNS, false);
	job.context = AllocSetContextCreate(CurrentMemoryContext,
										"tenant_mgr fleet",
										ALLOCSET_DEFAULT_SIZES);
	StartTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
	job.error_desc = error_description();
	job.desc = CreateTemplateTupleDesc(job.shared->ncolumns);
	for (int i = 0; i < job.shared->ncolumns; i++)
	{
		TupleDescInitEntry(job.desc, i + 1, NameStr(columns[i].name),
						   columns[i].type, columns[i].typmod, 0);
		TupleDescInitEntryCollation(job.desc, i + 1, columns[i].collation);
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
	job.rows = sender(toc, segment, KEY_ROWS + number, job.desc);
	job.errors = sender(toc, segment, KEY_ERRORS + number, job.error_desc);

	for (int ndone = 1;
		 (taken = pg_atomic_fetch_add_u32(&job.shared->next,
										  1)) < job.shared->ntenants; ndone++)
	{
		MemoryContextSwitchTo(job.context);
		work_for(&job, &tenants[taken]);
		MemoryContextSwitchTo(TopMemoryContext);
		MemoryContextReset(job.context);
		StartTransactionCommand();
		tm_fleet_forget(ndone);
		CommitTransactionCommand();
	}
	pg_atomic_fetch_add_u32(&job.shared->nfinished, 1);
	job.rows->rShutdown(job.rows);
	job.errors->rShutdown(job.errors);
	dsm_detach(segment);
}

static DestReceiver *
sender(shm_toc *toc, dsm_segment *segment, uint64 key, TupleDesc desc)
{
	shm_mq	   *queue = shm_toc_lookup(toc, key, false);
	DestReceiver *dest;

	shm_mq_set_sender(queue, MyProc);
	dest = CreateTupleQueueDestReceiver(shm_mq_attach(queue, segment, NULL));
	dest->rStartup(dest, CMD_SELECT, desc);
	return dest;
}

/* One tenant, in a transaction of its own. */
static void
work_for(FleetJob *job, const TenantInfo *tenant)
{
	FleetResult result;
	Oid			userid;
	int			sec_context;

	StartTransactionCommand();
	MemoryContextSwitchTo(job->context);
	PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(job->shared->roleid,
						   sec_context | SECURITY_LOCAL_USERID_CHANGE);
	if (job->shared->task == FLEET_QUERY)
	{
		FleetRows  *rows = tm_fleet_rows_create(job->desc);

		if (tm_fleet_rows_query(rows, tenant, job->sql, &result))
			tm_fleet_rows_send(rows, job->rows);
		tm_fleet_rows_destroy(rows);
	}
	else
		(void) tm_fleet_run(tenant, job->sql, false, None_Receiver, &result);
	SetUserIdAndSecContext(userid, sec_context);
	PopActiveSnapshot();
	commit(&result, job->context);

	if (job->shared->task == FLEET_EXEC)
		send_result(job, job->rows, tenant, &result);
	else if (result.sqlstate != 0)
		send_result(job, job->errors, tenant, &result);
}

/* What fails now has not been done, either. */
static void
commit(FleetResult *result, MemoryContext context)
{
	PG_TRY();
	{
		CommitTransactionCommand();
		MemoryContextSwitchTo(context);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(context);
		result->rows = 0;
		result->sqlstate = error->sqlerrcode;
		result->message = error->message;
	}
	PG_END_TRY();
}

static void
send_result(FleetJob *job, DestReceiver *dest, const TenantInfo *tenant,
			const FleetResult *result)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(job->error_desc,
													&TTSOpsVirtual);

	tm_fleet_work_row(tenant, result, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	(void) dest->receiveSlot(slot, dest);
	ExecDropSingleTupleTableSlot(slot);
}
