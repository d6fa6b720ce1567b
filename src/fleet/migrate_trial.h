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
 * then; that it would fail, perhaps for want of what was left out before it; or
 * that a statement is left out.
 */
extern void tm_migrate_trial_done(const TenantInfo *tenant,
								  const char *version,
								  TimestampTz started_at);
extern void tm_migrate_trial_failed(const MigrateFailure *failure,
									bool left_out);
extern void tm_migrate_trial_left_out(const TenantInfo *tenant,
									  const char *version,
									  const char *statement);

#endif							/* TENANT_MGR_MIGRATE_TRIAL_H */
