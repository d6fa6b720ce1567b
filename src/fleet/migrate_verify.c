/*
 * migrate_verify.c
 *		Is a tenant afterwards what its template is?
 *
 * The ledger keeps the fingerprint that a template had when it had got a
 * migration.  A tenant that is to be like it, and has got the same, must have the
 * same fingerprint then.  The present one of the template would not do: it may
 * have got more by now, or have been changed by hand.  It is looked at only if
 * nobody has looked when the template got the migration, and this is still the
 * last that the template has.
 *
 * A tenant without a template has nothing to be compared with, and passes.  One
 * whose template's fingerprint cannot be known any more passes unless the run
 * requires that it is the same.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "compare/kept_fingerprint.h"
#include "fleet/migrate_verify.h"
#include "fleet/migration_ledger.h"
#include "tenants/tenant_lock.h"

static const TenantInfo *template_of(const TenantInfo *tenant);
static char *expected_fingerprint(const TenantInfo *template,
								  const char *version);

char *
tm_migrate_verify(const TenantInfo *tenant, const char *version,
				  MigrateVerify verify, char **difference)
{
	const TenantInfo *template;
	char	   *fingerprint;
	char	   *expected;

	*difference = NULL;
	if (verify == MIGRATE_VERIFY_OFF)
		return NULL;
	fingerprint = tm_kept_fingerprint(tenant, false)->text;
	template = template_of(tenant);
	if (template == NULL)
		return fingerprint;

	expected = expected_fingerprint(template, version);
	if (expected == NULL && verify == MIGRATE_VERIFY_REQUIRE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the fingerprint of template \"%s\" with migration \"%s\" is not known, which tenant \"%s\" is to be compared with",
						template->name, version, tenant->name),
				 errhint("Use verify => 'report', and tenant.diff() to compare them as they are.")));
	if (expected == NULL || strcmp(expected, fingerprint) == 0)
		return fingerprint;

	*difference = psprintf(_("tenant \"%s\" differs from its template \"%s\" with migration \"%s\""),
						   tenant->name, template->name, version);
	if (verify == MIGRATE_VERIFY_REQUIRE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg_internal("%s", *difference),
				 errhint("Use tenant.diff() to see in what.")));
	return fingerprint;
}

/* NULL if it has none, or none any more. */
static const TenantInfo *
template_of(const TenantInfo *tenant)
{
	const TenantInfo *template = tenant->is_template ? NULL :
		tm_registry_template(tenant);

	return template != NULL && OidIsValid(template->nspid) ? template : NULL;
}

/* NULL if nobody can know it. */
static char *
expected_fingerprint(const TenantInfo *template, const char *version)
{
	LedgerEntry entry = tm_ledger_lookup(&template->id, version);
	List	   *versions;

	if (entry.fingerprint != NULL)
		return entry.fingerprint;
	versions = tm_ledger_versions(&template->id);
	if (versions == NIL || strcmp(llast(versions), version) != 0)
		return NULL;

	/* It may be dropped just now. */
	template = tm_tenant_lock_schema(template, AccessShareLock);
	if (template == NULL || !OidIsValid(template->nspid))
		return NULL;
	return tm_kept_fingerprint(template, false)->text;
}
