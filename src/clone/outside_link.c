/*
 * outside_link.c
 *		What ties a schema to tables outside of it, while it is not live.
 *
 * The rows of a table that inherits from a table outside are rows of that
 * table as well, and a foreign key keeps rows of a table outside from being
 * deleted, or is deleted from together with them.  A schema in the trash or of
 * a snapshot must do neither.  So these ties are cut when a schema is put
 * aside and kept as the commands that make them again, in tenant.outside_link,
 * which nobody but this file knows.  When the schema, or a clone of it, becomes
 * live, they are made again and rows are checked as for anybody.
 *
 * Locks: tables outside are locked in the order of their OIDs, those that are
 * referred to before those that are inherited from; of the former no more than
 * writers are kept out.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/own_schema.h"
#include "base/own_table.h"
#include "base/tenant_mgr.h"
#include "clone/oidmap.h"
#include "clone/outside_link.h"
#include "guard/guard.h"

#define LINK_TABLE			"outside_link"
#define LINK_INDEX			"outside_link_pkey"

/* Columns of tenant.outside_link */
#define Anum_link_schema_name	1
#define Anum_link_position		2
#define Anum_link_table_name	3
#define Anum_link_before		4
#define Anum_link_after			5
#define Anum_link_constraint	6
#define Anum_link_remark		7
#define Anum_link_inherited		8
#define Natts_link				8

/* One tie between a table of the schema and one outside */
typedef struct OutsideLink
{
	Oid			relid;			/* table of the schema, while it is tied */
	Oid			outside;		/* table outside, likewise */
	Oid			constraint;		/* the foreign key, or InvalidOid */
	bool		partition;		/* the outside table is partitioned */
	int			position;		/* its number in the schema, once it is kept */
	char	   *table;			/* name of the schema's table */
	char	   *before;			/* command before the table's name ... */
	char	   *after;			/* ... and after it */
	char	   *conname;		/* name of the foreign key, or NULL */
	char	   *remark;			/* its comment, or NULL */
	ArrayType  *inherited;		/* columns that were inherited only, or NULL */
} OutsideLink;

static void spell_out(void);
static bool comes_from_member(const Closure *closure, Oid constraint);
static void add_reference(List **links, const Closure *closure, Oid constraint);
static void add_parents(List **links, const Closure *closure, Oid relid);
static List *outside_parents(const Closure *closure, Oid relid);
static Datum partition_bound(Oid relid);
static ArrayType *inherited_columns(Oid relid);
static int	compare_links(const ListCell *a, const ListCell *b);
static void cut_parent(const OutsideLink *link);
static char *qualified_name(Oid relid);
static void execute(const char *command, Oid nspid, Oid roleid);
static void cut_references(const Closure *closure);
static Oid	referenced_table(Oid constraint);
static void delete_triggers(const Closure *closure, const OidMap *constraints);
static void delete_constraints(const Closure *closure,
							   const OidMap *constraints);
static List *kept_links(const char *schema);
static void make_link(const OutsideLink *link, Oid nspid);
static void advise_to_do_without(void *arg);
static void restore_remark(const OutsideLink *link, Oid relid);
static void restore_inherited(Oid relid, ArrayType *columns);
static Oid	owner_of(Oid relid);

bool
tm_outside_links_known(void)
{
	return OidIsValid(get_relname_relid(LINK_TABLE, tm_own_schema()));
}

List *
tm_outside_links(const Closure *closure)
{
	List	   *links = NIL;
	int			save_nestlevel;

	if (!tm_outside_links_known())
		return NIL;

	save_nestlevel = NewGUCNestLevel();
	spell_out();
	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		CHECK_FOR_INTERRUPTS();
		if (member->classid == ConstraintRelationId)
			add_reference(&links, closure, member->objid);
		else if (member->relkind == RELKIND_RELATION ||
				 member->relkind == RELKIND_PARTITIONED_TABLE ||
				 member->relkind == RELKIND_FOREIGN_TABLE)
			add_parents(&links, closure, member->objid);
	}
	AtEOXact_GUC(false, save_nestlevel);

	list_sort(links, compare_links);
	return links;
}

