/*
 * blockcopy.h
 *		Relation contents, block by block.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BLOCKCOPY_H
#define TENANT_MGR_BLOCKCOPY_H

#include "access/visibilitymapdefs.h"
#include "file_writer.h"
#include "relabel.h"
#include "storage/bufmgr.h"

/* Heap blocks that a byte of the visibility map stands for */
#define BLOCKS_PER_MAP_BYTE (BITS_PER_BYTE / BITS_PER_HEAPBLOCK)

/*
 * Decide for every relation with rows how they are copied.  In the share
 * mode, what is copied block by block is locked against writers already.
 */
extern void tm_blockcopy_choose(CloneState *state);

/* Copy the tables and indexes for which that was decided. */
extern void tm_blockcopy_relations(CloneState *state);

/* Copy blocks from first to before end as they are. */
extern void tm_blockcopy_verbatim(Relation source, ForkNumber fork,
								  BlockNumber first, BlockNumber end,
								  BufferAccessStrategy strategy,
								  FileWriter *writer);

#endif							/* TENANT_MGR_BLOCKCOPY_H */
