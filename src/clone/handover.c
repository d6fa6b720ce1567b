/*
 * handover.c
 *		What must not go with a schema from one owner to another.
 *
 * A tenant that is created from a template may get another owner than the
 * template.  Its objects are then the new owner's, and some objects lend the
 * rights of their owner to others.  Whoever wrote the template must not come
 * to the new owner's rights by that.  These are refused, by name:
 *
 * - a SECURITY DEFINER function;
 * - a view, materialized view or rule that names what its owner in the source
 *   may not use himself.  What he may use, he lends with his own rights as
 *   much as with others';
 * - any function, if the new owner is a superuser and its owner is not.  The
 *   server runs functions of indexes, statistics, materialized views and, with
 *   foreign keys, of triggers as the owner of the table, autovacuum does so
 *   unasked, and a superuser may do everything.
 *
 * All of this is only asked about an owner who could not take the part of the
 * new one anyway.
 *
 * While the clone is filled its expressions are evaluated as the source's
 * owner, for nobody else has had a chance to look at them.  What they call in
 * the clone he is allowed to reach meanwhile, but he owns nothing there, or he
 * could change it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_am.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/dependency.h"
#include "base/tenant_mgr.h"
#include "clone/handover.h"
#include "clone/remap_roles.h"

/* An object of the clone that the source's owner may use for a while */
typedef struct LentObject
{
	Oid			catalog;		/* where it is */
	Oid			objid;			/* its OID */
	bool		had_acl;		/* had it privileges other than the default? */
	Acl		   *acl;			/* these */
} LentObject;

static void refuse_function(const CloneState *state, Relation proc,
							Oid funcid);
static bool is_code_of_superusers(Form_pg_proc form);
static void refuse_rule(const CloneState *state, Relation rewrite, Oid ruleid);
static bool permitted_walker(Node *node, void *context);
static void refuse_functions_outside(const CloneState *state,
									 const ClosureMember *member);
static void refuse(const CloneState *state, Oid catalog, Oid objid,
				   const char *detail, const char *hint);
static bool needs_evaluation(const CloneState *state);
static void lend(List **lent, Oid catalog, Oid objid, ObjectType objtype,
				 AclMode mode, Oid grantee);
static void write_acl(const LentObject *object, const Acl *acl);

void
tm_handover_refuse(const CloneState *state)
{
	Oid			old_owner = state->old_owner;
	Oid			new_owner = state->request->owner;
	Relation	rewrite;
	Relation	proc;

	if (!OidIsValid(old_owner) || tm_can_act_as(old_owner, new_owner))
		return;
	rewrite = table_open(RewriteRelationId, AccessShareLock);
	proc = table_open(ProcedureRelationId, AccessShareLock);
	for (int i = 0; i < state->closure->nmembers; i++)
	{
		const ClosureMember *member = &state->closure->members[i];

		CHECK_FOR_INTERRUPTS();
		if (member->classid == ProcedureRelationId)
			refuse_function(state, proc, member->objid);
		else if (member->classid == RewriteRelationId)
			refuse_rule(state, rewrite, member->objid);
		if (superuser_arg(new_owner))
			refuse_functions_outside(state, member);
	}
	table_close(proc, AccessShareLock);
	table_close(rewrite, AccessShareLock);
}

Oid
tm_handover_evaluator(Oid source_table)
{
	return tm_remap_owner_of_relation(source_table);
}

List *
tm_handover_lend(const CloneState *state)
{
	List	   *lent = NIL;

	if (!OidIsValid(state->old_owner) || superuser_arg(state->old_owner) ||
		!needs_evaluation(state))
		return NIL;
	if (tm_schema_aclcheck(state->namespace, state->old_owner,
						   ACL_USAGE) != ACLCHECK_OK)
		lend(&lent, NamespaceRelationId, state->namespace, OBJECT_SCHEMA,
			 ACL_USAGE, state->old_owner);
	for (int i = 0; i < state->closure->nmembers; i++)
	{
		const ClosureMember *member = &state->closure->members[i];
		Oid			funcid;

		if (member->classid != ProcedureRelationId || member->left_out)
			continue;
		funcid = tm_oidmap_translate(state->map, ProcedureRelationId,
									 member->objid);
		if (tm_function_aclcheck(funcid, state->old_owner,
								 ACL_EXECUTE) != ACLCHECK_OK)
			lend(&lent, ProcedureRelationId, funcid, OBJECT_FUNCTION,
				 ACL_EXECUTE, state->old_owner);
	}
	CommandCounterIncrement();
	return lent;
}

