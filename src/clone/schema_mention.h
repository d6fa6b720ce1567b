/*
 * schema_mention.h
 *		Texts that name a schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SCHEMA_MENTION_H
#define TENANT_MGR_SCHEMA_MENTION_H

#include "access/htup.h"
#include "clone/catalog_rules.h"
#include "catalog/objectaddress.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

/* What can be done about a text that names another schema; to be translated */
extern const char tm_mention_hint[];

/* A text of an object, and a schema that it names */
typedef struct SchemaMention
{
	ObjectAddress address;		/* the object */
	char		schema[NAMEDATALEN];	/* the schema */
	Oid			nspid;			/* the one that the object is in, where all
								 * schemas are looked through */
} SchemaMention;

/* Is the name one of those that are looked for? */
typedef bool (*MentionWanted) (const char *name, void *arg);

/*
 * Which of the wanted names stand in the texts of a row of a catalog?  A
 * palloc'd list of C strings, each name once.
 */
extern List *tm_mentions_in_row(Relation catalog, const CatalogRules *rules,
								HeapTuple row, MentionWanted wanted,
								void *arg);

/* Does the row name this schema? */
extern bool tm_row_mentions_schema(Relation catalog, const CatalogRules *rules,
								   HeapTuple row, const char *nspname);

/*
 * Which of the wanted names stand in the texts of the objects of a schema?  A
 * palloc'd list of SchemaMention pointers.
 */
extern List *tm_mentions_in_schema(Oid nspid, MentionWanted wanted, void *arg);

/*
 * The same for all schemas at once, by reading each catalog from one end to the
 * other.
 */
extern List *tm_mentions_everywhere(MentionWanted wanted, void *arg);

/*
 * A NOTICE for each object of the schema that names it by the name that it had
 * before.
 */
extern void tm_mention_tell(Oid nspid, const char *old_name,
							const char *new_name);

#endif							/* TENANT_MGR_SCHEMA_MENTION_H */
