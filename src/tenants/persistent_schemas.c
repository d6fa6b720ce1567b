/*
 * persistent_schemas.c
 *		The schemas that are on the search path of every tenant.
 *
 * They belong to nobody, whatever else they are, and no tenant can be called
 * like one of them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "tenants/persistent_schemas.h"

/* the setting; written by the GUC machinery only */
char	   *tm_persistent_schemas = NULL;

/* written by tm_persistent_schemas_assign */
uint64		tm_persistent_schemas_generation = 0;

/* Bound sessions compare the number with the one their path was made for. */
void
tm_persistent_schemas_assign(const char *newval, void *extra)
{
	tm_persistent_schemas_generation++;
}
