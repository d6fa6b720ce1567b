/*
 * pooler_check.c
 *		Is this session fit to be shared by clients of a pool?
 *
 * The server cannot see a pool: it sees one session, whoever uses it.  What it
 * can tell is whether something in the session would go from one client to the
 * next, and which walls are up.  Each row says so about one thing.  That they
 * are all true does not prove that a pool is set up well.
 *
 * The state of a session is read from the server's own views and functions, by
 * their full names.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/preload.h"
#include "base/tenant_mgr.h"
#include "binding/assigned_role.h"
#include "binding/authorization.h"
#include "binding/binding.h"
#include "binding/guard_mode.h"
#include "binding/session_lock.h"
#include "binding/watch.h"
#include "guard/guard.h"
#include "tenants/registry.h"

#define POOLER_CHECK_COLUMNS	3

/* Something of the session that the next client would find */
typedef struct LeftOver
{
	const char *check;			/* what the row is called */
	const char *query;			/* how many there are */
	const char *detail;			/* what that means, if there are any */
} LeftOver;

static const LeftOver leftovers[] = {
	{
		"temporary tables",
		"SELECT pg_catalog.count(*) FROM pg_catalog.pg_class"
		" WHERE relnamespace OPERATOR(pg_catalog.=)"
		" pg_catalog.pg_my_temp_schema()",
		gettext_noop("Temporary tables stay for the next client.")
	},
	{
		"held cursors",
		"SELECT pg_catalog.count(*) FROM pg_catalog.pg_cursors"
		" WHERE is_holdable",
		gettext_noop("The next client can fetch from a cursor that was declared WITH HOLD.")
	},
	{
		"prepared statements",
		"SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements"
		" WHERE from_sql",
		gettext_noop("The next client can execute, and run into the names of, statements prepared by SQL.")
	},
	{
		"advisory locks",
		"SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks"
		" WHERE locktype OPERATOR(pg_catalog.=) 'advisory'"
		" AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()",
		gettext_noop("Advisory locks of the session stay held.")
	},
	{
		"listening",
		"SELECT pg_catalog.count(*)"
		" FROM pg_catalog.pg_listening_channels()",
		gettext_noop("The next client gets the notifications.")
	}
};

static void add_row(ReturnSetInfo *rsinfo, const char *check, bool ok,
					const char *detail);
static void add_unknown_row(ReturnSetInfo *rsinfo, const char *check,
							const char *detail);
static void check_walls(ReturnSetInfo *rsinfo);
static void check_binding(ReturnSetInfo *rsinfo);
static void check_leftovers(ReturnSetInfo *rsinfo);

PG_FUNCTION_INFO_V1(tenant_pooler_check);

/* pooler_check(): one row for each thing that matters. */
Datum
tenant_pooler_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	UtilityStatement own = {.tagged = true,.plain = true};

	InitMaterializedSRF(fcinfo, 0);
	check_walls(rsinfo);
	check_binding(rsinfo);

	/* A binding that is broken does not stop our own queries. */
	tm_watch_begin_utility(&own);
	PG_TRY();
	{
		check_leftovers(rsinfo);
	}
	PG_FINALLY();
	{
		tm_watch_end_utility(&own);
	}
	PG_END_TRY();
	add_unknown_row(rsinfo, "pool",
					_("The server cannot see how a pool is set up: try two clients on one server connection."));

	return (Datum) 0;
}

