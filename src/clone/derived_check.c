/*
 * derived_check.c
 *		Whether rows of a clone are what its constraints say, where that depends
 *		on OIDs.
 *
 * What is true for the rows of the source is true for those of the clone, and
 * nothing is checked, with few exceptions (derived_value.c): a check that is
 * computed from OIDs, and a foreign key from a column that changes to one that
 * does not.  These are looked at for each row, when all rows are there.  What
 * is not true then cannot be cloned.
 *
 * Checks are code of the tenant and run like expressions of indexes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/tenant_mgr.h"
#include "clone/clone_lock.h"
#include "clone/derived_check.h"
#include "clone/derived_value.h"
#include "clone/handover.h"
#include "clone/remap.h"
#include "clone/valuemap.h"
#include "guard/run_as.h"

/* One check of a table of the clone, or those of a column's domain */
typedef struct RowCheck
{
	const char *name;			/* of the table's constraint */
	ExprState  *check;			/* that, ready to run, or NULL */
	AttrNumber	attnum;			/* the column of the domain */
	DomainConstraintRef *domain;	/* the domain's */
} RowCheck;

/* What becomes of a column in the clone */
typedef enum ColumnChange
{
	COLUMN_STAYS,
	COLUMN_FOLLOWS,				/* it means the clone's objects */
	COLUMN_COMPUTED				/* it is computed anew from such */
} ColumnChange;

static void check_table(const CloneState *state,
						const CloneRelation *relation);
static List *checks_of_table(const OidMap *map, Relation source,
							 Relation clone, EState *estate);
static RowCheck *table_check(Relation clone, const char *name, EState *estate);
static RowCheck *domain_check_of(Relation clone, AttrNumber attnum,
								 EState *estate);
static void check_row(const List *checks, Relation clone,
					  TupleTableSlot *slot, ExprContext *econtext);
static void check_domain(const RowCheck *check, Relation clone,
						 TupleTableSlot *slot, ExprContext *econtext);
static void refuse_rows(Relation clone, const char *constraint);
static bool has_rows(CloneState *state, Oid relid);
static bool reference_moves(const CloneState *state, HeapTuple constraint);
static ColumnChange *column_changes(const CloneState *state, Oid relid,
									Datum columns, int *ncolumns);

void
tm_derived_check_rows(CloneState *state)
{
	for (int i = 0; i < state->nrelations; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (state->relations[i].suspect)
			check_table(state, &state->relations[i]);
	}
}

void
tm_derived_note_references(CloneState *state)
{
	for (int i = 0; i < state->closure->nmembers; i++)
	{
		const ClosureMember *member = &state->closure->members[i];
		Form_pg_constraint form;
		HeapTuple	tup;

		if (member->classid != ConstraintRelationId || member->left_out)
			continue;
		tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(member->objid));
		if (!HeapTupleIsValid(tup))
			continue;
		form = (Form_pg_constraint) GETSTRUCT(tup);
		if (form->contype == CONSTRAINT_FOREIGN && form->convalidated &&
			has_rows(state, form->conrelid) && reference_moves(state, tup))
			tm_clone_note_moving_reference(state,
										   tm_oidmap_translate(state->map,
															   ConstraintRelationId,
															   form->oid),
										   tm_oidmap_translate(state->map,
															   RelationRelationId,
															   form->conrelid),
										   tm_oidmap_translate(state->map,
															   RelationRelationId,
															   form->confrelid));
		ReleaseSysCache(tup);
	}
}

/* Look at each row of one table. */
static void
check_table(const CloneState *state, const CloneRelation *relation)
{
	Relation	source = table_open(relation->source, AccessShareLock);
	Relation	clone = table_open(relation->clone, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(clone, NULL);
	TableScanDesc scan = table_beginscan(clone, snapshot, 0, NULL);
	EState	   *estate;
	ExprContext *econtext;
	List	   *checks;
	RunAs		before;

	tm_run_as_begin(&before, tm_handover_evaluator(relation->source),
					state->namespace);
	estate = CreateExecutorState();
	econtext = GetPerTupleExprContext(estate);
	checks = checks_of_table(state->map, source, clone, estate);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		check_row(checks, clone, slot, econtext);
		ResetExprContext(econtext);
	}
	FreeExecutorState(estate);
	tm_run_as_end(&before);

	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(clone, NoLock);
	table_close(source, NoLock);
}

/*
 * Which they are is said by the source's, whose types the map knows; the
 * clone's are evaluated.
 */
static List *
checks_of_table(const OidMap *map, Relation source, Relation clone,
				EState *estate)
{
	TupleDesc	tupdesc = RelationGetDescr(source);
	int			nchecks = tupdesc->constr ? tupdesc->constr->num_check : 0;
	List	   *checks = NIL;

	for (int i = 0; i < nchecks; i++)
	{
		const ConstrCheck *check = &tupdesc->constr->check[i];

		if (tm_derived_check(source, map, check))
			checks = lappend(checks, table_check(clone, check->ccname, estate));
	}
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped && tm_derived_domain(att->atttypid, map))
			checks = lappend(checks, domain_check_of(clone, att->attnum, estate));
	}
	return checks;
}

