/*
 * token_holder.h
 *		For whom used tokens are remembered, and who has most of them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TOKEN_HOLDER_H
#define TENANT_MGR_TOKEN_HOLDER_H

#include "datatype/timestamp.h"

struct UsedToken;

/* Whose tokens are counted; hashed as bytes, and there is no padding */
typedef struct HolderKey
{
	Oid			group;			/* database of a tenant, or InvalidOid */
	unsigned char id[12];		/* which tenant, or database */
} HolderKey;

/* A tenant of a database, or a database, that has tokens; in shared memory */
typedef struct Holder
{
	HolderKey	key;			/* hash key */
	uint32		ntokens;		/* so many; never 0 */
	uint32		most;			/* of a database: what its richest tenant has */
	struct Holder *prev;		/* others of the group that have as many */
	struct Holder *next;
	struct UsedToken *oldest;	/* of a tenant: first of its tokens, by use */
	struct UsedToken *newest;	/* and the last */
	struct UsedToken *mark;		/* stands for those that had to go, or NULL */
	TimestampTz since;			/* the last of these was issued then */
} Holder;

/* How much memory this takes for so many tokens, and what is done with it. */
extern Size tm_token_holder_shmem_size(Size ntokens);
extern void tm_token_holder_shmem_startup(Size ntokens);

/*
 * The rest is for whoever has the lock on used tokens, raises no error and
 * takes as long however many there are.
 */
extern void tm_token_holder_keys(const char *tenant, HolderKey *tenant_key,
								 HolderKey *database_key);

/* The holder, or NULL if it has no tokens. */
extern Holder *tm_token_holder_find(const HolderKey *key);

/* Is there room for two more? */
extern bool tm_token_holder_has_room(void);

/* One token more, which makes a holder, or less, which may end it. */
extern Holder *tm_token_holder_count_up(const HolderKey *key);
extern void tm_token_holder_count_down(Holder *holder);

/*
 * The tenant that has to give up a token so that this one can have one more, or
 * NULL if nobody has so many more than this one.
 */
extern Holder *tm_token_holder_richer(const HolderKey *tenant_key,
									  const HolderKey *database_key);

#endif							/* TENANT_MGR_TOKEN_HOLDER_H */
