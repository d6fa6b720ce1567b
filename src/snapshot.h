/*
 * snapshot.h
 *		States of a tenant that one can go back to.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SNAPSHOT_H
#define TENANT_MGR_SNAPSHOT_H

#include "snapshot_registry.h"

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

/* What to say if objects outside the snapshot are in the way; palloc'd. */
extern char *tm_snapshot_refusal(const SnapshotInfo *snapshot);

#endif							/* TENANT_MGR_SNAPSHOT_H */
