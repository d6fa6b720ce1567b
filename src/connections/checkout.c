/*
 * checkout.c
 *		Connections of the registry that this session has open.
 *
 * Whoever may call tenant.connect() uses a connection without seeing its
 * password: it is opened by dblink, and known to the session by a handle that
 * dblink's functions take.  A session has one such connection at most to each
 * database of the registry, and asking for it again returns the same one, but
 * looks first whether it still is what is wanted.
 *
 * dblink connects as the current user, so its own rules hold: unless that is
 * a superuser, the server at the other end must ask for the password.
 *
 * A connection counts in its pool (pool.c) from before it is opened until it
 * is closed by tenant.disconnect(), or found closed by dblink_disconnect(), or
 * the session ends.  Transactions make no difference, as for dblink.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/crypto.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "base/wipe.h"
#include "connections/connection.h"
#include "connections/conninfo.h"
#include "connections/dblink.h"
#include "connections/health_check.h"
#include "connections/pool.h"

#define POOL_STATS_COLUMNS	9

/* The id, written out, follows. */
#define HANDLE_PREFIX	"tenant_mgr:"

/* Seconds until an attempt is given up, unless an option says otherwise */
#define CONNECT_TIMEOUT	10
#define MAX_CONNECT_TIMEOUT	600

/* One that is open, or about to be; in the context of all of them */
typedef struct Checkout
{
	pg_uuid_t	id;				/* of the connection */
	char		handle[NAMEDATALEN];	/* what dblink calls it */
	Pool	   *pool;			/* where it counts, or NULL */
	bool		open;			/* has dblink opened it? */
	char	   *conninfo;		/* how, without the password */
	uint64		password_hash;	/* of the sealed password */
	Size		conninfo_size;	/* bytes of it with the password */
	Size		password_size;	/* bytes of that, or 0 */
	TimestampTz opened_at;		/* when */
} Checkout;

/* what this session has; a list in a context of its own */
static MemoryContext checkout_context = NULL;
static List *checkouts = NIL;

static void require_pools(void);
static void forget_closed(void);
static bool contains(List *handles, const char *handle);
static Checkout *find_checkout(const pg_uuid_t *id);
static Checkout *make_checkout(const ConnectionInfo *connection);
static void enter_pool(Checkout *checkout, const ConnectionInfo *connection);
static bool is_usable(const Checkout *checkout,
					  const ConnectionInfo *connection);
static uint64 hash_of_password(const ConnectionInfo *connection);
static void open_checkout(Checkout *checkout,
						  const ConnectionInfo *connection);
static void dial(Checkout *checkout, const ConnectionInfo *connection);
static void try_first(const ConnectionInfo *connection);
static const char *as_sentence(const char *words);
static int	connect_timeout(const ConnectionInfo *connection);
static void close_checkout(Checkout *checkout);
static void wipe_copies(const Checkout *checkout);
static char *build_conninfo(const ConnectionInfo *connection,
							const char *password);
static char *random_name(void);
static void forget_checkout(Checkout *checkout);
static void leave_pools(int code, Datum arg);

PG_FUNCTION_INFO_V1(tenant_connect);
PG_FUNCTION_INFO_V1(tenant_disconnect);
PG_FUNCTION_INFO_V1(tenant_pool_stats);

/* connect(connection_name): a handle for dblink's functions. */
Datum
tenant_connect(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ConnectionInfo *connection;
	Checkout   *checkout;

	require_pools();
	forget_closed();
	connection = tm_connection_lookup(name, false);
	if (!connection->is_active)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("connection \"%s\" is not active", name)));

	checkout = find_checkout(&connection->id);
	if (checkout == NULL)
	{
		checkout = make_checkout(connection);
		enter_pool(checkout, connection);
	}
	else if (!is_usable(checkout, connection))
	{
		checkout->open = false;
		close_checkout(checkout);
	}
	if (!checkout->open)
		open_checkout(checkout, connection);
	tm_pool_count_checkout(checkout->pool);
	PG_RETURN_TEXT_P(cstring_to_text(checkout->handle));
}

/*
 * disconnect(name): close the connection of that name or handle, or all.
 * Returns how many have been closed.
 */
Datum
tenant_disconnect(PG_FUNCTION_ARGS)
{
	char	   *name = NULL;
	ConnectionInfo *connection = NULL;
	int			closed = 0;
	int			i;

	if (checkouts == NIL)
		PG_RETURN_INT32(0);
	if (!PG_ARGISNULL(0))
	{
		name = text_to_cstring(PG_GETARG_TEXT_PP(0));
		connection = tm_connection_lookup(name, true);
	}

	forget_closed();
	for (i = list_length(checkouts) - 1; i >= 0; i--)
	{
		Checkout   *checkout = list_nth(checkouts, i);

		if (name != NULL && strcmp(name, checkout->handle) != 0 &&
			(connection == NULL ||
			 !tm_uuid_equals(&connection->id, &checkout->id)))
			continue;
		close_checkout(checkout);
		forget_checkout(checkout);
		closed++;
	}
	PG_RETURN_INT32(closed);
}

