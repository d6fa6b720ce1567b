/*
 * migrate_trial.h
 *		What a run that is rolled back tells.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_TRIAL_H
#define TENANT_MGR_MIGRATE_TRIAL_H

#include "fleet/migrate.h"
#include "tenants/registry.h"

/*
 * Tell the client how long a migration took and which tables are locked by
 * then; that it would fail; or that it, and what comes after it, was left out.
 */
extern void tm_migrate_trial_done(const TenantInfo *tenant,
								  const char *version,
								  TimestampTz started_at);
extern void tm_migrate_trial_failed(const MigrateFailure *failure);
extern void tm_migrate_trial_skipped(const char *version);

#endif							/* TENANT_MGR_MIGRATE_TRIAL_H */
