/*
 * canonical_bytes.c
 *		Values as bytes that are the same everywhere.
 *
 * Digests are made of them, so they must not depend on the order of bytes in a
 * machine, nor on what comes before or after.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "port/pg_bswap.h"

#include "compare/canonical_bytes.h"

void
tm_canonical_bytes(StringInfo buf, const void *bytes, Size size)
{
	appendStringInfoChar(buf, 'b');
	tm_canonical_number(buf, size);
	appendBinaryStringInfo(buf, bytes, size);
}

/* In an order of bytes that is the same on all machines. */
void
tm_canonical_number(StringInfo buf, uint64 number)
{
	uint64		bytes = pg_hton64(number);

	appendBinaryStringInfo(buf, (const char *) &bytes, sizeof(bytes));
}

/* Most columns of a catalog are no more than that. */
void
tm_canonical_char(StringInfo buf, uint8 value)
{
	const char	bytes[] = {'c', (char) value};

	appendBinaryStringInfo(buf, bytes, sizeof(bytes));
}

void
tm_canonical_name(StringInfo buf, const ObjectName *name)
{
	appendBinaryStringInfo(buf, (const char *) name->bytes, TM_NAME_SIZE);
}

void
tm_canonical_digest(const StringInfoData *buf, uint8 digest[TM_DIGEST_SIZE])
{
	tm_crypto_digest(buf->data, buf->len, digest);
}