/* pool_stats(): a row for each connection of the registry. */
Datum
tenant_pool_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (!tm_pool_is_available())
		return (Datum) 0;
	foreach(lc, tm_connection_list(false))
	{
		ConnectionInfo *connection = lfirst(lc);
		Datum		values[POOL_STATS_COLUMNS];
		bool		nulls[POOL_STATS_COLUMNS] = {0};
		PoolCounts	counts;

		tm_pool_counts(&connection->id, &counts);
		values[0] = CStringGetTextDatum(connection->name);
		values[1] = Int32GetDatum(connection->pool_max_size);
		values[2] = Int32GetDatum(counts.active);
		values[3] = Int32GetDatum(counts.waiting);
		values[4] = Int64GetDatum(counts.opened);
		values[5] = Int64GetDatum(counts.checkouts);
		values[6] = Int64GetDatum(counts.timeouts);
		values[7] = Float8GetDatum(counts.wait_ms);
		values[8] = Float8GetDatum((double) counts.active /
								   connection->pool_max_size);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static void
require_pools(void)
{
	if (!tm_pool_is_available())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("connections cannot be counted because \"%s\" was not loaded when the server started",
						TM_EXTENSION_NAME),
				 errhint("Add it to \"shared_preload_libraries\" and restart the server.")));
}

/* What has been closed behind our back, or failed, does not count. */
static void
forget_closed(void)
{
	List	   *handles;
	int			i;

	if (checkouts == NIL)
		return;
	handles = tm_dblink_handles();
	for (i = list_length(checkouts) - 1; i >= 0; i--)
	{
		Checkout   *checkout = list_nth(checkouts, i);

		if (!checkout->open || !contains(handles, checkout->handle))
		{
			wipe_copies(checkout);
			forget_checkout(checkout);
		}
	}
}

static bool
contains(List *handles, const char *handle)
{
	ListCell   *lc;

	foreach(lc, handles)
	{
		if (strcmp(lfirst(lc), handle) == 0)
			return true;
	}
	return false;
}

static Checkout *
find_checkout(const pg_uuid_t *id)
{
	ListCell   *lc;

	foreach(lc, checkouts)
	{
		Checkout   *checkout = lfirst(lc);

		if (tm_uuid_equals(&checkout->id, id))
			return checkout;
	}
	return NULL;
}

/* Only what is given back may be allocated in the context of all of them. */
static Checkout *
make_checkout(const ConnectionInfo *connection)
{
	MemoryContext old_context;
	Checkout   *checkout;
	char	   *id = DatumGetCString(DirectFunctionCall1(uuid_out,
														 UUIDPGetDatum(&connection->id)));

	if (checkout_context == NULL)
	{
		checkout_context = AllocSetContextCreate(TopMemoryContext,
												 "tenant_mgr checkouts",
												 ALLOCSET_SMALL_SIZES);
		before_shmem_exit(leave_pools, (Datum) 0);
	}
	old_context = MemoryContextSwitchTo(checkout_context);
	checkout = palloc0(sizeof(Checkout));
	checkout->id = connection->id;
	snprintf(checkout->handle, sizeof(checkout->handle), HANDLE_PREFIX "%s",
			 id);
	checkouts = lappend(checkouts, checkout);
	MemoryContextSwitchTo(old_context);
	return checkout;
}

static void
enter_pool(Checkout *checkout, const ConnectionInfo *connection)
{
	checkout->pool = tm_pool_enter(&connection->id, connection->pool_max_size,
								   connection->pool_timeout);
	if (checkout->pool == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_CONNECTIONS),
				 errmsg("too many connections to \"%s\" are open",
						connection->name),
				 errdetail("All of %d were in use for %d seconds.",
						   connection->pool_max_size,
						   connection->pool_timeout),
				 errhint("The limits are pool_max_size and pool_timeout_seconds of the connection.")));
}

/* Is it young enough, to the right place, and does it work? */
static bool
is_usable(const Checkout *checkout, const ConnectionInfo *connection)
{
	if (connection->pool_recycle > 0 &&
		GetCurrentTimestamp() - checkout->opened_at >
		connection->pool_recycle * USECS_PER_SEC)
		return false;
	if (checkout->password_hash != hash_of_password(connection) ||
		strcmp(checkout->conninfo, tm_conninfo_build(connection, NULL)) != 0)
		return false;
	return !connection->pool_pre_ping || tm_dblink_ping(checkout->handle);
}

/* Sealed anew, it is another one. */
static uint64
hash_of_password(const ConnectionInfo *connection)
{
	return connection->password == NULL ? 0 :
		hash_bytes_extended((unsigned char *) VARDATA_ANY(connection->password),
							VARSIZE_ANY_EXHDR(connection->password), 0);
}

