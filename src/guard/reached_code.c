/*
 * reached_code.c
 *		Whose code runs by what a statement goes on to.
 *
 * A statement about a shared table can run triggers and expressions of tenants'
 * tables that it does not name: foreign keys cascade to them, TRUNCATE goes on
 * to them, and tables of a composite type are rewritten with it.  Functions of
 * the tenants' schemas are told of when they are called.  Shared functions are
 * not, and can be a part of the statement just as well.  So what they execute
 * is offered to the tenant, or to none if several tenants are reached; what is
 * a tenant's function stays that tenant's (tm_running_code_begin).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "utils/rel.h"

#include "binding/binding_in_force.h"
#include "binding/guard_mode.h"
#include "binding/object_schema.h"
#include "guard/guard_closure.h"
#include "guard/reached_code.h"

static bool has_shared_after_trigger(Oid relid, Oid nspid);
static List *truncated(const TruncateStmt *stmt);
static List *of_type(const RangeVar *name);
static Oid	tenant_of_all(const List *relids);

/*
 * Triggers that fire after the server's own query are queued with those of the
 * statement by which the foreign key's came to be called.  It may be known
 * whose code that statement is; then it has become that of several.
 */
void
tm_reached_code_of_key(RunningCode *before, const PlannedStmt *pstmt)
{
	ListCell   *lc;

	if (before->referential || tm_guard == GUARD_OFF ||
		tm_binding_in_force() != NULL)
		return;
	foreach(lc, pstmt->rtable)
	{
		Oid			relid = lfirst_node(RangeTblEntry, lc)->relid;
		Oid			nspid = OidIsValid(relid) ?
			tm_object_tenant_schema(RelationRelationId, relid) : InvalidOid;

		if (!OidIsValid(nspid) ||
			!has_shared_after_trigger(relid, nspid))
			continue;
		if (OidIsValid(before->schema))
			before->schema = tm_running_code_joined(before->schema, nspid);
		else
			before->offered = tm_running_code_joined(before->offered,
													 nspid);
	}
}

/* One that waits and whose function is not the tenant's own; the plan has a lock */
static bool
has_shared_after_trigger(Oid relid, Oid nspid)
{
	Relation	rel = relation_open(relid, NoLock);
	TriggerDesc *triggers = rel->trigdesc;
	bool		found = false;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!trigger->tgisinternal && TRIGGER_FOR_AFTER(trigger->tgtype) &&
			tm_object_function_schema(trigger->tgfoid) != nspid)
			found = true;
	}
	relation_close(rel, NoLock);
	return found;
}

/*
 * The tables have not been locked yet, so it does not count which triggers they
 * have.
 */
void
tm_reached_code_of_utility(Node *stmt)
{
	List	   *relids;

	if (!tm_running_code_is_open())
		return;
	if (IsA(stmt, TruncateStmt))
		relids = truncated((TruncateStmt *) stmt);
	else if (IsA(stmt, AlterTableStmt) &&
			 ((AlterTableStmt *) stmt)->objtype == OBJECT_TYPE)
		relids = of_type(((AlterTableStmt *) stmt)->relation);
	else
		return;
	tm_running_code.offered = tenant_of_all(relids);
}

static List *
truncated(const TruncateStmt *stmt)
{
	List	   *relids = NIL;
	List	   *more;
	ListCell   *lc;

	foreach(lc, stmt->relations)
	{
		RangeVar   *name = lfirst_node(RangeVar, lc);
		Oid			relid = RangeVarGetRelid(name, NoLock, true);

		if (OidIsValid(relid))
			relids = list_append_unique_oid(relids, relid);
	}
	relids = tm_guard_with_children(relids);
	if (stmt->behavior != DROP_CASCADE)
		return relids;
	while ((more = heap_truncate_find_FKs(relids)) != NIL)
		relids = tm_guard_with_children(list_concat(relids, more));
	return relids;
}

static List *
of_type(const RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);

	return OidIsValid(relid) ?
		tm_guard_with_children(tm_guard_typed_tables(relid)) : NIL;
}

static Oid
tenant_of_all(const List *relids)
{
	Oid			result = InvalidOid;
	ListCell   *lc;

	foreach(lc, relids)
	{
		result = tm_running_code_joined(result,
										tm_object_tenant_schema(RelationRelationId,
																lfirst_oid(lc)));
	}
	return result;
}