void
tm_outside_links_cut(const Closure *closure, List *links)
{
	ListCell   *lc;

	if (links == NIL)
		return;
	foreach(lc, links)
	{
		const OutsideLink *link = lfirst(lc);

		if (!OidIsValid(link->constraint))
			cut_parent(link);
	}

	/* A foreign key that was its parent's has triggers of its own now. */
	closure = tm_closure_of_schema(closure->nspid, NULL);
	cut_references(closure);
}

void
tm_outside_links_keep(const char *schema, List *links)
{
	Relation	rel;
	ListCell   *lc;
	int			position = 0;

	if (links == NIL)
		return;
	rel = tm_own_table_open(LINK_TABLE, Natts_link, RowExclusiveLock);
	foreach(lc, links)
	{
		const OutsideLink *link = lfirst(lc);
		Datum		values[Natts_link] = {0};
		bool		nulls[Natts_link] = {0};

		values[Anum_link_schema_name - 1] = CStringGetTextDatum(schema);
		values[Anum_link_position - 1] = Int32GetDatum(++position);
		values[Anum_link_table_name - 1] = CStringGetTextDatum(link->table);
		values[Anum_link_before - 1] = CStringGetTextDatum(link->before);
		values[Anum_link_after - 1] = CStringGetTextDatum(link->after);
		nulls[Anum_link_constraint - 1] = link->conname == NULL;
		if (link->conname != NULL)
			values[Anum_link_constraint - 1] = CStringGetTextDatum(link->conname);
		nulls[Anum_link_remark - 1] = link->remark == NULL;
		if (link->remark != NULL)
			values[Anum_link_remark - 1] = CStringGetTextDatum(link->remark);
		nulls[Anum_link_inherited - 1] = link->inherited == NULL;
		values[Anum_link_inherited - 1] = PointerGetDatum(link->inherited);
		tm_own_table_insert(rel, Natts_link, values, nulls);
	}
	table_close(rel, NoLock);
}

void
tm_outside_links_rename(const char *schema, const char *new_schema)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Datum		values[Natts_link] = {0};
	bool		nulls[Natts_link] = {0};
	bool		replace[Natts_link] = {0};

	if (!tm_outside_links_known())
		return;
	values[Anum_link_schema_name - 1] = CStringGetTextDatum(new_schema);
	replace[Anum_link_schema_name - 1] = true;
	rel = tm_own_table_open(LINK_TABLE, Natts_link, RowExclusiveLock);
	ScanKeyInit(&key, Anum_link_schema_name, BTEqualStrategyNumber,
				F_TEXTEQ, CStringGetTextDatum(schema));
	scan = tm_own_table_scan(rel, LINK_INDEX, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
		tm_own_table_update(rel, &tuple->t_self, Natts_link, values, nulls,
							replace);
	systable_endscan(scan);
	table_close(rel, NoLock);
}

void
tm_outside_links_restore(const char *schema, Oid nspid)
{
	ListCell   *lc;

	foreach(lc, kept_links(schema))
	{
		CHECK_FOR_INTERRUPTS();
		make_link(lfirst(lc), nspid);
	}
}

void
tm_outside_links_move(const char *schema, const char *new_schema)
{
	List	   *links = kept_links(schema);

	if (links == NIL)
		return;
	tm_outside_links_forget(schema);
	tm_outside_links_keep(new_schema, links);
}

void
tm_outside_links_forget(const char *schema)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;

	if (!tm_outside_links_known())
		return;
	rel = tm_own_table_open(LINK_TABLE, Natts_link, RowExclusiveLock);
	ScanKeyInit(&key, Anum_link_schema_name, BTEqualStrategyNumber,
				F_TEXTEQ, CStringGetTextDatum(schema));
	scan = tm_own_table_scan(rel, LINK_INDEX, 1, &key);
	tm_own_table_delete_found(rel, scan);
	table_close(rel, NoLock);
}

