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
 * keeps what is freed in it until it is deleted.  While a library is called
 * that uses malloc(), that of the GNU C library writes over what is given back
 * to it, and afterwards we do so with the stack below us.  Elsewhere, and for
 * what a library frees when it is not us who call it, what has been freed is
 * found again as long as nobody else has asked for that much memory; so this
 * has to be done at once, and is a precaution that nothing must depend on.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "utils/memutils.h"

#include "base/compat.h"
#include "base/crypto.h"
#include "base/wipe.h"

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

/*
 * Whatever it is told, malloc() has some freed pieces of each small size at
 * hand as they are, 7 up to 1032 bytes or 16; so this is more than enough.
 */
#define PIECES_AT_HAND	32
#define MAX_AT_HAND		1200

/* More than libraries use of the stack */
#define STACK_BYTES		(64 * 1024)

static pg_noinline void wipe_stack(void);
static void *wipe_pieces(Size size, Size count, void *pieces);
static void free_pieces(void *pieces);

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

void
tm_wipe_freeing_begin(void)
{
#ifdef M_PERTURB
	(void) mallopt(M_PERTURB, 1);
#endif
}

void
tm_wipe_freeing_end(void)
{
#ifdef M_PERTURB
	Size		size;

	(void) mallopt(M_PERTURB, 0);
	for (size = MIN_PIECE; size <= MAX_AT_HAND; size += MIN_PIECE)
		free_pieces(wipe_pieces(size, PIECES_AT_HAND, NULL));
#endif
	wipe_stack();
}

/*
 * A piece that was joined with free memory before it is handed out from another
 * place on, and the rest as smaller ones.
 */
void
tm_wipe_freed(Size size)
{
	void	   *pieces = NULL;

	if (size == 0)
		return;
	for (size = Max(size, MIN_PIECE); size >= MIN_PIECE; size /= 2)
		pieces = wipe_pieces(size,
							 Min(FREED_PIECES, FREED_BYTES / size + 1),
							 pieces);
	free_pieces(pieces);
}

/*
 * What has been called had its variables there.  A signal that comes later may
 * put there what is still in a register of the processor; nothing helps against
 * that.
 */
static pg_noinline void
wipe_stack(void)
{
	char		unused[STACK_BYTES];

	tm_crypto_wipe(unused, sizeof(unused));
}

/* Each piece has the one before in it, the first one those of the list. */
static void *
wipe_pieces(Size size, Size count, void *pieces)
{
	Size		i;

	for (i = 0; i < count; i++)
	{
		void	   *piece = malloc(size);

		if (piece == NULL)
			break;
		tm_crypto_wipe(piece, size);
		*(void **) piece = pieces;
		pieces = piece;
	}
	return pieces;
}

static void
free_pieces(void *pieces)
{
	while (pieces != NULL)
	{
		void	   *piece = pieces;

		pieces = *(void **) piece;
		free(piece);
	}
}
