/*
 * prepared.c
 *		Statements that were prepared by SQL, and for whom.
 *
 * The server has one space of names for statements that are prepared by PREPARE
 * and by messages of the protocol, and there can be many clients behind a
 * session.  The latter are the driver's or the pooler's, which prepares a text
 * once for all its clients: they are shared on purpose, and planned anew for
 * each tenant.  What SQL has prepared while the session was bound, or a tenant's
 * code in one that was not, belongs to that tenant:
 *
 *		under another one it is not executed, and by a message of the
 *			protocol never, or else a name could be taken away from a driver
 *			and given another meaning;
 *		what was prepared while the session was locked ends with the lock;
 *		DEALLOCATE of a bound session drops what is its own.
 *
 * Drivers have no message of libpq to close a statement before version 17, so
 * they send DEALLOCATE with the name of one of theirs, alone: PDO after each
 * statement, Active Record when it has too many.  To refuse it would undo the
 * transaction that they are in.  So it drops the statement, or while the session
 * is locked does nothing.  Anything else that names a driver's statement, a
 * function of a tenant or a list of statements, is refused.
 *
 * What SQL prepares in a session that is not bound is anybody's.  Then, and
 * unless the session is locked, DEALLOCATE ALL is the reset of a pool.
 *
 * A shared statement may have a parameter of a type that each tenant has, such as
 * an enum.  The server fixes the types of parameters when it prepares; they are
 * made to follow the tenant.
 *
 * An entry of ours is believed only as long as the statement of its name is the
 * one that it was made for.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/prepare.h"
#include "nodes/parsenodes.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/syscache.h"

#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/binding.h"
#include "binding/binding_in_force.h"
#include "binding/open_plan.h"
#include "binding/origin.h"
#include "binding/prepared.h"
#include "binding/running_code.h"
#include "binding/session_lock.h"
#include "tenants/schema_owner.h"

/* A statement that was prepared while the session was bound */
typedef struct OwnStatement
{
	char		name[NAMEDATALEN];	/* hash key */
	CachedPlanSource *plansource;	/* what it stands for */
	TimestampTz prepare_time;
	Origin		origin;
} OwnStatement;

/* written by note and forget_stale */
static HTAB *own_statements = NULL;

bool		tm_prepared_own_types = false;

/* if so, shared statements have last been looked at for this tenant */
static pg_uuid_t types_of;

static void origin_here(Origin *origin);
static bool is_here(const Origin *origin);
static void note(const char *name);
static const Origin *origin_of(const PreparedStatement *statement);
static const char *executed_statement(Node *stmt);
static void check_execute(const char *name);
static bool deallocate_here(const char *name, bool alone);
static void deallocate_own(bool locked_only);
static void forget_stale(void);
static bool is_bound_or_locked(void);
static void note_parameters(const ParamListInfoData *params);
static void follow_parameters(CachedPlanSource *plansource);
static bool owner_of_type(Oid typid, NameData *name, SchemaOwner *owner);

void
tm_prepared_before_utility(UtilityStatement *statement)
{
	Node	   *stmt = statement->pstmt->utilityStmt;
	const char *name;

	if (!statement->watched)
		return;
	if (IsA(stmt, PrepareStmt) && is_bound_or_locked())
		statement->prepares = pstrdup(((PrepareStmt *) stmt)->name);
	statement->deallocates = IsA(stmt, DeallocateStmt) ||
		IsA(stmt, DiscardStmt);
	if (IsA(stmt, DeallocateStmt))
	{
		if (!is_bound_or_locked())
			return;
		name = ((DeallocateStmt *) stmt)->name;
		if (name == NULL)
			deallocate_own(false);
		statement->done = name == NULL ||
			!deallocate_here(name, statement->alone);
		return;
	}
	if (own_statements == NULL)
		return;
	name = executed_statement(stmt);
	if (name != NULL)
		check_execute(name);
}

void
tm_prepared_after_utility(UtilityStatement *statement)
{
	if (statement->prepares != NULL)
		note(statement->prepares);
	else if (statement->deallocates)
		forget_stale();
}

