/*
 * schema_mention.h
 *		Functions and constants whose text names a schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_MENTION_H
#define TENANT_MGR_SCHEMA_MENTION_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "catalog_rules.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"

/*
 * Does the body of the function in this pg_proc row name the schema?  Bodies
 * that are kept as expression trees name nothing.
 */
extern bool tm_function_mentions_schema(HeapTuple proc, TupleDesc tupdesc,
										const char *nspname);

/*
 * Does a constant in an expression of this catalog row, a text as a rule, name
 * the schema?
 */
extern bool tm_constants_mention_schema(HeapTuple row, TupleDesc tupdesc,
										const CatalogRules *rules,
										const char *nspname);

/*
 * Which of these schemas does a function name?  The keys of the hash table are their
 * names, of NAMEDATALEN bytes; the result is a palloc'd list of C strings.
 */
extern List *tm_function_mentioned_schemas(HeapTuple proc, TupleDesc tupdesc,
										   HTAB *names);

#endif							/* TENANT_MGR_SCHEMA_MENTION_H */
