/*
 * health_worker.h
 *		Background workers that look at connections.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_HEALTH_WORKER_H
#define TENANT_MGR_HEALTH_WORKER_H

#define TM_HEALTH_WORKER_MAIN	"tm_health_worker_main"
#define TM_HEALTH_LAUNCHER_MAIN "tm_health_launcher_main"

extern int	tm_health_workers;	/* databases looked at at a time */

/* Have the launcher started, if the server is just loading the library. */
extern void tm_health_launcher_register(void);

/* Entry points of the workers. */
extern PGDLLEXPORT void tm_health_launcher_main(Datum arg);
extern PGDLLEXPORT void tm_health_worker_main(Datum arg);

#endif							/* TENANT_MGR_HEALTH_WORKER_H */
