/*
 * shmem.h
 *		Memory that all sessions share.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SHMEM_H
#define TENANT_MGR_SHMEM_H

/* Ask for shared memory, if the server is just loading the library. */
extern void tm_shmem_init(void);

/* Is there any: is the library in shared_preload_libraries? */
extern bool tm_shmem_is_available(void);

#endif							/* TENANT_MGR_SHMEM_H */
