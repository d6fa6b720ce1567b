/*
 * reference_check.c
 *		Whether rows of a clone find the rows outside that they refer to.
 *
 * Without locks on the source, a row may be deleted there after the clone's
 * snapshot, and then the one that it referred to.  The clone has the former
 * and would claim the latter to be there.  So foreign keys to tables outside
 * of the schema are checked as ALTER TABLE ... ADD FOREIGN KEY checks them:
 * by one query, or row by row if the table's owner may not run that.
 *
 * Casts between the types of the columns may run functions of the tenant, so
 * the owner of the clone's table is who runs all this, with the search path
 * that the server uses for its own maintenance.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/tenant_mgr.h"
#include "clone/reference_check.h"
#include "guard/run_as.h"

static bool is_known(Oid constraint, Oid partition);
static void check_partitions_of_child(const OutsideReference *reference);
static bool trigger_for_check(const OutsideReference *reference,
							  Trigger *trigger);
static bool is_for_partition(Form_pg_constraint form);
static void check_rows(Trigger *trigger, Relation child);
static void advise_to_try_again(void *arg);
static void tell_of_change(void *arg);

void
tm_check_partitions(const OutsideReference *reference)
{
	ListCell   *lc;

	if (get_rel_relkind(reference->parent) != RELKIND_PARTITIONED_TABLE)
		return;
	foreach(lc, find_inheritance_children(reference->parent, NoLock))
	{
		if (is_known(reference->constraint, lfirst_oid(lc)))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not clone foreign key \"%s\" due to concurrent ATTACH PARTITION",
						get_constraint_name(reference->constraint)),
				 errdetail("Table \"%s\" has got partition \"%s\" since.",
						   get_rel_name(reference->parent),
						   get_rel_name(lfirst_oid(lc))),
				 errhint("Try again.")));
	}
}

/*
 * REINDEX CONCURRENTLY hands the foreign keys that it sees to the new index; the
 * clone's is not among them.
 */
void
tm_check_referenced_index(const OutsideReference *reference)
{
	HeapTuple	tup = SearchSysCache1(CONSTROID,
									  ObjectIdGetDatum(reference->constraint));
	Oid			index;
	bool		valid;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for constraint %u",
			 reference->constraint);
	index = ((Form_pg_constraint) GETSTRUCT(tup))->conindid;
	ReleaseSysCache(tup);
	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	valid = HeapTupleIsValid(tup) &&
		((Form_pg_index) GETSTRUCT(tup))->indisvalid;
	if (HeapTupleIsValid(tup))
		ReleaseSysCache(tup);
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not clone foreign key \"%s\" due to concurrent REINDEX",
						get_constraint_name(reference->constraint)),
				 errdetail("An index of table \"%s\" has been replaced since.",
						   get_rel_name(reference->parent)),
				 errhint("Try again.")));
}