bool
tm_is_outside_reference(const Closure *closure, Oid constraint)
{
	HeapTuple	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Form_pg_constraint form;
	bool		result;

	if (!HeapTupleIsValid(tup))
		return false;
	form = (Form_pg_constraint) GETSTRUCT(tup);
	result = form->contype == CONSTRAINT_FOREIGN &&
		tm_closure_find(closure, RelationRelationId, form->conrelid) != NULL &&
		tm_closure_find(closure, RelationRelationId, form->confrelid) == NULL;
	ReleaseSysCache(tup);
	return result;
}

/*
 * What is kept will be read by other sessions.  Names are spelled out in full
 * and values as pg_dump writes them, which every session reads alike.
 */
static void
spell_out(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog"},
		{"DateStyle", "ISO"},
		{"IntervalStyle", "postgres"},
		{"extra_float_digits", "3"}
	};

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
}

/* Is a constraint derived from another one of the schema? */
static bool
comes_from_member(const Closure *closure, Oid constraint)
{
	HeapTuple	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Oid			parent;

	if (!HeapTupleIsValid(tup))
		return true;
	parent = ((Form_pg_constraint) GETSTRUCT(tup))->conparentid;
	ReleaseSysCache(tup);
	return OidIsValid(parent) &&
		tm_closure_find(closure, ConstraintRelationId, parent) != NULL;
}

/*
 * Those that were derived from another one go with it.  One of a partition of a
 * table outside becomes its own when that is detached, and its parent's again
 * when it is attached.
 */
static void
add_reference(List **links, const Closure *closure, Oid constraint)
{
	HeapTuple	tup;
	Form_pg_constraint form;
	OutsideLink *link;
	char	   *definition;

	if (!tm_is_outside_reference(closure, constraint) ||
		comes_from_member(closure, constraint))
		return;
	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	if (!HeapTupleIsValid(tup))
		return;
	form = (Form_pg_constraint) GETSTRUCT(tup);
	definition = TextDatumGetCString(DirectFunctionCall1(pg_get_constraintdef,
														 ObjectIdGetDatum(constraint)));
	link = palloc0(sizeof(OutsideLink));
	link->relid = form->conrelid;
	link->outside = form->confrelid;
	link->constraint = constraint;
	link->table = get_rel_name(form->conrelid);
	if (link->table == NULL)
		elog(ERROR, "cache lookup failed for relation %u", form->conrelid);
	link->before = "ALTER TABLE ";
	link->after = psprintf(" ADD CONSTRAINT %s %s",
						   quote_identifier(NameStr(form->conname)),
						   definition);
	link->conname = pstrdup(NameStr(form->conname));
	link->remark = GetComment(constraint, ConstraintRelationId, 0);
	*links = lappend(*links, link);
	ReleaseSysCache(tup);
}

/*
 * The tables outside that a table inherits from, or is a partition of.  The
 * ties last as long as the child is locked.
 */
static void
add_parents(List **links, const Closure *closure, Oid relid)
{
	ListCell   *lc;

	if (outside_parents(closure, relid) == NIL)
		return;
	LockRelationOid(relid, AccessShareLock);
	foreach(lc, outside_parents(closure, relid))
	{
		OutsideLink *link = palloc0(sizeof(OutsideLink));
		char	   *name = qualified_name(lfirst_oid(lc));

		link->relid = relid;
		link->outside = lfirst_oid(lc);
		link->table = get_rel_name(relid);
		link->partition = get_rel_relispartition(relid);
		if (link->partition)
		{
			Datum		bound = DirectFunctionCall2(pg_get_expr,
													partition_bound(relid),
													ObjectIdGetDatum(relid));

			link->before = psprintf("ALTER TABLE %s ATTACH PARTITION ", name);
			link->after = psprintf(" %s", TextDatumGetCString(bound));
		}
		else
		{
			link->before = "ALTER TABLE ";
			link->after = psprintf(" INHERIT %s", name);
		}
		link->inherited = inherited_columns(relid);
		*links = lappend(*links, link);
	}
}

