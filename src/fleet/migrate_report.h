/*
 * migrate_report.h
 *		What a run tells on its way.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_REPORT_H
#define TENANT_MGR_MIGRATE_REPORT_H

#include "fleet/migrate_queue.h"

/* What has been told already */
typedef struct MigrateReport
{
	TimestampTz started_at;		/* since when tenants are worked on */
	TimestampTz told_at;		/* when the client was told last */
	int			stage;			/* tenant.progress shows this one, */
	int			nended;			/* and so many tenants */
} MigrateReport;

extern void tm_migrate_report_begin(MigrateReport *report);

/* Show how far it is, and tell the client once a second. */
extern void tm_migrate_report(MigrateReport *report,
							  const QueueCounts *counts);

#endif							/* TENANT_MGR_MIGRATE_REPORT_H */
