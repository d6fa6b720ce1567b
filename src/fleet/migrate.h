/*
 * migrate.h
 *		What a run over the fleet is about.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATE_H
#define TENANT_MGR_MIGRATE_H

/* More than a version can have, and as much as is kept of a message */
#define MIGRATE_VERSION_SIZE	256
#define MIGRATE_MESSAGE_SIZE	256

/* As many workers as a run can have */
#define MIGRATE_MAX_JOBS		64

/* What becomes of a tenant whose fingerprint is not its template's */
typedef enum MigrateVerify
{
	MIGRATE_VERIFY_OFF,			/* nobody looks */
	MIGRATE_VERIFY_REPORT,		/* it is kept in the ledger */
	MIGRATE_VERIFY_REQUIRE		/* the migration fails */
} MigrateVerify;

/* Plain data: it is handed to workers as it is. */
typedef struct MigrateRun
{
	int64		run;			/* its number, 0 for a trial */
	Oid			roleid;			/* who has called for it */
	MigrateVerify verify;
	bool		trial;			/* all of it, rolled back */
	bool		stop_on_error;	/* no more tenants after a failure */
	bool		synchronous;	/* wait for the disk with each tenant */
	int			lock_timeout;	/* ms that a lock is waited for, 0 for ever */
	int			retries;		/* how often a tenant is tried again */
	bool		bounded;		/* is the next one something? */
	char		to_version[MIGRATE_VERSION_SIZE];	/* the last that is
													 * applied */
} MigrateRun;

/* A failure that is told in the end; the others are in the ledger. */
typedef struct MigrateFailure
{
	int			sqlerrcode;		/* of the error */
	char		tenant[NAMEDATALEN];	/* whose */
	char		version[MIGRATE_VERSION_SIZE];	/* which migration */
	char		message[MIGRATE_MESSAGE_SIZE];	/* primary message */
} MigrateFailure;

/* Settings; defined in guc.c */
extern int	tm_migrate_jobs;
extern int	tm_migrate_lock_timeout;
extern int	tm_migrate_retries;
extern bool tm_migrate_synchronous_commit;

#endif							/* TENANT_MGR_MIGRATE_H */
