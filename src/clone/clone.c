/*
 * clone.c
 *		A copy of a schema under another name.
 *
 * A schema is a piece of the system catalogs plus the files of its relations.
 * A clone is that piece again under new OIDs, plus the files again.  Nothing
 * is turned into SQL on the way, so there is no kind of object that could be
 * forgotten, no name that could be replaced by mistake, and no order of
 * creation to be found.
 *
 * Locks, in this order: the schema (the caller's), its types and relations in
 * the order of their OIDs, and when all is copied relations outside that gain a
 * trigger or a child; see clone_lock.c.  The snapshot is taken after the locks
 * on the source and serves for catalogs and rows alike.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/progress.h"
#include "base/tenant_mgr.h"
#include "clone/blockcopy.h"
#include "clone/catalog_reader.h"
#include "clone/clone.h"
#include "clone/clone_lock.h"
#include "clone/closure.h"
#include "clone/derived_check.h"
#include "clone/exclusion.h"
#include "clone/function_text.h"
#include "clone/handover.h"
#include "clone/outside_link.h"
#include "clone/remap.h"
#include "clone/replication.h"
#include "clone/rowcopy.h"
#include "clone/schema_mention.h"
#include "clone/storage.h"
#include "clone/unclonable.h"
#include "guard/guard.h"
#include "tenants/tenant_lock.h"

/* the settings; written by the GUC machinery only */
char	   *tm_clone_exclude = NULL;
bool		tm_clone_scrub = true;
int			tm_clone_retarget = CLONE_RETARGET_REPORT;

static Oid	replaced_owner(const CloneRequest *request);
static void look_at_indexes(CloneState *state);
static void look_at_index(CloneState *state, Form_pg_index form);
static char *name_of_relation(Oid relid, Snapshot snapshot);
static void leave_out_references(CloneState *state);
static bool trigger_of_outside_reference(const Closure *closure, Oid trigger);
static List *indexes_in_order(const Closure *closure);
static void follow_texts(const CloneState *state);
static bool follow_text(const CloneState *state, Oid function, char **reason);
static void tell_about_mention(const CloneState *state,
							   const ObjectAddress *address,
							   const char *reason);
static char *describe_member(const CloneState *state,
							 const ObjectAddress *address);
static void tell_access_hooks(const CloneState *state);

Oid
tm_clone_schema(const CloneRequest *request)
{
	MemoryContext context;
	MemoryContext old_context;
	CloneState	state = {0};
	List	   *lent;
	int			save_nestlevel = tm_guard_enter_own(request->source);

	context = AllocSetContextCreate(CurrentMemoryContext, "tenant_mgr clone",
									ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);

	state.request = request;
	state.old_owner = replaced_owner(request);
	state.verbatim = request->with_data && !tm_clone_scrub &&
		tm_clone_lock == CLONE_LOCK_SHARE;
	tm_progress_phase(PROGRESS_LOCKING, 0, 0);
	tm_clone_lock_source(&state);	/* which rows make up the schema */
	tm_refuse_unclonable(state.closure);	/* before anything is written */
	tm_handover_refuse(&state);
	look_at_indexes(&state);	/* which are alive */
	if (request->aside)
		leave_out_references(&state);
	tm_exclusion_decide(&state);	/* whose rows travel */
	tm_clone_refuse_pending_checks(&state);

	tm_progress_phase(PROGRESS_WRITING_CATALOGS, 0, 0);
	tm_closure_sort(state.closure);
	tm_remap_assign_oids(&state);	/* every object gets a new OID */
	tm_remap_copy_rows(&state); /* the catalogs */
	tm_storage_create_files(&state);	/* the files */
	CommandCounterIncrement();	/* now the new relations can be opened */

	tm_storage_announce_files(&state);
	tm_remap_refresh_texts(&state);
	tm_blockcopy_choose(&state);	/* how each relation is filled */
	lent = tm_handover_lend(&state);
	tm_storage_init_indexes(&state);
	tm_blockcopy_relations(&state); /* blocks where they will do */
	tm_rowcopy_tables(&state);	/* rows where they will not */
	tm_storage_build_indexes(&state);
	tm_derived_check_rows(&state);
	tm_handover_take_back(lent);
	tm_derived_note_references(&state);
	tm_clone_lock_outside(&state);	/* what others want to write to */
	tell_access_hooks(&state);
	if (request->retarget != CLONE_RETARGET_OFF)
		follow_texts(&state);
	if (request->with_data)
		tm_replication_tell_clone(request->target);
	UnregisterSnapshot(state.snapshot);
	CommandCounterIncrement();
	tm_guard_leave_own(save_nestlevel);

	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return state.namespace;
}

/* The role that the request's owner takes the place of, or InvalidOid. */
static Oid
replaced_owner(const CloneRequest *request)
{
	Oid			owner;

	if (!OidIsValid(request->owner))
		return InvalidOid;
	owner = tm_tenant_lock_schema_owner(request->source);
	return owner == request->owner ? InvalidOid : owner;
}

/*
 * An index that CREATE INDEX CONCURRENTLY could not finish is not used by
 * anybody, and building it might fail again.  An invalid index of a
 * partitioned table is another matter: it waits for its partitions' indexes.
 *
 * Rows are looked at as the snapshot sees them, because that is what will be
 * copied.  What there is now may be something else, or nothing: REINDEX and
 * DROP INDEX CONCURRENTLY do not wait for whoever came when they were done.
 */
