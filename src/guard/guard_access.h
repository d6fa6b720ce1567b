/*
 * guard_access.h
 *		What a bound session's utility statement creates, changes and drops.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_ACCESS_H
#define TENANT_MGR_GUARD_ACCESS_H

/*
 * Between these two everything that is looked up by schema, dropped or
 * truncated is judged at once, and what is created or changed is collected.
 * They nest.  The second one is called in any case, also after an error.
 */
extern void tm_guard_access_begin(void);
extern void tm_guard_access_end(void);

/*
 * Judge what was collected, and what it depends on, if this is the outermost
 * statement.  To be called before the end, unless there was an error.
 */
extern void tm_guard_access_check(void);

/* Is the object new with the outermost statement? */
extern bool tm_guard_access_created(Oid classid, Oid objid);

#endif							/* TENANT_MGR_GUARD_ACCESS_H */
