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

#include "base/crypto.h"

/* What came of wrapping a key again */
typedef enum DataKeyRewrap
{
	REWRAP_DONE,
	REWRAP_NOT_NEEDED,
	REWRAP_IMPOSSIBLE			/* it cannot be opened */
} DataKeyRewrap;

/* What may be told about a data key */
typedef struct DataKeyInfo
{
	pg_uuid_t	scope;			/* id of the tenant, zeros for the database */
	int32		version;		/* number of the key in its scope */
	int32		root_version;	/* number of the root key that wraps it */
	unsigned char root_check[TM_CRYPTO_CHECK_BYTES];	/* what that one is
														 * known by */
	bool		shredded;		/* only the record of it is left */
} DataKeyInfo;

/*
 * Who can name the place that a secret is bound to.  Keys of different domains
 * are different, so no secret can be opened in another one.
 */
typedef enum KeyDomain
{
	KEY_FOR_SQL,				/* tenant.encrypt() and its like */
	KEY_FOR_EXTENSION,			/* only this extension, for itself */
	KEY_FOR_NAMESAKES			/* SQL, where the extension had a place of the
								 * same name once */
} KeyDomain;

/* What keys are used for; those of different uses are different */
typedef struct KeyUse
{
	KeyDomain	domain;			/* who can name it */
	pg_uuid_t	scope;			/* id of the tenant, zeros for the database */
	CryptoAlgorithm algorithm;	/* the cipher */
	const char *context;		/* what kind of secret it is */
	Size		context_size;	/* bytes of it */
} KeyUse;

/*
 * The keys that seal new secrets, and the version of the data key that they
 * come from; one is made, with an error in a transaction that may not write,
 * if there is none.  Until the end of the transaction the scope cannot be
 * shredded.
 *
 * The keys that open secrets: TM006 when there never was such a data key or
 * the root key for it is missing, TM007 when it was shredded.
 *
 * Either are valid until anything is locked, looked up or asked for again.
 */
extern const CryptoKeys *tm_data_key_to_seal(const KeyUse *use,
											 int32 *version);
extern const CryptoKeys *tm_data_key_to_open(const KeyUse *use,
											 int32 version);

/*
 * All of them, in no order; a palloc'd list of DataKeyInfo.  The second one
 * has also those of transactions that have not ended, prepared ones included,
 * and may have a key twice.
 */
extern List *tm_data_key_list(void);
extern List *tm_data_key_list_uncommitted(void);

/*
 * Wait until all transactions have ended that have made keys by now.  The
 * caller has not written the table in this transaction.
 */
extern void tm_data_key_await_makers(void);

/*
 * Can the key be opened?  It is not shredded, and its root key is in the ring.
 * True also if it has been removed meanwhile.
 */
extern bool tm_data_key_is_intact(const DataKeyInfo *info);

/*
 * Wrap a key with the current root key, unless that has been done or there is
 * nothing left to wrap.  If it cannot be opened, the problem says why, as a
 * sentence, or is NULL.
 */
extern DataKeyRewrap tm_data_key_rewrap(const DataKeyInfo *info,
										char **problem);

/*
 * Destroy the keys of a scope, or the record of them as well.  The caller has
 * checked every privilege.  Waits for transactions that have sealed secrets.
 */
extern void tm_data_key_shred(const pg_uuid_t *scope);
extern void tm_data_key_forget(const pg_uuid_t *scope);

#endif							/* TENANT_MGR_DATA_KEY_H */
