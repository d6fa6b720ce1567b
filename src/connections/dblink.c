/*
 * dblink.c
 *		Connections of the contrib module dblink, opened from here.
 *
 * dblink's functions are called by their OIDs and not by a query, so that a
 * connection string is in no statement that the server could show or log.
 * They are found as members of the extension, in whichever schema it is.
 *
 * libpq takes what it is not told from the environment, which is the server's,
 * and writes what a server warns of to the standard error, which is the
 * server's log.  While a connection is made, neither is there.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "base/cancellation.h"
#include "base/compat.h"
#include "base/crypto.h"
#include "base/wipe.h"
#include "connections/connection.h"
#include "connections/conninfo.h"
#include "connections/dblink.h"

#define DBLINK_EXTENSION	"dblink"

/*
 * Does nothing, whatever state the session at the other end is in; and is no
 * query, for which dblink would want a place to put the result.
 */
#define PING_COMMAND		"UNLISTEN tenant_mgr_ping"

extern char **environ;

/* What libpq would use of ours */
typedef struct Surroundings
{
	List	   *variables;		/* of the environment, as NAME=value */
	int			standard_error; /* a copy of the descriptor, or -1 */
} Surroundings;

static bool is_for_libpq(const char *variable);
static void leave_surroundings(Surroundings *surroundings);
static void restore_surroundings(Surroundings *surroundings);
static void connect_there(const char *handle, char *conninfo, char *password);
static Oid	find_function(const char *name, int nargs, const Oid *argtypes);
static void wipe_string(char *string);
static bool mentions(const ErrorData *error, const char *secret);
static bool is_of_server(const ErrorData *error);
static bool is_end_of_connection(int sqlstate);

void
tm_dblink_connect(const char *handle, char *conninfo, char *password)
{
	Surroundings surroundings;

	leave_surroundings(&surroundings);
	PG_TRY();
	{
		connect_there(handle, conninfo, password);
	}
	PG_FINALLY();
	{
		restore_surroundings(&surroundings);
	}
	PG_END_TRY();
}

/* Nothing of libpq's, and nothing that leads to credentials of Kerberos */
static bool
is_for_libpq(const char *variable)
{
	return strncmp(variable, "PG", 2) == 0 ||
		strncmp(variable, "KRB5", 4) == 0 ||
		strncmp(variable, "HOME=", 5) == 0;
}

static void
leave_surroundings(Surroundings *surroundings)
{
	int			null_device;
	char	  **variable;
	ListCell   *lc;

	surroundings->variables = NIL;
	for (variable = environ; *variable != NULL; variable++)
	{
		if (is_for_libpq(*variable))
			surroundings->variables = lappend(surroundings->variables,
											  pstrdup(*variable));
	}
	foreach(lc, surroundings->variables)
	{
		char	   *name = pnstrdup(lfirst(lc), strcspn(lfirst(lc), "="));

		unsetenv(name);
	}
	setenv("HOME", "/nonexistent", 1);
	setenv("KRB5_CONFIG", "/dev/null", 1);
	setenv("KRB5CCNAME", "MEMORY:", 1);
	setenv("KRB5_CLIENT_KTNAME", TM_CONNINFO_NO_FILE, 1);

	surroundings->standard_error = dup(STDERR_FILENO);
	null_device = open("/dev/null", O_WRONLY);
	if (surroundings->standard_error >= 0 && null_device >= 0)
		(void) dup2(null_device, STDERR_FILENO);
	if (null_device >= 0)
		close(null_device);
}

/* Raises no error. */
static void
restore_surroundings(Surroundings *surroundings)
{
	ListCell   *lc;

	if (surroundings->standard_error >= 0)
	{
		(void) dup2(surroundings->standard_error, STDERR_FILENO);
		close(surroundings->standard_error);
	}
	unsetenv("HOME");
	unsetenv("KRB5_CONFIG");
	unsetenv("KRB5CCNAME");
	unsetenv("KRB5_CLIENT_KTNAME");
	foreach(lc, surroundings->variables)
	{
		char	   *variable = lfirst(lc);
		char	   *equals = strchr(variable, '=');

		*equals = '\0';
		setenv(variable, equals + 1, 1);
	}
}

