/*
 * key_cache.h
 *		Keys that this session has at hand; for data_key.c.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_KEY_CACHE_H
#define TENANT_MGR_KEY_CACHE_H

#include "secrets/data_key.h"

/* In place of a version: whichever seals */
#define TM_KEY_TO_SEAL	0

/* Keys for one use, and where they come from */
typedef struct KeyAtHand
{
	int32		version;		/* of the data key */
	CryptoKeys	keys;			/* derived from it */
} KeyAtHand;

/*
 * The table that data keys are in, as last told by the second function, or
 * InvalidOid.  From then on a change of the table makes all be forgotten.
 */
extern Oid	tm_key_cache_relid(void);
extern void tm_key_cache_watch(Oid relid);

/*
 * A number that moves whenever what has been read of the table may have
 * changed.  Processes pending invalidations first.
 */
extern uint64 tm_key_cache_generation(void);

/*
 * The keys for a use, from the data key of a version, or NULL.  Valid until
 * either function is called again.
 */
extern const KeyAtHand *tm_key_cache_recall(const KeyUse *use, int32 version);

/*
 * Memory for such keys, to be filled by the caller, who raises no error
 * before that.  They are not recalled if the generation has moved on from
 * as_of, or if it is no use that is remembered.
 */
extern KeyAtHand *tm_key_cache_place(const KeyUse *use, int32 version,
									 uint64 as_of);

#endif							/* TENANT_MGR_KEY_CACHE_H */
