/*
 * replication.h
 *		What publications and subscriptions have to do with a schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REPLICATION_H
#define TENANT_MGR_REPLICATION_H

#include "clone/closure.h"

/* Warn about publications of all tables: a schema of that name has got rows. */
extern void tm_replication_tell_clone(const char *schema);

/* Warn about publications that list what is in a schema, or the schema. */
extern void tm_replication_tell_loss(const Closure *closure,
									 const char *tenant);

/*
 * Raise an error with this message if a subscription writes to a table of the
 * schema.  To be called when those who use the tables have been waited for.
 */
extern void tm_replication_refuse_targets(const Closure *closure,
										  const char *message);

#endif							/* TENANT_MGR_REPLICATION_H */
