/*
 * schema_reading.h
 *		Reading a schema without a trace.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_READING_H
#define TENANT_MGR_SCHEMA_READING_H

#include "nodes/pg_list.h"

/* What reads */
typedef void (*SchemaReader) (Oid nspid, void *arg);

/*
 * While it reads, the schema and its tables (or those that are in the list, if there
 * is anything in it) stay as they are, what is printed is
 * printed under tm_expression_settings(), and code of the schema would run as its
 * owner.  Afterwards nothing of that is left, nor any lock, also if it fails.  The
 * memory context stays the same, and what is allocated in it is kept.
 */
extern void tm_read_schema(Oid nspid, const List *objects, SchemaReader read,
						   void *arg);

#endif							/* TENANT_MGR_SCHEMA_READING_H */
