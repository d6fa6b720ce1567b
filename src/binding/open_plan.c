/*
 * open_plan.c
 *		Statements and cursors that still read from a tenant.
 *
 * Names are looked up, and privileges checked, when a plan is made and
 * started.  What is open when a session goes to another tenant goes on reading
 * where it was.  So a switch is refused while there is
 *
 *		a statement on its way, of which the switch is a part,
 *		a cursor, by whatever protocol it was opened, or
 *		a loop of a procedural language
 *
 * that reads a table of another tenant than the one to come, or a table with
 * row-level security, whose policies may ask for the tenant.  A cursor or loop
 * may also call a function that is neither built in nor ours: it may have begun
 * to read whatever it likes, and have rows in store.  What reads
 * nothing of this kind does not stand in the way: a loop over the tenants that
 * switches to one after the other, for example.  A trigger runs in the middle
 * of a statement, or at the end of a transaction, and never may switch.
 *
 * Statements on their way are known from a hook of the executor.  Cursors are
 * the portals that wait for being run again; the one that the switch runs in is
 * active, and mostly the only one.
 *
 * That is for the sake of an error at the right time.  What is open after a
 * switch, or has been opened in a function that carried its own tenant, belongs
 * to the binding under which it was started: it goes on under that one, and in
 * a locked session not at all.  The rows that a held cursor has in store are of
 * its tenant, whatever it read; while it is open the session does not leave.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/plannodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/own_schema.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/binding.h"
#include "binding/open_plan.h"
#include "binding/origin.h"
#include "binding/running_code.h"
#include "binding/session_lock.h"
#include "tenants/registry.h"
#include "tenants/snapshot_registry.h"

/* What a plan reads that it must not */
typedef struct Obstacle
{
	char	   *relation;		/* name of the table */
	char	   *tenant;			/* whose it is, NULL if it is all tenants' */
	char	   *function;		/* or name of a function, and nothing else */
} Obstacle;

/*
 * A cursor that is held beyond the end of the transaction, in the memory of
 * its portal
 */
typedef struct HeldCursor
{
	Portal		portal;
	Origin		origin;			/* when it was opened */
	struct HeldCursor *next;
	MemoryContextCallback forget;
} HeldCursor;

/* Does a plan that depends on a function of this hash value read anything? */
typedef struct ReadingFunction
{
	uint32		hash;			/* hash key */
	bool		reads;
	NameData	name;			/* of the function, if it does */
} ReadingFunction;

/* What is about to be done while cursors may be open */
typedef enum
{
	LEAVING,					/* the session is to be bound elsewhere */
	LOCKING,					/* or to stay where it is */
} Purpose;

/* written by tm_open_plan_note_held_cursor and forget_held_cursor */
static HeldCursor *held_cursors = NULL;

/* answers of calls_function; forgotten by the callback */
static HTAB *reading_functions = NULL;

static const RunningPlan *innermost_plan(const ErrorContextCallback *entry);
static void forget_held_cursor(void *arg);
static void refuse_to_code(const Origin *origin);
static const Origin *origin_of_cursor(Portal portal);
static void refuse_cursors(const pg_uuid_t *tenant_id, Purpose purpose);
static bool is_only_portal(Portal portal);
static void check_cursor(Portal portal, const pg_uuid_t *tenant_id,
						 Purpose purpose);
static bool has_rows_of_other(Portal portal, const pg_uuid_t *tenant_id);
static bool cursor_is_done(Portal portal);
static bool finds_obstacle(const PlannedStmt *plan,
						   const pg_uuid_t *tenant_id, Obstacle *obstacle);
static bool is_obstacle(Oid relid, const pg_uuid_t *tenant_id,
						Obstacle *obstacle);
static bool calls_function(const PlannedStmt *plan, Obstacle *obstacle);
static const ReadingFunction *look_up_function(uint32 hash);
static bool find_reading_function(uint32 hash, NameData *name);
static void forget_functions(Datum arg, int cacheid, uint32 hashvalue);
static int	errdetail_obstacle(const Obstacle *obstacle);

void
tm_open_plan_refuse_hold(void)
{
	if (tm_binding_is_passing())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot hold a cursor for longer than the session is bound to its tenant"),
				 errhint("Declare the cursor without WITH HOLD.")));
}

void
tm_open_plan_note_held_cursor(void)
{
	Portal		portal = ActivePortal;
	HeldCursor *cursor = MemoryContextAlloc(portal->portalContext,
											sizeof(HeldCursor));

	cursor->portal = portal;
	tm_origin_now(&cursor->origin);
	cursor->forget.func = forget_held_cursor;
	cursor->forget.arg = cursor;
	MemoryContextRegisterResetCallback(portal->portalContext,
									   &cursor->forget);
	cursor->next = held_cursors;
	held_cursors = cursor;
}

