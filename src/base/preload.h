/*
 * preload.h
 *		Has the server loaded the library at its start?
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PRELOAD_H
#define TENANT_MGR_PRELOAD_H

/* Note whether it is doing so just now; for _PG_init. */
extern void tm_preload_note(void);

/* Is the library in shared_preload_libraries? */
extern bool tm_is_preloaded(void);

#endif							/* TENANT_MGR_PRELOAD_H */
