/*
 * key_admin.c
 *		What an administrator does with keys.
 *
 * A root key is replaced in three steps: a new one is added to the ring, all
 * data keys are wrapped with it (CALL tenant.rotate_keys()), and the old one
 * is removed from the ring.  Secrets stay as they are.  The middle step runs
 * in batches, each a transaction of its own; a key that has been wrapped with
 * the current root key is passed over, so the procedure can be interrupted and
 * called again, and run by two sessions at once.  When it has been through, it
 * waits for transactions that have made keys and not ended, and goes through
 * the keys again.  A key that cannot be opened is passed over, and told of.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "base/crypto.h"
#include "base/tenant_mgr.h"
#include "binding/ownership.h"
#include "secrets/data_key.h"
#include "secrets/keyring.h"
#include "secrets/secret.h"
#include "tenants/event.h"
#include "tenants/tenant_lock.h"

#define ROTATION_BATCH			100
#define MAX_ITERATIONS			10000000
#define BENCHMARK_COLUMNS		5
#define BENCHMARK_MAX_BYTES		65536

/* What a measurement works on */
typedef struct BenchmarkJob
{
	CryptoAlgorithm algorithm;	/* the cipher */
	CryptoKeys	keys;			/* that nobody uses */
	Size		size;			/* of the message */
	unsigned char *plain;		/* the message */
	unsigned char *box;			/* it, sealed */
} BenchmarkJob;

typedef void (*BenchmarkStep) (BenchmarkJob *job);

static int	rewrap_all(bool *recorded, bool tell);
static void tell_left_over(const DataKeyInfo *info, const char *problem);
static void record_rotation(void);
static void append_ring(StringInfo json);
static char *find_other_key(void);
static void append_data_keys(StringInfo json);
static void append_numbers(StringInfo json, List *numbers);
static void report_measurements(ReturnSetInfo *rsinfo, BenchmarkJob *job,
								int iterations);
static double measure(BenchmarkStep step, BenchmarkJob *job, int iterations);
static void seal_step(BenchmarkJob *job);
static void open_step(BenchmarkJob *job);
static void plain_seal_step(BenchmarkJob *job);
static void plain_open_step(BenchmarkJob *job);

PG_FUNCTION_INFO_V1(tenant_generate_key);
PG_FUNCTION_INFO_V1(tenant_rotate_keys);
PG_FUNCTION_INFO_V1(tenant_shred);
PG_FUNCTION_INFO_V1(tenant_crypto_status);
PG_FUNCTION_INFO_V1(tenant_crypto_benchmark);

/* generate_key(): a line for the ring, with the next version. */
Datum
tenant_generate_key(PG_FUNCTION_ARGS)
{
	unsigned char key[TM_CRYPTO_KEY_BYTES];
	char		hex[2 * TM_CRYPTO_KEY_BYTES + 1];
	char	   *problem;
	int			version = 0;
	text	   *result;

	if (tm_keyring_is_usable(&problem))
	{
		ListCell   *lc;

		foreach(lc, tm_keyring_versions())
			version = Max(version, lfirst_int(lc));
		if (version == PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("there are no more versions of root keys")));
	}
	tm_crypto_random(key, sizeof(key));
	tm_crypto_key_to_hex(key, hex);
	result = cstring_to_text(psprintf("%d:%s", version + 1, hex));
	tm_crypto_wipe(key, sizeof(key));
	tm_crypto_wipe(hex, sizeof(hex));

	PG_RETURN_TEXT_P(result);
}

/* rotate_keys(): wrap all data keys with the current root key. */
Datum
tenant_rotate_keys(PG_FUNCTION_ARGS)
{
	bool		nonatomic = fcinfo->context != NULL &&
		IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic;
	bool		recorded = false;
	int			nleft;

	if (!nonatomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot run inside a transaction block",
						"CALL tenant.rotate_keys()")));
	tm_tenant_lock_begin("tenant.rotate_keys()");

	/* From here on we are in a memory context that outlives transactions. */
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	(void) tm_keyring_current();
	(void) rewrap_all(&recorded, false);
	tm_data_key_await_makers();
	nleft = rewrap_all(&recorded, true);
	SPI_finish();

	if (nleft > 0)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NO_KEY),
				 errmsg_plural("%d data key cannot be wrapped with the current root key",
							   "%d data keys cannot be wrapped with the current root key",
							   nleft, nleft),
				 errdetail("All others have been, and that is committed."),
				 errhint("tenant.doctor() says what is wrong.")));

	PG_RETURN_VOID();
}

/*
 * In batches, each of which is committed.  Keys that cannot be opened keep no
 * others from being wrapped; returns their number, having told of each.
 */
