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
	char		bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (char) (number >> (56 - 8 * i));
	appendBinaryStringInfo(buf, bytes, sizeof(bytes));
}

void
tm_canonical_name(StringInfo buf, const ObjectName *name)
{
	appendBinaryStringInfo(buf, (const char *) name->bytes, TM_NAME_SIZE);
}