/* In the order in which the table has them. */
static List *
outside_parents(const Closure *closure, Oid relid)
{
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	List	   *parents = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InheritsRelidSeqnoIndexId, true, NULL, 1,
							  &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Oid			parent = ((Form_pg_inherits) GETSTRUCT(tup))->inhparent;

		if (tm_closure_find(closure, RelationRelationId, parent) == NULL)
			parents = lappend_oid(parents, parent);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return parents;
}

/* The bound of a partition, as a stored expression. */
static Datum
partition_bound(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		isnull;
	Datum		value;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	value = SysCacheGetAttr(RELOID, tup, Anum_pg_class_relpartbound, &isnull);
	if (isnull)
		elog(ERROR, "partition %u has no bound", relid);
	value = datumCopy(value, false, -1);
	ReleaseSysCache(tup);
	return value;
}

/* Numbers of the columns that a table has by inheritance only, or NULL. */
static ArrayType *
inherited_columns(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TupleDesc	tupdesc = RelationGetDescr(rel);
	Datum	   *columns = palloc(sizeof(Datum) * (tupdesc->natts + 1));
	int			ncolumns = 0;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped && !att->attislocal)
			columns[ncolumns++] = Int16GetDatum(att->attnum);
	}
	table_close(rel, AccessShareLock);
	return ncolumns == 0 ? NULL :
		construct_array(columns, ncolumns, INT2OID, sizeof(int16), true,
						TYPALIGN_SHORT);
}

/*
 * list_sort comparator: foreign keys first, for a partition's must be there
 * when its parent looks for one; then by the table outside, which is locked in
 * this order.
 */
static int
compare_links(const ListCell *a, const ListCell *b)
{
	const OutsideLink *left = lfirst(a);
	const OutsideLink *right = lfirst(b);

	if (OidIsValid(left->constraint) != OidIsValid(right->constraint))
		return OidIsValid(left->constraint) ? -1 : 1;
	if (left->outside != right->outside)
		return left->outside < right->outside ? -1 : 1;
	if (left->relid != right->relid)
		return left->relid < right->relid ? -1 : 1;
	return left->constraint < right->constraint ? -1 :
		left->constraint > right->constraint;
}

/*
 * Whoever puts a schema aside owns that, and need not own all that is in it,
 * nor what it is cut from.
 */
static void
cut_parent(const OutsideLink *link)
{
	char	   *table = qualified_name(link->relid);
	char	   *outside = qualified_name(link->outside);
	Oid			nspid = get_rel_namespace(link->relid);

	if (link->partition)
		execute(psprintf("ALTER TABLE %s DETACH PARTITION %s", outside, table),
				nspid, owner_of(link->outside));
	else
		execute(psprintf("ALTER TABLE %s NO INHERIT %s", table, outside),
				nspid, owner_of(link->relid));
}

static char *
qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/*
 * Run a command that concerns a table of this schema, as somebody else unless
 * the current user may do what that may.
 */
