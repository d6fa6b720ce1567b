/*
 * plpgsql_types.c
 *		PL/pgSQL functions that remember a tenant's types.
 *
 * A function is compiled when a session calls it first, and then its variables
 * have the types that their names meant at that moment.  A function that all
 * tenants share would go on with the types of the tenant that was first.  So
 * functions that hold a tenant's type are remembered when they are called, and
 * marked as out of date when the session's tenant changes or a type is gone;
 * PL/pgSQL compiles such a function again.
 *
 * We get to know of calls as a debugger would.  If there is one already it is
 * called by us; if one comes later and takes our place, functions are not
 * looked at any more.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/transam.h"
#include "binding/object_schema.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "plpgsql.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "guard/plpgsql_types.h"
#include "tenants/schema_owner.h"

/* what PL/pgSQL calls; written by tm_plpgsql_types_init */
static PLpgSQL_plugin plugin;
static PLpgSQL_plugin *prev_plugin = NULL;

/*
 * Functions that hold a tenant's type; in TopMemoryContext, kept for reuse.
 * PL/pgSQL never frees these structs, it uses them again.
 */
static PLpgSQL_function **holders = NULL;
static int	nholders = 0;
static int	maxholders = 0;

/*
 * Functions, each in the place that its struct leads to, all of whose types are
 * built in.  They stay so for as long as they are what one row was compiled to,
 * and nobody makes PL/pgSQL compile them again.
 */
#define PLAIN_FUNCTIONS	64

static struct
{
	const PLpgSQL_function *func;
	Oid			oid;
	TransactionId xmin;
	ItemPointerData tid;
}			plain_functions[PLAIN_FUNCTIONS];

static void look_at_function(PLpgSQL_execstate *estate,
							 PLpgSQL_function *func);
static pg_noinline void look_closer(PLpgSQL_execstate *estate,
									PLpgSQL_function *func);
static inline int place_of(const PLpgSQL_function *func);
static inline bool is_known_as_plain(PLpgSQL_function *func);
static bool is_plain(PLpgSQL_function *func);
static bool holds_tenant_type(const PLpgSQL_function *func);
static Oid	type_of_datum(const PLpgSQL_datum *datum);
static bool is_tenant_type(Oid typid);
static void remember(PLpgSQL_function *func);
static void forget_functions(Datum arg, int cacheid, uint32 hashvalue);

void
tm_plpgsql_types_init(void)
{
	PLpgSQL_plugin **present;

	present = (PLpgSQL_plugin **) find_rendezvous_variable("PLpgSQL_plugin");
	if (*present == &plugin)
		return;
	prev_plugin = *present;
	if (prev_plugin != NULL)
		plugin = *prev_plugin;
	plugin.func_setup = look_at_function;
	*present = &plugin;
}

void
tm_plpgsql_types_forget(void)
{
	for (int i = 0; i < nholders; i++)
		TM_FUNCTION_XMIN(holders[i]) = InvalidTransactionId;
	nholders = 0;
}

/* A function is about to be executed. */
static void
look_at_function(PLpgSQL_execstate *estate, PLpgSQL_function *func)
{
	if (prev_plugin != NULL || !is_known_as_plain(func))
		look_closer(estate, func);
}

static pg_noinline void
look_closer(PLpgSQL_execstate *estate, PLpgSQL_function *func)
{
	if (prev_plugin != NULL && prev_plugin->func_setup != NULL)
	{
		prev_plugin->error_callback = plugin.error_callback;
		prev_plugin->assign_expr = plugin.assign_expr;
		prev_plugin->assign_value = plugin.assign_value;
		prev_plugin->eval_datum = plugin.eval_datum;
		prev_plugin->cast_value = plugin.cast_value;
		prev_plugin->func_setup(estate, func);
	}
	if (!is_known_as_plain(func) && !is_plain(func) && holds_tenant_type(func))
		remember(func);
}

static inline int
place_of(const PLpgSQL_function *func)
{
	return ((uintptr_t) func / MAXIMUM_ALIGNOF / 8) % PLAIN_FUNCTIONS;
}

/* Is it known that none of its types can be a tenant's?  Otherwise look. */
static inline bool
is_known_as_plain(PLpgSQL_function *func)
{
	int			place = place_of(func);

	return plain_functions[place].func == func &&
		plain_functions[place].oid == func->fn_oid &&
		plain_functions[place].xmin == TM_FUNCTION_XMIN(func) &&
		memcmp(&plain_functions[place].tid, &TM_FUNCTION_TID(func),
			   sizeof(ItemPointerData)) == 0;
}

static bool
is_plain(PLpgSQL_function *func)
{
	int			place = place_of(func);

	/* The code of DO is compiled each time. */
	if (!OidIsValid(func->fn_oid))
		return false;
	for (int i = 0; i < func->ndatums; i++)
	{
		if (type_of_datum(func->datums[i]) >= FirstNormalObjectId)
			return false;
	}
	plain_functions[place].func = func;
	plain_functions[place].oid = func->fn_oid;
	plain_functions[place].xmin = TM_FUNCTION_XMIN(func);
	plain_functions[place].tid = TM_FUNCTION_TID(func);
	return true;
}

static bool
holds_tenant_type(const PLpgSQL_function *func)
{
	for (int i = 0; i < func->ndatums; i++)
	{
		if (is_tenant_type(type_of_datum(func->datums[i])))
			return true;
	}
	return false;
}

static Oid
type_of_datum(const PLpgSQL_datum *datum)
{
	switch (datum->dtype)
	{
		case PLPGSQL_DTYPE_VAR:
		case PLPGSQL_DTYPE_PROMISE:
			return ((const PLpgSQL_var *) datum)->datatype->typoid;
		case PLPGSQL_DTYPE_REC:
			return ((const PLpgSQL_rec *) datum)->rectypeid;
		default:
			return InvalidOid;	/* made of the others */
	}
}

static bool
is_tenant_type(Oid typid)
{
	Oid			nspid;

	if (typid < FirstNormalObjectId)
		return false;
	nspid = tm_object_schema(TypeRelationId, typid);
	return OidIsValid(nspid) && tm_schema_owner(nspid, NULL);
}

static void
remember(PLpgSQL_function *func)
{
	static bool registered = false;

	for (int i = 0; i < nholders; i++)
	{
		if (holders[i] == func)
			return;
	}
	if (nholders == maxholders)
	{
		int			newmax = Max(16, 2 * maxholders);

		if (holders == NULL)
			holders = MemoryContextAlloc(TopMemoryContext,
										 newmax * sizeof(PLpgSQL_function *));
		else
			holders = repalloc(holders, newmax * sizeof(PLpgSQL_function *));
		maxholders = newmax;
	}
	if (!registered)
		CacheRegisterSyscacheCallback(TYPEOID, forget_functions, (Datum) 0);
	registered = true;
	holders[nholders++] = func;
}

static void
forget_functions(Datum arg, int cacheid, uint32 hashvalue)
{
	tm_plpgsql_types_forget();
}
