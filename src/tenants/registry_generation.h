/*
 * registry_generation.h
 *		The number that says when what is known of tenants is out of date.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REGISTRY_GENERATION_H
#define TENANT_MGR_REGISTRY_GENERATION_H

/* Written by registry_generation.c only; 0 before anybody has asked. */
extern uint64 tm_registry_moves;

/* From now on we are told of changes. */
extern uint64 tm_registry_generation_begin(void);

/*
 * A number that moves whenever an answer given earlier may have become wrong:
 * the registry, a schema, a role or a membership has changed.  It moves only
 * while invalidation messages are processed, that is at the start of a
 * transaction and whenever a lock is taken.  Needs no transaction.
 */
static inline uint64
tm_registry_generation(void)
{
	return tm_registry_moves != 0 ? tm_registry_moves :
		tm_registry_generation_begin();
}

/* The registry as last told by the next function; InvalidOid by now, maybe. */
extern Oid	tm_registry_generation_relid(void);

/* From now on, a change of this table moves the number. */
extern void tm_registry_generation_watch(Oid relid);

#endif							/* TENANT_MGR_REGISTRY_GENERATION_H */
