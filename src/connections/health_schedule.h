/*
 * health_schedule.h
 *		Which databases have connections, and when to look at them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_HEALTH_SCHEDULE_H
#define TENANT_MGR_HEALTH_SCHEDULE_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

extern Size tm_health_schedule_shmem_size(void);
extern void tm_health_schedule_shmem_startup(void);

/*
 * Is this database looked at?  Have it looked at as soon as possible.  Both
 * without an error, and without effect where there is no shared memory.
 */
extern bool tm_health_schedule_has(Oid dbid);
extern void tm_health_schedule_announce(Oid dbid);

/*
 * For whoever looks at a database.  What begin returns is given back at the
 * end, with the time of the next round; DT_NOEND means not before something
 * changes, and forget that there are no connections.  Nothing of this has any
 * effect if the database was announced in between.
 */
extern uint64 tm_health_schedule_begin(Oid dbid);
extern void tm_health_schedule_end(Oid dbid, uint64 ticket,
								   TimestampTz next);
extern void tm_health_schedule_forget(Oid dbid, uint64 ticket);

/*
 * For the launcher, which is woken up by announcements: itself, or nobody;
 * have all looked at; of the databases that are due and not in the list of OIDs
 * the one that has waited longest, or InvalidOid and when one will be
 * (DT_NOEND: unknown); and begin with that one, which is not given out again
 * before then.
 */
extern void tm_health_schedule_set_launcher(struct Latch *latch);
extern void tm_health_schedule_announce_all(void);
extern Oid	tm_health_schedule_next(List *except, TimestampTz now,
									TimestampTz *when);
extern void tm_health_schedule_postpone(Oid dbid, TimestampTz until);

#endif							/* TENANT_MGR_HEALTH_SCHEDULE_H */
