/*
 * storage.c
 *		The files of a clone's relations.
 *
 * Every file is registered for removal should the transaction, or the
 * savepoint, be rolled back.  Pages are written through shared buffers and
 * WAL-logged as full-page images, so neither a file nor its directory has to
 * be synced here; the next checkpoint does it.
 *
 * With wal_level = minimal, files that a transaction creates are synced at
 * commit, and what is written to them must not be logged: replay would put
 * the first page back in the place of later ones.  The relation cache learns
 * of new files from the commands that create them, and has to be told here.
 *
 * Nothing is read here by the place of a file that was noted earlier, for any
 * statement that is not kept out may give a relation another file.  The one
 * exception are sequences, which are locked against that before the place is
 * read from the catalog.
 *
 * An empty btree is a single page, and nearly all indexes are btrees.  Its
 * only property that depends on the columns, whether duplicates can be merged,
 * follows from the catalogs, so the index need not even be opened.  Other
 * access methods get an ordinary index build on the empty table.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_sequence.h"
#include "catalog/storage.h"
#include "catalog/storage_xlog.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/smgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/progress.h"
#include "clone/copy_task.h"
#include "clone/file_writer.h"
#include "clone/handover.h"
#include "clone/remap.h"
#include "clone/storage.h"
#include "guard/run_as.h"

static void create_files(const CloneRelation *relation);
static void create_init_fork(const CloneRelation *relation, SMgrRelation files);
static void read_sequence_page(const CloneRelation *relation, char *page);
static void write_sequence(const CloneRelation *relation);
static void set_position(const CloneRelation *relation, Page page);
static int64 sequence_start(Oid seqid);
static bool stays_empty_btree(const CloneState *state,
							  const CloneRelation *relation);
static void init_index(CloneState *state, const CloneRelation *index);
static void build_indexes(CloneState *state, bool of_toast);
static void build_index(CloneState *state, const CloneRelation *index,
						bool parallel);
static void write_empty_btree(CloneState *state, const CloneRelation *index);
static bool can_merge_duplicates(CloneState *state, const CloneRelation *index);
static Datum index_attribute(HeapTuple tup, AttrNumber attno);
static bool equal_keys_look_equal(Oid opclass, Oid collation);

void
tm_storage_create_files(CloneState *state)
{
	tm_progress_phase(PROGRESS_CREATING_FILES, state->nrelations, 0);
	for (int i = 0; i < state->nrelations; i++)
	{
		const CloneRelation *relation = &state->relations[i];

		CHECK_FOR_INTERRUPTS();
		create_files(relation);

		/* Those that get their only page at once are not opened again. */
		if (relation->relkind == RELKIND_SEQUENCE)
			write_sequence(relation);
		else if (stays_empty_btree(state, relation))
			write_empty_btree(state, relation);
		else
			smgrclose(tm_smgropen(relation->clone_file));
		tm_progress_add(1, 0);
	}
}

void
tm_storage_announce_files(CloneState *state)
{
	if (XLogIsNeeded())
		return;

	for (int i = 0; i < state->nrelations; i++)
	{
		Relation	rel = relation_open(state->relations[i].clone,
										AccessExclusiveLock);

		CHECK_FOR_INTERRUPTS();
		tm_assume_new_file(rel);
		relation_close(rel, NoLock);
	}
}

void
tm_storage_init_indexes(CloneState *state)
{
	for (int i = 0; i < state->nrelations; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (state->relations[i].relkind == RELKIND_INDEX &&
			state->relations[i].method == COPY_EMPTY &&
			!stays_empty_btree(state, &state->relations[i]))
			init_index(state, &state->relations[i]);
	}
}

