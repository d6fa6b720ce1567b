/*
 * clone_lock.c
 *		What must not change while a clone is made, and what must be final.
 *
 * The clone is a picture of one moment: catalogs and rows are read with one
 * snapshot, which is taken when all locks on the source are held.  So what
 * lies outside of a snapshot has to be locked before: files, which a
 * statement may replace (all relations, sequences against ALTER SEQUENCE and
 * not against nextval()), and types, which say how to read values (composite
 * types against ALTER TYPE, all against DROP).  Objects that are nothing but
 * catalog rows, such as functions, need no lock.
 *
 * Tables whose rows travel are locked against writers, with their TOAST
 * tables, so that their indexes can be copied as they are; not with
 * tenant_mgr.clone_lock = 'none'.  Which tables these are depends on their
 * names, which may change until they are locked: the mode is looked at again
 * after each wait.
 *
 * Rows whose checks this transaction has put off may turn out to be wrong
 * when the clone cannot be asked any more.  They are refused.
 *
 * What is outside and used by the clone must not be dropped by somebody who
 * cannot see the clone yet, together with what he sees depending on it.  So it
 * is locked, and looked at, before the clone's dependency on it is recorded.
 *
 * Tables outside that gain a trigger or a child have to be locked against
 * writers, from when it is there until the commit.  These are the tables that
 * all tenants share, so they are locked last, when nothing is left to be done
 * that takes long.  Nobody waits for one of them while another is held, or
 * whoever works with several of them would end up in a deadlock; and nobody
 * waits for long, because others that want to write queue up behind.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/progress.h"
#include "clone/clone_lock.h"
#include "clone/reference_check.h"

/*
 * How long an attempt to lock tables outside waits for the first of them, in
 * milliseconds; less than it takes the server to look for deadlocks, as it is
 * by default
 */
#define FIRST_WAIT		300

/* How long others may write before the next attempt, if that was in vain */
#define PAUSE			100

/*
 * How often.  After that it waits until it is served, or found in a deadlock:
 * who is waited for may be waiting for a table of the source.
 */
#define MAX_WAITS		30

/* How long an attempt holds some of the tables for the others */
#define PATIENCE		10

/* A table outside of the source, and what is needed of it */
typedef struct OutsideTable
{
	Oid			relid;			/* the table */
	LOCKMODE	lockmode;		/* what it has to be locked in */
} OutsideTable;

/* the setting; written by the GUC machinery only */
int			tm_clone_lock = CLONE_LOCK_SHARE;

static void refuse_dangling_object(const Closure *closure,
								   ObjectAddress *gone);
static void lock_source(const CloneRequest *request, OidMap *locked);
static void lock_relation(const CloneRequest *request, OidMap *locked,
						  Oid relid);
static void lock_type(OidMap *locked, Oid typid);
static LOCKMODE held_mode(const OidMap *locked, Oid classid, Oid objid);
static LOCKMODE relation_mode(const CloneRequest *request, Oid relid);
static Oid	toast_of(Oid relid);
static bool all_locked(const CloneState *state, const OidMap *locked);
static LOCKMODE member_mode(const CloneRequest *request,
							const ClosureMember *member);
static bool name_excluded(const CloneRequest *request, const char *relname);
static void hold_and_check(const char *nspname, Oid classid, Oid objid);
static void refuse_pending_checks(Oid relid);
static int	compare_outside(const ListCell *a, const ListCell *b);
static void pause_for_others(void);
static void refuse_to_wait(const OutsideTable *table);
static bool lock_all_or_none(const List *tables, int *first, int *nwaits);
static bool lock_first(const OutsideTable *table);
static void lock_within(const OutsideTable *table, int milliseconds);
static bool lock_patiently(const OutsideTable *table, int *patience);

void
tm_clone_lock_source(CloneState *state)
{
	OidMap	   *locked = tm_oidmap_create();
	ObjectAddress gone = InvalidObjectAddress;

	for (;;)
	{
		MemoryContext old_context;

		CHECK_FOR_INTERRUPTS();
		lock_source(state->request, locked);
		tm_progress_phase(PROGRESS_READING_CATALOGS, 0, 0);
		state->snapshot = RegisterSnapshot(GetLatestSnapshot());
		old_context =
			MemoryContextSwitchTo(AllocSetContextCreate(CurrentMemoryContext,
														"tenant_mgr closure",
														ALLOCSET_DEFAULT_SIZES));
		state->closure = tm_closure_of_schema(state->request->source,
											  state->snapshot);
		MemoryContextSwitchTo(old_context);

		/*
		 * Once more if something was added between the two, or if the
		 * snapshot still sees what has been dropped.
		 */
		if (!OidIsValid(state->closure->gone.classId) &&
			all_locked(state, locked))
			return;
		refuse_dangling_object(state->closure, &gone);
		MemoryContextDelete(state->closure->context);
		UnregisterSnapshot(state->snapshot);
	}
}

