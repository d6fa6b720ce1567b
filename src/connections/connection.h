/*
 * connection.h
 *		Databases that tenants live in: rows of tenant.connection.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CONNECTION_H
#define TENANT_MGR_CONNECTION_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* One connection; the strings are in the database's encoding */
typedef struct ConnectionInfo
{
	pg_uuid_t	id;				/* never reused, survives rename and dump */
	char	   *name;			/* unique */
	char	   *type;			/* admin, shared, analytics, dedicated */
	char	   *region;			/* or NULL */
	char	   *host;			/* one host, address or directory of a socket */
	int32		port;
	char	   *database;
	char	   *username;
	bytea	   *password;		/* a value of tenant.secret, or NULL */
	char	   *ssl_mode;		/* as libpq's sslmode */
	int32		pool_min_size;	/* connections that a pooler keeps */
	int32		pool_max_size;	/* connections that may be open at a time */
	int32		pool_timeout;	/* seconds to wait for one of them */
	int32		pool_recycle;	/* age in seconds, or 0: for as long as it
								 * works */
	bool		pool_pre_ping;	/* look whether it works before it is used */
	char	   *role;			/* primary, replica */
	bool		is_replica;		/* of these two, the latter */
	int32		weight;			/* its share among others of that role */
	bool		is_active;		/* may be used */
	Jsonb	   *options;		/* further parameters of libpq, or NULL */
	bool		by_superuser;	/* where it leads to was said by one */
} ConnectionInfo;

/*
 * Accessors.  They need a transaction but no privilege; results are palloc'd
 * in the caller's context, all that they point to included.  Nothing is locked.
 * Without missing_ok, 42704 is raised when there is no connection of exactly
 * that name.
 */
extern ConnectionInfo *tm_connection_lookup(const char *name,
											bool missing_ok);
extern ConnectionInfo *tm_connection_lookup_id(const pg_uuid_t *id);

/* In the order of their names; a palloc'd list of ConnectionInfo. */
extern List *tm_connection_list(bool active_only);

/*
 * Modifiers.  The caller has checked every privilege.  What is written obeys
 * the constraints of the table (23514 or 23502 otherwise, 23505 when the name
 * is taken); a command counter increment has been done on return.
 *
 * tm_connection_lock() is a lookup that also waits for whoever is changing the
 * connection, and keeps everybody from changing it until the end of the
 * transaction.  An update writes the whole row but for the id.
 */
extern ConnectionInfo *tm_connection_lock(const char *name);
extern void tm_connection_insert(const ConnectionInfo *connection);
extern void tm_connection_update(const ConnectionInfo *connection);
extern void tm_connection_delete(const ConnectionInfo *connection);

/*
 * Seal a password, a text that must not be empty, for the connection of this
 * id; and open that of a connection, which has one, as a palloc'd C string that
 * the caller wipes with tm_connection_wipe().  The errors are those of
 * tenant.encrypt() and tenant.decrypt().
 */
extern bytea *tm_connection_seal_password(const pg_uuid_t *id,
										  Datum password);
extern char *tm_connection_open_password(const ConnectionInfo *connection);
extern void tm_connection_wipe(char *string);

/* May the current user see passwords?  Who has EXECUTE on tenant.password(). */
extern bool tm_connection_may_reveal(void);

#endif							/* TENANT_MGR_CONNECTION_H */
