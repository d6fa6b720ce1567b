/*
 * migration_ledger.h
 *		Which tenant has which migrations: rows of tenant.applied_migration.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATION_LEDGER_H
#define TENANT_MGR_MIGRATION_LEDGER_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/uuid.h"

#include "tenants/tenant_follower.h"

typedef enum LedgerState
{
	LEDGER_PENDING,				/* never tried, there is no row */
	LEDGER_APPLIED,				/* the tenant has it */
	LEDGER_BASELINE,			/* the tenant is said to have it */
	LEDGER_FAILED,				/* tried, and nothing of it is there */
	LEDGER_PARTIAL				/* tried, some of its statements are committed */
} LedgerState;

/* What the ledger knows of a tenant and a migration */
typedef struct LedgerEntry
{
	LedgerState state;			/* has the tenant got it? */
	int64		run;			/* of the last attempt, 0 if none */
	int			statements_done;	/* with LEDGER_PARTIAL, how many */
	int			attempts;		/* how often it was tried */
	bool		failed;			/* had the last an error of its own? */
	char	   *fingerprint;	/* of the tenant afterwards, or NULL */
} LedgerEntry;

/* What came of an attempt */
typedef struct LedgerAttempt
{
	pg_uuid_t	tenant_id;		/* whose */
	const char *version;		/* which migration */
	int64		run;			/* the run that it belongs to, 0 if none */
	LedgerState state;			/* not LEDGER_PENDING */
	int			statements_done;	/* committed, with LEDGER_PARTIAL */
	int			attempts;		/* how many more there have been, mostly 1 */
	TimestampTz started_at;		/* when the attempt began; it ends now */
	int			sqlerrcode;		/* the error, or 0 */
	const char *message;		/* of the error, or NULL */
	const char *fingerprint;	/* of the tenant now, or NULL */
} LedgerAttempt;

/* A tenant that lacks migrations */
typedef struct PendingTenant
{
	pg_uuid_t	id;				/* the tenant */
	char		name[NAMEDATALEN];	/* present name of the tenant */
	char		schema_name[NAMEDATALEN];	/* of its schema */
	bool		is_template;	/* exists to be cloned */
	List	   *versions;		/* C strings shared by all, in their order */
} PendingTenant;

/* The last migration that a tenant has */
typedef struct LedgerLatest
{
	pg_uuid_t	tenant_id;		/* whose; hash key */
	char	   *version;		/* its version */
} LedgerLatest;

/* One that a tenant does not have because of an error */
typedef struct LedgerFailure
{
	pg_uuid_t	tenant_id;		/* whose */
	char	   *version;		/* its version */
	char	   *message;		/* of the error, or NULL */
	bool		partial;		/* a part of it is there */
} LedgerFailure;

/*
 * Accessors.  They need a transaction but no privilege; results are palloc'd.
 * They see what is committed now, or within this transaction.
 *
 * tm_ledger_pending() lists the tenants, templates first and then by name, that
 * lack any of the migrations up to to_version (NULL: any), in one scan of the
 * ledger.  Tenants in the trash do not count.
 */
extern LedgerEntry tm_ledger_lookup(const pg_uuid_t *tenant_id,
									const char *version);
extern bool tm_ledger_has(const pg_uuid_t *tenant_id, const char *version);
extern List *tm_ledger_pending(const char *to_version);

/*
 * The last migration of each tenant that has any, and a list of LedgerFailure
 * pointers unless that is NULL, in one scan.
 */
extern HTAB *tm_ledger_latest(List **failures);

/* What a tenant has, a list of C strings in the order of versions. */
extern List *tm_ledger_versions(const pg_uuid_t *tenant_id);

/*
 * Nobody else applies migrations to the tenant until the end of the
 * transaction.  To be taken before looking the tenant's entries up, and after
 * the lock on its name.
 */
extern void tm_ledger_lock(const pg_uuid_t *tenant_id);

/* Likewise, unless somebody else has that lock just now. */
extern bool tm_ledger_try_lock(const pg_uuid_t *tenant_id);

/*
 * Write what came of an attempt, within the present transaction: success in
 * that which applied it, failure in one of its own.  One row a tenant and
 * version: an attempt after another replaces it and counts up.  A command
 * counter increment has been done on return.
 */
extern void tm_ledger_record(const LedgerAttempt *attempt);

/* Who has a migration; palloc'd */
typedef struct LedgerHolder
{
	char	   *tenant;			/* its name */
	char	   *label;			/* of its snapshot that has it, or NULL */
} LedgerHolder;

/*
 * Does a tenant have the migration, or a part of it, in the trash or not, or a
 * snapshot?  And nobody has it any more.  Both read all entries.
 */
extern bool tm_ledger_who_has(const char *version, LedgerHolder *holder);
extern void tm_ledger_forget_version(const char *version);

/* What becomes of the entries with tenants and snapshots; for hooks.c. */
extern const TenantFollower tm_ledger_follower;

#endif							/* TENANT_MGR_MIGRATION_LEDGER_H */