void
tm_check_reference(const OutsideReference *reference)
{
	Relation	child = table_open(reference->child, AccessShareLock);
	Relation	parent = table_open(reference->parent, AccessShareLock);
	ErrorContextCallback callback;
	Trigger		trigger;
	Oid			save_userid;
	int			save_sec_context;
	int			save_nestlevel;

	if (!trigger_for_check(reference, &trigger))
		 /* there is nothing to check */ ;
	else if (child->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		check_partitions_of_child(reference);
	else
	{
		callback.callback = reference->moves ? tell_of_change :
			advise_to_try_again;
		callback.arg = unconstify(OutsideReference *, reference);
		callback.previous = error_context_stack;
		error_context_stack = &callback;
		GetUserIdAndSecContext(&save_userid, &save_sec_context);
		SetUserIdAndSecContext(child->rd_rel->relowner,
							   save_sec_context | SECURITY_RESTRICTED_OPERATION);
		save_nestlevel = NewGUCNestLevel();
		(void) set_config_option("search_path", "pg_catalog, pg_temp",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
		if (!RI_Initial_Check(&trigger, child, parent))
			check_rows(&trigger, child);
		AtEOXact_GUC(false, save_nestlevel);
		SetUserIdAndSecContext(save_userid, save_sec_context);
		error_context_stack = callback.previous;
	}
	table_close(parent, NoLock);
	table_close(child, NoLock);
}

/* A foreign key has a part for each partition of the table it refers to. */
static bool
is_known(Oid constraint, Oid partition)
{
	Relation	rel = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	bool		result = false;

	ScanKeyInit(&key, Anum_pg_constraint_conparentid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(constraint));
	scan = systable_beginscan(rel, ConstraintParentIndexId, true, NULL, 1,
							  &key);
	while (!result && HeapTupleIsValid(tup = systable_getnext(scan)))
		result = ((Form_pg_constraint) GETSTRUCT(tup))->confrelid == partition;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* A partitioned table has no rows, and its partitions have parts of the key. */
static void
check_partitions_of_child(const OutsideReference *reference)
{
	Relation	rel = table_open(ConstraintRelationId, AccessShareLock);
	List	   *parts = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	ListCell   *lc;

	ScanKeyInit(&key, Anum_pg_constraint_conparentid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(reference->constraint));
	scan = systable_beginscan(rel, ConstraintParentIndexId, true, NULL, 1,
							  &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tup);
		OutsideReference *part;

		if (form->conrelid == reference->child)
			continue;
		part = palloc(sizeof(OutsideReference));
		*part = *reference;
		part->constraint = form->oid;
		part->child = form->conrelid;
		parts = lappend(parts, part);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	foreach(lc, parts)
	{
		CHECK_FOR_INTERRUPTS();
		tm_check_reference(lfirst(lc));
	}
}

/*
 * The trigger that would check a new row.  False if there is nothing to check:
 * the source does not claim that all rows are right either, or this is what
 * the key has for one of the partitions that it refers to.
 */
static bool
trigger_for_check(const OutsideReference *reference, Trigger *trigger)
{
	HeapTuple	tup;
	Form_pg_constraint form;
	bool		validated;

	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(reference->constraint));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for constraint %u",
			 reference->constraint);
	form = (Form_pg_constraint) GETSTRUCT(tup);
	validated = form->contype == CONSTRAINT_FOREIGN && form->convalidated &&
		form->conrelid == reference->child &&
		form->confrelid == reference->parent &&
		!is_for_partition(form);

	memset(trigger, 0, sizeof(Trigger));
	trigger->tgname = pstrdup(NameStr(form->conname));
	trigger->tgenabled = TRIGGER_FIRES_ON_ORIGIN;
	trigger->tgisinternal = true;
	trigger->tgconstrrelid = reference->parent;
	trigger->tgconstrindid = form->conindid;
	trigger->tgconstraint = reference->constraint;
	ReleaseSysCache(tup);
	return validated;
}

/*
 * A foreign key to a partitioned table has one more record for each partition.
 * No partition has all that is referred to.
 */
static bool
is_for_partition(Form_pg_constraint form)
{
	HeapTuple	tup;
	bool		result;

	if (!OidIsValid(form->conparentid))
		return false;
	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(form->conparentid));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for constraint %u", form->conparentid);
	result = ((Form_pg_constraint) GETSTRUCT(tup))->conrelid == form->conrelid;
	ReleaseSysCache(tup);
	return result;
}

static void
check_rows(Trigger *trigger, Relation child)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tenant_mgr reference check",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	TupleTableSlot *slot = table_slot_create(child, NULL);
	TableScanDesc scan = table_beginscan(child, snapshot, 0, NULL);
	MemoryContext row_context = AllocSetContextCreate(context,
													  "tenant_mgr referencing row",
													  ALLOCSET_SMALL_SIZES);

	MemoryContextSwitchTo(row_context);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		LOCAL_FCINFO(fcinfo, 0);
		TriggerData data = {0};

		CHECK_FOR_INTERRUPTS();
		data.type = T_TriggerData;
		data.tg_event = TRIGGER_EVENT_INSERT | TRIGGER_EVENT_ROW;
		data.tg_relation = child;
		data.tg_trigtuple = ExecFetchSlotHeapTuple(slot, false, NULL);
		data.tg_trigslot = slot;
		data.tg_trigger = trigger;
		InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid,
								 (Node *) &data, NULL);
		RI_FKey_check_ins(fcinfo);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old_context);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	MemoryContextDelete(context);
}

/* error_context_stack callback. */
static void
advise_to_try_again(void *arg)
{
	const OutsideReference *reference = arg;

	if (geterrcode() != ERRCODE_FOREIGN_KEY_VIOLATION)
		return;
	if (reference->undone)
		errhint("This transaction has changed rows of the referenced table, and has yet to check that.  Use SET CONSTRAINTS ALL IMMEDIATE before.");
	else
		errhint("Rows were deleted while they were cloned.  Try again, or use \"tenant_mgr.clone_lock\" = 'share'.");
}

/* The same; trying again would not help. */
static void
tell_of_change(void *arg)
{
	if (geterrcode() != ERRCODE_FOREIGN_KEY_VIOLATION)
		return;
	errcode(ERRCODE_TENANT_NOT_CLONABLE);
	errhint("The key depends on OIDs of the schema, and what it refers to does not, or in another way.  Leave out the rows of the table.");
}
