/*
 * migrate_options.h
 *		What tenant.migrate() is told, and by whom.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_OPTIONS_H
#define TENANT_MGR_MIGRATE_OPTIONS_H

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "fleet/migrate.h"

typedef struct MigrateOptions
{
	char	   *to_version;		/* the last that is applied, or NULL */
	bool		named;			/* have tenants been named? */
	List	   *tenants;		/* their names, C strings */
	int			jobs;			/* how many at a time */
	bool		jobs_given;		/* not by the setting */
	bool		stop_on_error;	/* a failure is the end */
	int			canary;			/* so many tenants first */
	bool		dry_run;		/* nothing is committed */
	MigrateVerify verify;		/* what of fingerprints */
} MigrateOptions;

/*
 * Raise an error unless the procedure may commit, the transaction may write and
 * the session is kept with no tenant.
 */
extern void tm_migrate_check_caller(FunctionCallInfo fcinfo);

/* The arguments, palloc'd; 22023 for what they cannot be. */
extern void tm_migrate_read_options(FunctionCallInfo fcinfo,
									MigrateOptions *options);

/* What those who do the work have to know of them; all but the number. */
extern void tm_migrate_fill_run(const MigrateOptions *options,
								MigrateRun *run);

/* They as JSON, for the row of the run; palloc'd. */
extern Jsonb *tm_migrate_options_to_jsonb(const MigrateOptions *options);

#endif							/* TENANT_MGR_MIGRATE_OPTIONS_H */