/* If that fails, it does not count any more. */
static void
open_checkout(Checkout *checkout, const ConnectionInfo *connection)
{
	PG_TRY();
	{
		dial(checkout, connection);
	}
	PG_CATCH();
	{
		wipe_copies(checkout);
		forget_checkout(checkout);
		PG_RE_THROW();
	}
	PG_END_TRY();

	wipe_copies(checkout);
	checkout->open = true;
	checkout->password_hash = hash_of_password(connection);
	checkout->opened_at = GetCurrentTimestamp();
	if (checkout->conninfo != NULL)
		pfree(checkout->conninfo);
	checkout->conninfo =
		MemoryContextStrdup(checkout_context,
							tm_conninfo_build(connection, NULL));
	tm_pool_count_opened(checkout->pool);
}

/*
 * Have dblink open it, if the server behaves when another process talks to it.
 * The password is wiped on all paths.
 */
static void
dial(Checkout *checkout, const ConnectionInfo *connection)
{
	char	   *password;
	char	   *conninfo;

	try_first(connection);
	password = connection->password != NULL ?
		tm_connection_open_password(connection) : NULL;
	conninfo = build_conninfo(connection, password);
	checkout->password_size = password != NULL ? strlen(password) + 1 : 0;
	checkout->conninfo_size = strlen(conninfo) + 1;
	tm_dblink_connect(checkout->handle, conninfo, password);
}

/*
 * What a server can do to libpq is done here to a process that can be killed:
 * in this one, nothing could end it.
 */
static void
try_first(const ConnectionInfo *connection)
{
	ProbeTarget target = {0};
	ProbeResult *result;
	const char *detail;

	tm_health_check_target(connection, &target);
	result = tm_probe_run(&target, 1, connect_timeout(connection) * 1000,
						  NULL);
	if (result->answered)
		return;
	detail = result->far_error != NULL && tm_connection_may_reveal() ?
		result->far_error : result->error;
	ereport(ERROR,
			(errcode(result->no_password_used ?
					 ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED :
					 ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 errmsg("could not establish connection"),
			 errdetail_internal("%s", as_sentence(detail))));
}

/* What libpq says is left as it is. */
static const char *
as_sentence(const char *words)
{
	char	   *sentence = psprintf("%s.", words);

	if (strncmp(words, "the ", 4) != 0)
		return words;
	sentence[0] = pg_ascii_toupper((unsigned char) sentence[0]);
	return sentence;
}

/*
 * In seconds, as libpq takes it: no less than two; and not without end, for
 * nothing can cancel the session meanwhile.
 */
static int
connect_timeout(const ConnectionInfo *connection)
{
	const char *option = tm_conninfo_option(connection, "connect_timeout");
	long		seconds = option != NULL ? strtol(option, NULL, 10) : 0;

	if (seconds <= 0)
		seconds = CONNECT_TIMEOUT;
	return Min(Max(seconds, 2), MAX_CONNECT_TIMEOUT);
}

static void
close_checkout(Checkout *checkout)
{
	tm_dblink_disconnect(checkout->handle);
	wipe_copies(checkout);
}

/* Those that libpq has made and freed; others it keeps while it is open. */
static void
wipe_copies(const Checkout *checkout)
{
	tm_wipe_freed(checkout->conninfo_size);
	tm_wipe_freed(checkout->password_size);
}

/*
 * dblink tries what comes first as the name of a foreign server.  So it is
 * drawn at random, which nobody could have called one; then the name comes that
 * counts.  The password is last.
 */
static char *
build_conninfo(const ConnectionInfo *connection, const char *password)
{
	StringInfoData result;
	char	   *conninfo;
	char	   *id = DatumGetCString(DirectFunctionCall1(uuid_out,
														 UUIDPGetDatum(&connection->id)));

	conninfo = tm_conninfo_build_for_server(connection, password);
	initStringInfo(&result);
	enlargeStringInfo(&result, strlen(conninfo) + 300);
	tm_conninfo_append(&result, "fallback_application_name", random_name());
	tm_conninfo_append(&result, "fallback_application_name",
					   psprintf("tenant_mgr connection %s", id));
	tm_conninfo_append(&result, "connect_timeout",
					   psprintf("%d", connect_timeout(connection)));
	Assert(result.len >= NAMEDATALEN);
	appendStringInfoChar(&result, ' ');
	appendStringInfoString(&result, conninfo);
	tm_connection_wipe(conninfo);
	return result.data;
}

static char *
random_name(void)
{
	unsigned char bytes[TM_CRYPTO_KEY_BYTES];
	char		hex[2 * TM_CRYPTO_KEY_BYTES + 1];

	tm_crypto_random(bytes, sizeof(bytes));
	tm_crypto_key_to_hex(bytes, hex);
	return pstrdup(hex);
}

static void
forget_checkout(Checkout *checkout)
{
	if (checkout->pool != NULL)
		tm_pool_leave(checkout->pool);
	checkouts = list_delete_ptr(checkouts, checkout);
	if (checkout->conninfo != NULL)
		pfree(checkout->conninfo);
	pfree(checkout);
}

/* The connections end with the process, their count has to be told. */
static void
leave_pools(int code, Datum arg)
{
	ListCell   *lc;

	foreach(lc, checkouts)
	{
		Checkout   *checkout = lfirst(lc);

		if (checkout->pool != NULL)
			tm_pool_leave(checkout->pool);
		checkout->pool = NULL;
	}
}
