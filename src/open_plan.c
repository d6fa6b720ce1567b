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
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/plannodes.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "open_plan.h"
#include "registry.h"
#include "snapshot_registry.h"
#include "tenant_mgr.h"

/* What a plan reads that it must not */
typedef struct Obstacle
{
	char	   *relation;		/* name of the table */
	char	   *tenant;			/* whose it is, NULL if it is all tenants' */
	char	   *function;		/* or name of a function, and nothing else */
} Obstacle;

/* the innermost statement on its way; written by begin and end */
static RunningPlan *running = NULL;

static void refuse_cursors(const pg_uuid_t *tenant_id);
static bool is_only_portal(Portal portal);
static List *cursor_names(void);
static void check_cursor(Portal portal, const pg_uuid_t *tenant_id);
static bool cursor_is_done(Portal portal);
static bool finds_obstacle(const PlannedStmt *plan,
						   const pg_uuid_t *tenant_id, Obstacle *obstacle);
static bool is_obstacle(Oid relid, const pg_uuid_t *tenant_id,
						Obstacle *obstacle);
static bool calls_function(const PlannedStmt *plan, Obstacle *obstacle);
static bool is_called(const PlannedStmt *plan, Oid funcid);
static int	errdetail_obstacle(const Obstacle *obstacle);

void
tm_open_plan_begin(RunningPlan *statement, const PlannedStmt *plan)
{
	statement->plan = plan;
	statement->outer = running;
	running = statement;
}

void
tm_open_plan_end(const RunningPlan *statement)
{
	running = statement->outer;
}

bool
tm_open_plan_is_nested(void)
{
	return running != NULL;
}

void
tm_open_plan_refuse(const pg_uuid_t *tenant_id)
{
	RunningPlan *statement;
	Obstacle	obstacle = {0};

	if (DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, 0)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot switch tenants in a trigger")));
	if (!tm_registry_installed())
		return;

	for (statement = running; statement != NULL; statement = statement->outer)
	{
		if (finds_obstacle(statement->plan, tenant_id, &obstacle))
			ereport(ERROR,
					(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
					 errmsg("cannot switch tenants in a statement that works for another tenant"),
					 errdetail_obstacle(&obstacle),
					 errhint("Switch in a statement of its own.")));
	}
	refuse_cursors(tenant_id);
}

static void
refuse_cursors(const pg_uuid_t *tenant_id)
{
	ListCell   *lc;

	if (is_only_portal(ActivePortal))
		return;
	foreach(lc, cursor_names())
	{
		Portal		portal = GetPortalByName(lfirst(lc));

		if (PortalIsValid(portal) && portal->status == PORTAL_READY &&
			!cursor_is_done(portal))
			check_cursor(portal, tenant_id);
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

/*
 * The names of all portals but those of plain statements, palloc'd.  The
 * server shows its portals to nobody but by the function behind the view
 * pg_cursors.
 */
static List *
cursor_names(void)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo	flinfo;
	ReturnSetInfo rsinfo;
	TupleTableSlot *slot;
	List	   *names = NIL;

	fmgr_info(F_PG_CURSOR, &flinfo);
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
check_cursor(Portal portal, const pg_uuid_t *tenant_id)
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
				calls_function(plan, &obstacle);
		else if (IsA(plan->utilityStmt, ExecuteStmt) ||
				 IsA(plan->utilityStmt, FetchStmt))
			unknown = true;
	}
	if (!reads && !unknown)
		return;

	if (portal->portalPinned)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot switch tenants in a loop that works for another tenant"),
				 reads ? errdetail_obstacle(&obstacle) : 0,
				 errhint("Collect the rows first, then switch.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("cannot switch tenants while cursor \"%s\" is open",
					portal->name),
			 reads ? errdetail_obstacle(&obstacle) : 0,
			 errhint("Close the cursor first.")));
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
			memcmp(owner, tenant_id, sizeof(pg_uuid_t)) != 0;
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
	Oid			ours = get_namespace_oid(TM_SCHEMA_NAME, true);
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	if (plan->invalItems == NIL)
		return false;
	rel = table_open(ProcedureRelationId, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (!found && (tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);

		if (form->oid < FirstNormalObjectId ||
			form->provolatile == PROVOLATILE_IMMUTABLE ||
			form->pronamespace == ours || !is_called(plan, form->oid))
			continue;
		obstacle->function = pstrdup(NameStr(form->proname));
		found = true;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	return found;
}

static bool
is_called(const PlannedStmt *plan, Oid funcid)
{
	uint32		hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(funcid));
	ListCell   *lc;

	foreach(lc, plan->invalItems)
	{
		PlanInvalItem *item = lfirst_node(PlanInvalItem, lc);

		if (item->cacheId == PROCOID && item->hashValue == hash)
			return true;
	}
	return false;
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
