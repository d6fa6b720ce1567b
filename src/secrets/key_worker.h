/*
 * key_worker.h
 *		A worker that looks after keys when nobody uses them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_KEY_WORKER_H
#define TENANT_MGR_KEY_WORKER_H

/*
 * Ask for the worker, if the server is just loading the library and a key
 * ring is configured.
 */
extern void tm_key_worker_register(void);

#endif							/* TENANT_MGR_KEY_WORKER_H */
