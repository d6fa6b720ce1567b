/*
 * migrate_verify.c
 *		Is a tenant afterwards what its template is?
 *
 * The ledger keeps the fingerprint that a template had when it had got a
 * migration.  A tenant that was made from it, and has got the same, must have the
 * same fingerprint then.  The present one of the template would not do: it may
 * have got more by now.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "compare/fingerprint.h"
#include "fleet/migrate_verify.h"
#include "fleet/migration_ledger.h"

static char *expected_fingerprint(const TenantInfo *tenant,
								  const char *version, TenantInfo **template);

char *
tm_migrate_verify(const TenantInfo *tenant, const char *version,
				  MigrateVerify verify)
{
	TenantInfo *template = NULL;
	char	   *fingerprint;
	char	   *expected;

	if (verify == MIGRATE_VERIFY_OFF)
		return NULL;
	fingerprint = tm_fingerprint_of_schema(tenant->nspid);
	if (verify != MIGRATE_VERIFY_REQUIRE || tenant->is_template)
		return fingerprint;
	expected = expected_fingerprint(tenant, version, &template);
	if (expected != NULL && strcmp(expected, fingerprint) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tenant \"%s\" differs from its template \"%s\" with migration \"%s\"",
						tenant->name, template->name, version),
				 errhint("Use tenant.diff() to see in what.")));
	return fingerprint;
}

/* NULL if there is no template, or nobody has looked at it then. */
static char *
expected_fingerprint(const TenantInfo *tenant, const char *version,
					 TenantInfo **template)
{
	char	   *name = tm_registry_cloned_from(tenant);
	LedgerEntry entry;

	if (name == NULL)
		return NULL;
	*template = tm_registry_lookup(name, true);
	if (*template == NULL || !(*template)->is_template)
		return NULL;
	entry = tm_ledger_lookup(&(*template)->id, version);
	return entry.fingerprint;
}
