/*
 * database_list.h
 *		The databases that background workers look at in turn.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DATABASE_LIST_H
#define TENANT_MGR_DATABASE_LIST_H

#include "nodes/pg_list.h"

/*
 * OIDs of the databases that one can be connected to and that are not there
 * to be copied, in the caller's context.  For a worker without a transaction;
 * has one of its own.
 */
extern List *tm_database_list(void);

#endif							/* TENANT_MGR_DATABASE_LIST_H */