static void
execute(const char *command, Oid nspid, Oid roleid)
{
	Oid			save_userid;
	int			save_sec_context;
	int			guard;

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	if (!has_privs_of_role(save_userid, roleid))
		SetUserIdAndSecContext(roleid, save_sec_context |
							   SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
	guard = tm_guard_enter_own(nspid);
	SPI_connect();
	if (SPI_execute(command, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not execute \"%s\"", command);
	SPI_finish();
	tm_guard_leave_own(guard);
	SetUserIdAndSecContext(save_userid, save_sec_context);
	CommandCounterIncrement();
}

/*
 * Foreign keys to tables outside, with all of their parts and triggers.  ALTER
 * TABLE would take a lock on each of them, of which a schema can have more than
 * there is room for, and keep readers from the tables outside; but readers fire
 * no trigger, and whoever has fired some has a lock that we wait for.
 */
static void
cut_references(const Closure *closure)
{
	OidMap	   *constraints = tm_oidmap_create();
	List	   *outside = NIL;
	ListCell   *lc;

	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		if (member->classid != ConstraintRelationId ||
			!tm_is_outside_reference(closure, member->objid))
			continue;
		tm_oidmap_add(constraints, ConstraintRelationId, member->objid,
					  member->objid);
		outside = list_append_unique_oid(outside,
										 referenced_table(member->objid));
	}
	list_sort(outside, list_oid_cmp);
	foreach(lc, outside)
		LockRelationOid(lfirst_oid(lc), ShareRowExclusiveLock);

	delete_triggers(closure, constraints);
	delete_constraints(closure, constraints);
	CommandCounterIncrement();
}

static Oid
referenced_table(Oid constraint)
{
	HeapTuple	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Oid			relid;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for constraint %u", constraint);
	relid = ((Form_pg_constraint) GETSTRUCT(tup))->confrelid;
	ReleaseSysCache(tup);
	return relid;
}

/* The triggers of these foreign keys, on either side. */
static void
delete_triggers(const Closure *closure, const OidMap *constraints)
{
	Relation	rel = table_open(TriggerRelationId, RowExclusiveLock);

	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tup;

		CHECK_FOR_INTERRUPTS();
		if (member->classid != TriggerRelationId)
			continue;
		ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber,
					F_OIDEQ, ObjectIdGetDatum(member->objid));
		scan = systable_beginscan(rel, TriggerOidIndexId, true, NULL, 1, &key);
		tup = systable_getnext(scan);
		if (HeapTupleIsValid(tup))
		{
			Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tup);

			if (form->tgisinternal &&
				tm_oidmap_contains(constraints, ConstraintRelationId,
								   form->tgconstraint))
			{
				CacheInvalidateRelcacheByRelid(form->tgrelid);
				deleteDependencyRecordsFor(TriggerRelationId, member->objid,
										   false);
				CatalogTupleDelete(rel, &tup->t_self);
			}
		}
		systable_endscan(scan);
	}
	table_close(rel, RowExclusiveLock);
}

static void
delete_constraints(const Closure *closure, const OidMap *constraints)
{
	Relation	rel = table_open(ConstraintRelationId, RowExclusiveLock);

	for (int i = 0; i < closure->nmembers; i++)
	{
		Oid			constraint = closure->members[i].objid;
		HeapTuple	tup;

		CHECK_FOR_INTERRUPTS();
		if (closure->members[i].classid != ConstraintRelationId ||
			!tm_oidmap_contains(constraints, ConstraintRelationId, constraint))
			continue;
		tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
		if (!HeapTupleIsValid(tup))
			continue;
		CacheInvalidateRelcacheByRelid(((Form_pg_constraint) GETSTRUCT(tup))->conrelid);
		deleteDependencyRecordsFor(ConstraintRelationId, constraint, false);
		DeleteComments(constraint, ConstraintRelationId, 0);
		CatalogTupleDelete(rel, &tup->t_self);
		ReleaseSysCache(tup);
	}
	table_close(rel, RowExclusiveLock);
}

