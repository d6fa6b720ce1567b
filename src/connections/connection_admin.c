/*
 * connection_admin.c
 *		What an administrator does with connections and their passwords.
 *
 * Passwords come in as arguments, are sealed before anything is written, and
 * are never part of a message.  They go out by two functions only.  Whoever
 * has EXECUTE on tenant.password() may see them; tenant.conninfo() shows
 * one to the same roles and to nobody else.  That somebody has had a look is
 * recorded twice: as an event, and, because the transaction may be rolled
 * back, in the server's log, before the password is returned.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "base/argument.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "connections/assignment.h"
#include "connections/connection.h"
#include "connections/conninfo.h"
#include "tenants/event.h"
#include "tenants/tenant_lock.h"

static int32 int_argument(FunctionCallInfo fcinfo, int argno);
static bool bool_argument(FunctionCallInfo fcinfo, int argno);
static void refuse_null(FunctionCallInfo fcinfo, int argno);
static void check_may_reveal(void);
static void record_reveal(const ConnectionInfo *connection,
						  const char *function);
static void log_reveal(const ConnectionInfo *connection, const char *function);

PG_FUNCTION_INFO_V1(tenant_add_connection);
PG_FUNCTION_INFO_V1(tenant_drop_connection);
PG_FUNCTION_INFO_V1(tenant_set_password);
PG_FUNCTION_INFO_V1(tenant_conninfo);
PG_FUNCTION_INFO_V1(tenant_password);

/* add_connection(the columns of the table): a row with a sealed password. */
Datum
tenant_add_connection(PG_FUNCTION_ARGS)
{
	ConnectionInfo connection = {0};

	tm_tenant_lock_begin("tenant.add_connection()");
	connection.id = *DatumGetUUIDP(DirectFunctionCall1(gen_random_uuid,
													   (Datum) 0));
	connection.name = tm_argument_optional_text(fcinfo, 0);
	connection.type = tm_argument_optional_text(fcinfo, 1);
	connection.region = tm_argument_optional_text(fcinfo, 2);
	connection.host = tm_argument_optional_text(fcinfo, 3);
	connection.port = int_argument(fcinfo, 4);
	connection.database = tm_argument_optional_text(fcinfo, 5);
	connection.username = tm_argument_optional_text(fcinfo, 6);
	connection.ssl_mode = tm_argument_optional_text(fcinfo, 8);
	connection.pool_min_size = int_argument(fcinfo, 9);
	connection.pool_max_size = int_argument(fcinfo, 10);
	connection.pool_timeout = int_argument(fcinfo, 11);
	connection.pool_recycle = int_argument(fcinfo, 12);
	connection.pool_pre_ping = bool_argument(fcinfo, 13);
	connection.role = tm_argument_optional_text(fcinfo, 14);
	connection.weight = int_argument(fcinfo, 15);
	connection.is_active = bool_argument(fcinfo, 16);
	if (!PG_ARGISNULL(17))
		connection.options = PG_GETARG_JSONB_P(17);
	if (!PG_ARGISNULL(7))
		connection.password = tm_connection_seal_password(&connection.id,
														  PG_GETARG_DATUM(7));

	tm_connection_insert(&connection);
	tm_event_record("add_connection", NULL, connection.name, NULL);
	PG_RETURN_VOID();
}

/* drop_connection(connection_name, unassign): nobody lives there any more. */
Datum
tenant_drop_connection(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		unassign = PG_GETARG_BOOL(1);
	ConnectionInfo *connection;
	int			tenants;

	tm_tenant_lock_begin("tenant.drop_connection()");
	connection = tm_connection_lock(name);
	tm_assignment_lock_connection(&connection->id, AccessExclusiveLock);
	tenants = tm_assignment_count(&connection->id);
	if (tenants > 0 && !unassign)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop connection \"%s\" because it is assigned",
						name),
				 errdetail_plural("%d assignment refers to it.",
								  "%d assignments refer to it.",
								  tenants, tenants),
				 errhint("Use tenant.unassign(), or set unassign to drop the assignments too.")));
	tm_assignment_forget_connection(&connection->id);
	tm_connection_delete(connection);
	tm_event_record("drop_connection", NULL, connection->name, NULL);
	PG_RETURN_VOID();
}

