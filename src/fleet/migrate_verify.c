/*
 * migrate_verify.c
 *		Is a tenant afterwards what its template is?
 *
 * The ledger keeps the fingerprint that a template had when it had got a
 * migration.  A tenant that was made from it, and gets the same, must have the
 * same fingerprint then.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "fleet/migrate_verify.h"

static char *fingerprint_of(const TenantInfo *tenant);

char *
tm_migrate_verify(const TenantInfo *tenant, const char *version,
				  MigrateVerify verify)
{
	char	   *fingerprint;

	if (verify == MIGRATE_VERIFY_OFF)
		return NULL;
	fingerprint = fingerprint_of(tenant);
	if (fingerprint == NULL && verify == MIGRATE_VERIFY_REQUIRE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("tenants cannot be compared with their templates")));
	return fingerprint;
}

/* NULL where it cannot be told. */
static char *
fingerprint_of(const TenantInfo *tenant)
{
	return NULL;
}
