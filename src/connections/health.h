/*
 * health.h
 *		The health of connections, as all sessions know it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_HEALTH_H
#define TENANT_MGR_HEALTH_H

#include "utils/uuid.h"

#include "connections/connection.h"
#include "connections/health_record.h"

/* When it is a connection's turn */
typedef struct HealthTurn
{
	TimestampTz due;			/* not before; DT_NOEND if never */
	bool		suspect;		/* may it take long? */
} HealthTurn;

/* One connection, for lists */
typedef struct HealthEntry
{
	pg_uuid_t	id;				/* of the connection */
	HealthState state;			/* what is known of it */
	TimestampTz next_check;		/* when it will be looked at again */
} HealthEntry;

extern void tm_health_shmem_request(void);
extern void tm_health_shmem_startup(void);

/*
 * What is known of a connection of this database.  If nothing is, the result is
 * false and the state that of an unknown server; background workers, if there
 * are any, are told to look at it soon.  Costs little and needs no transaction.
 */
extern bool tm_health_get(const pg_uuid_t *id, HealthState *state);

/* The same for all connections of this database; palloc'd HealthEntry's. */
extern List *tm_health_list(void);

/*
 * Connections are changed by this transaction: look at them if it commits; or
 * have been by one that somebody else has prepared.
 */
extern void tm_health_announce(void);
extern void tm_health_announce_now(void);

/* Moves whenever the table of connections may have been changed by anybody. */
extern uint64 tm_health_table_generation(void);

/*
 * For whoever looks at connections.  Without shared memory, or if there is no
 * room, nothing is kept.
 *
 * tm_health_is_due() says whether the connection is due, or may be looked at
 * again only at a later time; tm_health_begin() that it is being looked at.
 * tm_health_add() adds what was found; false if it was not kept.  What is
 * known of a connection is forgotten when it has become another one.
 */
extern bool tm_health_is_due(const ConnectionInfo *connection,
							 TimestampTz now, HealthTurn *turn);
extern void tm_health_begin(const ConnectionInfo *connection);
extern bool tm_health_add(const ConnectionInfo *connection,
						  const HealthFinding *finding,
						  HealthStatus *before, HealthStatus *after,
						  TimestampTz *due);

/* Forget all connections of this database but these, or all of another one. */
extern void tm_health_keep_only(List *connections);
extern void tm_health_forget_database(Oid dbid);

#endif							/* TENANT_MGR_HEALTH_H */
