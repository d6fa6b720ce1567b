/*
 * snapshot_registry.h
 *		The snapshots of tenants: rows of tenant.snapshot_registry.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SNAPSHOT_REGISTRY_H
#define TENANT_MGR_SNAPSHOT_REGISTRY_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/uuid.h"

extern int	tm_snapshot_retention;	/* seconds that they are kept, or 0 */

/* One snapshot, as the table knows it */
typedef struct SnapshotInfo
{
	pg_uuid_t	tenant_id;		/* whose it is */
	char		label[NAMEDATALEN]; /* what its maker calls it */
	char		schema_name[NAMEDATALEN];	/* where it is */
	TimestampTz created_at;		/* when it was made */
	bool		purging;		/* partly gone, or to go */
	Oid			nspid;			/* the schema, InvalidOid when missing */
} SnapshotInfo;

/*
 * Accessors.  They need a transaction but no privilege; results are palloc'd.
 * Nothing is locked: whoever acts on a result holds the lock on the tenant's
 * name, or locks the schema and looks again.  NULL when there is none.
 */
extern SnapshotInfo *tm_snapshot_lookup(const pg_uuid_t *tenant_id,
										const char *label);
extern SnapshotInfo *tm_snapshot_lookup_schema(const char *schema);

/* Those of one tenant, or all; a palloc'd list of SnapshotInfo. */
extern List *tm_snapshot_list(const pg_uuid_t *tenant_id);

/*
 * Modifiers.  The caller has checked every privilege.  A command counter
 * increment has been done on return.
 */
extern void tm_snapshot_insert(const pg_uuid_t *tenant_id, const char *label,
							   const char *schema);
extern void tm_snapshot_rename_schema(const SnapshotInfo *snapshot,
									  const char *new_schema);
extern void tm_snapshot_begin_purge(const SnapshotInfo *snapshot);
extern void tm_snapshot_delete(const SnapshotInfo *snapshot);

/*
 * Is it time for the snapshot to go?  Because its tenant is gone, because it
 * is partly gone itself, or by its age.
 */
extern bool tm_snapshot_is_due(const SnapshotInfo *snapshot);

/* Raise 42501 unless the current user owns the snapshot's schema. */
extern void tm_snapshot_check_owner(const SnapshotInfo *snapshot);

/*
 * Lock the snapshot's schema and look again; NULL if it has been dropped or
 * renamed meanwhile.
 */
extern SnapshotInfo *tm_snapshot_lock(const SnapshotInfo *snapshot,
									  LOCKMODE lockmode);

#endif							/* TENANT_MGR_SNAPSHOT_REGISTRY_H */