int
tm_open_plan_go_back(RunningPlan *statement, const char *label)
{
	const Origin *origin = tm_origin_of_label(label);

	if (origin == NULL)
		return 0;
	refuse_to_code(origin);
	statement->code = origin->code;
	if (tm_origin_is_here(origin))
		return 0;
	tm_session_lock_refuse();
	return tm_origin_enter(origin);
}

/* What tells our entries in the server's stack from others */
void
tm_open_plan_is_running(void *arg)
{
}

bool
tm_open_plan_is_nested(void)
{
	return innermost_plan(error_context_stack) != NULL;
}

bool
tm_open_plan_is_whole_command(void)
{
	const RunningPlan *statement = innermost_plan(error_context_stack);

	return statement != NULL &&
		innermost_plan(statement->link.previous) == NULL &&
		ActivePortal != NULL && ActivePortal->stmts != NIL &&
		linitial(ActivePortal->stmts) == (void *) statement->plan;
}

/* The innermost statement on its way at this place of the stack, or NULL */
static const RunningPlan *
innermost_plan(const ErrorContextCallback *entry)
{
	while (entry != NULL && entry->callback != tm_open_plan_is_running)
		entry = entry->previous;
	return entry != NULL ? (const RunningPlan *) entry->arg : NULL;
}

void
tm_open_plan_refuse(const pg_uuid_t *tenant_id)
{
	const RunningPlan *statement;
	Obstacle	obstacle = {0};

	if (DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, 0)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot switch tenants in a trigger")));
	if (!tm_registry_installed())
		return;

	for (statement = innermost_plan(error_context_stack); statement != NULL;
		 statement = innermost_plan(statement->link.previous))
	{
		if (finds_obstacle(statement->plan, tenant_id, &obstacle))
			ereport(ERROR,
					(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
					 errmsg("cannot switch tenants in a statement that works for another tenant"),
					 errdetail_obstacle(&obstacle),
					 errhint("Switch in a statement of its own.")));
	}
	refuse_cursors(tenant_id, LEAVING);
}

void
tm_open_plan_refuse_lock(const pg_uuid_t *tenant_id)
{
	refuse_cursors(tenant_id, LOCKING);
}

void
tm_open_plan_unlocked(void)
{
	ListCell   *lc;

	if (is_only_portal(ActivePortal))
		return;
	foreach(lc, tm_open_plan_names(F_PG_CURSOR))
	{
		Portal		portal = GetPortalByName(lfirst(lc));
		const Origin *origin;

		if (!PortalIsValid(portal) || portal->status != PORTAL_READY ||
			portal->portalPinned)
			continue;
		origin = origin_of_cursor(portal);
		if (origin != NULL && origin->locked)
			PortalDrop(portal, false);
	}
}

void
tm_open_plan_before_utility(UtilityStatement *statement)
{
	Node	   *stmt = statement->pstmt->utilityStmt;
	const char *name;
	Portal		portal;
	const Origin *origin;

	if (held_cursors == NULL || !statement->watched || !IsA(stmt, FetchStmt))
		return;
	name = ((FetchStmt *) stmt)->portalname;
	portal = GetPortalByName(name);
	if (!PortalIsValid(portal) || portal->holdStore == NULL)
		return;
	origin = origin_of_cursor(portal);
	if (origin != NULL)
		refuse_to_code(origin);
	if (origin != NULL && origin->bound && !tm_origin_is_here(origin))
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
				 errmsg("cursor \"%s\" was opened for another tenant", name)));
}

static void
forget_held_cursor(void *arg)
{
	HeldCursor **link;

	for (link = &held_cursors; *link != NULL; link = &(*link)->next)
	{
		if (*link == (HeldCursor *) arg)
		{
			*link = (*link)->next;
			return;
		}
	}
}

/*
 * The code of a tenant does not read on where others have begun, nor where the
 * session has, while it was bound to another tenant: what a trigger has deferred
 * is run under its own binding while cursors of the next one are open.
 */
static void
refuse_to_code(const Origin *origin)
{
	if (!OidIsValid(tm_running_code_schema()) ||
		(tm_origin_is_code_here(origin) && tm_origin_is_here(origin)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("cannot read from a cursor that code of the tenant has not opened")));
}

/* The binding under which a cursor was opened, NULL if nobody knows */
static const Origin *
origin_of_cursor(Portal portal)
{
	HeldCursor *cursor;

	for (cursor = held_cursors; cursor != NULL; cursor = cursor->next)
	{
		if (cursor->portal == portal)
			return &cursor->origin;
	}
	if (portal->queryDesc == NULL || portal->queryDesc->estate == NULL)
		return NULL;
	return tm_origin_of_label(portal->queryDesc->estate->es_query_cxt->ident);
}

