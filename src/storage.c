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
 * An empty btree is a single page, and nearly all indexes are btrees.  Its
 * only property that depends on the column types, whether duplicates can be
 * merged, is taken from the source's page, so the index need not even be
 * opened.  Other access methods get an ordinary index build on the empty
 * table.
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
#include "catalog/pg_sequence.h"
#include "catalog/storage.h"
#include "catalog/storage_xlog.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/smgr.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "file_writer.h"
#include "guc.h"
#include "progress.h"
#include "storage.h"

static void create_files(const CloneRelation *relation);
static void create_init_fork(const CloneRelation *relation, SMgrRelation files);
static void read_first_page(const CloneRelation *relation, char *page);
static void write_first_page(const CloneRelation *relation, ForkNumber fork,
							 Page page, bool standard);
static void write_sequence(const CloneRelation *relation);
static void set_position(const CloneRelation *relation, Page page);
static int64 sequence_start(Oid seqid);
static void init_index(CloneState *state, const CloneRelation *index);
static void build_indexes(CloneState *state, bool of_toast);
static void build_index(CloneState *state, const CloneRelation *index,
						bool parallel);
static void write_empty_btree(const CloneRelation *index);

void
tm_storage_create_files(CloneState *state)
{
	tm_progress_phase(PROGRESS_CREATING_FILES, state->nrelations, 0);
	for (int i = 0; i < state->nrelations; i++)
	{
		const CloneRelation *relation = &state->relations[i];

		CHECK_FOR_INTERRUPTS();
		create_files(relation);
		if (relation->relkind == RELKIND_SEQUENCE)
			write_sequence(relation);
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
			state->relations[i].method == COPY_EMPTY)
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
		table = tm_relabel_relation(state, relation->heap);
		if ((table->relkind == RELKIND_TOASTVALUE) != of_toast)
			continue;
		build_index(state, relation, tm_clone_workers > 0);
		tm_progress_add(1, 0);
	}
}

static void
create_files(const CloneRelation *relation)
{
	SMgrRelation files;

	files = RelationCreateStorage(relation->clone_file,
								  relation->relpersistence, true);
	/* an index gets its initial fork when it is built */
	if (relation->relpersistence == RELPERSISTENCE_UNLOGGED &&
		relation->relkind != RELKIND_INDEX)
		create_init_fork(relation, files);
	smgrclose(files);
}

/* What an unlogged table starts with after a crash; it must survive one. */
static void
create_init_fork(const CloneRelation *relation, SMgrRelation files)
{
	smgrcreate(files, INIT_FORKNUM, false);
	log_smgrcreate(&relation->clone_file, INIT_FORKNUM);
	smgrimmedsync(files, INIT_FORKNUM);
}

/* The source's first page, as it is now. */
static void
read_first_page(const CloneRelation *relation, char *page)
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
 * The clone's first page, and so far its only one.  A clone has hundreds of
 * such files; in the buffer pool each would be extended by a page of zeros,
 * and written again by the next checkpoint.
 */
static void
write_first_page(const CloneRelation *relation, ForkNumber fork, Page page,
				 bool standard)
{
	RelFileLocator file = relation->clone_file;
	XLogRecPtr	start = tm_file_sync_start();
	SMgrRelation files;

	if ((relation->relpersistence == RELPERSISTENCE_PERMANENT &&
		 !tm_file_skips_wal(file)) ||
		fork == INIT_FORKNUM)
		log_newpage(&file, fork, 0, page, standard);
	PageSetChecksumInplace(page, 0);
	files = tm_smgropen(file);
	smgrextend(files, fork, 0, page, false);
	smgrclose(files);
	tm_file_sync_finish(file, fork, start);
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

	read_first_page(relation, page.data);
	set_position(relation, page.data);
	write_first_page(relation, MAIN_FORKNUM, page.data, true);
	if (relation->relpersistence == RELPERSISTENCE_UNLOGGED)
		write_first_page(relation, INIT_FORKNUM, page.data, true);
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

/* A valid index without entries. */
static void
init_index(CloneState *state, const CloneRelation *index)
{
	if (index->relam == BTREE_AM_OID &&
		index->relpersistence == RELPERSISTENCE_PERMANENT)
		write_empty_btree(index);
	else
		build_index(state, index, false);
}

static void
build_index(CloneState *state, const CloneRelation *index, bool parallel)
{
	Oid			heapid = tm_oidmap_translate(state->map, RelationRelationId,
											 index->heap);
	Relation	heapRel = table_open(heapid, AccessExclusiveLock);
	Relation	indexRel = index_open(index->clone, AccessExclusiveLock);

	index_build(heapRel, indexRel, BuildIndexInfo(indexRel), false, parallel);
	index_close(indexRel, NoLock);
	table_close(heapRel, NoLock);
}

static void
write_empty_btree(const CloneRelation *index)
{
	PGIOAlignedBlock page;
	BTMetaPageData *meta;
	bool		allequalimage;

	read_first_page(index, page.data);
	meta = BTPageGetMeta((Page) page.data);
	allequalimage = meta->btm_version > BTREE_NOVAC_VERSION &&
		meta->btm_allequalimage;

	_bt_initmetapage((Page) page.data, P_NONE, 0, allequalimage);
	write_first_page(index, MAIN_FORKNUM, page.data, true);
}