bool
tm_clone_excludes(const CloneRequest *request, Oid relid)
{
	ListCell   *lc;

	if (request->exclude == NIL)
		return false;
	if (name_excluded(request, get_rel_name(relid)))
		return true;
	if (!get_rel_relispartition(relid))
		return false;
	foreach(lc, get_partition_ancestors(relid))
	{
		if (name_excluded(request, get_rel_name(lfirst_oid(lc))))
			return true;
	}
	return false;
}

void
tm_clone_refuse_pending_checks(const CloneState *state)
{
	const Closure *closure = state->closure;

	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		if (member->classid == RelationRelationId && member->with_rows &&
			(member->relkind == RELKIND_RELATION ||
			 member->relkind == RELKIND_PARTITIONED_TABLE))
			refuse_pending_checks(member->objid);
	}
}

void
tm_clone_note_outside(CloneState *state, Oid relid, LOCKMODE lockmode)
{
	OutsideTable *table;
	ListCell   *lc;

	foreach(lc, state->outside)
	{
		table = lfirst(lc);
		if (table->relid == relid)
		{
			table->lockmode = Max(table->lockmode, lockmode);
			return;
		}
	}
	table = palloc(sizeof(OutsideTable));
	table->relid = relid;
	table->lockmode = lockmode;
	state->outside = lappend(state->outside, table);

	LockRelationOid(relid, AccessShareLock);
}

void
tm_clone_hold_outside(CloneState *state, Oid classid, Oid objid)
{
	if (state->held == NULL)
		state->held = tm_oidmap_create();
	if (tm_oidmap_contains(state->held, classid, objid))
		return;
	tm_oidmap_add(state->held, classid, objid, objid);

	if (IsSharedRelation(classid))
		shdepLockAndCheckObject(classid, objid);
	else
		hold_and_check(state->closure->nspname, classid, objid);
}

/* A foreign key has a trigger for deletes and one for updates. */
void
tm_clone_note_reference(CloneState *state, Oid constraint, Oid child,
						Oid parent)
{
	OutsideReference *reference;

	if (state->references != NIL &&
		((OutsideReference *) llast(state->references))->constraint == constraint)
		return;
	reference = palloc(sizeof(OutsideReference));
	reference->constraint = constraint;
	reference->child = child;
	reference->parent = parent;
	reference->undone = AfterTriggerPendingOnRel(parent);

	/*
	 * Rows that cannot be deleted refer to rows that cannot be deleted,
	 * unless this transaction itself has done so and the check is yet to
	 * come.
	 */
	reference->check_rows = state->request->with_data &&
		(tm_clone_lock == CLONE_LOCK_NONE || reference->undone);
	reference->moves = false;
	state->references = lappend(state->references, reference);
}

void
tm_clone_note_moving_reference(CloneState *state, Oid constraint, Oid child,
							   Oid parent)
{
	OutsideReference *reference = palloc(sizeof(OutsideReference));

	reference->constraint = constraint;
	reference->child = child;
	reference->parent = parent;
	reference->check_rows = true;
	reference->undone = false;
	reference->moves = true;
	state->references = lappend(state->references, reference);
}

void
tm_clone_lock_outside(CloneState *state)
{
	TimestampTz start = GetCurrentTimestamp();
	ResourceOwner old_owner = CurrentResourceOwner;
	int			first = 0;
	int			nwaits = 0;
	ListCell   *lc;

	/* locks that are taken under a savepoint become the transaction's */
	CurrentResourceOwner = CurTransactionResourceOwner;
	list_sort(state->outside, compare_outside);
	while (!lock_all_or_none(state->outside, &first, &nwaits))
	{
		CHECK_FOR_INTERRUPTS();
		if (LockTimeout > 0 &&
			TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
									   LockTimeout))
			refuse_to_wait(list_nth(state->outside, first));
	}
	CurrentResourceOwner = old_owner;
	foreach(lc, state->references)
	{
		const OutsideReference *reference = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (!reference->moves)
		{
			tm_check_partitions(reference);
			tm_check_referenced_index(reference);
		}
		if (reference->check_rows)
			tm_check_reference(reference);
	}
}

void
tm_clone_refuse_old_snapshot(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot clone a schema in a transaction of isolation level REPEATABLE READ or SERIALIZABLE"),
				 errhint("Use isolation level READ COMMITTED.")));
}

/*
 * What is dropped while we look is not seen with the next snapshot.  If it is,
 * nothing but its record is left, and we would look for ever.
 */
