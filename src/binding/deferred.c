/*
 * deferred.c
 *		Constraints and triggers that were deferred, and for whom.
 *
 * What a deferred constraint or trigger has to do is queued, and done when the
 * transaction commits, or by SET CONSTRAINTS.  By then the session may be bound
 * to another tenant, or to none.  So it is noted under which binding a table
 * was written that has such triggers, and they are run under that binding: the
 * session goes back to it and sets their constraints to immediate, one binding
 * after the other,
 *
 *		before COMMIT and PREPARE TRANSACTION are executed,
 *		before SET CONSTRAINTS ... IMMEDIATE,
 *		before the session is locked: from then on nothing goes on elsewhere.
 *
 * What is queued under the binding in force is left to the server.  Outside of
 * a transaction block there is no statement that commits, so it is at the end
 * of the statement that has left the binding.
 *
 * What was deferred while the session was locked is run before it is unlocked,
 * when it still can do no more than it could.
 *
 * The server runs all events of a table and constraint together.  Tables of
 * tenants are written under one binding mostly.  A table that tenants share is
 * not: what its triggers have to do for one tenant is done as soon as the
 * session has left it.  Foreign keys and unique constraints of shared tables
 * do not ask for the tenant and stay in the queue.
 *
 * In a session that is not bound, triggers of a tenant's table are that tenant's
 * code.  When one is fired there is no plan to tell whose it is, but what waits
 * mostly is of one tenant.  If it is not, COMMIT runs the triggers of one tenant
 * after the other; where there is none, they reach no tenant.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/makefuncs.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/binding.h"
#include "binding/binding_in_force.h"
#include "binding/deferred.h"
#include "binding/origin.h"
#include "binding/running_code.h"
#include "tenants/schema_owner.h"

/* Events may wait on a table, queued under a binding. */
typedef struct NoteKey
{
	Oid			relid;
	bool		bound;
	bool		locked;
	pg_uuid_t	tenant_id;
} NoteKey;

typedef struct Note
{
	NoteKey		key;			/* hash key */
	Origin		origin;			/* the binding */
	SubTransactionId subid;		/* in which it came to be noted */
	bool		shared;			/* the table is nobody's */
	bool		calls_function; /* some of its triggers are a user's */
	Oid			nspid;			/* its schema */
} Note;

/* Which notes are meant */
typedef enum
{
	OF_OTHERS,					/* those of other bindings */
	OF_OTHERS_SHARED,			/* those of them on shared tables */
	OF_OTHERS_ON_TABLE,			/* those of them on one table */
	OF_SCHEMA,					/* those of no binding in one schema */
	OF_LOCK						/* those of a locked session */
} Choice;

bool		tm_deferred_any = false;

/*
 * of the present transaction, in its memory; written by note_relation, like the
 * above
 */
static HTAB *notes = NULL;

/* it is a block, or the next one will be; written by before_utility */
static bool in_block = false;
static bool chains = false;

/* where the session was when a statement last ended */
static const char *latest_label = NULL;

/* events are being run by us, or before a COMMIT */
static bool running = false;

static void note_relation(Relation rel, const TriggerDesc *triggers);
static bool defers(const TriggerDesc *triggers, bool *calls_function);
static void note_copied(Oid relid);
static Oid	copied_relation(Node *stmt);
static Oid	waiting_tenant(bool *several);
static bool ends_by_statement(void);
static bool may_run(void);
static void before_commit(bool chain);
static void run_tenants(void);
static void run_tenant(Oid nspid);
static void run_all(Choice choice, Oid objid);
static bool run_one_binding(Choice choice, Oid objid);
static Note *find_note(Choice choice, Oid objid);
static bool is_chosen(const Note *note, Choice choice, Oid objid);
static List *take_constraints(const Origin *origin, Choice choice, Oid objid,
							  List **deferred);
static List *constraints_of(Oid relid, List **deferred);
static void set_constraints(List *constraints, bool deferred);
static void run_under(const Origin *origin, List *constraints);

void
tm_deferred_run_before_plan(PlannedStmt *plan)
{
	ListCell   *lc;

	if (!may_run())
	{
		/*
		 * Without a block, what is of others has been run.  Only what has
		 * changed the binding without being a statement can have left
		 * something, just before the transaction commits.
		 */
		if (!ends_by_statement() && !running && !IsInParallelMode() &&
			!tm_binding_is_of_function() &&
			find_note(OF_OTHERS, InvalidOid) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
					 errmsg("deferred constraints of another tenant have not been checked"),
					 errhint("Use SET CONSTRAINTS ALL IMMEDIATE before the switch.")));
		return;
	}
	tm_deferred_after_statement();
	foreach(lc, plan->resultRelations)
	{
		RangeTblEntry *rte = list_nth_node(RangeTblEntry, plan->rtable,
										   lfirst_int(lc) - 1);

		if (notes != NULL)
			run_all(OF_OTHERS_ON_TABLE, rte->relid);
	}
}