static void
add_row(ReturnSetInfo *rsinfo, const char *check, bool ok, const char *detail)
{
	Datum		values[POOLER_CHECK_COLUMNS];
	bool		nulls[POOLER_CHECK_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(check);
	values[1] = BoolGetDatum(ok);
	nulls[2] = (detail == NULL);
	if (detail != NULL)
		values[2] = CStringGetTextDatum(detail);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* A row about something that cannot be told from here. */
static void
add_unknown_row(ReturnSetInfo *rsinfo, const char *check, const char *detail)
{
	Datum		values[POOLER_CHECK_COLUMNS];
	bool		nulls[POOLER_CHECK_COLUMNS] = {false, true, false};

	values[0] = CStringGetTextDatum(check);
	values[1] = (Datum) 0;
	values[2] = CStringGetTextDatum(detail);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* What keeps a client that forgets to bind its transaction from harm. */
static void
check_walls(ReturnSetInfo *rsinfo)
{
	bool		ok = tm_is_preloaded();

	add_row(rsinfo, "preloaded", ok, ok ? NULL :
			_("Until a session loads the library nothing of it is in force; add it to shared_preload_libraries."));

	ok = (tm_guard == GUARD_ENFORCE);
	add_row(rsinfo, "guard", ok, ok ? NULL :
			_("A search path that stays from the client before is followed; set tenant_mgr.guard to \"enforce\"."));

	ok = (tm_unbound == UNBOUND_DENY);
	add_row(rsinfo, "unbound", ok, ok ? NULL :
			_("A client that does not bind its transaction is not refused; set tenant_mgr.unbound to \"deny\"."));

	ok = (tm_assigned_role_tenant() != NULL ||
		  tm_session_switch == SESSION_SWITCH_DENY);
	add_row(rsinfo, "session_switch", ok, ok ? NULL :
			_("A client can bind the session for the next one; for pools of transactions set tenant_mgr.session_switch to \"deny\", or assign the role to a tenant."));

	ok = (tm_assigned_role_tenant() != NULL ||
		  tm_switch_requires == SWITCH_REQUIRES_TOKEN);
	add_row(rsinfo, "switch", ok, ok ? NULL :
			_("Every client can bind itself to every tenant that the role may use; see tenant.assign_role() and tenant_mgr.switch_requires."));

	ok = !superuser_arg(GetSessionUserId());
	add_row(rsinfo, "role", ok, ok ? NULL :
			_("Nothing that protects tenants from each other restrains a superuser."));
}

/* What the session says about itself, and whose it is at the moment. */
static void
check_binding(ReturnSetInfo *rsinfo)
{
	struct config_generic *path = tm_guc_find("search_path");
	Binding    *binding = tm_binding_current();
	bool		ok = (path != NULL && (path->flags & GUC_REPORT) != 0);

	add_row(rsinfo, "search_path reported", ok, ok ? NULL :
			_("A pool cannot keep track of the search path."));

	ok = (binding == NULL || tm_binding_is_passing() ||
		  tm_assigned_role_tenant() != NULL);
	add_row(rsinfo, "binding", ok, ok ? NULL :
			psprintf(_("The session is bound to \"%s\" beyond this transaction, and the next client will be."),
					 tm_tenant));

	ok = (tm_assigned_role_tenant() != NULL || path == NULL ||
		  path->source < PGC_S_INTERACTIVE || binding != NULL);
	add_row(rsinfo, "search_path", ok, ok ? NULL :
			psprintf(_("The session has set its search path to %s."),
					 namespace_search_path));

	ok = (binding == NULL || tm_session_locked ||
		  tm_switch_requires == SWITCH_REQUIRES_TOKEN ||
		  tm_assigned_role_tenant() != NULL);
	add_row(rsinfo, "confined", ok, ok ? NULL :
			_("The session is bound, and an injected statement can switch it to another tenant; lock it, require tokens, or assign the role."));

	add_row(rsinfo, "lock", !tm_session_locked, !tm_session_locked ? NULL :
			_("The next client cannot unlock the session."));
}

static void
check_leftovers(ReturnSetInfo *rsinfo)
{
	int			i;

	for (i = 0; i < lengthof(leftovers); i++)
	{
		MemoryContext context = CurrentMemoryContext;
		char	   *number;

		SPI_connect();
		if (SPI_execute(leftovers[i].query, true, 0) != SPI_OK_SELECT ||
			SPI_processed != 1)
			elog(ERROR, "could not look for %s", leftovers[i].check);
		number = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		number = MemoryContextStrdup(context, number);
		SPI_finish();
		add_row(rsinfo, leftovers[i].check, strcmp(number, "0") == 0,
				strcmp(number, "0") == 0 ? NULL : _(leftovers[i].detail));
	}
}
