/*
 * lifecycle.h
 *		What the functions that change tenants have in common.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_LIFECYCLE_H
#define TENANT_MGR_LIFECYCLE_H

#include "utils/jsonb.h"

extern char *tm_default_template;	/* what tenant.create() clones, or '' */

/*
 * Make a tenant of a schema of the current user's, which keeps its name; NULL
 * is the name that goes with that of the schema.  Returns the name, palloc'd.
 */
extern char *tm_lifecycle_adopt(const char *schema, const char *name,
								Jsonb *metadata, bool is_template);

#endif							/* TENANT_MGR_LIFECYCLE_H */