void
tm_deferred_note_changes(QueryDesc *queryDesc)
{
	EState	   *estate = queryDesc->estate;
	ListCell   *lc;

	if (estate == NULL || IsParallelWorker())
		return;
	foreach(lc, estate->es_opened_result_relations)
	{
		ResultRelInfo *info = lfirst(lc);

		note_relation(info->ri_RelationDesc, info->ri_TrigDesc);
	}
	foreach(lc, estate->es_tuple_routing_result_relations)
	{
		ResultRelInfo *info = lfirst(lc);

		note_relation(info->ri_RelationDesc, info->ri_TrigDesc);
	}
}

void
tm_deferred_before_utility(UtilityStatement *statement)
{
	Node	   *stmt = statement->pstmt->utilityStmt;

	if (!statement->watched)
		return;
	if (IsA(stmt, TransactionStmt))
	{
		TransactionStmt *transaction = (TransactionStmt *) stmt;

		switch (transaction->kind)
		{
			case TRANS_STMT_BEGIN:
			case TRANS_STMT_START:
				in_block = true;
				break;
			case TRANS_STMT_ROLLBACK:
				chains = transaction->chain;
				break;
			case TRANS_STMT_COMMIT:
			case TRANS_STMT_PREPARE:
				chains = transaction->chain;
				if (notes != NULL)
					before_commit(transaction->chain);
				break;
			default:
				break;
		}
	}
	else if (IsA(stmt, ConstraintsSetStmt) && notes != NULL &&
			 !((ConstraintsSetStmt *) stmt)->deferred && may_run())
		run_all(OF_OTHERS, InvalidOid);
	else if (IsA(stmt, CopyStmt))
	{
		statement->copied = copied_relation(stmt);
		if (OidIsValid(statement->copied) && notes != NULL && may_run())
			run_all(OF_OTHERS_ON_TABLE, statement->copied);
	}
}

void
tm_deferred_after_utility(UtilityStatement *statement)
{
	if (OidIsValid(statement->copied))
		note_copied(statement->copied);
	if (statement->watched && IsTransactionState())
		tm_deferred_after_statement();
}

void
tm_deferred_run_after_statement(void)
{
	const char *label;

	if (!may_run())
		return;
	label = tm_origin_label();
	if (label == latest_label)
		return;
	run_all(ends_by_statement() ? OF_OTHERS_SHARED : OF_OTHERS, InvalidOid);
	latest_label = label;
}

Oid
tm_deferred_waiting_tenant(void)
{
	bool		several;
	Oid			nspid;

	if (IsInParallelMode() ||
		DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, 0)) == 0)
		return InvalidOid;
	nspid = waiting_tenant(&several);
	return OidIsValid(nspid) && several ? PG_CATALOG_NAMESPACE : nspid;
}

void
tm_deferred_run_others(void)
{
	if (notes != NULL)
		run_all(OF_OTHERS, InvalidOid);
}

void
tm_deferred_run_locked(void)
{
	if (notes != NULL)
		run_all(OF_LOCK, InvalidOid);
}

/* Subtransactions are numbered as they begin. */
void
tm_deferred_abort_subtransaction(SubTransactionId subid)
{
	HASH_SEQ_STATUS status;
	Note	   *note;

	running = false;
	if (notes == NULL)
		return;
	hash_seq_init(&status, notes);
	while ((note = hash_seq_search(&status)) != NULL)
	{
		if (note->subid >= subid)
			(void) hash_search(notes, &note->key, HASH_REMOVE, NULL);
	}
}

/* Another transaction may follow by AND CHAIN, which is a block. */
void
tm_deferred_end_of_transaction(void)
{
	notes = NULL;
	tm_deferred_any = false;
	in_block = chains;
	chains = false;
	latest_label = NULL;
	running = false;
}

