/*
 * wipe.c
 *		Memory that others have copied plain text to.
 *
 * What we have allocated ourselves is wiped where it is freed.  Code that we
 * call makes copies, and frees them as they are.  It would be wrong to wipe
 * what has been freed, since it may be somebody else's by now; but it can be
 * asked for again and then be written over.
 *
 * A context of our own, with a block that is large enough for everything,
 * keeps what is freed in it until it is deleted.  What libraries have given
 * back to malloc() is found again as long as nobody else has asked for that
 * much memory; so this has to be done at once, and is a precaution that nothing
 * must depend on.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "crypto.h"
#include "wipe.h"

/*
 * A chunk that is too large, compared with the block of a generation context,
 * gets a block of its own, which would go back to malloc() as it is.  A
 * sixteenth is never too large.
 */
#define SMALL_CHUNKS	(64 * 1024) /* room for all that is small */
#define COPIES			32		/* room for each byte of the text */
#define MAX_TEXT		(1024 * 1024)	/* beyond, we do not try */
#define CHUNK_SIZE		1000

/* More than are usually lying around of a size; fewer of a large one */
#define FREED_PIECES	256
#define FREED_BYTES		(8 * 1024 * 1024)
#define MIN_PIECE		sizeof(void *)

MemoryContext
tm_wipe_context_create(Size size)
{
	Size		block = SMALL_CHUNKS + COPIES * Min(size, MAX_TEXT);

	return GenerationContextCreate(CurrentMemoryContext,
								   "tenant_mgr plain text",
								   block, block, block);
}

/*
 * To reset the context leaves its first block as it is, to be handed out from
 * the beginning.  That it is full is seen when it gets another one.
 */
void
tm_wipe_context_delete(MemoryContext context)
{
	Size		block;

	MemoryContextReset(context);
	block = MemoryContextMemAllocated(context, false);
	while (MemoryContextMemAllocated(context, false) == block &&
		   MemoryContextAllocExtended(context, CHUNK_SIZE,
									  MCXT_ALLOC_ZERO | MCXT_ALLOC_NO_OOM))
		;
	MemoryContextDelete(context);
}

void
tm_wipe_detoasted(Datum argument, struct varlena *value)
{
	if (DatumGetPointer(argument) == (Pointer) value)
		return;
	tm_crypto_wipe(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	pfree(value);
}

/*
 * A piece that was joined with free memory before it is handed out from another
 * place on, and the rest as smaller ones.  Each piece has the one before in it.
 */
void
tm_wipe_freed(Size size)
{
	void	   *pieces = NULL;

	if (size == 0)
		return;
	for (size = Max(size, MIN_PIECE); size >= MIN_PIECE; size /= 2)
	{
		Size		i;

		for (i = 0; i < FREED_PIECES && i * size < FREED_BYTES; i++)
		{
			void	   *piece = malloc(size);

			if (piece == NULL)
				break;
			tm_crypto_wipe(piece, size);
			*(void **) piece = pieces;
			pieces = piece;
		}
	}
	while (pieces != NULL)
	{
		void	   *piece = pieces;

		pieces = *(void **) piece;
		free(piece);
	}
}
