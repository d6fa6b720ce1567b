/*
 * pgbouncer.c
 *		The registry as a section of PgBouncer's configuration.
 *
 * Each active connection is a database of its own, called as it is called
 * here.  So is each tenant that can be worked for and has a primary: clients
 * ask for the tenant, and PgBouncer knows where that lives and binds what it
 * opens to it.  Nothing in it is secret; passwords of users come from the
 * servers, by tenant.pgbouncer_auth().
 *
 * PgBouncer quotes parameters as SQL quotes strings.  There is no way to write
 * a line break, and no need: the registry has none.  Of names of databases its
 * manual says that they can be quoted, but its parser (1.18) takes letters and
 * digits of ASCII and a few other characters and nothing else.  Any other name
 * is left out, with a comment that says so.
 *
 * A name stands for one thing only.  The administrator's connections come
 * before tenants, whose names others choose; so do PgBouncer's own words, the
 * server's templates, and databases: one that a client reaches by its name must
 * not become a tenant because somebody has called one so.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "connections/assignment.h"
#include "connections/connection.h"
#include "tenants/registry.h"


/* What the caller wants */
typedef struct IniRequest
{
	const char *auth_user;		/* who looks up passwords, or NULL */
	bool		bind;			/* tell servers which tenant it is */
} IniRequest;

/* What a name stands for */
typedef struct TakenName
{
	char		name[NAMEDATALEN];	/* hash key */
	bool		is_connection;	/* a connection */
	bool		is_database;	/* a database that one leads to */
} TakenName;

static List *list_tenants(void);
static int	compare_tenants(const ListCell *a, const ListCell *b);
static const char *why_left_out(const char *name);
static HTAB *list_of_names(List *connections);
static TakenName *note_name(HTAB *names, const char *name);
static const char *why_taken(const TenantInfo *tenant,
							 const ConnectionInfo *primary, HTAB *names);
static void append_left_out(StringInfo ini, const char *kind,
							const char *name, const char *reason);
static void append_connection(StringInfo ini,
							  const ConnectionInfo *connection,
							  const IniRequest *request);
static void append_tenant(StringInfo ini, const TenantInfo *tenant,
						  HTAB *names, const IniRequest *request);
static ConnectionInfo *primary_of(const TenantInfo *tenant);
static void append_target(StringInfo ini, const char *name,
						  const ConnectionInfo *connection,
						  const IniRequest *request);
static void append_parameter(StringInfo ini, const char *keyword,
							 const char *value);

static bool may_use_pooler(HeapTuple role);
static bool is_powerful(Oid roleid);

PG_FUNCTION_INFO_V1(tenant_pgbouncer_ini);
PG_FUNCTION_INFO_V1(tenant_pgbouncer_auth);

/* pgbouncer_ini(auth_user, bind): the section [databases]. */
Datum
tenant_pgbouncer_ini(PG_FUNCTION_ARGS)
{
	IniRequest	request = {0};
	StringInfoData ini;
	List	   *tenants = list_tenants();
	List	   *connections = tm_connection_list(false);
	HTAB	   *names = list_of_names(connections);
	ListCell   *lc;

	if (!PG_ARGISNULL(0))
		request.auth_user = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request.bind = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);

	initStringInfo(&ini);
	appendStringInfoString(&ini, "[databases]\n");
	foreach(lc, connections)
	{
		ConnectionInfo *connection = lfirst(lc);
		const char *reason = why_left_out(connection->name);

		if (!connection->is_active)
			continue;
		if (reason != NULL)
			append_left_out(&ini, "connection", connection->name, reason);
		else
			append_connection(&ini, connection, &request);
	}
	foreach(lc, tenants)
	{
		CHECK_FOR_INTERRUPTS();
		append_tenant(&ini, lfirst(lc), names, &request);
	}
	PG_RETURN_TEXT_P(cstring_to_text(ini.data));
}

/*
 * pgbouncer_auth(username): a row with the role's password verifier, which
 * only superusers could read otherwise; none unless the role may use a pooler.
 */