void
tm_storage_build_indexes(CloneState *state)
{
	int			save_nestlevel = NewGUCNestLevel();
	int			nindexes = 0;

	for (int i = 0; i < state->nrelations; i++)
	{
		if (state->relations[i].method == COPY_BUILD)
			nindexes++;
	}
	tm_progress_phase(PROGRESS_BUILDING_INDEXES, nindexes, 0);

	/* index builds have a setting of their own; ours rules it here */
	(void) set_config_option("max_parallel_maintenance_workers",
							 psprintf("%d", tm_clone_workers),
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	/* keys of the others may be out of line */
	build_indexes(state, true);
	build_indexes(state, false);
	AtEOXact_GUC(false, save_nestlevel);
}

/* Build those of TOAST tables, or the others. */
static void
build_indexes(CloneState *state, bool of_toast)
{
	for (int i = 0; i < state->nrelations; i++)
	{
		const CloneRelation *relation = &state->relations[i];
		const CloneRelation *table;

		CHECK_FOR_INTERRUPTS();
		if (relation->method != COPY_BUILD)
			continue;
		table = tm_remap_relation(state, relation->heap);
		if ((table->relkind == RELKIND_TOASTVALUE) != of_toast)
			continue;
		build_index(state, relation, tm_clone_workers > 0);
		tm_progress_add(1, 0);
	}
}

/*
 * What an unlogged relation starts with after a crash comes first: whoever
 * finds the main fork alone, such as a base backup, takes it for one that
 * lasts.
 */
static void
create_files(const CloneRelation *relation)
{
	SMgrRelation files = tm_smgropen(relation->clone_file);

	if (relation->relpersistence == RELPERSISTENCE_UNLOGGED)
		create_init_fork(relation, files);
	PG_TRY();
	{
		(void) RelationCreateStorage(relation->clone_file,
									 relation->relpersistence, true);
	}
	PG_CATCH();
	{
		/* nobody would remove it, as both are not registered yet */
		if (relation->relpersistence == RELPERSISTENCE_UNLOGGED)
			smgrdounlinkall(&files, 1, false);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* It must survive a crash.  An index gets its contents when it is built. */
static void
create_init_fork(const CloneRelation *relation, SMgrRelation files)
{
	smgrcreate(files, INIT_FORKNUM, false);
	log_smgrcreate(&relation->clone_file, INIT_FORKNUM);
	smgrimmedsync(files, INIT_FORKNUM);
}

/* The page of a sequence, as it is now. */
static void
read_sequence_page(const CloneRelation *relation, char *page)
{
	bool		permanent = relation->relpersistence == RELPERSISTENCE_PERMANENT;
	Buffer		buffer;

	buffer = ReadBufferWithoutRelcache(relation->source_file, MAIN_FORKNUM, 0,
									   RBM_NORMAL, NULL, permanent);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	memcpy(page, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
}

/*
 * A sequence is one page with one row.  Nobody is kept from calling nextval()
 * on the source meanwhile: the position that is read is at least that of all
 * rows that the clone will see, because rows are read with a snapshot taken
 * before.
 */
static void
write_sequence(const CloneRelation *relation)
{
	PGIOAlignedBlock page;

	read_sequence_page(relation, page.data);
	set_position(relation, page.data);
	if (relation->relpersistence == RELPERSISTENCE_UNLOGGED)
		tm_file_write_first(relation->clone_file, INIT_FORKNUM,
							RELPERSISTENCE_UNLOGGED, page.data, true);
	tm_file_write_first(relation->clone_file, MAIN_FORKNUM,
						relation->relpersistence, page.data, true);
}

static void
set_position(const CloneRelation *relation, Page page)
{
	HeapTupleHeader row;
	Form_pg_sequence_data data;

	row = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, FirstOffsetNumber));
	HeapTupleHeaderSetXmax(row, InvalidTransactionId);
	row->t_infomask &= ~HEAP_XMAX_BITS;
	row->t_infomask |= HEAP_XMAX_INVALID;

	data = (Form_pg_sequence_data) ((char *) row + row->t_hoff);
	if (!relation->with_rows)
	{
		data->last_value = sequence_start(relation->source);
		data->is_called = false;
	}
	/* the numbers that the source has logged ahead are not logged for us */
	data->log_cnt = 0;
}

static int64
sequence_start(Oid seqid)
{
	HeapTuple	tup = SearchSysCache1(SEQRELID, ObjectIdGetDatum(seqid));
	int64		start;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for sequence %u", seqid);
	start = ((Form_pg_sequence) GETSTRUCT(tup))->seqstart;
	ReleaseSysCache(tup);
	return start;
}

/* Is it known already that nothing but an empty btree will be in the file? */
static bool
stays_empty_btree(const CloneState *state, const CloneRelation *relation)
{
	return !state->request->with_data &&
		relation->relkind == RELKIND_INDEX &&
		relation->relam == BTREE_AM_OID &&
		relation->relpersistence == RELPERSISTENCE_PERMANENT;
}

/* A valid index without entries. */
static void
init_index(CloneState *state, const CloneRelation *index)
{
	if (index->relam == BTREE_AM_OID &&
		index->relpersistence == RELPERSISTENCE_PERMANENT)
		write_empty_btree(state, index);
	else
		build_index(state, index, false);
}

/*
 * The server builds an index as the owner of its table, as the relation cache
 * knows him.  Here that is the owner of the source's table: the clone's may be
 * another role, who has not seen the index's expressions yet (handover.c).
 */
static void
build_index(CloneState *state, const CloneRelation *index, bool parallel)
{
	Oid			heapid = tm_oidmap_translate(state->map, RelationRelationId,
											 index->heap);
	Relation	heapRel = table_open(heapid, AccessExclusiveLock);
	Relation	indexRel = index_open(index->clone, AccessExclusiveLock);
	Oid			owner = heapRel->rd_rel->relowner;
	Oid			evaluator = tm_handover_evaluator(index->heap);
	IndexInfo  *info;
	RunAs		before;

	/* the server does this for initial forks that are not there yet */
	if (index->relpersistence == RELPERSISTENCE_UNLOGGED)
		indexRel->rd_indam->ambuildempty(indexRel);

	tm_run_as_begin(&before, evaluator, state->namespace);
	info = BuildIndexInfo(indexRel);
	if (parallel && tm_index_builds_in_parallel(indexRel))
		info->ii_ParallelWorkers = plan_create_index_workers(heapid,
															 index->clone);
	heapRel->rd_rel->relowner = evaluator;
	index_build(heapRel, indexRel, info, false, false);
	heapRel->rd_rel->relowner = owner;
	tm_run_as_end(&before);

	index_close(indexRel, NoLock);
	table_close(heapRel, NoLock);
}

static void
write_empty_btree(CloneState *state, const CloneRelation *index)
{
	PGIOAlignedBlock page;

	_bt_initmetapage((Page) page.data, P_NONE, 0,
					 can_merge_duplicates(state, index));
	tm_file_write_first(index->clone_file, MAIN_FORKNUM,
						RELPERSISTENCE_PERMANENT, page.data, true);
}

/*
 * Can a btree index hold equal keys as one?  What _bt_allequalimage() says, for
 * an index that is not open.  That of the source is asked, for the rows of the
 * clone's may not be visible yet.  Those of TOAST tables, which are all alike, may
 * have been replaced since, for their tables are not locked.
 */
static bool
can_merge_duplicates(CloneState *state, const CloneRelation *index)
{
	HeapTuple	tup;
	Form_pg_index form;
	oidvector  *opclasses;
	oidvector  *collations;
	bool		result;

	if (tm_remap_relation(state, index->heap)->relkind == RELKIND_TOASTVALUE)
		return true;
	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index->source));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for index %u", index->source);
	form = (Form_pg_index) GETSTRUCT(tup);
	opclasses = (oidvector *) DatumGetPointer(index_attribute(tup, Anum_pg_index_indclass));
	collations = (oidvector *) DatumGetPointer(index_attribute(tup, Anum_pg_index_indcollation));

	/* columns that are merely included are not compared */
	result = form->indnatts == form->indnkeyatts;
	for (int i = 0; i < form->indnkeyatts && result; i++)
		result = equal_keys_look_equal(opclasses->values[i],
									   collations->values[i]);
	ReleaseSysCache(tup);
	return result;
}

static Datum
index_attribute(HeapTuple tup, AttrNumber attno)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(INDEXRELID, tup, attno, &isnull);

	Assert(!isnull);
	return value;
}

static bool
equal_keys_look_equal(Oid opclass, Oid collation)
{
	Oid			type = get_opclass_input_type(opclass);
	Oid			function = get_opfamily_proc(get_opclass_family(opclass),
											 type, type, BTEQUALIMAGE_PROC);

	return OidIsValid(function) &&
		DatumGetBool(OidFunctionCall1Coll(function, collation,
										  ObjectIdGetDatum(type)));
}
