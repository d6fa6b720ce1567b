/*
 * canonical_bytes.h
 *		Values as bytes that are the same everywhere.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CANONICAL_BYTES_H
#define TENANT_MGR_CANONICAL_BYTES_H

#include "lib/stringinfo.h"

#include "base/crypto.h"

/* A digest, for which nobody finds other bytes */
#define TM_DIGEST_SIZE	TM_CRYPTO_HASH_BYTES

/* What stands for the name of an object: a digest of it */
#define TM_NAME_SIZE	16

typedef struct ObjectName
{
	uint8		bytes[TM_NAME_SIZE];
} ObjectName;

/* Append one value, so that what follows cannot be taken for a part of it. */
extern void tm_canonical_bytes(StringInfo buf, const void *bytes, Size size);
extern void tm_canonical_number(StringInfo buf, uint64 number);
extern void tm_canonical_char(StringInfo buf, uint8 value);
extern void tm_canonical_name(StringInfo buf, const ObjectName *name);

/* What stands for all that is in the buffer. */
extern void tm_canonical_digest(const StringInfoData *buf,
								uint8 digest[TM_DIGEST_SIZE]);

#endif							/* TENANT_MGR_CANONICAL_BYTES_H */
