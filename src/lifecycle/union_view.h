/*
 * union_view.h
 *		Views of a table of all tenants.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_UNION_VIEW_H
#define TENANT_MGR_UNION_VIEW_H

#include "utils/uuid.h"

/*
 * Tenants have come, gone or changed their names: make the views anew, without
 * the tenant that is about to go, if one is given.  The registry says what
 * tenants there are.
 */
extern void tm_union_views_follow(const pg_uuid_t *leaving);

#endif							/* TENANT_MGR_UNION_VIEW_H */
