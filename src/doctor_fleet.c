/*
 * doctor_fleet.c
 *		Whether tenants have their migrations, and are like their templates.
 *
 * There are thousands of tenants, and what is wrong with one of them mostly is with
 * many: so there is one row for a migration or a template, and views have the rest.
 * Of fingerprints only what is kept is looked at; no schema is read.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/hsearch.h"

#include "base/own_table.h"
#include "base/uuid.h"
#include "doctor.h"
#include "fleet/drift.h"
#include "fleet/migration.h"
#include "fleet/migration_ledger.h"
#include "tenants/registry.h"

/* A migration, and for how many tenants something is to be said of it */
typedef struct MigrationCount
{
	const char *version;		/* the migration */
	int			ntenants;		/* of so many */
	const LedgerFailure *failure;	/* the first with a message, the first, or
									 * NULL */
	const TenantInfo *tenant;	/* whose that is */
} MigrationCount;

/* A template, and the tenants that are to be like it */
typedef struct TemplateCount
{
	const TenantInfo *template; /* the template */
	int			ndiffering;		/* so many differ, */
	int			nchanged;		/* or have changed since somebody looked */
} TemplateCount;

static void check_failures(ReturnSetInfo *rsinfo, List *tenants);
static void report_failure(ReturnSetInfo *rsinfo, const MigrationCount *count);
static void report_recording(ReturnSetInfo *rsinfo,
							 const MigrationCount *count);
static void check_pending(ReturnSetInfo *rsinfo);
static MigrationCount *count_migration(List **counts, const char *version);
static const TenantInfo *find_tenant(List *tenants, const pg_uuid_t *id);
static void check_drift(ReturnSetInfo *rsinfo, List *tenants);
static TemplateCount *count_template(List **counts,
									 const TenantInfo *template);
static void check_templates(ReturnSetInfo *rsinfo, List *tenants);

void
tm_doctor_check_fleet(ReturnSetInfo *rsinfo, List *tenants)
{
	/* The extension's objects may be older than the library. */
	if (!OidIsValid(tm_own_table_find("kept_fingerprint")))
		return;
	check_failures(rsinfo, tenants);
	check_pending(rsinfo);
	check_drift(rsinfo, tenants);
	check_templates(rsinfo, tenants);
}

/* Migrations that tenants have not got because of an error. */
static void
check_failures(ReturnSetInfo *rsinfo, List *tenants)
{
	List	   *failures = NIL;
	List	   *counts = NIL;
	ListCell   *lc;

	hash_destroy(tm_ledger_latest(&failures));
	foreach(lc, failures)
	{
		const LedgerFailure *failure = lfirst(lc);
		const TenantInfo *tenant = find_tenant(tenants, &failure->tenant_id);
		MigrationCount *count;

		CHECK_FOR_INTERRUPTS();
		if (tenant == NULL || tenant->state == TENANT_TRASHED)
			continue;
		count = count_migration(&counts, failure->version);
		count->ntenants++;
		if (count->failure == NULL ||
			(count->failure->message == NULL && failure->message != NULL))
		{
			count->failure = failure;
			count->tenant = tenant;
		}
	}
	foreach(lc, counts)
		report_failure(rsinfo, lfirst(lc));
}

static void
report_failure(ReturnSetInfo *rsinfo, const MigrationCount *count)
{
	const Migration *migration = tm_migration_lookup(count->version, true);
	const char *problem;
	const char *hint;

	if (migration != NULL && !migration->complete)
	{
		report_recording(rsinfo, count);
		return;
	}
	if (count->failure->message != NULL)
		problem = psprintf(ngettext("it has failed for %d tenant, \"%s\": %s",
									"it has failed for %d tenants, \"%s\" for one: %s",
									count->ntenants),
						   count->ntenants, count->tenant->name,
						   count->failure->message);
	else
		problem = psprintf(ngettext("%d tenant, \"%s\", has a part of its statements",
									"%d tenants, \"%s\" for one, have a part of its statements",
									count->ntenants),
						   count->ntenants, count->tenant->name);
	if (count->failure->message == NULL)
		hint = _("Use CALL tenant.migrate() to go on.");
	else if (count->failure->partial)
		hint = _("A part of its statements is committed.  Remove the cause, and use CALL tenant.migrate() to go on.");
	else
		hint = _("Remove the cause, and use CALL tenant.migrate() again; tenant.migration_status lists the tenants.");
	tm_doctor_report(rsinfo, DOCTOR_ERROR,
					 psprintf(_("migration \"%s\""), count->version),
					 problem, hint);
}

