/*
 * migration.h
 *		Migrations and their statements: rows of tenant.migration and
 *		tenant.migration_statement.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MIGRATION_H
#define TENANT_MGR_MIGRATION_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/lock.h"
#include "utils/uuid.h"

/* One migration, as the table knows it */
typedef struct Migration
{
	char	   *version;		/* its name, and by it its place */
	int64		position;		/* in which order they came, from 1 */
	char	   *description;	/* NULL without */
	char	   *checksum;		/* of what it does; NULL while being recorded */
	bool		transactional;	/* applied in one transaction? */
	bool		recorded;		/* rather than added as a text */
	bool		complete;		/* false while being recorded */
	bool		has_tenant;		/* is the next one something? */
	pg_uuid_t	tenant_id;		/* tenant that it was recorded with */
	TimestampTz created_at;		/* when it came */
	char	   *created_by;		/* from whom */
} Migration;

/* One statement of a migration */
typedef struct MigrationStatement
{
	int			ordinal;		/* its place, from 1 */
	char	   *text;			/* one statement of SQL */
	int			nparams;		/* how many of the next two there are */
	char	  **types;			/* of $1 and so on, as on a tenant's path */
	char	  **values;			/* as text, NULL where they are null */
	char	   *role;			/* recorded with, NULL for the owner */
	List	   *settings;		/* name=value; statement_settings.h */
} MigrationStatement;

/*
 * Accessors.  They need a transaction but no privilege, see what is committed
 * now, and lock nothing; results are palloc'd.
 *
 * tm_migration_lookup() raises 42704 without missing_ok, and knows migrations
 * that are being recorded.  tm_migration_list() does not: those that tenants
 * can get, in the order of their versions, up to and with to_version unless
 * that is NULL.
 */
extern Migration *tm_migration_lookup(const char *version, bool missing_ok);
extern List *tm_migration_list(const char *to_version);
extern List *tm_migration_statements(const char *version);

/* The ordinal of the last statement, 0 if there is none. */
extern int	tm_migration_last_ordinal(const char *version);

/* The versions in the order that counts, as strcmp() has them. */
extern int	tm_migration_compare(const char *a, const char *b);

/* May the current user write the table by SQL? */
extern bool tm_migration_may_write(void);

/* Raise 42602 unless a migration is called so, or a new one can be. */
extern void tm_migration_check_version(const char *version);

/*
 * Modifiers.  The caller has checked every privilege.  A command counter
 * increment has been done on return.
 *
 * tm_migration_lock() keeps everybody else from adding or removing migrations
 * until the end of the transaction; tm_migration_insert() takes it itself, and
 * fills in position, created_at and created_by.
 */
extern void tm_migration_lock(void);

/* Keeps them from that, too, and not others who ask for the same. */
extern void tm_migration_lock_shared(void);

/*
 * While a migration is given to tenants it is held, and to be dropped it must
 * not be.  Both last until the end of the transaction, and come before looking
 * it up.
 */
extern void tm_migration_hold(const char *version);
extern void tm_migration_lock_out(const char *version);

/*
 * Keep everybody else from recording it, or raise 55006 if somebody is at it.  The
 * lock is of the kind that outlives an error if it is for the session, as advisory
 * locks do, though not one that pg_advisory_lock() could take.
 */
extern LOCKTAG tm_migration_recording_tag(const char *version);
extern void tm_migration_hold_recording(const char *version, bool for_session);
extern void tm_migration_insert(Migration *migration);
extern void tm_migration_add_statement(const char *version,
									   const MigrationStatement *statement);
extern void tm_migration_set_transactional(const char *version,
										   bool transactional);
extern void tm_migration_set_complete(const char *version,
									  const char *checksum);
extern void tm_migration_delete(const char *version);

/* SHA-256 of statements with their parameters, in hexadecimal; palloc'd. */
extern char *tm_migration_checksum(List *statements, bool transactional);

#endif							/* TENANT_MGR_MIGRATION_H */
