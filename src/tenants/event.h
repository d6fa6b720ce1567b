/*
 * event.h
 *		Who did what, and when: rows of tenant.event.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_EVENT_H
#define TENANT_MGR_EVENT_H

#include "tenants/registry.h"
#include "utils/jsonb.h"

extern int	tm_event_retention; /* seconds that events are kept, or 0 */

/*
 * Add a row that stays if the transaction commits, which must be one that may
 * write.  The tenant (its name as it was before), the object and the detail
 * may be NULL.  Nothing secret may be in any of them.  A command counter
 * increment has been done on return.
 */
extern void tm_event_record(const char *event, const TenantInfo *tenant,
							const char *object, Jsonb *detail);

/*
 * A detail of one or more keys with their values, all of them C strings, the
 * last followed by NULL; palloc'd.  A key whose value is NULL is left out;
 * without any key there is no detail, and the result is NULL.
 */
extern Jsonb *tm_event_detail(const char *key, const char *value,...);

/*
 * Delete some of the rows that are older than tenant_mgr.event_retention, as
 * many as a transaction should.  False when none are left.
 */
extern bool tm_event_purge(void);

/* Will the next event find its number taken, as after a second restore? */
extern bool tm_event_sequence_is_behind(void);

#endif							/* TENANT_MGR_EVENT_H */