static void
refuse_dangling_object(const Closure *closure, ObjectAddress *gone)
{
	const ObjectAddress *again = &closure->gone;

	if (OidIsValid(again->classId) && again->classId == gone->classId &&
		again->objectId == gone->objectId)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("object %u of catalog \"%s\" does not exist, but is recorded as belonging to schema \"%s\"",
						again->objectId, get_rel_name(again->classId),
						closure->nspname),
				 errhint("A row of pg_depend has outlived its object.  Check the catalogs of this database.")));
	*gone = *again;
}

/* Lock all that is not locked yet, in the order of OIDs. */
static void
lock_source(const CloneRequest *request, OidMap *locked)
{
	ListCell   *lc;

	foreach(lc, tm_closure_types(request->source))
		lock_type(locked, lfirst_oid(lc));
	foreach(lc, tm_closure_relations(request->source))
	{
		Oid			relid = lfirst_oid(lc);

		lock_relation(request, locked, relid);
		if (held_mode(locked, RelationRelationId, relid) == ShareLock)
		{
			Oid			toast = toast_of(relid);

			/* it can be vacuumed by itself */
			if (OidIsValid(toast) &&
				held_mode(locked, RelationRelationId, toast) == NoLock)
			{
				LockRelationOid(toast, ShareLock);
				tm_oidmap_add(locked, RelationRelationId, toast, ShareLock);
			}
		}
	}
}

/* Lock, then look whether that was enough. */
static void
lock_relation(const CloneRequest *request, OidMap *locked, Oid relid)
{
	LOCKMODE	held = held_mode(locked, RelationRelationId, relid);
	LOCKMODE	needed;

	while ((needed = relation_mode(request, relid)) > held)
	{
		LockRelationOid(relid, needed);
		held = needed;
		tm_oidmap_add(locked, RelationRelationId, relid, held);
	}
}

/* A composite type is also a relation, and it is as such that it is altered. */
static void
lock_type(OidMap *locked, Oid typid)
{
	Oid			relid = get_typ_typrelid(typid);

	if (held_mode(locked, TypeRelationId, typid) != NoLock)
		return;
	LockDatabaseObject(TypeRelationId, typid, 0, AccessShareLock);
	tm_oidmap_add(locked, TypeRelationId, typid, AccessShareLock);
	if (OidIsValid(relid))
	{
		LockRelationOid(relid, AccessShareLock);
		tm_oidmap_add(locked, RelationRelationId, relid, AccessShareLock);
	}
}

/* Modes that we use are the stronger the greater they are. */
static LOCKMODE
held_mode(const OidMap *locked, Oid classid, Oid objid)
{
	if (!tm_oidmap_contains(locked, classid, objid))
		return NoLock;
	return (LOCKMODE) tm_oidmap_translate(locked, classid, objid);
}

/*
 * A sequence goes on counting while it is copied, but must not get another
 * file.  Tables that stay empty in the clone can be written to.
 */
static LOCKMODE
relation_mode(const CloneRequest *request, Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	if (relkind == RELKIND_SEQUENCE)
		return RowExclusiveLock;
	if (request->with_data && tm_clone_lock == CLONE_LOCK_SHARE &&
		(relkind == RELKIND_RELATION || relkind == RELKIND_MATVIEW) &&
		!tm_clone_excludes(request, relid))
		return ShareLock;
	return AccessShareLock;
}

/* The TOAST table, or InvalidOid. */
static Oid
toast_of(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			toast;

	if (!HeapTupleIsValid(tup))
		return InvalidOid;
	toast = ((Form_pg_class) GETSTRUCT(tup))->reltoastrelid;
	ReleaseSysCache(tup);
	return toast;
}

/* Does the snapshot see nothing but what is locked as it should be? */
static bool
all_locked(const CloneState *state, const OidMap *locked)
{
	const Closure *closure = state->closure;

	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		if (member_mode(state->request, member) >
			held_mode(locked, member->classid, member->objid))
			return false;
	}
	return true;
}

/*
 * Indexes and row types are safe with their tables: they can be read after
 * they have been opened, which locks them.
 */
static LOCKMODE
member_mode(const CloneRequest *request, const ClosureMember *member)
{
	if (member->classid == TypeRelationId)
		return member->owner_seed == member->objid ? AccessShareLock : NoLock;
	if (member->classid != RelationRelationId)
		return NoLock;
	if (member->owner_seed == member->objid)
		return relation_mode(request, member->objid);
	if (member->relkind == RELKIND_COMPOSITE_TYPE)
		return AccessShareLock;
	if (member->relkind == RELKIND_TOASTVALUE &&
		member->owner_class == RelationRelationId &&
		relation_mode(request, member->owner_seed) == ShareLock)
		return ShareLock;
	return NoLock;
}

