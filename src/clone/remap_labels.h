/*
 * remap_labels.h
 *		OIDs for the labels of enum types.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REMAP_LABELS_H
#define TENANT_MGR_REMAP_LABELS_H

#include "clone/clone_state.h"

/* Give the labels of an enum type of the source the OIDs they will have. */
extern void tm_remap_assign_labels(CloneState *state, Oid typid);

#endif							/* TENANT_MGR_REMAP_LABELS_H */