/* What is kept for a schema of this name. */
static List *
kept_links(const char *schema)
{
	Relation	rel;
	List	   *links = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!tm_outside_links_known())
		return NIL;
	rel = tm_own_table_open(LINK_TABLE, Natts_link, AccessShareLock);
	ScanKeyInit(&key, Anum_link_schema_name, BTEqualStrategyNumber,
				F_TEXTEQ, CStringGetTextDatum(schema));
	scan = tm_own_table_scan(rel, LINK_INDEX, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		OutsideLink *link = palloc0(sizeof(OutsideLink));
		Datum		values[Natts_link];
		bool		nulls[Natts_link];

		tm_own_table_deform(tuple, RelationGetDescr(rel), Natts_link, values,
							nulls);
		link->position = DatumGetInt32(values[Anum_link_position - 1]);
		link->table = TextDatumGetCString(values[Anum_link_table_name - 1]);
		link->before = TextDatumGetCString(values[Anum_link_before - 1]);
		link->after = TextDatumGetCString(values[Anum_link_after - 1]);
		if (!nulls[Anum_link_constraint - 1])
			link->conname = TextDatumGetCString(values[Anum_link_constraint - 1]);
		if (!nulls[Anum_link_remark - 1])
			link->remark = TextDatumGetCString(values[Anum_link_remark - 1]);
		if (!nulls[Anum_link_inherited - 1])
			link->inherited =
				DatumGetArrayTypePCopy(values[Anum_link_inherited - 1]);
		links = lappend(links, link);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return links;
}

/* By a command, with all its checks. */
static void
make_link(const OutsideLink *link, Oid nspid)
{
	Oid			relid = get_relname_relid(link->table, nspid);
	ErrorContextCallback callback;

	/* It may have been dropped. */
	if (!OidIsValid(relid))
		return;
	callback.callback = advise_to_do_without;
	callback.arg = unconstify(OutsideLink *, link);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	execute(psprintf("%s%s%s", link->before, qualified_name(relid),
					 link->after), nspid, owner_of(relid));
	error_context_stack = callback.previous;
	restore_remark(link, relid);
	restore_inherited(relid, link->inherited);
}

/*
 * error_context_stack callback.  What is outside has had a life of its own
 * meanwhile, and may be such that the tie cannot be made again.
 */
static void
advise_to_do_without(void *arg)
{
	const OutsideLink *link = arg;

	if (geterrcode() == ERRCODE_INSUFFICIENT_PRIVILEGE)
	{
		errhint("Table \"%s\" was tied to what is not yours.  A superuser can tie it again.",
				link->table);
		return;
	}
	switch (ERRCODE_TO_CATEGORY(geterrcode()))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION):
		case ERRCODE_TO_CATEGORY(ERRCODE_INVALID_SCHEMA_NAME):
		case ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION):
			errhint("Put back what table \"%s\" was tied to, or delete, as a superuser, the row of its schema and of position %d from %s.%s to do without.",
					link->table, link->position, TM_SCHEMA_NAME, LINK_TABLE);
			break;
		default:
			break;
	}
}

static void
restore_remark(const OutsideLink *link, Oid relid)
{
	if (link->remark != NULL && link->conname != NULL)
		CreateComments(get_relation_constraint_oid(relid, link->conname, false),
					   ConstraintRelationId, 0, link->remark);
}

/*
 * A column that was nothing but inherited became the table's own when the
 * inheritance ended.
 */
static void
restore_inherited(Oid relid, ArrayType *columns)
{
	Relation	rel;
	int16	   *attnums;
	int			natts;

	if (columns == NULL)
		return;
	attnums = (int16 *) ARR_DATA_PTR(columns);
	natts = ArrayGetNItems(ARR_NDIM(columns), ARR_DIMS(columns));
	rel = table_open(AttributeRelationId, RowExclusiveLock);
	for (int i = 0; i < natts; i++)
	{
		HeapTuple	tup = SearchSysCacheCopy2(ATTNUM, ObjectIdGetDatum(relid),
											  Int16GetDatum(attnums[i]));
		Form_pg_attribute form;

		if (!HeapTupleIsValid(tup))
			continue;
		form = (Form_pg_attribute) GETSTRUCT(tup);
		if (form->attinhcount > 0 && form->attislocal)
		{
			form->attislocal = false;
			CatalogTupleUpdate(rel, &tup->t_self, tup);
		}
	}
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

static Oid
owner_of(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tup))->relowner;
	ReleaseSysCache(tup);
	return owner;
}