void
tm_handover_take_back(List *lent)
{
	ListCell   *lc;

	if (lent == NIL)
		return;
	CommandCounterIncrement();
	foreach(lc, lent)
	{
		const LentObject *object = lfirst(lc);

		write_acl(object, object->had_acl ? object->acl : NULL);
	}
	CommandCounterIncrement();
}

/* As the snapshot sees it: that is the function that the clone will have. */
static void
refuse_function(const CloneState *state, Relation proc, Oid funcid)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	Oid			owner;
	bool		definer;
	bool		trusted;

	ScanKeyInit(&key, Anum_pg_proc_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(funcid));
	scan = systable_beginscan(proc, ProcedureOidIndexId, true,
							  state->snapshot, 1, &key);
	tup = systable_getnext(scan);
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	owner = ((Form_pg_proc) GETSTRUCT(tup))->proowner;
	definer = ((Form_pg_proc) GETSTRUCT(tup))->prosecdef;
	trusted = is_code_of_superusers((Form_pg_proc) GETSTRUCT(tup));
	systable_endscan(scan);

	if (owner != state->old_owner)
		return;
	if (definer)
		refuse(state, ProcedureRelationId, funcid,
			   gettext_noop("It runs with the rights of its owner, which would be role \"%s\" in the place of role \"%s\"."),
			   gettext_noop("Make it SECURITY INVOKER, or make the present owner a member of the new one."));
	if (superuser_arg(state->request->owner) && !trusted)
		refuse(state, ProcedureRelationId, funcid,
			   gettext_noop("Maintenance would run it with the rights of superuser \"%s\", and it was written by role \"%s\"."),
			   gettext_noop("Choose an owner who is not a superuser, or give the function to a superuser who has looked at it."));
}

/*
 * Only superusers can write functions in these languages, whoever owns them.
 * The server itself does so for range types and aggregates; what an aggregate
 * calls is looked at on its own.
 */
static bool
is_code_of_superusers(Form_pg_proc form)
{
	return form->prolang == INTERNALlanguageId || form->prolang == ClanguageId;
}

static void
refuse_rule(const CloneState *state, Relation rewrite, Oid ruleid)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	Oid			relid = InvalidOid;
	Node	   *actions = NULL;
	Relation	rel;

	ScanKeyInit(&key, Anum_pg_rewrite_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ruleid));
	scan = systable_beginscan(rewrite, RewriteOidIndexId, true,
							  state->snapshot, 1, &key);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
	{
		bool		isnull;
		Datum		value = heap_getattr(tup, Anum_pg_rewrite_ev_action,
										 RelationGetDescr(rewrite), &isnull);

		relid = ((Form_pg_rewrite) GETSTRUCT(tup))->ev_class;
		actions = stringToNode(TextDatumGetCString(value));
	}
	systable_endscan(scan);
	if (!OidIsValid(relid) ||
		tm_remap_owner_of_relation(relid) != state->old_owner)
		return;

	rel = table_open(relid, AccessShareLock);
	if (rel->rd_rel->relkind != RELKIND_VIEW ||
		!RelationHasSecurityInvoker(rel))
	{
		Oid			save_userid;
		int			save_sec_context;
		bool		permitted;

		GetUserIdAndSecContext(&save_userid, &save_sec_context);
		SetUserIdAndSecContext(state->old_owner, save_sec_context);
		permitted = !permitted_walker(actions, NULL);
		SetUserIdAndSecContext(save_userid, save_sec_context);
		if (!permitted)
			refuse(state, RewriteRelationId, ruleid,
				   gettext_noop("With the rights of role \"%s\" it would use what role \"%s\" may not use."),
				   gettext_noop("Make the view security_invoker, or grant its owner what it uses."));
	}
	table_close(rel, NoLock);
}

/* True as soon as the current user may not do what a query does. */
static bool
permitted_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return !tm_query_is_permitted((Query *) node) ||
			query_tree_walker((Query *) node, permitted_walker, context, 0);
	return expression_tree_walker(node, permitted_walker, context);
}

