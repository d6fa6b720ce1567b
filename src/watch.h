/*
 * watch.h
 *		Statements of bound sessions, and sessions that have to follow.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_WATCH_H
#define TENANT_MGR_WATCH_H

/* Install the hooks and callbacks. */
extern void tm_watch_init(void);

#endif							/* TENANT_MGR_WATCH_H */