/* Names of what has just been dropped are NULL. */
static bool
name_excluded(const CloneRequest *request, const char *relname)
{
	Datum		name;
	ListCell   *lc;

	if (relname == NULL)
		return false;
	name = CStringGetTextDatum(relname);
	foreach(lc, request->exclude)
	{
		Datum		pattern = CStringGetTextDatum((char *) lfirst(lc));

		if (DatumGetBool(DirectFunctionCall2Coll(textlike, C_COLLATION_OID,
												 name, pattern)))
			return true;
	}
	return false;
}

/*
 * An index goes with its table, unless it is replaced, which is looked at last;
 * and anything else could only be dropped together with what depends on it, by
 * somebody who cannot see the clone yet.
 */
static void
hold_and_check(const char *nspname, Oid classid, Oid objid)
{
	ObjectAddress address;

	if (classid != RelationRelationId)
		LockDatabaseObject(classid, objid, 0, AccessShareLock);
	else if (get_rel_relkind(objid) != RELKIND_INDEX)
		LockRelationOid(objid, AccessShareLock);
	ObjectAddressSet(address, classid, objid);
	if (getObjectDescription(&address, true) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("an object that schema \"%s\" depends on was concurrently dropped",
						nspname),
				 errdetail("It was object %u of catalog \"%s\".",
						   objid, get_rel_name(classid)),
				 errhint("Try again.")));
}

static void
refuse_pending_checks(Oid relid)
{
	if (!AfterTriggerPendingOnRel(relid))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("cannot clone the rows of table \"%s\" because it has pending trigger events",
					get_rel_name(relid)),
			 errdetail("Constraints that are deferred have not been checked yet."),
			 errhint("Use SET CONSTRAINTS ALL IMMEDIATE before, or commit.")));
}

/* list_sort comparator: by OID. */
static int
compare_outside(const ListCell *a, const ListCell *b)
{
	Oid			left = ((const OutsideTable *) lfirst(a))->relid;
	Oid			right = ((const OutsideTable *) lfirst(b))->relid;

	return left < right ? -1 : left > right;
}

static void
pause_for_others(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 PAUSE, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
refuse_to_wait(const OutsideTable *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("could not obtain lock on relation \"%s\"",
					get_rel_name(table->relid))));
}

/*
 * Wait for the table at the given place, and then take the others as they
 * come.  If one of them does not come soon, none is kept, and it is the one
 * to wait for next time.
 */
static bool
lock_all_or_none(const List *tables, int *first, int *nwaits)
{
	int			ntables = list_length(tables);
	int			patience = PATIENCE + MyProcPid % PATIENCE;
	int			ntaken = 1;

	if (tables == NIL)
		return true;
	if (*nwaits >= MAX_WAITS)
		lock_within(list_nth(tables, *first), LockTimeout);
	else if (!lock_first(list_nth(tables, *first)))
	{
		(*nwaits)++;
		pause_for_others();
		return false;
	}
	while (ntaken < ntables &&
		   lock_patiently(list_nth(tables, (*first + ntaken) % ntables),
						  &patience))
		ntaken++;
	if (ntaken == ntables)
		return true;

	for (int i = 0; i < ntaken; i++)
	{
		const OutsideTable *table = list_nth(tables, (*first + i) % ntables);

		UnlockRelationOid(table->relid, table->lockmode);
	}
	*first = (*first + ntaken) % ntables;
	return false;
}

/* Wait for a lock, but not for long; the savepoint is to give up. */
static bool
lock_first(const OutsideTable *table)
{
	MemoryContext old_context = CurrentMemoryContext;
	ResourceOwner old_owner = CurrentResourceOwner;
	volatile bool locked = true;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		lock_within(table, LockTimeout > 0 ?
					Min(FIRST_WAIT, LockTimeout) : FIRST_WAIT);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(old_context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(old_context);
		CurrentResourceOwner = old_owner;
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(error);
		FreeErrorData(error);
		locked = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	CurrentResourceOwner = old_owner;
	return locked;
}

static void
lock_within(const OutsideTable *table, int milliseconds)
{
	int			save_nestlevel = NewGUCNestLevel();

	(void) set_config_option("lock_timeout", psprintf("%d", milliseconds),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	LockRelationOid(table->relid, table->lockmode);
	AtEOXact_GUC(false, save_nestlevel);
}

/*
 * Nobody finds us in a deadlock as long as we only ask.  Patience differs
 * from process to process, or two of them could go on stopping each other.
 */
static bool
lock_patiently(const OutsideTable *table, int *patience)
{
	while (!ConditionalLockRelationOid(table->relid, table->lockmode))
	{
		if (--*patience < 0)
			return false;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(1000L);
	}
	return true;
}
