/*
 * remap_statistics.h
 *		Which statistics of the source hold for a clone.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REMAP_STATISTICS_H
#define TENANT_MGR_REMAP_STATISTICS_H

#include "clone/clone_state.h"

/*
 * Do figures about the rows of a member, a relation or an extended statistics
 * object, hold for the clone at all?
 */
extern bool tm_statistics_travel(CloneState *state, Oid classid, Oid objid);

/* And does this row of pg_statistic, or of pg_statistic_ext_data? */
extern bool tm_statistics_row_travels(CloneState *state, Relation catalog,
									  HeapTuple row);

#endif							/* TENANT_MGR_REMAP_STATISTICS_H */