static void
note_relation(Relation rel, const TriggerDesc *triggers)
{
	Origin		origin;
	NoteKey		key;
	Note	   *note;
	bool		calls_function;
	bool		shared;
	bool		found;

	if (triggers == NULL || !defers(triggers, &calls_function))
		return;
	if (notes == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(NoteKey);
		ctl.entrysize = sizeof(Note);
		ctl.hcxt = TopTransactionContext;
		notes = hash_create("tenant_mgr deferred", 64, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		tm_deferred_any = true;
		latest_label = tm_origin_label();
	}
	tm_origin_now(&origin);
	memset(&key, 0, sizeof(key));	/* padding counts */
	key.relid = RelationGetRelid(rel);
	key.bound = origin.bound;
	key.locked = origin.locked;
	key.tenant_id = origin.tenant_id;
	if (hash_search(notes, &key, HASH_FIND, NULL) != NULL)
		return;

	shared = !tm_schema_owner(RelationGetNamespace(rel), NULL);
	if (shared && !calls_function && !origin.locked)
		return;
	note = hash_search(notes, &key, HASH_ENTER, &found);
	note->origin = origin;
	note->subid = GetCurrentSubTransactionId();
	note->shared = shared;
	note->nspid = RelationGetNamespace(rel);
	note->calls_function = calls_function;
}

/* Can triggers be deferred, and do some of them call a user's function? */
static bool
defers(const TriggerDesc *triggers, bool *calls_function)
{
	bool		result = false;
	int			i;

	*calls_function = false;
	for (i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!trigger->tgdeferrable)
			continue;
		result = true;
		if (trigger->tgfoid >= FirstNormalObjectId)
			*calls_function = true;
	}
	return result;
}

/* Rows of a partitioned table may have gone anywhere. */
static void
note_copied(Oid relid)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, AccessShareLock, NULL))
	{
		Relation	rel = try_table_open(lfirst_oid(lc), NoLock);

		if (rel == NULL)
			continue;
		note_relation(rel, rel->trigdesc);
		table_close(rel, NoLock);
	}
}

/* The table that COPY writes to */
static Oid
copied_relation(Node *stmt)
{
	CopyStmt   *copy = (CopyStmt *) stmt;

	if (!copy->is_from || copy->relation == NULL)
		return InvalidOid;
	return RangeVarGetRelid(copy->relation, NoLock, true);
}

/* Is the transaction a block?  The server does not tell it from a pipeline. */
static bool
ends_by_statement(void)
{
	return in_block && IsTransactionBlock();
}

/*
 * Not while triggers are running, nor in a function that carries a tenant of
 * its own: the session will be back.
 */
static bool
may_run(void)
{
	return !running && !IsInParallelMode() && !creating_extension &&
		!tm_binding_is_of_function() &&
		DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, 0)) == 0;
}

/*
 * A COMMIT that fails ends its transaction; so must one that is about to.
 */
