/*
 * purge_batch.h
 *		As many objects of a schema as one transaction can drop.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PURGE_BATCH_H
#define TENANT_MGR_PURGE_BATCH_H

#include "clone/closure.h"

/*
 * Drop members of a schema, which the caller has locked, until the budget of
 * locks is used up; at least one.  Objects outside that depend on any of them
 * are an error, of which the refusal is the message.
 */
extern void tm_purge_batch(const Closure *closure, int budget,
						   const char *refusal);

#endif							/* TENANT_MGR_PURGE_BATCH_H */
