/*
 * registry_generation.c
 *		The number that says when what is known of tenants is out of date.
 *
 * A change of the registry sends a relation cache invalidation for the table, from
 * registry.c or from the table's own trigger; that, and a change of any schema,
 * role or membership, moves the generation, and what is remembered from an earlier
 * one does not count.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/inval.h"
#include "utils/syscache.h"

#include "base/relation_news.h"
#include "tenants/registry_generation.h"

/* moved by the callbacks, from 1 when they are registered */
uint64		tm_registry_moves = 0;

/* The registry, InvalidOid if not known; forgotten by its callback */
static Oid	registry_relid = InvalidOid;

static void relation_changed(Oid relid);
static void syscache_callback(Datum arg, int cacheid, uint32 hashvalue);

uint64
tm_registry_generation_begin(void)
{
	tm_relation_news_to(relation_changed);
	CacheRegisterSyscacheCallback(NAMESPACEOID, syscache_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, syscache_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, syscache_callback,
								  (Datum) 0);
	tm_registry_moves = 1;
	return tm_registry_moves;
}

Oid
tm_registry_generation_relid(void)
{
	(void) tm_registry_generation();
	return registry_relid;
}

void
tm_registry_generation_watch(Oid relid)
{
	registry_relid = relid;
}

/* These two run at awkward moments and do no more than take a note. */
static void
relation_changed(Oid relid)
{
	if (relid == InvalidOid || relid == registry_relid)
	{
		registry_relid = InvalidOid;
		tm_registry_moves++;
	}
}

static void
syscache_callback(Datum arg, int cacheid, uint32 hashvalue)
{
	tm_registry_moves++;
}
