/*
 * connection_host.h
 *		Where connections may lead to, and under which identity.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CONNECTION_HOST_H
#define TENANT_MGR_CONNECTION_HOST_H

#include "connections/connection.h"

extern char *tm_connection_hosts;	/* for all but superusers, or '' */
extern char *tm_certificate_directory;	/* of files that are named, or '' */

/* Raise 42501 unless who is no superuser may write a row with this host. */
extern void tm_connection_host_check(const char *host);

/*
 * Why nobody may use the connection, in a translated sentence without capital
 * and period, or NULL.
 */
extern const char *tm_connection_refusal(const ConnectionInfo *connection);

/* Is a login none that has not used the password of the registry? */
extern bool tm_connection_must_use_password(const ConnectionInfo *connection);

/*
 * The path of a file that an option names, palloc'd, or NULL if there is none
 * of that name for connections.
 */
extern char *tm_connection_file(const char *name);

#endif							/* TENANT_MGR_CONNECTION_HOST_H */
