/*
 * schema_reading.h
 *		Reading a schema without a trace.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_READING_H
#define TENANT_MGR_SCHEMA_READING_H

#include "guard/run_as.h"
#include "utils/palloc.h"
#include "utils/resowner.h"

/* What has to be put back */
typedef struct SchemaReading
{
	MemoryContext context;		/* the memory context, */
	ResourceOwner owner;		/* the resource owner */
	RunAs		before;			/* and whoever we were */
} SchemaReading;

/*
 * From here on the schema and its tables stay as they are, what is printed is
 * printed under tm_expression_settings(), and code of the schema would run as its
 * owner.  At the end nothing of that is left, nor any lock.  The memory context
 * stays the same, and what is allocated in it is kept.
 */
extern void tm_reading_begin(SchemaReading *reading, Oid nspid);
extern void tm_reading_end(const SchemaReading *reading);

#endif							/* TENANT_MGR_SCHEMA_READING_H */