/* What a superuser's objects call must be written by one, wherever it is. */
static void
refuse_functions_outside(const CloneState *state, const ClosureMember *member)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tup;

	scan = tm_dependency_scan(depend, state->snapshot, member->classid,
							  member->objid);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tup);
		HeapTuple	function;
		Oid			owner;
		bool		trusted;

		if (form->refclassid != ProcedureRelationId ||
			tm_closure_find(state->closure, ProcedureRelationId,
							form->refobjid) != NULL)
			continue;
		function = SearchSysCache1(PROCOID, ObjectIdGetDatum(form->refobjid));
		if (!HeapTupleIsValid(function))
			continue;
		owner = ((Form_pg_proc) GETSTRUCT(function))->proowner;
		trusted = is_code_of_superusers((Form_pg_proc) GETSTRUCT(function));
		ReleaseSysCache(function);
		if (!trusted && !superuser_arg(owner))
			ereport(ERROR,
					(errcode(ERRCODE_TENANT_NOT_CLONABLE),
					 errmsg("schema \"%s\" cannot be cloned because of %s",
							state->closure->nspname,
							getObjectDescriptionOids(member->classid,
													 member->objid)),
					 errdetail("It calls %s of role \"%s\", which maintenance would run with the rights of superuser \"%s\".",
							   getObjectDescriptionOids(ProcedureRelationId,
														form->refobjid),
							   GetUserNameFromId(owner, false),
							   GetUserNameFromId(state->request->owner, false)),
					 errhint("Choose an owner who is not a superuser, or give the function to a superuser who has looked at it.")));
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
}

static void
refuse(const CloneState *state, Oid catalog, Oid objid, const char *detail,
	   const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_NOT_CLONABLE),
			 errmsg("schema \"%s\" cannot be cloned because of %s",
					state->closure->nspname,
					getObjectDescriptionOids(catalog, objid)),
			 errdetail(detail,
					   GetUserNameFromId(state->request->owner, false),
					   GetUserNameFromId(state->old_owner, false)),
			 errhint("%s", _(hint))));
}

/* Is there an index to be built with expressions, or for some rows only? */
static bool
needs_evaluation(const CloneState *state)
{
	for (int i = 0; i < state->nrelations; i++)
	{
		const CloneRelation *relation = &state->relations[i];
		HeapTuple	tup;
		bool		found;

		/* checks, and perhaps generated columns */
		if (relation->suspect || relation->method == COPY_ROWS)
			return true;
		if (relation->relkind != RELKIND_INDEX ||
			(relation->method != COPY_BUILD &&
			 (relation->method != COPY_EMPTY ||
			  (relation->relam == BTREE_AM_OID &&
			   relation->relpersistence == RELPERSISTENCE_PERMANENT))))
			continue;
		tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(relation->source));
		if (!HeapTupleIsValid(tup))
			elog(ERROR, "cache lookup failed for index %u", relation->source);
		found = !heap_attisnull(tup, Anum_pg_index_indexprs, NULL) ||
			!heap_attisnull(tup, Anum_pg_index_indpred, NULL);
		ReleaseSysCache(tup);
		if (found)
			return true;
	}
	return false;
}

/* Grant a role a privilege, and remember what was there before. */
static void
lend(List **lent, Oid catalog, Oid objid, ObjectType objtype, AclMode mode,
	 Oid grantee)
{
	int			cacheid = get_object_catcache_oid(catalog);
	HeapTuple	tup = SearchSysCache1(cacheid, ObjectIdGetDatum(objid));
	LentObject *object = palloc(sizeof(LentObject));
	AclItem		item;
	Oid			owner;
	Datum		value;
	bool		isnull;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for object %u", objid);
	value = SysCacheGetAttr(cacheid, tup, get_object_attnum_owner(catalog),
							&isnull);
	owner = DatumGetObjectId(value);
	value = SysCacheGetAttr(cacheid, tup, get_object_attnum_acl(catalog),
							&isnull);
	object->catalog = catalog;
	object->objid = objid;
	object->had_acl = !isnull;
	object->acl = isnull ? acldefault(objtype, owner) : DatumGetAclPCopy(value);
	ReleaseSysCache(tup);

	item.ai_grantee = grantee;
	item.ai_grantor = owner;
	ACLITEM_SET_PRIVS_GOPTIONS(item, mode, ACL_NO_RIGHTS);
	write_acl(object, aclupdate(object->acl, &item, ACL_MODECHG_ADD, owner,
								DROP_RESTRICT));
	*lent = lappend(*lent, object);
}

static void
write_acl(const LentObject *object, const Acl *acl)
{
	Relation	rel = table_open(object->catalog, RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(rel);
	AttrNumber	attno = get_object_attnum_acl(object->catalog);
	HeapTuple	tup = SearchSysCacheCopy1(get_object_catcache_oid(object->catalog),
										  ObjectIdGetDatum(object->objid));
	int			column = attno;
	Datum		value = PointerGetDatum(acl);
	bool		isnull = acl == NULL;
	HeapTuple	copy;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for object %u", object->objid);
	copy = heap_modify_tuple_by_cols(tup, desc, 1, &column, &value, &isnull);
	CatalogTupleUpdate(rel, &copy->t_self, copy);
	table_close(rel, RowExclusiveLock);
}
