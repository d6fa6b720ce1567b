/*
 * shmem.h
 *		Memory that all sessions share.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SHMEM_H
#define TENANT_MGR_SHMEM_H

/* When the server asks how much each module needs, and when it is there */
extern void tm_shmem_request_all(void);
extern void tm_shmem_startup_all(void);

#endif							/* TENANT_MGR_SHMEM_H */
