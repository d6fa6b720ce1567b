/*
 * exclusion.c
 *		Whose rows travel into a clone, and what else would show those that do
 *		not.
 *
 * To leave out the rows of a table is to promise that they are not in the
 * clone.  They may be in other places than the table: a materialized view has
 * copies of them, and the statistics of a parent tell values of its children.
 * So the former are not populated in the clone, and the latter, and what they
 * count, are left to the next ANALYZE.  What reads the rows is found by
 * pg_depend, through views and through functions with bodies that the server
 * has parsed; what a text says is not known.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/tenant_mgr.h"
#include "clone/clone_lock.h"
#include "clone/exclusion.h"

static void leave_out_what_shows_them(CloneState *state);
static bool is_populated(Oid relid);
static void mark_parents(Closure *closure, Relation inherits, Oid relid);
static bool mark_readers(Closure *closure);
static ClosureMember *reader(const Closure *closure, const ClosureUser *user);
static void refuse_dangling_references(CloneState *state);

void
tm_exclusion_decide(CloneState *state)
{
	Closure    *closure = state->closure;

	if (!state->request->with_data)
		return;

	for (int i = 0; i < closure->nmembers; i++)
	{
		ClosureMember *member = &closure->members[i];

		if (member->classid == RelationRelationId &&
			member->relkind != RELKIND_INDEX &&
			member->relkind != RELKIND_TOASTVALUE)
			member->with_rows = member->relkind == RELKIND_SEQUENCE ||
				!tm_clone_excludes(state->request, member->objid);
	}
	if (state->request->exclude != NIL)
		leave_out_what_shows_them(state);
	/* indexes and TOAST tables go with their tables */
	for (int i = 0; i < closure->nmembers; i++)
	{
		ClosureMember *member = &closure->members[i];
		ClosureMember *table = NULL;

		if (member->left_out)
			continue;
		if (member->relkind == RELKIND_TOASTVALUE)
			table = tm_closure_find(closure, RelationRelationId,
									member->owner_seed);
		else if (member->relkind == RELKIND_INDEX)
			table = tm_closure_find(closure, RelationRelationId,
									member->table);
		if (table != NULL)
			member->with_rows = table->with_rows;
	}
	if (state->request->exclude != NIL)
		refuse_dangling_references(state);
}

/* Mark what shows rows that are left out, and leave out copies of them. */
static void
leave_out_what_shows_them(CloneState *state)
{
	Closure    *closure = state->closure;
	Relation	inherits = table_open(InheritsRelationId, AccessShareLock);

	for (int i = 0; i < closure->nmembers; i++)
	{
		ClosureMember *member = &closure->members[i];

		CHECK_FOR_INTERRUPTS();
		if (member->with_rows || member->shows_left_out ||
			(member->relkind != RELKIND_RELATION &&
			 member->relkind != RELKIND_PARTITIONED_TABLE &&
			 member->relkind != RELKIND_FOREIGN_TABLE &&
			 member->relkind != RELKIND_MATVIEW))
			continue;
		member->shows_left_out = true;
		mark_parents(closure, inherits, member->objid);
	}
	table_close(inherits, AccessShareLock);

	/* until no view on a view is left */
	while (mark_readers(closure))
		CHECK_FOR_INTERRUPTS();

	for (int i = 0; i < closure->nmembers; i++)
	{
		ClosureMember *member = &closure->members[i];

		if (!member->shows_left_out || !member->with_rows ||
			member->relkind != RELKIND_MATVIEW)
			continue;
		member->with_rows = false;
		if (!is_populated(member->objid))
			continue;
		ereport(NOTICE,
				(errmsg("materialized view \"%s\" is not populated in the clone",
						get_rel_name(member->objid)),
				 errdetail("It reads tables whose rows are left out."),
				 errhint("Use REFRESH MATERIALIZED VIEW.")));
	}
}

static bool
is_populated(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		result;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	result = ((Form_pg_class) GETSTRUCT(tup))->relispopulated;
	ReleaseSysCache(tup);
	return result;
}

/* The rows of a table are those of its parents, too. */
static void
mark_parents(Closure *closure, Relation inherits, Oid relid)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	check_stack_depth();
	ScanKeyInit(&key, Anum_pg_inherits_inhrelid,
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true,
							  closure->snapshot, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Oid			parent = ((Form_pg_inherits) GETSTRUCT(tup))->inhparent;
		ClosureMember *member = tm_closure_find(closure, RelationRelationId,
												parent);

		if (member == NULL || member->shows_left_out)
			continue;
		member->shows_left_out = true;
		mark_parents(closure, inherits, parent);
	}
	systable_endscan(scan);
}

/* One step further; false if there is none. */
static bool
mark_readers(Closure *closure)
{
	bool		any = false;

	for (int i = 0; i < closure->nusers; i++)
	{
		const ClosureUser *user = &closure->users[i];
		const ClosureMember *used = tm_closure_find(closure, user->used.classId,
													user->used.objectId);
		ClosureMember *member;

		if (used == NULL || !used->shows_left_out)
			continue;
		member = reader(closure, user);
		if (member == NULL || member->shows_left_out)
			continue;
		member->shows_left_out = true;
		any = true;
	}
	return any;
}

/* The view or function that reads what it uses, or NULL if it is none. */
static ClosureMember *
reader(const Closure *closure, const ClosureUser *user)
{
	ClosureMember *member = tm_closure_find(closure, user->classid,
											user->objid);

	if (member == NULL || user->classid == ProcedureRelationId)
		return member;
	if (user->classid != RewriteRelationId)
		return NULL;
	member = tm_closure_find(closure, member->owner_class, member->owner_seed);
	return member != NULL && (member->relkind == RELKIND_VIEW ||
							  member->relkind == RELKIND_MATVIEW) ?
		member : NULL;
}

/*
 * Rows must not refer to rows that stay behind: the foreign key would claim
 * what is not true.
 */
static void
refuse_dangling_references(CloneState *state)
{
	Closure    *closure = state->closure;

	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *referencing;
		const ClosureMember *referenced;
		Form_pg_constraint form;
		HeapTuple	tup;

		if (closure->members[i].classid != ConstraintRelationId)
			continue;
		tup = SearchSysCache1(CONSTROID,
							  ObjectIdGetDatum(closure->members[i].objid));
		/* of a domain; foreign keys stay as long as their tables are locked */
		if (!HeapTupleIsValid(tup))
			continue;
		form = (Form_pg_constraint) GETSTRUCT(tup);
		referencing = tm_closure_find(closure, RelationRelationId, form->conrelid);
		referenced = tm_closure_find(closure, RelationRelationId, form->confrelid);
		if (form->contype == CONSTRAINT_FOREIGN && referencing != NULL &&
			referenced != NULL &&
			referencing->with_rows && !referenced->with_rows)
			ereport(ERROR,
					(errcode(ERRCODE_TENANT_NOT_CLONABLE),
					 errmsg("cannot leave out the rows of table \"%s\"",
							get_rel_name(form->confrelid)),
					 errdetail("Rows of table \"%s\" refer to them by foreign key \"%s\".",
							   get_rel_name(form->conrelid),
							   NameStr(form->conname)),
					 errhint("Leave out the rows of table \"%s\" as well.",
							 get_rel_name(form->conrelid))));
		ReleaseSysCache(tup);
	}
}
