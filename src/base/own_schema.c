/*
 * own_schema.c
 *		The schema of the extension.
 *
 * Each statement of a bound session asks several times which one that is, and a
 * look into the catalog cache costs hundreds of instructions.  So the answer is
 * kept until any schema is made, renamed or dropped, by whomever, or such a change
 * is rolled back: each of these is announced for the row of the schema.  That there
 * is none is an answer like another.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "base/own_schema.h"
#include "base/tenant_mgr.h"

/* moved by the callback, from 1 when it is registered */
static uint64 moves = 0;

/* The answer, and what moves was before it was looked for */
static Oid	own_schema = InvalidOid;
static uint64 as_of = 0;

static void schema_changed(Datum arg, int cacheid, uint32 hashvalue);

Oid
tm_own_schema(void)
{
	uint64		before;
	Oid			found;

	if (as_of == moves && moves != 0)
		return own_schema;
	if (moves == 0)
	{
		CacheRegisterSyscacheCallback(NAMESPACEOID, schema_changed, (Datum) 0);
		moves = 1;
	}

	/* To look may process messages; then the answer is not kept. */
	before = moves;
	found = get_namespace_oid(TM_SCHEMA_NAME, true);
	own_schema = found;
	as_of = before;
	return found;
}

static void
schema_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	moves++;
}
