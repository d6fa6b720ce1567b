/*
 * tenant_work.c
 *		Code that is run for a tenant, on an administrator's order.
 *
 * Hooks, statements for all tenants and migrations run where the tenant's own
 * code runs, too: triggers, views, defaults, functions on its path.  That code
 * gets the rights of the role that it is run as, which is the owner of the
 * tenant's schema and never more; a security-restricted operation keeps it from
 * taking others.  A schema that a superuser owns must be the superusers' alone
 * (superuser_schema.c).  It is bound to the tenant, for that is what it was written
 * for, and judged as the tenant's by the guard.
 *
 * The server does not let triggers be deferred in a security-restricted
 * operation, because they would run when it is over.  Frameworks declare their
 * foreign keys so by default.  So those of the tenant that are deferred
 * initially are checked at once meanwhile, and are deferred again afterwards;
 * what has been deferred before, is run first, as the owner.  Code that defers
 * some by itself gets the server's error.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_namespace.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/dependency.h"
#include "binding/binding.h"
#include "binding/binding_path.h"
#include "guard/guard.h"
#include "lifecycle/superuser_schema.h"
#include "lifecycle/tenant_work.h"

static void begin(TenantWork *work);
static void begin_bound(TenantWork *work, const TenantInfo *tenant,
						Oid roleid);
static List *deferred_constraints(Oid nspid);
static List *add_deferred(List *constraints, Relation pg_constraint,
						  Oid relid);
static void set_constraints(List *constraints, bool deferred);
static bool can_be_deferred(const char *name, Oid nspid);

void
tm_work_begin(TenantWork *work, const TenantInfo *tenant, Oid roleid)
{
	begin_bound(work, tenant, roleid);
	work->deferred = deferred_constraints(tenant->nspid);
	set_constraints(work->deferred, false);
}

void
tm_work_begin_alone(TenantWork *work, const TenantInfo *tenant, Oid roleid)
{
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);

	begin_bound(work, tenant, roleid);
	AfterTriggerSetState(all);
}

void
tm_work_begin_elsewhere(TenantWork *work, Oid nspid, Oid roleid)
{
	begin(work);
	if (OidIsValid(nspid))
		tm_guard_set_own(nspid);
	tm_binding_path_borrow(tm_binding_path_of_schema(NULL));
	SetUserIdAndSecContext(roleid, work->sec_context |
						   SECURITY_RESTRICTED_OPERATION);
}

void
tm_work_end(TenantWork *work)
{
	set_constraints(work->deferred, true);
	SetUserIdAndSecContext(work->userid, work->sec_context);
	AtEOXact_GUC(false, work->nestlevel);
}

static void
begin(TenantWork *work)
{
	GetUserIdAndSecContext(&work->userid, &work->sec_context);
	work->nestlevel = NewGUCNestLevel();
	work->deferred = NIL;
}

static void
begin_bound(TenantWork *work, const TenantInfo *tenant, Oid roleid)
{
	tm_superuser_schema_check(tenant, roleid);
	begin(work);
	tm_binding_lend(tenant->name, false);
	tm_guard_set_own(tenant->nspid);
	SetUserIdAndSecContext(roleid, work->sec_context |
						   SECURITY_RESTRICTED_OPERATION);
}

/* OIDs of the constraints of a schema's tables that are deferred initially. */
static List *
deferred_constraints(Oid nspid)
{
	Relation	pg_depend = table_open(DependRelationId, AccessShareLock);
	Relation	pg_constraint = table_open(ConstraintRelationId,
										   AccessShareLock);
	List	   *constraints = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;

	scan = tm_dependency_scan_dependents(pg_depend, NULL, NamespaceRelationId,
										 nspid);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == RelationRelationId)
			constraints = add_deferred(constraints, pg_constraint,
									   form->objid);
	}
	systable_endscan(scan);
	table_close(pg_constraint, AccessShareLock);
	table_close(pg_depend, AccessShareLock);

	return constraints;
}

static List *
add_deferred(List *constraints, Relation pg_constraint, Oid relid)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_constraint,
							  ConstraintRelidTypidNameIndexId, true, NULL, 1,
							  &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->condeferred)
			constraints = lappend_oid(constraints, form->oid);
	}
	systable_endscan(scan);

	return constraints;
}

/*
 * The code may have changed or dropped some of them.  One that shares its name
 * with another, which cannot be deferred, is left as it is: the server knows
 * them by their names only.
 */
static void
set_constraints(List *constraints, bool deferred)
{
	ConstraintsSetStmt *stmt = makeNode(ConstraintsSetStmt);
	ListCell   *lc;

	foreach(lc, constraints)
	{
		HeapTuple	tuple = SearchSysCache1(CONSTROID,
											ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_constraint form;
		char	   *schema;

		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_constraint) GETSTRUCT(tuple);
		schema = get_namespace_name(form->connamespace);
		if (form->condeferred && schema != NULL &&
			(!deferred || can_be_deferred(NameStr(form->conname),
										  form->connamespace)))
			stmt->constraints = lappend(stmt->constraints,
										makeRangeVar(schema,
													 pstrdup(NameStr(form->conname)),
													 -1));
		ReleaseSysCache(tuple);
	}
	stmt->deferred = deferred;
	if (stmt->constraints != NIL)
		AfterTriggerSetState(stmt);
}

/* Are all constraints of this name deferrable? */
static bool
can_be_deferred(const char *name, Oid nspid)
{
	Relation	pg_constraint = table_open(ConstraintRelationId,
										   AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		result = true;

	ScanKeyInit(&keys[0], Anum_pg_constraint_conname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(name));
	ScanKeyInit(&keys[1], Anum_pg_constraint_connamespace,
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(nspid));
	scan = systable_beginscan(pg_constraint, ConstraintNameNspIndexId, true,
							  NULL, 2, keys);
	while (result && (tuple = systable_getnext(scan)) != NULL)
		result = ((Form_pg_constraint) GETSTRUCT(tuple))->condeferrable;
	systable_endscan(scan);
	table_close(pg_constraint, AccessShareLock);

	return result;
}