static void
look_at_indexes(CloneState *state)
{
	Relation	indexRel = table_open(IndexRelationId, AccessShareLock);
	CatalogReader *reader = tm_catalog_reader_open(indexRel,
												   IndexRelidIndexId, 1,
												   state->snapshot);
	List	   *indexes = indexes_in_order(state->closure);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Oid			indexid = lfirst_oid(lc);
		HeapTuple	row;

		CHECK_FOR_INTERRUPTS();
		tm_catalog_reader_seek(reader, &indexid);
		row = tm_catalog_reader_next(reader);
		if (!HeapTupleIsValid(row))
			elog(ERROR, "cache lookup failed for index %u", indexid);
		look_at_index(state, (Form_pg_index) GETSTRUCT(row));
	}
	tm_catalog_reader_close(reader);
	table_close(indexRel, AccessShareLock);
	list_free(indexes);
}

/* Nobody wants to hear of one that is about to be dropped. */
static void
look_at_index(CloneState *state, Form_pg_index form)
{
	ClosureMember *member = tm_closure_find(state->closure,
											RelationRelationId,
											form->indexrelid);

	member->table = form->indrelid;
	member->left_out = !form->indisvalid;
	if (member->left_out && form->indislive)
		ereport(NOTICE,
				(errmsg("index \"%s\" is invalid and is not cloned",
						name_of_relation(member->objid, state->snapshot))));
}

static char *
name_of_relation(Oid relid, Snapshot snapshot)
{
	Relation	classRel = table_open(RelationRelationId, AccessShareLock);
	CatalogReader *reader = tm_catalog_reader_open(classRel, ClassOidIndexId,
												   1, snapshot);
	HeapTuple	row;
	char	   *result;

	tm_catalog_reader_seek(reader, &relid);
	row = tm_catalog_reader_next(reader);
	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	result = pstrdup(NameStr(((Form_pg_class) GETSTRUCT(row))->relname));
	tm_catalog_reader_close(reader);
	table_close(classRel, AccessShareLock);
	return result;
}

static List *
indexes_in_order(const Closure *closure)
{
	List	   *indexes = NIL;

	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		if (member->classid == RelationRelationId &&
			member->relkind == RELKIND_INDEX)
			indexes = lappend_oid(indexes, member->objid);
	}
	list_sort(indexes, list_oid_cmp);
	return indexes;
}

/* What is put aside keeps nobody from deleting rows of a table outside. */
static void
leave_out_references(CloneState *state)
{
	Closure    *closure = state->closure;

	for (int i = 0; i < closure->nmembers; i++)
	{
		ClosureMember *member = &closure->members[i];

		if (member->classid == ConstraintRelationId &&
			tm_is_outside_reference(closure, member->objid))
			member->left_out = true;
		else if (member->classid == TriggerRelationId)
			member->left_out = trigger_of_outside_reference(closure,
															member->objid);
	}
}

static bool
trigger_of_outside_reference(const Closure *closure, Oid trigger)
{
	Relation	rel = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	bool		result;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(rel, TriggerOidIndexId, true, closure->snapshot,
							  1, &key);
	tup = systable_getnext(scan);
	result = HeapTupleIsValid(tup) &&
		tm_is_outside_reference(closure,
								((Form_pg_trigger) GETSTRUCT(tup))->tgconstraint);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* What a text names as the source, it may still name in the clone. */
static void
follow_texts(const CloneState *state)
{
	ListCell   *lc;

	foreach(lc, state->mentions)
	{
		const ObjectAddress *address = lfirst(lc);
		char	   *reason = NULL;

		CHECK_FOR_INTERRUPTS();
		if (address->classId != ProcedureRelationId ||
			!follow_text(state, address->objectId, &reason))
			tell_about_mention(state, address, reason);
	}
}

/* Is there nothing to be told of a function's text, be it because it follows? */
static bool
follow_text(const CloneState *state, Oid function, char **reason)
{
	Oid			copy = tm_oidmap_translate(state->map, ProcedureRelationId,
										   function);

	if (state->request->retarget == CLONE_RETARGET_REPORT)
		return !tm_function_text_names(copy, state->closure->nspname);
	return tm_function_text_follow(copy, state->closure->nspname,
								   state->request->target, reason);
}

/* The reason is why it does not follow, if it should have. */
static void
tell_about_mention(const CloneState *state, const ObjectAddress *address,
				   const char *reason)
{
	const char *detail = state->request->retarget == CLONE_RETARGET_ON &&
		address->classId == ProcedureRelationId ?
		gettext_noop("In schema \"%s\" what certainly is that name has been changed; the rest still means the source.") :
		gettext_noop("The text is the same in schema \"%s\" and still means the source.");

	ereport(NOTICE,
			(errmsg("%s names schema \"%s\" in its text",
					describe_member(state, address),
					state->closure->nspname),
			 reason != NULL ?
			 errdetail("It would not be valid with the name of schema \"%s\": %s",
					   state->request->target, reason) :
			 errdetail(detail, state->request->target),
			 errhint("%s", _(tm_mention_hint))));
}

/* The member of the source, or its copy if it has been dropped meanwhile. */
static char *
describe_member(const CloneState *state, const ObjectAddress *address)
{
	char	   *description = getObjectDescription(address, true);
	ObjectAddress copy = *address;

	if (description != NULL)
		return description;
	copy.objectId = tm_oidmap_translate(state->map, address->classId,
										address->objectId);
	return getObjectDescription(&copy, false);
}

/* What CREATE commands tell to modules that watch the creation of objects. */
static void
tell_access_hooks(const CloneState *state)
{
	if (object_access_hook == NULL)
		return;

	InvokeObjectPostCreateHook(NamespaceRelationId, state->namespace, 0);
	for (int i = 0; i < state->closure->nmembers; i++)
	{
		const ClosureMember *member = &state->closure->members[i];

		if (!member->left_out)
			InvokeObjectPostCreateHook(member->classid,
									   tm_oidmap_translate(state->map,
														   member->classid,
														   member->objid), 0);
	}
}
