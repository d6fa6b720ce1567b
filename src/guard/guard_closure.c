/*
 * guard_closure.c
 *		What hangs together with an object that a statement names.
 *
 * A statement that names one object may go on to others: children and
 * partitions of a table, what a view stands for, columns of a domain, members
 * of an extension.  They are found here in the catalogs, for guard_reach.c,
 * which knows the statements.
 *
 * What lies behind a name is judged without regard to privileges.  No relation
 * is locked, but for a view for the moment in which it is read, because the
 * server will want stronger locks than we could take.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_shdepend.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/dependency.h"
#include "guard/guard.h"
#include "guard/guard_closure.h"
#include "tenants/registry.h"

/* Tables that have been made OF a type */
typedef struct TypedTables
{
	Oid			typid;			/* the type */
	List	   *relids;			/* those found */
} TypedTables;

/* What is done with an object that depends on another one */
typedef void (*DependentCallback) (const Form_pg_depend depend,
								   void *context);

static List *children_of(Oid relid);
static void check_view(Oid relid, List *ancestors);
static bool view_walker(Node *node, void *context);
static void typed_table(const Form_pg_depend depend, void *context);
static void user_of_type(const Form_pg_depend depend, void *context);
static void member_of_extension(const Form_pg_depend depend, void *context);
static void for_each_dependent(Oid classid, Oid objid,
							   DependentCallback callback, void *context);

bool
tm_guard_family_out_of_reach(Oid relid)
{
	ListCell   *lc;

	if (tm_guard_out_of_reach(RelationRelationId, relid))
		return true;
	check_stack_depth();
	foreach(lc, children_of(relid))
	{
		if (tm_guard_family_out_of_reach(lfirst_oid(lc)))
			return true;
	}
	return false;
}

void
tm_guard_check_children(Oid relid)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, children_of(relid))
	{
		tm_guard_check_object(RelationRelationId, lfirst_oid(lc));
		tm_guard_check_children(lfirst_oid(lc));
	}
}

List *
tm_guard_with_children(List *relids)
{
	ListCell   *lc;

	/* The list grows as we go. */
	foreach(lc, relids)
		relids = list_concat_unique_oid(relids, children_of(lfirst_oid(lc)));
	return relids;
}

/*
 * The server's own functions for this either lock the children or stumble over
 * those that are being dropped.
 */
static List *
children_of(Oid relid)
{
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	List	   *children = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_inherits_inhparent, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InheritsParentIndexId, true, NULL, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
		children = lappend_oid(children,
							   ((Form_pg_inherits) GETSTRUCT(tuple))->inhrelid);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return children;
}

void
tm_guard_check_view(Oid relid)
{
	check_view(relid, NIL);
}

static void
check_view(Oid relid, List *ancestors)
{
	Relation	view;
	List	   *views = list_append_unique_oid(list_copy(ancestors), relid);

	check_stack_depth();
	view = try_table_open(relid, AccessShareLock);
	if (view == NULL)
		return;
	if (view->rd_rel->relkind == RELKIND_VIEW)
		(void) view_walker((Node *) get_view_query(view), views);
	table_close(view, AccessShareLock);
}

static bool
view_walker(Node *node, void *context)
{
	List	   *views = (List *) context;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, view_walker, context);
	foreach(lc, ((Query *) node)->rtable)
	{
		Oid			relid = lfirst_node(RangeTblEntry, lc)->relid;

		if (!OidIsValid(relid) || list_member_oid(views, relid))
			continue;
		tm_guard_check_object(RelationRelationId, relid);
		if (get_rel_relkind(relid) == RELKIND_VIEW)
			check_view(relid, views);
		else if (lfirst_node(RangeTblEntry, lc)->inh)
			tm_guard_check_children(relid);
	}
	return query_tree_walker((Query *) node, view_walker, context,
							 QTW_IGNORE_JOINALIASES);
}

/* The default partition is searched for rows that belong to a new one. */
void
tm_guard_check_default_partition(Oid parent)
{
	Oid			relid;

	if (!OidIsValid(parent))
		return;
	relid = get_default_partition_oid(parent);
	if (OidIsValid(relid))
	{
		tm_guard_check_object(RelationRelationId, relid);
		tm_guard_check_children(relid);
	}
}