/* No run gives it to anybody until somebody says that it is all. */
static void
report_recording(ReturnSetInfo *rsinfo, const MigrationCount *count)
{
	tm_doctor_report(rsinfo, DOCTOR_WARNING,
					 psprintf(_("migration \"%s\""), count->version),
					 psprintf(ngettext("its recording has not been completed; %d tenant, \"%s\", has what is there",
									   "its recording has not been completed; %d tenants, \"%s\" for one, have what is there",
									   count->ntenants),
							  count->ntenants, count->tenant->name),
					 _("Unless a session is recording it, continue under the same version and use tenant.record_stop(), or discard what is there by tenant.drop_migration(); what the tenants have of it stays."));
}

/* Those that nobody has tried to give them come in the same list. */
static void
check_pending(ReturnSetInfo *rsinfo)
{
	List	   *counts = NIL;
	ListCell   *lc;

	foreach(lc, tm_ledger_pending(NULL))
	{
		const PendingTenant *pending = lfirst(lc);
		ListCell   *version;

		CHECK_FOR_INTERRUPTS();
		foreach(version, pending->versions)
			count_migration(&counts, lfirst(version))->ntenants++;
	}
	foreach(lc, counts)
	{
		const MigrationCount *count = lfirst(lc);

		tm_doctor_report(rsinfo, DOCTOR_WARNING,
						 psprintf(_("migration \"%s\""), count->version),
						 psprintf(ngettext("%d tenant does not have it",
										   "%d tenants do not have it",
										   count->ntenants), count->ntenants),
						 _("Use CALL tenant.migrate(); tenant.pending lists the tenants."));
	}
}

/* There are as many as there are migrations that somebody lacks. */
static MigrationCount *
count_migration(List **counts, const char *version)
{
	MigrationCount *count;
	ListCell   *lc;

	foreach(lc, *counts)
	{
		count = lfirst(lc);
		if (strcmp(count->version, version) == 0)
			return count;
	}
	count = palloc0(sizeof(MigrationCount));
	count->version = version;
	*counts = lappend(*counts, count);
	return count;
}

static const TenantInfo *
find_tenant(List *tenants, const pg_uuid_t *id)
{
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const TenantInfo *tenant = lfirst(lc);

		if (tm_uuid_equals(&tenant->id, id))
			return tenant;
	}
	return NULL;
}

/* Tenants that are not like their templates, as far as that is known. */
static void
check_drift(ReturnSetInfo *rsinfo, List *tenants)
{
	List	   *counts = NIL;
	ListCell   *lc;

	foreach(lc, tm_drifting_tenants(tenants))
	{
		const DriftingTenant *one = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (one->known)
			count_template(&counts, one->template)->ndiffering++;
		else if (one->was_known)
			count_template(&counts, one->template)->nchanged++;
	}
	foreach(lc, counts)
	{
		const TemplateCount *count = lfirst(lc);
		char	   *object = psprintf(_("template \"%s\""),
									  count->template->name);

		if (count->ndiffering > 0)
			tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
							 psprintf(ngettext("%d tenant differs from it",
											   "%d tenants differ from it",
											   count->ndiffering),
									  count->ndiffering),
							 _("The view tenant.drift lists them, tenant.diff() tells in what, and tenant.diff_sql() how to repair it."));
		if (count->nchanged > 0)
			tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
							 psprintf(ngettext("%d tenant has to be compared with it again, for one of both has changed",
											   "%d tenants have to be compared with it again, for they or it have changed",
											   count->nchanged),
									  count->nchanged),
							 _("SELECT from tenant.drift does that."));
	}
}

/* They come by template. */
static TemplateCount *
count_template(List **counts, const TenantInfo *template)
{
	TemplateCount *count;

	if (*counts != NIL)
	{
		count = llast(*counts);
		if (tm_uuid_equals(&count->template->id, &template->id))
			return count;
	}
	count = palloc0(sizeof(TemplateCount));
	count->template = template;
	*counts = lappend(*counts, count);
	return count;
}

/* Templates in the trash, whose tenants are like whatever they are. */
static void
check_templates(ReturnSetInfo *rsinfo, List *tenants)
{
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const TenantInfo *template = lfirst(lc);
		int			ntenants = 0;
		ListCell   *other;

		if (!template->is_template || template->state != TENANT_TRASHED)
			continue;
		foreach(other, tenants)
		{
			const TenantInfo *tenant = lfirst(other);

			if (tenant->has_template && tenant->state != TENANT_TRASHED &&
				tm_uuid_equals(&tenant->template_id, &template->id))
				ntenants++;
		}
		if (ntenants > 0)
			tm_doctor_report(rsinfo, DOCTOR_WARNING,
							 psprintf(_("template \"%s\""), template->name),
							 psprintf(ngettext("it is in the trash, and %d tenant is compared with nothing",
											   "it is in the trash, and %d tenants are compared with nothing",
											   ntenants), ntenants),
							 _("Use tenant.restore(), or tenant.assign_template() to say what they are to be like."));
	}
}