static void
before_commit(bool chain)
{
	PG_TRY();
	{
		run_all(OF_OTHERS, InvalidOid);
		run_tenants();
	}
	PG_CATCH();
	{
		(void) EndTransactionBlock(chain);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * The triggers of several tenants' tables, each as that tenant's code.  Those of
 * one tenant are known when they are fired.
 */
static void
run_tenants(void)
{
	bool		several;
	Oid			nspid;

	if (tm_binding_in_force() != NULL)
		return;
	while (OidIsValid(nspid = waiting_tenant(&several)) && several)
		run_tenant(nspid);
}

static void
run_tenant(Oid nspid)
{
	RunningCode before;

	tm_running_code_begin(&before);
	PG_TRY();
	{
		tm_running_code_enter(nspid);
		run_all(OF_SCHEMA, nspid);
	}
	PG_FINALLY();
	{
		tm_running_code_end(&before);
	}
	PG_END_TRY();
}

/*
 * The schema of a tenant's table that was written without a binding and on
 * which a user's trigger waits, and whether there are other such tables.
 */
static Oid
waiting_tenant(bool *several)
{
	HASH_SEQ_STATUS status;
	Note	   *note;
	Oid			result = InvalidOid;
	bool		shared = false;

	*several = false;
	if (notes == NULL)
		return InvalidOid;
	hash_seq_init(&status, notes);
	while ((note = hash_seq_search(&status)) != NULL)
	{
		if (note->origin.bound || !note->calls_function ||
			!AfterTriggerPendingOnRel(note->key.relid))
			continue;
		if (note->shared)
			shared = true;
		else if (!OidIsValid(result))
			result = note->nspid;
		else if (note->nspid != result)
			*several = true;
	}
	*several = *several || shared;
	return result;
}

/*
 * What is run may queue more.
 */
static void
run_all(Choice choice, Oid objid)
{
	while (run_one_binding(choice, objid))
		CHECK_FOR_INTERRUPTS();
}

static bool
run_one_binding(Choice choice, Oid objid)
{
	Note	   *note = find_note(choice, objid);
	Origin		origin;
	List	   *constraints;
	List	   *deferred = NIL;

	if (note == NULL)
		return false;
	origin = note->origin;
	constraints = take_constraints(&origin, choice, objid, &deferred);
	if (constraints != NIL)
	{
		running = true;
		run_under(&origin, constraints);
		running = false;
	}
	if (deferred != NIL)
		set_constraints(deferred, true);
	return true;
}

/*
 * A note on whose table something waits.  Those of a tenant come first: in
 * case of doubt, what a table's triggers do is done for a tenant.
 */
static Note *
find_note(Choice choice, Oid objid)
{
	HASH_SEQ_STATUS status;
	Note	   *note;
	Note	   *result = NULL;

	hash_seq_init(&status, notes);
	while ((note = hash_seq_search(&status)) != NULL)
	{
		if (!is_chosen(note, choice, objid))
			continue;
		if (!AfterTriggerPendingOnRel(note->key.relid))
		{
			(void) hash_search(notes, &note->key, HASH_REMOVE, NULL);
			continue;
		}
		result = note;
		if (note->origin.bound)
		{
			hash_seq_term(&status);
			break;
		}
	}
	return result;
}

static bool
is_chosen(const Note *note, Choice choice, Oid objid)
{
	if (choice == OF_LOCK)
		return note->origin.locked;
	if (choice == OF_SCHEMA)
		return !note->origin.bound && note->nspid == objid;
	if (tm_origin_is_here(&note->origin))
		return false;
	if (choice == OF_OTHERS_SHARED)
		return note->shared;
	if (choice == OF_OTHERS_ON_TABLE)
		return note->key.relid == objid;
	return true;
}

/*
 * The constraints of all notes of a binding that are meant, which are removed.
 * The second list is of those that wait by default.
 */
static List *
take_constraints(const Origin *origin, Choice choice, Oid objid,
				 List **deferred)
{
	HASH_SEQ_STATUS status;
	Note	   *note;
	List	   *result = NIL;

	hash_seq_init(&status, notes);
	while ((note = hash_seq_search(&status)) != NULL)
	{
		if (!is_chosen(note, choice, objid) ||
			note->origin.bound != origin->bound ||
			!tm_uuid_equals(&note->origin.tenant_id, &origin->tenant_id))
			continue;
		result = list_concat(result,
							 constraints_of(note->key.relid, deferred));
		(void) hash_search(notes, &note->key, HASH_REMOVE, NULL);
	}
	return result;
}

/* The deferrable constraints of a table, as SET CONSTRAINTS names them */
static List *
constraints_of(Oid relid, List **deferred)
{
	Relation	rel = try_table_open(relid, AccessShareLock);
	TriggerDesc *triggers;
	List	   *result = NIL;
	int			i;

	if (rel == NULL)
		return NIL;
	triggers = rel->trigdesc;
	for (i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		HeapTuple	tuple;
		Form_pg_constraint form;
		RangeVar   *name;

		if (!triggers->triggers[i].tgdeferrable)
			continue;
		tuple = SearchSysCache1(CONSTROID,
								ObjectIdGetDatum(triggers->triggers[i].tgconstraint));
		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_constraint) GETSTRUCT(tuple);
		name = makeRangeVar(get_namespace_name(form->connamespace),
							pstrdup(NameStr(form->conname)), -1);
		result = lappend(result, name);
		if (form->condeferred)
			*deferred = lappend(*deferred, name);
		ReleaseSysCache(tuple);
	}
	table_close(rel, NoLock);
	return result;
}

static void
set_constraints(List *constraints, bool deferred)
{
	ConstraintsSetStmt *stmt = makeNode(ConstraintsSetStmt);

	stmt->constraints = constraints;
	stmt->deferred = deferred;
	AfterTriggerSetState(stmt);
}

/*
 * As the server runs them when a transaction commits: by the session's role,
 * whoever owns the function that has brought us here.
 */
static void
run_under(const Origin *origin, List *constraints)
{
	int			save_nestlevel = tm_origin_enter(origin);
	Oid			save_userid;
	int			save_sec_context;

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	if (save_userid != GetOuterUserId())
		SetUserIdAndSecContext(GetOuterUserId(),
							   save_sec_context | SECURITY_LOCAL_USERID_CHANGE);
	set_constraints(constraints, false);
	SetUserIdAndSecContext(save_userid, save_sec_context);
	tm_origin_leave(save_nestlevel);
}
