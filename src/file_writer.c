/*
 * file_writer.c
 *		Pages of a new file, in bulk and past the buffer pool.
 *
 * Nobody else looks at the file before commit, so its pages need no buffers.
 * They are logged as full-page images, many in one WAL record, and written
 * straight to the file.  WAL need not be flushed first: should the server
 * crash before commit, nobody will ever read the file.  So the WAL writer is
 * woken to flush it meanwhile, as after a commit that does not wait; else a
 * sync of each segment of WAL would stop whoever filled it.
 *
 * The file must be on disk when the WAL that could rebuild it is recycled.
 * A checkpoint syncs what has been announced to it.  A segment is announced
 * with its last page, and also with the last page that a writer puts into it:
 * there may be other writers, and a checkpoint may fulfil the request of one
 * while another has not begun.  Only if a checkpoint has begun since the
 * first page was logged may it have come too early for some pages, and the
 * file has to be synced here and now.  (Pages in the buffer pool would not
 * have this problem, but would force WAL out as they get evicted.)
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/storage_xlog.h"
#include "miscadmin.h"
#include "storage/smgr.h"
#include "utils/memutils.h"

#include "file_writer.h"

/* What direct I/O would want; more than the server asks for otherwise */
#define PAGE_ALIGNMENT	4096

static void write_pages(FileWriter *writer, bool announce);
static void write_one(FileWriter *writer, SMgrRelation smgr,
					  BlockNumber block, Page page, bool announce);

FileWriter *
tm_file_writer_open(RelFileLocator file, ForkNumber fork, char relpersistence,
					bool standard)
{
	FileWriter *writer = palloc0(sizeof(FileWriter));
	SMgrRelation smgr = tm_smgropen(file);
	char	   *space;

	writer->file = file;
	writer->fork = fork;
	writer->wal = relpersistence == RELPERSISTENCE_PERMANENT &&
		!tm_file_skips_wal(file);
	writer->standard = standard;
	if (!smgrexists(smgr, fork))
	{
		smgrcreate(smgr, fork, false);
		if (writer->wal)
			log_smgrcreate(&file, fork);
	}
	writer->written = smgrnblocks(smgr, fork);

	space = palloc(FILE_WRITER_PAGES * BLCKSZ + PAGE_ALIGNMENT);
	space = (char *) TYPEALIGN(PAGE_ALIGNMENT, space);
	for (int i = 0; i < FILE_WRITER_PAGES; i++)
		writer->pages[i] = (Page) (space + i * BLCKSZ);
	return writer;
}

Page
tm_file_writer_next(FileWriter *writer, BlockNumber block)
{
	if (writer->npages == FILE_WRITER_PAGES)
		write_pages(writer, false);
	writer->blocks[writer->npages] = block;
	return writer->pages[writer->npages++];
}

void
tm_file_writer_close(FileWriter *writer)
{
	write_pages(writer, true);
	smgrclose(tm_smgropen(writer->file));
	/* the pages are gone with the caller's memory context */
	pfree(writer);
}

XLogRecPtr
tm_file_sync_start(void)
{
	return GetRedoRecPtr();
}

void
tm_file_sync_finish(RelFileLocator file, ForkNumber fork, XLogRecPtr start)
{
	SMgrRelation smgr;

	if (GetRedoRecPtr() == start)
		return;
	smgr = tm_smgropen(file);
	smgrimmedsync(smgr, fork);
	smgrclose(smgr);
}

/*
 * Log the pages that wait, then write them.  The last one of all announces
 * what came before it.
 *
 * The file is looked up each time: when the server resets its caches, which
 * can happen whenever a catalog is read between two batches, it also closes
 * all files, and PostgreSQL 15 then reuses what it knew them by for others.
 */
static void
write_pages(FileWriter *writer, bool announce)
{
	SMgrRelation smgr;

	if (writer->npages == 0)
		return;

	if (writer->wal)
	{
		log_newpages(&writer->file, writer->fork, writer->npages,
					 writer->blocks, writer->pages, writer->standard);
		XLogSetAsyncXactLSN(XactLastRecEnd);
	}
	smgr = tm_smgropen(writer->file);
	for (int i = 0; i < writer->npages; i++)
		write_one(writer, smgr, writer->blocks[i], writer->pages[i],
				  announce && i == writer->npages - 1);
	writer->npages = 0;
}

static void
write_one(FileWriter *writer, SMgrRelation smgr, BlockNumber block, Page page,
		  bool announce)
{
	bool		last = announce || block % RELSEG_SIZE == RELSEG_SIZE - 1;

	PageSetChecksumInplace(page, block);
	if (block < writer->written)
		smgrwrite(smgr, writer->fork, block, page, !last);
	else
	{
		smgrextend(smgr, writer->fork, block, page, !last);
		writer->written = block + 1;
	}
}