void
tm_prepared_before_execution(const ParamListInfoData *params)
{
	PreparedStatement *statement;

	note_parameters(params);
	if (own_statements == NULL)
		return;
	statement = FetchPreparedStatement(ActivePortal->prepStmtName, false);
	if (statement == NULL || origin_of(statement) == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("prepared statement \"%s\" was prepared by SQL for one tenant",
					statement->stmt_name),
			 errhint("Execute it by EXECUTE.")));
}

/*
 * Parameters of shared statements that have a type of the former tenant get the
 * one of the same name.
 */
void
tm_prepared_follow(void)
{
	Origin		here;
	ListCell   *lc;

	if (!IsTransactionState() || IsInParallelMode())
		return;
	tm_origin_now(&here);
	if (!here.bound || tm_uuid_equals(&here.tenant_id, &types_of))
		return;
	types_of = here.tenant_id;
	foreach(lc, tm_open_plan_names(F_PG_PREPARED_STATEMENT))
	{
		PreparedStatement *statement = FetchPreparedStatement(lfirst(lc), false);

		if (statement != NULL && !statement->from_sql)
			follow_parameters(statement->plansource);
	}
}

void
tm_prepared_unlocked(void)
{
	if (own_statements != NULL)
		deallocate_own(true);
}

/*
 * Whose a statement is that is prepared now.  A tenant's code that is run by
 * others, in a session that is not bound for example, has its own.
 */
static void
origin_here(Origin *origin)
{
	SchemaOwner owner;
	Oid			nspid = tm_running_code_schema();

	tm_origin_now(origin);
	if (!OidIsValid(nspid) || !tm_schema_owner(nspid, &owner))
		return;
	origin->bound = true;
	origin->tenant_id = owner.id;
}

static bool
is_here(const Origin *origin)
{
	Origin		here;

	origin_here(&here);
	return origin->bound == here.bound &&
		(!here.bound || tm_uuid_equals(&origin->tenant_id, &here.tenant_id));
}

static void
note(const char *name)
{
	PreparedStatement *statement = FetchPreparedStatement(name, false);
	OwnStatement *own;
	char		key[NAMEDATALEN];

	if (statement == NULL)
		return;
	if (own_statements == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = NAMEDATALEN;
		ctl.entrysize = sizeof(OwnStatement);
		own_statements = hash_create("tenant_mgr prepared statements", 16,
									 &ctl, HASH_ELEM | HASH_STRINGS);
	}
	strlcpy(key, statement->stmt_name, NAMEDATALEN);
	own = hash_search(own_statements, key, HASH_ENTER, NULL);
	own->plansource = statement->plansource;
	own->prepare_time = statement->prepare_time;
	origin_here(&own->origin);
}

/* The binding under which a statement was prepared by SQL, or NULL */
static const Origin *
origin_of(const PreparedStatement *statement)
{
	OwnStatement *own;
	char		key[NAMEDATALEN];

	if (own_statements == NULL || !statement->from_sql)
		return NULL;
	strlcpy(key, statement->stmt_name, NAMEDATALEN);
	own = hash_search(own_statements, key, HASH_FIND, NULL);
	if (own == NULL || own->plansource != statement->plansource ||
		own->prepare_time != statement->prepare_time)
		return NULL;
	return &own->origin;
}

/* The name that EXECUTE has, on its own or within EXPLAIN and the like */
static const char *
executed_statement(Node *stmt)
{
	Node	   *query = NULL;

	if (IsA(stmt, ExecuteStmt))
		return ((ExecuteStmt *) stmt)->name;
	if (IsA(stmt, ExplainStmt))
		query = ((ExplainStmt *) stmt)->query;
	else if (IsA(stmt, CreateTableAsStmt))
		query = ((CreateTableAsStmt *) stmt)->query;
	if (query == NULL || !IsA(query, Query) ||
		((Query *) query)->utilityStmt == NULL)
		return NULL;
	return executed_statement(((Query *) query)->utilityStmt);
}

static void
check_execute(const char *name)
{
	PreparedStatement *statement = FetchPreparedStatement(name, false);
	const Origin *origin;
	char	   *tenant;

	if (statement == NULL)
		return;
	origin = origin_of(statement);
	if (origin == NULL || is_here(origin))
		return;
	tenant = tm_origin_tenant(origin);
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("prepared statement \"%s\" belongs to another tenant",
					name),
			 tenant ? errdetail("It was prepared for tenant \"%s\".",
								tenant) : 0));
}