static void
refuse_cursors(const pg_uuid_t *tenant_id, Purpose purpose)
{
	ListCell   *lc;

	if (is_only_portal(ActivePortal))
		return;
	foreach(lc, tm_open_plan_names(F_PG_CURSOR))
	{
		Portal		portal = GetPortalByName(lfirst(lc));

		if (PortalIsValid(portal) && portal->status == PORTAL_READY &&
			!cursor_is_done(portal))
			check_cursor(portal, tenant_id, purpose);
	}
}

/*
 * The memory of all portals hangs in one place.  If there is no other portal
 * beside this one, the list of cursors need not be made.
 */
static bool
is_only_portal(Portal portal)
{
	MemoryContext context = portal != NULL ? portal->portalContext : NULL;

	return context != NULL &&
		context->prevchild == NULL && context->nextchild == NULL;
}

List *
tm_open_plan_names(Oid funcid)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo	flinfo;
	ReturnSetInfo rsinfo;
	TupleTableSlot *slot;
	List	   *names = NIL;

	fmgr_info(funcid, &flinfo);
	memset(&rsinfo, 0, sizeof(rsinfo));
	rsinfo.type = T_ReturnSetInfo;
	rsinfo.econtext = CreateStandaloneExprContext();
	rsinfo.allowedModes = SFRM_Materialize;
	rsinfo.returnMode = SFRM_Materialize;
	InitFunctionCallInfoData(*fcinfo, &flinfo, 0, InvalidOid, NULL,
							 (Node *) &rsinfo);
	(void) FunctionCallInvoke(fcinfo);

	slot = MakeSingleTupleTableSlot(rsinfo.setDesc, &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(rsinfo.setResult, true, false, slot))
	{
		bool		isnull;
		Datum		name = slot_getattr(slot, 1, &isnull);

		names = lappend(names, TextDatumGetCString(name));
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(rsinfo.setResult);
	FreeExprContext(rsinfo.econtext, true);

	return names;
}

/* Raise an error if the cursor reads from another tenant. */
static void
check_cursor(Portal portal, const pg_uuid_t *tenant_id, Purpose purpose)
{
	Obstacle	obstacle = {0};
	bool		unknown;
	bool		reads = false;
	ListCell   *lc;

	/*
	 * A cursor that has outlived its plan, or the rows of which come from the
	 * plan of another command, may be anything.  The loop of a procedure that
	 * commits has been looked at before it did.
	 */
	unknown = portal->stmts == NIL && !portal->autoHeld;
	foreach(lc, portal->stmts)
	{
		PlannedStmt *plan = lfirst_node(PlannedStmt, lc);

		if (plan->commandType != CMD_UTILITY)
			reads = reads || finds_obstacle(plan, tenant_id, &obstacle) ||
				(purpose == LEAVING && calls_function(plan, &obstacle));
		else if (IsA(plan->utilityStmt, ExecuteStmt) ||
				 IsA(plan->utilityStmt, FetchStmt))
			unknown = true;
	}

	/* Whoever locks a session has been there, and stays. */
	if (purpose == LOCKING)
		unknown = false;
	if (!reads && !unknown && !has_rows_of_other(portal, tenant_id))
		return;

	if (portal->portalPinned)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 purpose == LOCKING ?
				 errmsg("cannot lock the session in a loop that works for another tenant") :
				 errmsg("cannot switch tenants in a loop that works for another tenant"),
				 reads ? errdetail_obstacle(&obstacle) : 0,
				 errhint("Collect the rows first, then switch.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 purpose == LOCKING ?
			 errmsg("cannot lock the session while cursor \"%s\" is open",
					portal->name) :
			 errmsg("cannot switch tenants while cursor \"%s\" is open",
					portal->name),
			 reads ? errdetail_obstacle(&obstacle) : 0,
			 errhint("Close the cursor first.")));
}

/* Does it have rows in store that were read for another tenant? */
static bool
has_rows_of_other(Portal portal, const pg_uuid_t *tenant_id)
{
	const Origin *origin;

	if (portal->holdStore == NULL)
		return false;
	origin = origin_of_cursor(portal);
	return origin != NULL && origin->bound &&
		(tenant_id == NULL ||
		 !tm_uuid_equals(&origin->tenant_id, tenant_id));
}

/* A portal that has been read to its end stays until it is closed. */
static bool
cursor_is_done(Portal portal)
{
	return portal->atEnd && (portal->cursorOptions & CURSOR_OPT_SCROLL) == 0;
}

