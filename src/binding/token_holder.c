/*
 * token_holder.c
 *		For whom used tokens are remembered, and who has most of them.
 *
 * Tokens are counted for tenants, and those of its tenants for a database.  The
 * question is always who has most: among the databases, or among the tenants of
 * one.  So the holders of a group are kept in lists of those that have the same
 * number, which a table finds by group and number.  A number changes by one, so
 * the next list is the one beside it, and so is the longest one that is left
 * when the last holder with most has lost one.
 *
 * Everything is in shared memory, below the lock of used_token.c.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"

#include "base/crypto.h"
#include "binding/token_holder.h"

/* Databases that are certain to find a place beside all tenants */
#define SPARE_HOLDERS	1024

/* The holders of a group that have the same number of tokens */
typedef struct Peers
{
	Oid			group;			/* hash key, with the next */
	uint32		ntokens;
	Holder	   *first;			/* never NULL */
} Peers;

/* in shared memory; written by tm_token_holder_shmem_startup() */
static HTAB *holders = NULL;
static HTAB *peers = NULL;
static uint32 *most_of_databases = NULL;
static Size max_holders = 0;

static uint32 *most_of(const Holder *holder);
static Holder *first_of(Oid group, uint32 ntokens);
static void join_peers(Holder *holder);
static void leave_peers(Holder *holder);

Size
tm_token_holder_shmem_size(Size ntokens)
{
	Size		size = MAXALIGN(sizeof(uint32));
	Size		nholders = add_size(ntokens, SPARE_HOLDERS);

	size = add_size(size, hash_estimate_size(nholders, sizeof(Holder)));
	return add_size(size, hash_estimate_size(nholders, sizeof(Peers)));
}

void
tm_token_holder_shmem_startup(Size ntokens)
{
	HASHCTL		ctl;
	bool		found;

	max_holders = ntokens + SPARE_HOLDERS;
	most_of_databases = ShmemInitStruct("tenant_mgr most used tokens",
										sizeof(uint32), &found);
	if (!found)
		*most_of_databases = 0;
	ctl.keysize = sizeof(HolderKey);
	ctl.entrysize = sizeof(Holder);
	holders = ShmemInitHash("tenant_mgr holders of used tokens", max_holders,
							max_holders, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	ctl.keysize = offsetof(Peers, first);
	ctl.entrysize = sizeof(Peers);
	peers = ShmemInitHash("tenant_mgr numbers of used tokens", max_holders,
						  max_holders, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
}

void
tm_token_holder_keys(const char *tenant, HolderKey *tenant_key,
					 HolderKey *database_key)
{
	unsigned char hash[TM_CRYPTO_HASH_BYTES];

	memset(tenant_key, 0, sizeof(*tenant_key));
	memset(database_key, 0, sizeof(*database_key));
	tm_crypto_hash(tenant, "", hash);
	tenant_key->group = MyDatabaseId;
	memcpy(tenant_key->id, hash, sizeof(tenant_key->id));
	database_key->group = InvalidOid;
	memcpy(database_key->id, &MyDatabaseId, sizeof(Oid));
}

Holder *
tm_token_holder_find(const HolderKey *key)
{
	return hash_search(holders, key, HASH_FIND, NULL);
}

bool
tm_token_holder_has_room(void)
{
	return hash_get_num_entries(holders) + 2 <= max_holders;
}

Holder *
tm_token_holder_count_up(const HolderKey *key)
{
	bool		found;
	Holder	   *holder = hash_search(holders, key, HASH_ENTER_NULL, &found);

	if (found)
		leave_peers(holder);
	else
	{
		memset(holder, 0, sizeof(Holder));
		holder->key = *key;
	}
	holder->ntokens++;
	join_peers(holder);
	return holder;
}

void
tm_token_holder_count_down(Holder *holder)
{
	leave_peers(holder);
	if (--holder->ntokens > 0)
		join_peers(holder);
	else
		hash_search(holders, &holder->key, HASH_REMOVE, NULL);
}

Holder *
tm_token_holder_richer(const HolderKey *tenant_key,
					   const HolderKey *database_key)
{
	Holder	   *database = tm_token_holder_find(database_key);
	Holder	   *tenant = tm_token_holder_find(tenant_key);
	uint32		of_database = database == NULL ? 0 : database->ntokens;
	uint32		of_tenant = tenant == NULL ? 0 : tenant->ntokens;

	/* One is left for the mark of what has gone. */
	if (*most_of_databases > of_database + 1)
	{
		Holder	   *richest = first_of(InvalidOid, *most_of_databases);
		Oid			group;

		memcpy(&group, richest->key.id, sizeof(Oid));
		if (richest->most > 1)
			return first_of(group, richest->most);
	}
	if (database != NULL && database->most > of_tenant + 1)
		return first_of(tenant_key->group, database->most);
	return NULL;
}

/*
 * Where it is kept how many tokens the richest of a holder's group has, or NULL
 * if the database of a tenant has no tokens, so far or any more.
 */
static uint32 *
most_of(const Holder *holder)
{
	HolderKey	key = {0};
	Holder	   *database;

	if (!OidIsValid(holder->key.group))
		return most_of_databases;
	memcpy(key.id, &holder->key.group, sizeof(Oid));
	database = tm_token_holder_find(&key);
	return database == NULL ? NULL : &database->most;
}

static Holder *
first_of(Oid group, uint32 ntokens)
{
	Peers		key = {group, ntokens, NULL};
	Peers	   *entry = hash_search(peers, &key, HASH_FIND, NULL);

	return entry == NULL ? NULL : entry->first;
}

static void
join_peers(Holder *holder)
{
	Peers		key = {holder->key.group, holder->ntokens, NULL};
	uint32	   *most = most_of(holder);
	bool		found;
	Peers	   *entry = hash_search(peers, &key, HASH_ENTER_NULL, &found);

	holder->prev = NULL;
	holder->next = found ? entry->first : NULL;
	if (found)
		entry->first->prev = holder;
	entry->first = holder;
	if (most != NULL && holder->ntokens > *most)
		*most = holder->ntokens;
}

/* If it was the last of the richest, it joins those with one less, or more. */
static void
leave_peers(Holder *holder)
{
	Peers		key = {holder->key.group, holder->ntokens, NULL};
	uint32	   *most = most_of(holder);
	Peers	   *entry = hash_search(peers, &key, HASH_FIND, NULL);

	if (holder->next != NULL)
		holder->next->prev = holder->prev;
	if (holder->prev != NULL)
		holder->prev->next = holder->next;
	else
		entry->first = holder->next;
	if (entry->first != NULL)
		return;
	hash_search(peers, &key, HASH_REMOVE, NULL);
	if (most != NULL && *most == holder->ntokens)
		(*most)--;
}
