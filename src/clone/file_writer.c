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
 * The storage manager announces, and writes one page at a time.  All other
 * pages go to the file some together, which costs the system about half.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/storage_xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/proc.h"
#include "storage/smgr.h"
#include "utils/memutils.h"

#include "clone/file_writer.h"

/*
 * Pages that the system gets at a time.  For more it looks for memory in larger
 * pieces, which can take longer than the writing.
 */
#define PAGES_PER_WRITE	(32768 / BLCKSZ)

/* What direct I/O would want; more than the server asks for otherwise */
#define PAGE_ALIGNMENT	4096

static void write_pages(FileWriter *writer, bool announce);
static void hold_checkpoints(void);
static void release_checkpoints(void);
static void log_and_write(FileWriter *writer, bool announce);
static void mark_pages(FileWriter *writer);
static void write_announcing(FileWriter *writer, int page);
static int	run_length(const FileWriter *writer, int first, int end);
static void write_run(FileWriter *writer, int first, int count);
static void open_segment(FileWriter *writer, BlockNumber segment);
static void close_segment(FileWriter *writer);
static char *segment_path(const FileWriter *writer, BlockNumber segment);

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
	writer->fd = -1;
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
	close_segment(writer);
	smgrclose(tm_smgropen(writer->file));
	/* the pages are gone with the caller's memory context */
	pfree(writer);
}

void
tm_file_write_first(RelFileLocator file, ForkNumber fork, char relpersistence,
					Page page, bool standard)
{
	XLogRecPtr	start = tm_file_sync_start();
	SMgrRelation smgr = tm_smgropen(file);
	bool		wal = fork == INIT_FORKNUM ||
		(relpersistence == RELPERSISTENCE_PERMANENT && !tm_file_skips_wal(file));

	hold_checkpoints();
	PG_TRY();
	{
		if (wal)
			log_newpage(&file, fork, 0, page, standard);
		PageSetChecksumInplace(page, 0);
		smgrextend(smgr, fork, 0, page, false);
	}
	PG_FINALLY();
	{
		release_checkpoints();
	}
	PG_END_TRY();
	smgrclose(smgr);
	tm_file_sync_finish(file, fork, start);
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
 * Write the pages that wait; the last one of all announces.
 *
 * A checkpoint that begins between logging and writing must not be over before
 * they are written: a base backup that begins with it would have neither the
 * pages nor their WAL.
 */
static void
write_pages(FileWriter *writer, bool announce)
{
	if (writer->npages == 0)
		return;

	hold_checkpoints();
	PG_TRY();
	{
		log_and_write(writer, announce);
	}
	PG_FINALLY();
	{
		release_checkpoints();
	}
	PG_END_TRY();
	writer->npages = 0;
}

/* The end of a transaction releases them, but that of a savepoint does not. */
static void
hold_checkpoints(void)
{
	Assert((MyProc->delayChkptFlags & DELAY_CHKPT_START) == 0);
	MyProc->delayChkptFlags |= DELAY_CHKPT_START;
}

static void
release_checkpoints(void)
{
	MyProc->delayChkptFlags &= ~DELAY_CHKPT_START;
}

static void
log_and_write(FileWriter *writer, bool announce)
{
	int			i = 0;

	if (writer->wal)
	{
		log_newpages(&writer->file, writer->fork, writer->npages,
					 writer->blocks, writer->pages, writer->standard);
		XLogSetAsyncXactLSN(XactLastRecEnd);
	}
	else
		mark_pages(writer);
	for (int page = 0; page < writer->npages; page++)
		PageSetChecksumInplace(writer->pages[page], writer->blocks[page]);
	while (i < writer->npages)
	{
		int			count = run_length(writer, i,
									   writer->npages - (announce ? 1 : 0));

		if (count > 0)
			write_run(writer, i, count);
		else
			write_announcing(writer, i);
		i += Max(count, 1);
	}
}

/*
 * Pages that are not logged get the present position in WAL.  That of the
 * source's page may have been read half, for setting a hint bit changes it
 * without keeping readers out, and a position that WAL has not reached cannot
 * be flushed to.  In a GiST index no page may be older than its last split.
 */
static void
mark_pages(FileWriter *writer)
{
	XLogRecPtr	position = GetXLogInsertRecPtr();

	for (int i = 0; i < writer->npages; i++)
	{
		if (!PageIsNew(writer->pages[i]))
			PageSetLSN(writer->pages[i], position);
	}
}

/*
 * The file is looked up each time: when the server resets its caches, which
 * can happen whenever a catalog is read between two batches, it also closes
 * all files, and PostgreSQL 15 then reuses what it knew them by for others.
 */
static void
write_announcing(FileWriter *writer, int page)
{
	SMgrRelation smgr = tm_smgropen(writer->file);
	BlockNumber block = writer->blocks[page];

	if (block < writer->written)
		smgrwrite(smgr, writer->fork, block, writer->pages[page], false);
	else
	{
		smgrextend(smgr, writer->fork, block, writer->pages[page], false);
		writer->written = block + 1;
	}
}

/* How many pages from the first one on can be written together and silently? */
static int
run_length(const FileWriter *writer, int first, int end)
{
	int			i = first;

	while (i < end && i - first < PAGES_PER_WRITE &&
		   writer->blocks[i] % RELSEG_SIZE != RELSEG_SIZE - 1 &&
		   writer->blocks[i] == writer->blocks[first] + (i - first))
		i++;
	return i - first;
}

/* Write pages that follow each other, within a segment of the file. */
static void
write_run(FileWriter *writer, int first, int count)
{
	BlockNumber block = writer->blocks[first];
	int			size = count * BLCKSZ;
	ssize_t		nwritten;

	if (writer->fd < 0 || writer->segment != block / RELSEG_SIZE)
		open_segment(writer, block / RELSEG_SIZE);

	errno = 0;
	pgstat_report_wait_start(WAIT_EVENT_DATA_FILE_EXTEND);
	nwritten = pg_pwrite(writer->fd, writer->pages[first], size,
						 (off_t) (block % RELSEG_SIZE) * BLCKSZ);
	pgstat_report_wait_end();
	if (nwritten < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not extend file \"%s\": %m",
						segment_path(writer, writer->segment)),
				 errhint("Check free disk space.")));
	if (nwritten != size)
		ereport(ERROR,
				(errcode(ERRCODE_DISK_FULL),
				 errmsg("could not extend file \"%s\": wrote only %d of %d bytes at block %u",
						segment_path(writer, writer->segment),
						(int) nwritten, size, block),
				 errhint("Check free disk space.")));
	writer->written = Max(writer->written, block + count);
}

/* The descriptor is closed at the end of the transaction, whatever happens. */
static void
open_segment(FileWriter *writer, BlockNumber segment)
{
	char	   *path = segment_path(writer, segment);

	close_segment(writer);
	writer->fd = OpenTransientFile(path, O_RDWR | O_CREAT | PG_BINARY);
	if (writer->fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
	writer->segment = segment;
	pfree(path);
}

static void
close_segment(FileWriter *writer)
{
	if (writer->fd >= 0 && CloseTransientFile(writer->fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not close file \"%s\": %m",
						segment_path(writer, writer->segment))));
	writer->fd = -1;
}

static char *
segment_path(const FileWriter *writer, BlockNumber segment)
{
	char	   *path = tm_file_path(writer->file, writer->fork);

	return segment == 0 ? path : psprintf("%s.%u", path, segment);
}