static int
rewrap_all(bool *recorded, bool tell)
{
	MemoryContext batch_context;
	List	   *keys = tm_data_key_list();
	int			position = 0;
	int			nleft = 0;

	batch_context = AllocSetContextCreate(CurrentMemoryContext,
										  "tenant_mgr key rotation",
										  ALLOCSET_DEFAULT_SIZES);
	while (position < list_length(keys))
	{
		int			end = Min(position + ROTATION_BATCH, list_length(keys));
		MemoryContext old_context = MemoryContextSwitchTo(batch_context);

		PushActiveSnapshot(GetTransactionSnapshot());
		for (; position < end; position++)
		{
			DataKeyInfo *info = list_nth(keys, position);
			char	   *problem;

			CHECK_FOR_INTERRUPTS();
			switch (tm_data_key_rewrap(info, &problem))
			{
				case REWRAP_DONE:
					if (!*recorded)
						record_rotation();
					*recorded = true;
					break;
				case REWRAP_IMPOSSIBLE:
					nleft++;
					if (tell)
						tell_left_over(info, problem);
					break;
				case REWRAP_NOT_NEEDED:
					break;
			}
		}
		PopActiveSnapshot();
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(batch_context);
		SPI_commit();
	}
	MemoryContextDelete(batch_context);
	return nleft;
}

static void
tell_left_over(const DataKeyInfo *info, const char *problem)
{
	pg_uuid_t	scope = info->scope;

	ereport(WARNING,
			(errcode(ERRCODE_TENANT_NO_KEY),
			 errmsg("data key version %d of scope %s cannot be wrapped with the current root key",
					info->version,
					DatumGetCString(DirectFunctionCall1(uuid_out,
														UUIDPGetDatum(&scope)))),
			 errdetail_internal("%s", problem),
			 errhidecontext(true)));
}

/* shred(name): nobody can open the tenant's secrets any more. */
Datum
tenant_shred(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	TenantInfo *tenant;

	tm_tenant_lock_begin("tenant.shred()");
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	tm_data_key_shred(&tenant->id);
	tm_event_record("shred", tenant, NULL, NULL);

	PG_RETURN_VOID();
}

/* crypto_status(): what there is of algorithms and keys. */
Datum
tenant_crypto_status(PG_FUNCTION_ARGS)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"libsodium\": \"%s\", \"algorithm\": \"%s\", \"aes-256-gcm\": %s, ",
					 tm_crypto_library_version(),
					 tm_crypto_algorithm_name(tm_secret_algorithm),
					 tm_crypto_is_available(CRYPTO_AES_256_GCM) ?
					 "true" : "false");
	append_ring(&json);
	append_data_keys(&json);
	appendStringInfoChar(&json, '}');

	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in,
										CStringGetDatum(json.data)));
}

/*
 * crypto_benchmark(iterations): how long sealing and opening take here, and
 * how long the bare library takes to encrypt the same.
 */
Datum
tenant_crypto_benchmark(PG_FUNCTION_ARGS)
{
	static const Size sizes[] = {32, 1024, BENCHMARK_MAX_BYTES};
	int32		iterations = PG_GETARG_INT32(0);
	BenchmarkJob job;
	int			algorithm;
	int			i;

	if (iterations < 1 || iterations > MAX_ITERATIONS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of iterations must be between 1 and %d",
						MAX_ITERATIONS)));

	InitMaterializedSRF(fcinfo, 0);
	tm_crypto_random(&job.keys, sizeof(job.keys));
	job.plain = palloc0(BENCHMARK_MAX_BYTES);
	job.box = palloc(BENCHMARK_MAX_BYTES + TM_CRYPTO_OVERHEAD);
	for (algorithm = 1; tm_crypto_algorithm_name(algorithm) != NULL; algorithm++)
	{
		job.algorithm = (CryptoAlgorithm) algorithm;
		if (!tm_crypto_is_available(job.algorithm))
			continue;
		for (i = 0; i < lengthof(sizes); i++)
		{
			job.size = sizes[i];
			report_measurements((ReturnSetInfo *) fcinfo->resultinfo, &job,
								iterations);
		}
	}

	return (Datum) 0;
}

/* It has begun: if it is interrupted, what was committed by then stays. */
static void
record_rotation(void)
{
	char		version[12];

	snprintf(version, sizeof(version), "%d", tm_keyring_current()->version);
	tm_event_record("rotate_keys", NULL, NULL,
					tm_event_detail("root_version", version, NULL));
}

