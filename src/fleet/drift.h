/*
 * drift.h
 *		Which tenants are not like their templates.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DRIFT_H
#define TENANT_MGR_DRIFT_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "tenants/registry.h"

/* A tenant that differs from its template, or of which that is not known */
typedef struct DriftingTenant
{
	const TenantInfo *tenant;	/* this one */
	const TenantInfo *template; /* and what it is to be like */
	const char *version;		/* its last migration, or NULL */
	bool		known;			/* the rest is so, as far as is kept */
	bool		was_known;		/* somebody has read its schema once */
	int			differences;	/* objects that differ, -1 if not known */
	TimestampTz since;			/* since when, or DT_NOBEGIN */
} DriftingTenant;

/*
 * By what is kept, of these tenants, TenantInfo pointers; those of others are not
 * left out.  Nothing is read that has to be read anew, nor locked.  The result is
 * a palloc'd list of DriftingTenant pointers.
 */
extern List *tm_drifting_tenants(List *tenants);

#endif							/* TENANT_MGR_DRIFT_H */
