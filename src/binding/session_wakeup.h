/*
 * session_wakeup.h
 *		Sessions that are idle follow what has been committed.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SESSION_WAKEUP_H
#define TENANT_MGR_SESSION_WAKEUP_H

/* Register what is called when a transaction has committed. */
extern void tm_session_wakeup_init(void);

/*
 * Bring this session's binding in line with changes that the current
 * transaction has made to tenants, and see to it that idle sessions look at
 * theirs once it has committed.  To be called after the last change of a
 * name, a state or a schema; does a command counter increment.
 */
extern void tm_session_wakeup_at_commit(void);

/* The latter only, for changes that another transaction has prepared. */
extern void tm_session_wakeup_arm(void);

/* Have the other sessions of this database follow what has been committed. */
extern void tm_session_wakeup_now(void);

#endif							/* TENANT_MGR_SESSION_WAKEUP_H */
