/*
 * dblink.h
 *		Connections of the contrib module dblink, opened from here.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DBLINK_H
#define TENANT_MGR_DBLINK_H

#include "nodes/pg_list.h"

/*
 * All of these raise 55000 where the extension dblink is not installed.  They
 * act as the current user, for whom dblink has rules of its own, and do not
 * look for EXECUTE on its functions.
 *
 * A connection string with a secret must not have any of it among its first
 * 63 bytes, which dblink looks up as the name of a foreign server.  The
 * password is in it, or NULL; an error in which it occurs is not passed on.
 * Both are wiped, whatever happens.
 */
extern void tm_dblink_connect(const char *handle, char *conninfo,
							  char *password);
extern void tm_dblink_disconnect(const char *handle);

/* The names of all that are open in this session, palloc'd. */
extern List *tm_dblink_handles(void);

/*
 * Does the server at the other end answer?  Results of asynchronous queries
 * that nobody has fetched are lost.
 */
extern bool tm_dblink_ping(const char *handle);

#endif							/* TENANT_MGR_DBLINK_H */