/* Tables of a composite type */
void
tm_guard_check_typed_tables(Oid relid)
{
	ListCell   *lc;

	foreach(lc, tm_guard_typed_tables(relid))
	{
		tm_guard_check_object(RelationRelationId, lfirst_oid(lc));
		tm_guard_check_children(lfirst_oid(lc));
	}
}

List *
tm_guard_typed_tables(Oid relid)
{
	TypedTables typed = {.typid = get_rel_type_id(relid)};

	if (OidIsValid(typed.typid))
		for_each_dependent(TypeRelationId, typed.typid, typed_table, &typed);
	return typed.relids;
}

static void
typed_table(const Form_pg_depend depend, void *context)
{
	TypedTables *typed = (TypedTables *) context;
	HeapTuple	tuple;

	if (depend->classid != RelationRelationId)
		return;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(depend->objid));
	if (!HeapTupleIsValid(tuple))
		return;
	if (((Form_pg_class) GETSTRUCT(tuple))->reloftype == typed->typid)
		typed->relids = lappend_oid(typed->relids, depend->objid);
	ReleaseSysCache(tuple);
}

/* Relations with columns of a type, or of a type that is made of it */
void
tm_guard_check_users_of_type(Oid typid)
{
	check_stack_depth();
	for_each_dependent(TypeRelationId, typid, user_of_type, NULL);
}

static void
user_of_type(const Form_pg_depend depend, void *context)
{
	Oid			rowtype;

	if (depend->classid == TypeRelationId)
		tm_guard_check_users_of_type(depend->objid);
	if (depend->classid != RelationRelationId || depend->objsubid == 0 ||
		get_rel_relkind(depend->objid) == RELKIND_VIEW)
		return;
	tm_guard_check_object(RelationRelationId, depend->objid);
	rowtype = get_rel_type_id(depend->objid);
	if (OidIsValid(rowtype))
		tm_guard_check_users_of_type(rowtype);
}

/* An extension is moved and updated with all that it consists of. */
void
tm_guard_check_extension(const char *name)
{
	Oid			extid = get_extension_oid(name, true);

	if (OidIsValid(extid))
		for_each_dependent(ExtensionRelationId, extid, member_of_extension,
						   NULL);
}

static void
member_of_extension(const Form_pg_depend depend, void *context)
{
	if (depend->deptype == DEPENDENCY_EXTENSION)
		tm_guard_check_object(depend->classid, depend->objid);
}

/*
 * DROP OWNED takes privileges away as well, of which no hook is told: look at
 * everything here that has to do with the roles.
 */
void
tm_guard_check_owned(List *roles)
{
	Relation	rel = table_open(SharedDependRelationId, AccessShareLock);
	ListCell   *lc;

	foreach(lc, roles)
	{
		Oid			roleid = get_rolespec_oid(lfirst(lc), false);
		ScanKeyData keys[2];
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyInit(&keys[0], Anum_pg_shdepend_refclassid,
					BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(AuthIdRelationId));
		ScanKeyInit(&keys[1], Anum_pg_shdepend_refobjid,
					BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(roleid));
		scan = systable_beginscan(rel, SharedDependReferenceIndexId, true,
								  NULL, 2, keys);
		while ((tuple = systable_getnext(scan)) != NULL)
		{
			Form_pg_shdepend form = (Form_pg_shdepend) GETSTRUCT(tuple);

			CHECK_FOR_INTERRUPTS();
			if (form->dbid == MyDatabaseId)
				tm_guard_check_object(form->classid, form->objid);
		}
		systable_endscan(scan);
	}
	table_close(rel, AccessShareLock);
}

/* A command that takes no list and means everything */
void
tm_guard_check_all_tenants(void)
{
	ListCell   *lc;

	foreach(lc, tm_registry_installed() ? tm_registry_list() : NIL)
	{
		TenantInfo *tenant = (TenantInfo *) lfirst(lc);

		if (OidIsValid(tenant->nspid))
			tm_guard_check_object(NamespaceRelationId, tenant->nspid);
	}
}

static void
for_each_dependent(Oid classid, Oid objid, DependentCallback callback,
				   void *context)
{
	Relation	rel = table_open(DependRelationId, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;

	scan = tm_dependency_scan_dependents(rel, NULL, classid, objid);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		callback((Form_pg_depend) GETSTRUCT(tuple), context);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}
