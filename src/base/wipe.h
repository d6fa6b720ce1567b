/*
 * wipe.h
 *		Memory that others have copied plain text to.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_WIPE_H
#define TENANT_MGR_WIPE_H

/*
 * A child of the current context, for calls that copy texts that they are
 * given, of up to that size; to be deleted by the other function, which raises
 * no error.
 */
extern MemoryContext tm_wipe_context_create(Size size);
extern void tm_wipe_context_delete(MemoryContext context);

/* Wipe and free an argument if it is a copy that was made when it was read. */
extern void tm_wipe_detoasted(Datum argument, struct varlena *value);

/*
 * What is freed by malloc()'s rules between the two is written over, with the
 * GNU C library.  They raise no error, and are not nested.
 */
extern void tm_wipe_freeing_begin(void);
extern void tm_wipe_freeing_end(void);

/* Write over what has just been freed of that size, as far as it is found. */
extern void tm_wipe_freed(Size size);

#endif							/* TENANT_MGR_WIPE_H */
