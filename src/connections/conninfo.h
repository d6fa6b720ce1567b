/*
 * conninfo.h
 *		Connections as libpq wants them described.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CONNINFO_H
#define TENANT_MGR_CONNINFO_H

#include "connections/connection.h"
#include "lib/stringinfo.h"

/* A file that cannot be there */
#define TM_CONNINFO_NO_FILE		"/dev/null/none"

/* What stands for a password that is not shown */
#define TM_CONNINFO_REDACTED	"********"

/*
 * A connection string for libpq: the columns of the connection, the password
 * if it is not NULL, and then the options, without those that are NULL here;
 * palloc'd.  The caller wipes one with a password.
 */
extern char *tm_conninfo_build(const ConnectionInfo *connection,
							   const char *password);

/*
 * The same as a process of the server connects with it: under no identity but
 * the registry's.
 */
extern char *tm_conninfo_build_for_server(const ConnectionInfo *connection,
										  const char *password);

/* Add a keyword with its value, quoted if need be. */
extern void tm_conninfo_append(StringInfo conninfo, const char *keyword,
							   const char *value);

/* Is there such an option among those of the connection? */
extern bool tm_conninfo_has_option(const ConnectionInfo *connection,
								   const char *keyword);

/* Its value as text, palloc'd, or NULL. */
extern char *tm_conninfo_option(const ConnectionInfo *connection,
								const char *keyword);

#endif							/* TENANT_MGR_CONNINFO_H */
