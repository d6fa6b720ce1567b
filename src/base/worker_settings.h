/*
 * worker_settings.h
 *		Settings of background workers that visit a database.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_WORKER_SETTINGS_H
#define TENANT_MGR_WORKER_SETTINGS_H

/* To be called once the worker is in its database. */
extern void tm_worker_settings_override(void);

#endif							/* TENANT_MGR_WORKER_SETTINGS_H */