static bool
finds_obstacle(const PlannedStmt *plan, const pg_uuid_t *tenant_id,
			   Obstacle *obstacle)
{
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION &&
			is_obstacle(rte->relid, tenant_id, obstacle))
			return true;
	}
	return false;
}

static bool
is_obstacle(Oid relid, const pg_uuid_t *tenant_id, Obstacle *obstacle)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	char	   *schema;
	TenantInfo *tenant;
	SnapshotInfo *snapshot;
	const pg_uuid_t *owner = NULL;
	bool		found;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_class) GETSTRUCT(tuple);
	obstacle->relation = pstrdup(NameStr(form->relname));
	obstacle->tenant = NULL;
	found = form->relrowsecurity;
	schema = get_namespace_name(form->relnamespace);
	ReleaseSysCache(tuple);

	if (schema == NULL || strcmp(schema, "pg_catalog") == 0 ||
		strcmp(schema, TM_SCHEMA_NAME) == 0)
		return false;
	tenant = tm_registry_lookup_schema(schema);
	if (tenant != NULL)
		owner = &tenant->id;
	else
	{
		snapshot = tm_snapshot_lookup_schema(schema);
		if (snapshot != NULL)
			owner = &snapshot->tenant_id;
	}
	if (owner != NULL)
	{
		found = tenant_id == NULL ||
			!tm_uuid_equals(owner, tenant_id);
		obstacle->tenant = tenant ? pstrdup(tenant->name) : schema;
	}
	return found;
}

/*
 * Does a plan call a function of whose reading nobody knows?  A plan does not
 * list its functions but by what the cache of plans goes by, hash values.
 */
static bool
calls_function(const PlannedStmt *plan, Obstacle *obstacle)
{
	ListCell   *lc;

	foreach(lc, plan->invalItems)
	{
		PlanInvalItem *item = lfirst_node(PlanInvalItem, lc);
		const ReadingFunction *function;

		if (item->cacheId != PROCOID)
			continue;
		function = look_up_function(item->hashValue);
		if (function->reads)
		{
			obstacle->function = pstrdup(NameStr(function->name));
			return true;
		}
	}
	return false;
}

/* The answer, which is remembered until a function changes. */
static const ReadingFunction *
look_up_function(uint32 hash)
{
	static bool registered = false;
	ReadingFunction *function = NULL;
	NameData	name = {{0}};
	bool		reads;

	if (!registered)
		CacheRegisterSyscacheCallback(PROCOID, forget_functions, (Datum) 0);
	registered = true;

	if (reading_functions != NULL)
		function = hash_search(reading_functions, &hash, HASH_FIND, NULL);
	if (function != NULL)
		return function;

	reads = find_reading_function(hash, &name);
	if (reading_functions == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(uint32);
		ctl.entrysize = sizeof(ReadingFunction);
		reading_functions = hash_create("tenant_mgr reading functions", 16,
										&ctl, HASH_ELEM | HASH_BLOBS);
	}
	function = hash_search(reading_functions, &hash, HASH_ENTER, NULL);
	function->reads = reads;
	function->name = name;
	return function;
}

/*
 * Look for a function that is neither built in, nor ours, nor immutable.
 */
static bool
find_reading_function(uint32 hash, NameData *name)
{
	Oid			ours = tm_own_schema();
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	rel = table_open(ProcedureRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_proc_oid, BTGreaterEqualStrategyNumber, F_OIDGE,
				ObjectIdGetDatum(FirstNormalObjectId));
	scan = systable_beginscan(rel, ProcedureOidIndexId, true, NULL, 1, &key);
	while (!found && (tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);

		found = form->provolatile != PROVOLATILE_IMMUTABLE &&
			form->pronamespace != ours &&
			GetSysCacheHashValue1(PROCOID,
								  ObjectIdGetDatum(form->oid)) == hash;
		if (found)
			*name = form->proname;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return found;
}

static void
forget_functions(Datum arg, int cacheid, uint32 hashvalue)
{
	if (reading_functions != NULL)
		hash_destroy(reading_functions);
	reading_functions = NULL;
}

static int
errdetail_obstacle(const Obstacle *obstacle)
{
	if (obstacle->function != NULL)
		return errdetail("It calls function \"%s\", which may read tables of the tenant.",
						 obstacle->function);
	if (obstacle->tenant == NULL)
		return errdetail("It reads table \"%s\", whose row-level security may ask for the tenant.",
						 obstacle->relation);
	return errdetail("It reads table \"%s\" of tenant \"%s\".",
					 obstacle->relation, obstacle->tenant);
}
