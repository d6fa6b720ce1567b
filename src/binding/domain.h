/*
 * domain.h
 *		Which tenant a host name belongs to.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DOMAIN_H
#define TENANT_MGR_DOMAIN_H

#include "nodes/pg_list.h"
#include "utils/uuid.h"

extern char *tm_base_domains;	/* hosts under these name a tenant */
extern char *tm_excluded_subdomains;	/* first labels that never do */

/*
 * Remove the hosts of a tenant that is gone for good.  The caller has checked
 * the privileges.
 */
extern void tm_domain_forget(const pg_uuid_t *id);

/* The hosts whose tenant is gone for good, a palloc'd list of C strings. */
extern List *tm_domain_orphans(void);

#endif							/* TENANT_MGR_DOMAIN_H */