/*
 * May the server drop this statement?  If not it is left, or that is an error.
 */
static bool
deallocate_here(const char *name, bool alone)
{
	PreparedStatement *statement = FetchPreparedStatement(name, false);
	const Origin *origin;

	if (statement == NULL)
		return true;
	origin = origin_of(statement);
	if (origin != NULL && is_here(origin))
		return true;
	if (!statement->from_sql && alone)
		return !tm_session_locked;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 tm_binding_in_force() != NULL || tm_session_locked ?
			 errmsg("cannot deallocate prepared statement \"%s\" while the session is bound to a tenant",
					name) :
			 errmsg("cannot deallocate prepared statement \"%s\" from code of a tenant",
					name),
			 statement->from_sql ?
			 errdetail("It was not prepared for this tenant.") :
			 errdetail("It was prepared by the client's driver or by a pool, for all tenants."),
			 tm_binding_in_force() != NULL || tm_session_locked ?
			 errhint("Use tenant.reset() to leave the tenant first.") : 0));
}

/*
 * Drop all statements of the present binding, or those of a lock.
 */
static void
deallocate_own(bool locked_only)
{
	HASH_SEQ_STATUS status;
	OwnStatement *own;

	forget_stale();
	if (own_statements == NULL)
		return;
	hash_seq_init(&status, own_statements);
	while ((own = hash_seq_search(&status)) != NULL)
	{
		if (locked_only ? !own->origin.locked : !is_here(&own->origin))
			continue;
		DropPreparedStatement(own->name, false);
		(void) hash_search(own_statements, own->name, HASH_REMOVE, NULL);
	}
}

/* Forget the statements that there are no more. */
static void
forget_stale(void)
{
	HASH_SEQ_STATUS status;
	OwnStatement *own;

	if (own_statements == NULL)
		return;
	hash_seq_init(&status, own_statements);
	while ((own = hash_seq_search(&status)) != NULL)
	{
		PreparedStatement *statement = FetchPreparedStatement(own->name, false);

		if (statement == NULL || origin_of(statement) == NULL)
			(void) hash_search(own_statements, own->name, HASH_REMOVE, NULL);
	}
	if (hash_get_num_entries(own_statements) == 0)
	{
		hash_destroy(own_statements);
		own_statements = NULL;
	}
}

static bool
is_bound_or_locked(void)
{
	Origin		origin;

	origin_here(&origin);
	return origin.bound || tm_session_locked;
}

/* Is a shared statement executed with a type of a tenant? */
static void
note_parameters(const ParamListInfoData *params)
{
	Origin		here;
	NameData	name;
	SchemaOwner owner;
	int			i;

	if (params == NULL || params->paramFetch != NULL || tm_prepared_own_types)
		return;
	for (i = 0; i < params->numParams; i++)
	{
		if (!owner_of_type(params->params[i].ptype, &name, &owner))
			continue;
		tm_origin_now(&here);
		tm_prepared_own_types = true;
		types_of = here.tenant_id;
		return;
	}
}

static void
follow_parameters(CachedPlanSource *plansource)
{
	const Binding *binding = tm_binding_current();
	int			i;

	for (i = 0; i < plansource->num_params; i++)
	{
		NameData	name;
		SchemaOwner owner;
		Oid			typid;

		if (!owner_of_type(plansource->param_types[i], &name, &owner) ||
			tm_uuid_equals(&owner.id, &binding->id))
			continue;
		typid = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
								NameGetDatum(&name),
								ObjectIdGetDatum(binding->nspid));
		if (!OidIsValid(typid))
			continue;
		plansource->param_types[i] = typid;
		plansource->is_valid = false;
	}
}

/* The tenant that a type belongs to, and the type's name */
static bool
owner_of_type(Oid typid, NameData *name, SchemaOwner *owner)
{
	HeapTuple	tuple;
	Oid			nspid;

	if (typid < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	if (!HeapTupleIsValid(tuple))
		return false;
	*name = ((Form_pg_type) GETSTRUCT(tuple))->typname;
	nspid = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	return tm_schema_owner(nspid, owner);
}
