/*
 * shmem.h
 *		Memory that all sessions share.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SHMEM_H
#define TENANT_MGR_SHMEM_H

/* Note whether the server is just loading the library at its start. */
extern void tm_shmem_init(void);

/* When the server asks how much each module needs, and when it is there */
extern void tm_shmem_request_all(void);
extern void tm_shmem_startup_all(void);

/* Is there any: is the library in shared_preload_libraries? */
extern bool tm_shmem_is_available(void);

#endif							/* TENANT_MGR_SHMEM_H */