static void
connect_there(const char *handle, char *conninfo, char *password)
{
	const Oid	argtypes[2] = {TEXTOID, TEXTOID};
	Oid			function = find_function("dblink_connect", 2, argtypes);
	MemoryContext context = tm_wipe_context_create(strlen(conninfo));
	MemoryContext old_context = MemoryContextSwitchTo(context);

	/* dblink copies it as well, and what has to last goes elsewhere. */
	tm_wipe_freeing_begin();
	PG_TRY();
	{
		(void) OidFunctionCall2(function, CStringGetTextDatum(handle),
								CStringGetTextDatum(conninfo));
	}
	PG_CATCH();
	{
		ErrorData  *error;
		bool		tells;

		MemoryContextSwitchTo(old_context);
		tm_wipe_freeing_end();
		tm_wipe_context_delete(context);
		error = CopyErrorData();
		tells = password != NULL && (mentions(error, password) ||
									 is_of_server(error));
		wipe_string(conninfo);
		wipe_string(password);
		if (!tells)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not establish connection"),
				 errdetail("The message is not shown because the password may occur in it.")));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	tm_wipe_freeing_end();
	tm_wipe_context_delete(context);
	wipe_string(conninfo);
	wipe_string(password);
}

static void
wipe_string(char *string)
{
	if (string != NULL)
		tm_crypto_wipe(string, strlen(string));
}

void
tm_dblink_disconnect(const char *handle)
{
	const Oid	argtypes[1] = {TEXTOID};
	Oid			function = find_function("dblink_disconnect", 1, argtypes);
	Datum		argument = CStringGetTextDatum(handle);

	tm_wipe_freeing_begin();
	PG_TRY();
	{
		(void) OidFunctionCall1(function, argument);
	}
	PG_FINALLY();
	{
		tm_wipe_freeing_end();
	}
	PG_END_TRY();
}

List *
tm_dblink_handles(void)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo	flinfo;
	Datum		array;
	Datum	   *names;
	int			nnames;
	List	   *handles = NIL;
	int			i;

	fmgr_info(find_function("dblink_get_connections", 0, NULL), &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, 0, InvalidOid, NULL, NULL);
	array = FunctionCallInvoke(fcinfo);
	if (fcinfo->isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &names, NULL, &nnames);
	for (i = 0; i < nnames; i++)
		handles = lappend(handles, TextDatumGetCString(names[i]));
	return handles;
}

bool
tm_dblink_ping(const char *handle)
{
	const Oid	argtypes[2] = {TEXTOID, TEXTOID};
	Oid			function = find_function("dblink_exec", 2, argtypes);
	MemoryContext old_context = CurrentMemoryContext;
	ResourceOwner old_owner = CurrentResourceOwner;
	volatile bool answered = true;

	/* What goes wrong there must not abort our transaction. */
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old_context);
	PG_TRY();
	{
		(void) OidFunctionCall2(function, CStringGetTextDatum(handle),
								CStringGetTextDatum(PING_COMMAND));
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(old_context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(old_context);
		CurrentResourceOwner = old_owner;

		/* Were we cancelled ourselves, or does the server there say so? */
		if (tm_is_cancellation(error))
			ReThrowError(error);
		answered = !is_end_of_connection(error->sqlerrcode);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	CurrentResourceOwner = old_owner;
	return answered;
}

/* A function of the extension, not one that somebody has put beside it. */
static Oid
find_function(const char *name, int nargs, const Oid *argtypes)
{
	Oid			extension = get_extension_oid(DBLINK_EXTENSION, true);
	Oid			function = InvalidOid;

	if (OidIsValid(extension))
		function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
								   CStringGetDatum(name),
								   PointerGetDatum(buildoidvector(argtypes,
																  nargs)),
								   ObjectIdGetDatum(tm_extension_schema(extension)));
	if (!OidIsValid(function) ||
		getExtensionOfObject(ProcedureRelationId, function) != extension)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"%s\" is not installed in this database",
						DBLINK_EXTENSION),
				 errhint("Use CREATE EXTENSION %s.", DBLINK_EXTENSION)));
	return function;
}

/* A server that has been told the password could send it back. */
static bool
mentions(const ErrorData *error, const char *secret)
{
	const char *const texts[] = {error->message, error->detail,
		error->detail_log, error->hint, error->context,
	error->internalquery};
	int			i;

	for (i = 0; i < lengthof(texts); i++)
	{
		if (texts[i] != NULL && strstr(texts[i], secret) != NULL)
			return true;
	}
	return false;
}

/* Who may see the password may see what the server says, and nobody else. */
static bool
is_of_server(const ErrorData *error)
{
	return error->sqlerrcode ==
		ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION &&
		!tm_connection_may_reveal();
}

/* Any other error is an answer. */
static bool
is_end_of_connection(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_CONNECTION_EXCEPTION ||
		sqlstate == ERRCODE_ADMIN_SHUTDOWN ||
		sqlstate == ERRCODE_CRASH_SHUTDOWN;
}
