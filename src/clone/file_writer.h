/*
 * file_writer.h
 *		Pages of a new file, in bulk and past the buffer pool.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FILE_WRITER_H
#define TENANT_MGR_FILE_WRITER_H

#include "access/xlogdefs.h"
#include "base/compat.h"
#include "storage/block.h"
#include "storage/bufpage.h"

/* Pages that are logged and written together */
#define FILE_WRITER_PAGES	32

typedef struct FileWriter
{
	RelFileLocator file;		/* what is written */
	ForkNumber	fork;
	bool		wal;			/* log the pages? */
	bool		standard;		/* do they have the standard layout? */
	BlockNumber written;		/* length that it has */
	BlockNumber segment;		/* number of the segment that is open */
	int			fd;				/* its descriptor, -1: none is open */
	int			npages;			/* pages that wait */
	BlockNumber blocks[FILE_WRITER_PAGES];	/* where they belong */
	Page		pages[FILE_WRITER_PAGES];	/* and what is in them */
} FileWriter;

/*
 * Write into a fork of a file that this transaction has created.  The fork is
 * created if it is not there.
 */
extern FileWriter *tm_file_writer_open(RelFileLocator file, ForkNumber fork,
									   char relpersistence, bool standard);

/* Where to put the next page; it becomes this block of the file. */
extern Page tm_file_writer_next(FileWriter *writer, BlockNumber block);

/* Write what is left and release everything. */
extern void tm_file_writer_close(FileWriter *writer);

/*
 * The first page of a fork that is there and empty, durable at once.  A clone
 * has hundreds of files of one page; in the buffer pool each would be extended
 * by a page of zeros, and written again by the next checkpoint.  What is
 * neither permanent nor an initial fork is not logged.
 */
extern void tm_file_write_first(RelFileLocator file, ForkNumber fork,
								char relpersistence, Page page,
								bool standard);

/*
 * Durability of files that were written past the buffer pool.  Remember the
 * start before the first page of a fork is written, and finish after the
 * last one is.
 */
extern XLogRecPtr tm_file_sync_start(void);
extern void tm_file_sync_finish(RelFileLocator file, ForkNumber fork,
								XLogRecPtr start);

#endif							/* TENANT_MGR_FILE_WRITER_H */
