/*
 * dblink.c
 *		Connections of the contrib module dblink, opened from here.
 *
 * dblink's functions are called by their OIDs and not by a query, so that a
 * connection string is in no statement that the server could show or log.
 * They are found as members of the extension, in whichever schema it is.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

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

#include "compat.h"
#include "crypto.h"
#include "dblink.h"
#include "wipe.h"

#define DBLINK_EXTENSION	"dblink"

/*
 * Does nothing, whatever state the session at the other end is in; and is no
 * query, for which dblink would want a place to put the result.
 */
#define PING_COMMAND		"UNLISTEN tenant_mgr_ping"

static Oid	find_function(const char *name, int nargs, const Oid *argtypes);
static void wipe_string(char *string);
static bool mentions(const ErrorData *error, const char *secret);
static bool is_end_of_connection(int sqlstate);

void
tm_dblink_connect(const char *handle, char *conninfo, char *password)
{
	const Oid	argtypes[2] = {TEXTOID, TEXTOID};
	Oid			function = find_function("dblink_connect", 2, argtypes);
	MemoryContext context = tm_wipe_context_create(strlen(conninfo));
	MemoryContext old_context = MemoryContextSwitchTo(context);

	/* dblink copies it as well, and what has to last goes elsewhere. */
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
		tm_wipe_context_delete(context);
		error = CopyErrorData();
		tells = password != NULL && mentions(error, password);
		wipe_string(conninfo);
		wipe_string(password);
		if (!tells)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not establish connection"),
				 errdetail("The message is not shown because the password occurs in it.")));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
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

	(void) OidFunctionCall1(find_function("dblink_disconnect", 1, argtypes),
							CStringGetTextDatum(handle));
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

		/* It is for us that we were cancelled, not for the server there. */
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
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

/* Any other error is an answer. */
static bool
is_end_of_connection(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_CONNECTION_EXCEPTION ||
		sqlstate == ERRCODE_ADMIN_SHUTDOWN ||
		sqlstate == ERRCODE_CRASH_SHUTDOWN;
}