static void
append_ring(StringInfo json)
{
	char	   *problem;
	bool		usable = tm_keyring_is_usable(&problem);

	if (usable && problem == NULL)
		problem = find_other_key();
	appendStringInfo(json, "\"key_ring\": \"%s\", \"problem\": ",
					 tm_keyring_source());
	if (problem != NULL)
		escape_json(json, problem);
	else
		appendStringInfoString(json, "null");
	if (usable)
	{
		appendStringInfoString(json, ", \"root_versions\": ");
		append_numbers(json, tm_keyring_versions());
		appendStringInfo(json, ", \"current_root_version\": %d, ",
						 tm_keyring_current()->version);
	}
	else
		appendStringInfoString(json, ", \"root_versions\": [], \"current_root_version\": null, ");
}

/* What is wrong if a key of the ring is not the one that it should be. */
static char *
find_other_key(void)
{
	ListCell   *lc;

	foreach(lc, tm_data_key_list())
	{
		const DataKeyInfo *info = lfirst(lc);
		const RootKey *root = tm_keyring_find(info->root_version);

		if (!info->shredded && root != NULL &&
			!tm_crypto_same(root->check, info->root_check,
							TM_CRYPTO_CHECK_BYTES))
			return psprintf(_("Root key version %d in the key ring is not the one that data keys were wrapped with."),
							info->root_version);
	}
	return NULL;
}

/*
 * Counts, and which root keys still have data keys that they wrap: also those
 * that may be rolled back, or are yet to be committed.
 */
static void
append_data_keys(StringInfo json)
{
	List	   *used = NIL;
	int			nkeys = 0;
	int			nshredded = 0;
	ListCell   *lc;

	foreach(lc, tm_data_key_list())
	{
		const DataKeyInfo *info = lfirst(lc);

		if (info->shredded)
			nshredded++;
		else
			nkeys++;
	}
	foreach(lc, tm_data_key_list_uncommitted())
	{
		const DataKeyInfo *info = lfirst(lc);

		if (!info->shredded)
			used = list_append_unique_int(used, info->root_version);
	}
	list_sort(used, list_int_cmp);
	appendStringInfo(json, "\"data_keys\": %d, \"shredded_keys\": %d, \"root_versions_in_use\": ",
					 nkeys, nshredded);
	append_numbers(json, used);
}

static void
append_numbers(StringInfo json, List *numbers)
{
	const char *separator = "";
	ListCell   *lc;

	appendStringInfoChar(json, '[');
	foreach(lc, numbers)
	{
		appendStringInfo(json, "%s%d", separator, lfirst_int(lc));
		separator = ", ";
	}
	appendStringInfoChar(json, ']');
}

/* A row for sealing and one for opening, both beside the bare library */
static void
report_measurements(ReturnSetInfo *rsinfo, BenchmarkJob *job, int iterations)
{
	Datum		values[BENCHMARK_COLUMNS];
	bool		nulls[BENCHMARK_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(tm_crypto_algorithm_name(job->algorithm));
	values[1] = CStringGetTextDatum("seal");
	values[2] = Int32GetDatum((int32) job->size);
	values[4] = Float8GetDatum(measure(plain_seal_step, job, iterations));
	values[3] = Float8GetDatum(measure(seal_step, job, iterations));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);

	values[1] = CStringGetTextDatum("open");
	values[3] = Float8GetDatum(measure(open_step, job, iterations));
	plain_seal_step(job);
	values[4] = Float8GetDatum(measure(plain_open_step, job, iterations));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Microseconds that a step takes on the average */
static double
measure(BenchmarkStep step, BenchmarkJob *job, int iterations)
{
	instr_time	start;
	instr_time	duration;
	int			i;

	INSTR_TIME_SET_CURRENT(start);
	for (i = 0; i < iterations; i++)
	{
		CHECK_FOR_INTERRUPTS();
		step(job);
	}
	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	return INSTR_TIME_GET_DOUBLE(duration) * 1e6 / iterations;
}

/* The associated data is as long as it usually is. */
static void
seal_step(BenchmarkJob *job)
{
	tm_crypto_seal(job->algorithm, &job->keys, "42", 2, job->plain, job->size,
				   job->box);
}

static void
open_step(BenchmarkJob *job)
{
	if (!tm_crypto_open(job->algorithm, &job->keys, "42", 2, job->box,
						job->size + TM_CRYPTO_OVERHEAD, job->plain))
		elog(ERROR, "could not open what was sealed");
}

static void
plain_seal_step(BenchmarkJob *job)
{
	tm_crypto_seal_plainly(job->algorithm, &job->keys, job->plain, job->size,
						   job->box);
}

static void
plain_open_step(BenchmarkJob *job)
{
	if (!tm_crypto_open_plainly(job->algorithm, &job->keys, job->box,
								job->size, job->plain))
		elog(ERROR, "could not open what was sealed");
}
