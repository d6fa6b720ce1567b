/*
 * data_key.h
 *		The keys that secrets are sealed with: rows of tenant.data_key.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DATA_KEY_H
#define TENANT_MGR_DATA_KEY_H

#include "nodes/pg_list.h"
#include "utils/uuid.h"

/* What may be told about a data key */
typedef struct DataKeyInfo
{
	pg_uuid_t	scope;			/* id of the tenant, zeros for the database */
	int32		version;		/* number of the key in its scope */
	int32		root_version;	/* number of the root key that wraps it */
	bool		shredded;		/* only the record of it is left */
} DataKeyInfo;

/*
 * The key that seals new secrets of a scope, and its version; made, with an
 * error in a transaction that may not write, if there is none.  Until the end
 * of the transaction the scope cannot be shredded.
 *
 * The key that opens secrets: TM006 when there never was such a key or the
 * root key for it is missing, TM007 when it was shredded.
 *
 * Either is in guarded memory and valid until tm_data_key_release(), or until
 * the next one is asked for if an error comes first.
 */
extern const unsigned char *tm_data_key_to_seal(const pg_uuid_t *scope,
												int32 *version);
extern const unsigned char *tm_data_key_to_open(const pg_uuid_t *scope,
												int32 version);
extern void tm_data_key_release(void);

/* All of them, in no order; a palloc'd list of DataKeyInfo. */
extern List *tm_data_key_list(void);

/*
 * Wrap a key with the current root key, unless that has been done or there is
 * nothing left to wrap.  True if it was done now.
 */
extern bool tm_data_key_rewrap(const DataKeyInfo *info);

/*
 * Destroy the keys of a scope, or the record of them as well.  The caller has
 * checked every privilege.  Waits for transactions that have sealed secrets.
 */
extern void tm_data_key_shred(const pg_uuid_t *scope);
extern void tm_data_key_forget(const pg_uuid_t *scope);

#endif							/* TENANT_MGR_DATA_KEY_H */
