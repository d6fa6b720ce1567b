/*
 * registry_cache.h
 *		A backend's memory of tenants; for registry.c.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REGISTRY_CACHE_H
#define TENANT_MGR_REGISTRY_CACHE_H

#include "tenants/registry.h"

/* What is remembered of a tenant of this name, palloc'd, or NULL. */
extern TenantInfo *tm_registry_cache_recall(const char *name);

/* Remember a tenant, unless the generation has moved on from as_of. */
extern void tm_registry_cache_remember(const TenantInfo *tenant,
									   uint64 as_of);

#endif							/* TENANT_MGR_REGISTRY_CACHE_H */