Datum
tenant_pgbouncer_auth(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HeapTuple	role;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	InitMaterializedSRF(fcinfo, 0);
	if (strlen(name) >= NAMEDATALEN)
		return (Datum) 0;
	role = SearchSysCache1(AUTHNAME, CStringGetDatum(name));
	if (!HeapTupleIsValid(role))
		return (Datum) 0;
	if (may_use_pooler(role))
	{
		values[0] = CStringGetTextDatum(name);
		values[1] = SysCacheGetAttr(AUTHNAME, role,
									Anum_pg_authid_rolpassword, &nulls[1]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	ReleaseSysCache(role);
	return (Datum) 0;
}

/* Those that can be worked for, by name. */
static List *
list_tenants(void)
{
	List	   *tenants = NIL;
	ListCell   *lc;

	foreach(lc, tm_registry_list())
	{
		TenantInfo *tenant = lfirst(lc);

		if (tenant->state == TENANT_ACTIVE && OidIsValid(tenant->nspid))
			tenants = lappend(tenants, tenant);
	}
	list_sort(tenants, compare_tenants);
	return tenants;
}

static int
compare_tenants(const ListCell *a, const ListCell *b)
{
	const TenantInfo *first = lfirst(a);
	const TenantInfo *second = lfirst(b);

	return strcmp(first->name, second->name);
}

/* Why PgBouncer cannot have a database of this name, or NULL. */
static const char *
why_left_out(const char *name)
{
	static const char *const reserved[] = {
		"pgbouncer", "show", "stats", "template0", "template1"
	};
	const char *c;
	int			i;

	for (i = 0; i < lengthof(reserved); i++)
	{
		if (pg_strcasecmp(name, reserved[i]) == 0)
			return "there is another use for the name";
	}
	for (c = name; *c != '\0'; c++)
	{
		if (IS_HIGHBIT_SET(*c) ||
			(!isalnum((unsigned char) *c) && strchr("_-.", *c) == NULL))
			return "PgBouncer does not take such a name";
	}
	return NULL;
}

/* Of connections, active or not, and of the databases that they lead to */
static HTAB *
list_of_names(List *connections)
{
	HASHCTL		info;
	HTAB	   *names;
	ListCell   *lc;

	info.keysize = NAMEDATALEN;
	info.entrysize = sizeof(TakenName);
	info.hcxt = CurrentMemoryContext;
	names = hash_create("tenant_mgr names for PgBouncer", 256, &info,
						HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	foreach(lc, connections)
	{
		const ConnectionInfo *connection = lfirst(lc);

		note_name(names, connection->name)->is_connection = true;
		note_name(names, connection->database)->is_database = true;
	}
	return names;
}

static TakenName *
note_name(HTAB *names, const char *name)
{
	char		key[NAMEDATALEN];
	TakenName  *taken;
	bool		found;

	/* What does not fit is no tenant's name. */
	strlcpy(key, name, NAMEDATALEN);
	taken = hash_search(names, key, HASH_ENTER, &found);
	if (!found)
		taken->is_connection = taken->is_database = false;
	return taken;
}

/*
 * What else a tenant's name stands for, or NULL.  A database of that name does
 * no harm if it is the one that the tenant is in.
 */
static const char *
why_taken(const TenantInfo *tenant, const ConnectionInfo *primary,
		  HTAB *names)
{
	const TakenName *taken = hash_search(names, tenant->name, HASH_FIND,
										 NULL);

	if (taken != NULL && taken->is_connection)
		return "a connection has the same name";
	if (strcmp(primary->database, tenant->name) == 0)
		return NULL;
	if ((taken != NULL && taken->is_database) ||
		OidIsValid(get_database_oid(tenant->name, true)))
		return "a database has the same name";
	return NULL;
}

static void
append_left_out(StringInfo ini, const char *kind, const char *name,
				const char *reason)
{
	appendStringInfo(ini, "; %s %s is left out: %s\n", kind,
					 quote_literal_cstr(name), reason);
}

static void
append_connection(StringInfo ini, const ConnectionInfo *connection,
				  const IniRequest *request)
{
	append_target(ini, connection->name, connection, request);
	append_parameter(ini, "min_pool_size",
					 psprintf("%d", connection->pool_min_size));
	appendStringInfoChar(ini, '\n');
}

/* One without a primary cannot be reached, and need not be. */
static void
append_tenant(StringInfo ini, const TenantInfo *tenant, HTAB *names,
			  const IniRequest *request)
{
	ConnectionInfo *connection = primary_of(tenant);
	const char *reason = why_left_out(tenant->name);

	if (connection == NULL)
		return;
	if (reason == NULL)
		reason = why_taken(tenant, connection, names);
	if (reason != NULL)
	{
		append_left_out(ini, "tenant", tenant->name, reason);
		return;
	}
	append_target(ini, tenant->name, connection, request);
	if (request->bind)
		append_parameter(ini, "connect_query",
						 psprintf("SELECT tenant.switch(%s)",
								  quote_literal_cstr(tenant->name)));
	appendStringInfoChar(ini, '\n');
}

/* The one that tenant.route() would prefer if all were well. */
static ConnectionInfo *
primary_of(const TenantInfo *tenant)
{
	ConnectionInfo *primary = NULL;
	ListCell   *lc;

	foreach(lc, tm_assignment_list(&tenant->id))
	{
		ConnectionInfo *connection = lfirst(lc);

		if (!connection->is_active || connection->is_replica)
			continue;
		if (primary == NULL || connection->weight > primary->weight ||
			(connection->weight == primary->weight &&
			 strcmp(connection->name, primary->name) < 0))
			primary = connection;
	}
	return primary;
}

/* A line but for its end. */
static void
append_target(StringInfo ini, const char *name,
			  const ConnectionInfo *connection, const IniRequest *request)
{
	appendStringInfo(ini, "%s =", name);
	append_parameter(ini, "host", connection->host);
	append_parameter(ini, "port", psprintf("%d", connection->port));
	append_parameter(ini, "dbname", connection->database);
	if (request->auth_user != NULL)
		append_parameter(ini, "auth_user", request->auth_user);
	append_parameter(ini, "pool_size",
					 psprintf("%d", connection->pool_max_size));
	append_parameter(ini, "max_db_connections",
					 psprintf("%d", connection->pool_max_size));
}

static void
append_parameter(StringInfo ini, const char *keyword, const char *value)
{
	appendStringInfo(ini, " %s=", keyword);
	if (value[0] != '\0' && value[strspn(value, "0123456789")] == '\0')
	{
		appendStringInfoString(ini, value);
		return;
	}
	appendStringInfoChar(ini, '\'');
	for (; *value != '\0'; value++)
	{
		if (*value == '\'')
			appendStringInfoChar(ini, '\'');
		appendStringInfoChar(ini, *value);
	}
	appendStringInfoChar(ini, '\'');
}

/*
 * May it log in, now, and is it no more than what it has been granted?  Roles
 * with other powers have no business with a pooler, nor have those that can
 * become one: whether by inheritance, SET ROLE or by what they may grant to
 * themselves makes no difference.
 */
static bool
may_use_pooler(HeapTuple role)
{
	Form_pg_authid form = (Form_pg_authid) GETSTRUCT(role);
	List	   *roles = list_make1_oid(form->oid);
	Datum		valid_until;
	bool		isnull;
	int			i;

	if (!form->rolcanlogin)
		return false;
	for (i = 0; i < list_length(roles); i++)
	{
		CatCList   *memberships;
		int			m;

		if (is_powerful(list_nth_oid(roles, i)))
			return false;
		memberships = SearchSysCacheList1(AUTHMEMMEMROLE,
										  ObjectIdGetDatum(list_nth_oid(roles, i)));
		for (m = 0; m < memberships->n_members; m++)
		{
			HeapTuple	tuple = &memberships->members[m]->tuple;

			roles = list_append_unique_oid(roles,
										   ((Form_pg_auth_members) GETSTRUCT(tuple))->roleid);
		}
		ReleaseSysCacheList(memberships);
	}
	valid_until = SysCacheGetAttr(AUTHNAME, role, Anum_pg_authid_rolvaliduntil,
								  &isnull);
	return isnull ||
		DatumGetTimestampTz(valid_until) > GetCurrentTransactionStartTimestamp();
}

/*
 * Has a role more than privileges on objects?  Predefined roles have, but for
 * those that only look at how the server is.
 */
static bool
is_powerful(Oid roleid)
{
	HeapTuple	tuple;
	Form_pg_authid form;
	bool		powerful;

	if (roleid < FirstNormalObjectId)
		return roleid != ROLE_PG_MONITOR &&
			roleid != ROLE_PG_READ_ALL_SETTINGS &&
			roleid != ROLE_PG_READ_ALL_STATS &&
			roleid != ROLE_PG_STAT_SCAN_TABLES;
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(roleid));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_authid) GETSTRUCT(tuple);
	powerful = form->rolsuper || form->rolcreaterole || form->rolcreatedb ||
		form->rolreplication || form->rolbypassrls;
	ReleaseSysCache(tuple);
	return powerful;
}