static RowCheck *
table_check(Relation clone, const char *name, EState *estate)
{
	TupleConstr *constr = RelationGetDescr(clone)->constr;
	RowCheck   *result = palloc0(sizeof(RowCheck));
	int			i = 0;
	Node	   *tree;

	while (i < constr->num_check && strcmp(constr->check[i].ccname, name) != 0)
		i++;
	if (i == constr->num_check)
		elog(ERROR, "check constraint \"%s\" of table \"%s\" is not in its clone",
			 name, RelationGetRelationName(clone));
	tree = tm_expand_generated(stringToNode(constr->check[i].ccbin), clone);
	result->name = name;
	result->check = ExecPrepareExpr((Expr *) tree, estate);
	return result;
}

static RowCheck *
domain_check_of(Relation clone, AttrNumber attnum, EState *estate)
{
	RowCheck   *result = palloc0(sizeof(RowCheck));
	Oid			domain = TupleDescAttr(RelationGetDescr(clone), attnum - 1)->atttypid;

	result->attnum = attnum;
	result->domain = MemoryContextAlloc(estate->es_query_cxt,
										sizeof(DomainConstraintRef));
	InitDomainConstraintRef(domain, result->domain, estate->es_query_cxt,
							true);
	return result;
}

static void
check_row(const List *checks, Relation clone, TupleTableSlot *slot,
		  ExprContext *econtext)
{
	ListCell   *lc;

	econtext->ecxt_scantuple = slot;
	foreach(lc, checks)
	{
		const RowCheck *check = lfirst(lc);

		if (check->domain != NULL)
			check_domain(check, clone, slot, econtext);
		else if (!ExecCheck(check->check, econtext))
			refuse_rows(clone, check->name);
	}
}

static void
check_domain(const RowCheck *check, Relation clone, TupleTableSlot *slot,
			 ExprContext *econtext)
{
	ListCell   *lc;

	econtext->domainValue_datum = slot_getattr(slot, check->attnum,
											   &econtext->domainValue_isNull);
	foreach(lc, check->domain->constraints)
	{
		DomainConstraintState *constraint = lfirst(lc);

		if (constraint->constrainttype == DOM_CONSTRAINT_CHECK &&
			!ExecCheck(constraint->check_exprstate, econtext))
			refuse_rows(clone, constraint->name);
	}
}

static void
refuse_rows(Relation clone, const char *constraint)
{
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_NOT_CLONABLE),
			 errmsg("cannot clone the rows of table \"%s\"",
					RelationGetRelationName(clone)),
			 errdetail("They would not fulfil check constraint \"%s\", which depends on OIDs of the schema.",
					   constraint),
			 errhint("Let it compare values instead of what is computed from them, or leave out the rows of the table.")));
}

/* Has a table of the source rows that travel? */
static bool
has_rows(CloneState *state, Oid relid)
{
	const ClosureMember *member = tm_closure_find(state->closure,
												  RelationRelationId, relid);

	return member != NULL && member->relkind == RELKIND_RELATION &&
		member->with_rows &&
		tm_remap_relation(state, relid)->method != COPY_EMPTY;
}

/* Does one side of a foreign key become something else than the other? */
static bool
reference_moves(const CloneState *state, HeapTuple constraint)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(constraint);
	bool		isnull;
	Datum		columns = SysCacheGetAttr(CONSTROID, constraint,
										  Anum_pg_constraint_conkey, &isnull);
	Datum		keys = SysCacheGetAttr(CONSTROID, constraint,
									   Anum_pg_constraint_confkey, &isnull);
	int			ncolumns;
	int			nkeys;
	ColumnChange *ours = column_changes(state, form->conrelid, columns,
										&ncolumns);
	ColumnChange *theirs = column_changes(state, form->confrelid, keys,
										  &nkeys);

	Assert(ncolumns == nkeys);
	for (int i = 0; i < ncolumns; i++)
	{
		if (ours[i] != theirs[i] || ours[i] == COLUMN_COMPUTED)
			return true;
	}
	return false;
}

/* What becomes of some columns of a table, which may be one outside. */
static ColumnChange *
column_changes(const CloneState *state, Oid relid, Datum columns,
			   int *ncolumns)
{
	ArrayType  *array = DatumGetArrayTypeP(columns);
	int16	   *attnums = (int16 *) ARR_DATA_PTR(array);
	ColumnChange *result;
	Bitmapset  *derived;
	Relation	rel;

	*ncolumns = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	result = palloc0(sizeof(ColumnChange) * *ncolumns);
	if (!tm_oidmap_contains(state->map, RelationRelationId, relid))
		return result;
	rel = table_open(relid, AccessShareLock);
	derived = tm_derived_columns(rel, state->map);
	for (int i = 0; i < *ncolumns; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel),
											  attnums[i] - 1);

		if (bms_is_member(attnums[i], derived))
			result[i] = COLUMN_COMPUTED;
		else if (tm_valuemap_holds_oids(state->map, att->atttypid))
			result[i] = COLUMN_FOLLOWS;
	}
	table_close(rel, NoLock);
	return result;
}
