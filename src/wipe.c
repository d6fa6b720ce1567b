/*
 * wipe.c
 *		Memory that others have copied plain text to.
 *
 * What we have allocated ourselves is wiped where it is freed.  Code that we
 * call makes copies, and frees them as they are.  It would be wrong to wipe
 * what has been freed, since it may be somebody else's by now; but it can be
 * asked for again and then be written over.
 *
 * A context of our own keeps what is freed in it until it is deleted.  What
 * libraries have given back to malloc() is found again as long as nobody else
 * has asked for that much memory; so this has to be done at once, and is a
 * precaution that nothing must depend on.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "crypto.h"
#include "wipe.h"

/*
 * All chunks but very large ones come from the first block, and a chunk of
 * that size has no room to spare.
 */
#define CONTEXT_SIZE	(64 * 1024)
#define CHUNK_SIZE		1000
#define CHUNK_SPACE		1056	/* with whatever goes with it */

/* More than are usually lying around of a size */
#define FREED_PIECES	256

MemoryContext
tm_wipe_context_create(void)
{
	return AllocSetContextCreate(CurrentMemoryContext,
								 "tenant_mgr plain text",
								 CONTEXT_SIZE, CONTEXT_SIZE, CONTEXT_SIZE);
}

/*
 * To reset the context leaves its first block as it is, to be handed out from
 * the beginning.
 */
void
tm_wipe_context_delete(MemoryContext context)
{
	int			i;

	MemoryContextReset(context);
	for (i = 0; i < CONTEXT_SIZE / CHUNK_SPACE; i++)
		(void) MemoryContextAllocExtended(context, CHUNK_SIZE,
										  MCXT_ALLOC_ZERO | MCXT_ALLOC_NO_OOM);
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
tm_wipe_freed(Size size)
{
	void	   *pieces[FREED_PIECES];
	int			i;

	if (size == 0)
		return;
	for (i = 0; i < FREED_PIECES; i++)
	{
		pieces[i] = malloc(size);
		if (pieces[i] != NULL)
			tm_crypto_wipe(pieces[i], size);
	}
	for (i = 0; i < FREED_PIECES; i++)
		free(pieces[i]);
}