/* set_password(connection_name, password): from now on it is this one. */
Datum
tenant_set_password(PG_FUNCTION_ARGS)
{
	char	   *name = tm_argument_text(fcinfo, 0, "connection name");
	ConnectionInfo *connection;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("password must not be null"),
				 errhint("To remove a password, set the column of tenant.connection to null.")));

	tm_tenant_lock_begin("tenant.set_password()");
	connection = tm_connection_lock(name);
	connection->password = tm_connection_seal_password(&connection->id,
													   PG_GETARG_DATUM(1));
	tm_connection_update(connection);
	tm_event_record("set_password", NULL, connection->name, NULL);
	PG_RETURN_VOID();
}

/* conninfo(connection_name, reveal): a connection string for libpq. */
Datum
tenant_conninfo(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		reveal = PG_GETARG_BOOL(1);
	ConnectionInfo *connection;
	char	   *password;
	char	   *conninfo;
	text	   *result;

	if (reveal)
		check_may_reveal();
	connection = tm_connection_lookup(name, false);
	if (connection->password == NULL)
		PG_RETURN_TEXT_P(cstring_to_text(tm_conninfo_build(connection, NULL)));
	if (!reveal)
		PG_RETURN_TEXT_P(cstring_to_text(tm_conninfo_build(connection,
														   TM_CONNINFO_REDACTED)));

	record_reveal(connection, "tenant.conninfo()");
	password = tm_connection_open_password(connection);
	log_reveal(connection, "tenant.conninfo()");
	conninfo = tm_conninfo_build(connection, password);
	tm_connection_wipe(password);
	result = cstring_to_text(conninfo);
	tm_connection_wipe(conninfo);
	PG_RETURN_TEXT_P(result);
}

/* password(connection_name): the password, or null if there is none. */
Datum
tenant_password(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ConnectionInfo *connection;
	char	   *password;
	text	   *result;

	/* EXECUTE has been checked, unless somebody has found a way around it. */
	check_may_reveal();
	connection = tm_connection_lookup(name, false);
	if (connection->password == NULL)
		PG_RETURN_NULL();

	record_reveal(connection, "tenant.password()");
	password = tm_connection_open_password(connection);
	log_reveal(connection, "tenant.password()");
	result = cstring_to_text(password);
	tm_connection_wipe(password);
	PG_RETURN_TEXT_P(result);
}

/* Numbers and truth values have defaults, which are to be left out instead. */
static int32
int_argument(FunctionCallInfo fcinfo, int argno)
{
	refuse_null(fcinfo, argno);
	return PG_GETARG_INT32(argno);
}

static bool
bool_argument(FunctionCallInfo fcinfo, int argno)
{
	refuse_null(fcinfo, argno);
	return PG_GETARG_BOOL(argno);
}

static void
refuse_null(FunctionCallInfo fcinfo, int argno)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument %d of tenant.add_connection() must not be null",
						argno + 1),
				 errhint("Leave it out for the default.")));
}

static void
check_may_reveal(void)
{
	if (!tm_connection_may_reveal())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to reveal passwords"),
				 errhint("EXECUTE on tenant.password() is needed.")));
}

bool
tm_connection_may_reveal(void)
{
	Oid			argtypes[1] = {TEXTOID};
	Oid			function;

	function = LookupFuncName(list_make2(makeString(TM_SCHEMA_NAME),
										 makeString("password")),
							  1, argtypes, false);
	return tm_function_aclcheck(function, GetUserId(), ACL_EXECUTE) ==
		ACLCHECK_OK;
}

/* The row goes with the transaction, should that be rolled back. */
static void
record_reveal(const ConnectionInfo *connection, const char *function)
{
	tm_tenant_lock_begin(function);
	tm_event_record("reveal", NULL, connection->name,
					tm_event_detail("function", function, NULL));
}

/* This stays. */
static void
log_reveal(const ConnectionInfo *connection, const char *function)
{
	ereport(LOG_SERVER_ONLY,
			(errmsg("password of connection \"%s\" revealed to role \"%s\" by %s",
					connection->name, GetUserNameFromId(GetUserId(), false),
					function),
			 errdetail("The session belongs to role \"%s\".",
					   GetUserNameFromId(GetSessionUserId(), false))));
}
