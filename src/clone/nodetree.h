/*
 * nodetree.h
 *		OIDs inside stored expression trees.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_NODETREE_H
#define TENANT_MGR_NODETREE_H

#include "clone/oidmap.h"

/*
 * The tree with every OID of a cloned object replaced by the clone's; the
 * very same string when it holds none.  A new string is palloc'd.  NULL if there
 * is a node of a type that is not known here, in *unknown.
 */
extern char *tm_nodetree_map(const OidMap *map, char *tree, int *unknown);

#endif							/* TENANT_MGR_NODETREE_H */
