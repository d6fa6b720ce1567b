/*
 * registry.h
 *		The tenants: rows of tenant.registry and a backend's memory of them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REGISTRY_H
#define TENANT_MGR_REGISTRY_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

typedef enum TenantState
{
	TENANT_ACTIVE,
	TENANT_SUSPENDED,
	TENANT_TRASHED
} TenantState;

/* One tenant, as the registry knows it */
typedef struct TenantInfo
{
	pg_uuid_t	id;				/* never reused, survives rename and dump */
	char		name[NAMEDATALEN];	/* as created, case kept */
	char		schema_name[NAMEDATALEN];	/* present name of its schema */
	TenantState state;			/* as stored; "missing" is nspid being 0 */
	bool		is_template;	/* exists to be cloned */
	bool		purging;		/* partly gone, cannot be restored */
	Oid			nspid;			/* the schema, InvalidOid when missing */
} TenantInfo;

#endif							/* TENANT_MGR_REGISTRY_H */
