/*
 * doctor.c
 *		What is wrong with the tenants of this database.
 *
 * Each check looks at one way in which the registry, the catalogs and the
 * files can disagree, or in which a tenant may not be as separate as it
 * should be.  Nothing is changed, and nothing is locked: what is reported was
 * true when it was looked at.  Most of it takes time in proportion to the
 * number of tenants, their functions and the files of the database, so this
 * is nothing to be called every minute.
 *
 * An error keeps something from working, a warning may need attention.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "binding/assigned_role.h"
#include "binding/binding.h"
#include "binding/domain.h"
#include "binding/token.h"
#include "connections/assignment.h"
#include "connections/connection.h"
#include "doctor.h"
#include "orphan_files.h"
#include "secrets/key_check.h"
#include "tenants/persistent_schemas.h"
#include "tenants/registry.h"
#include "tenants/snapshot_registry.h"
#include "tenants/tenant_name.h"

static void check_domains(ReturnSetInfo *rsinfo);
static void check_assignments(ReturnSetInfo *rsinfo);
static char *uuid_text(const pg_uuid_t *id);
static void check_snapshots(ReturnSetInfo *rsinfo);
static void check_trash(ReturnSetInfo *rsinfo);
static void check_roles(ReturnSetInfo *rsinfo);
static void check_usage(ReturnSetInfo *rsinfo, const char *object, Oid roleid,
						const TenantInfo *tenant);
static void check_default_of_role(ReturnSetInfo *rsinfo, const char *object,
								  Oid roleid, const TenantInfo *tenant);
static void check_persistent_schemas(ReturnSetInfo *rsinfo);
static void check_tokens(ReturnSetInfo *rsinfo);
static void check_keys(ReturnSetInfo *rsinfo);
static void check_files(ReturnSetInfo *rsinfo);

PG_FUNCTION_INFO_V1(tenant_doctor);

/* doctor(): one row for each problem, none if all is well. */
Datum
tenant_doctor(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *tenants;

	InitMaterializedSRF(fcinfo, 0);
	tenants = tm_registry_list();
	tm_doctor_check_registry(rsinfo, tenants);
	tm_doctor_check_catalog(rsinfo, tenants);
	tm_doctor_check_fleet(rsinfo, tenants);
	check_trash(rsinfo);
	check_domains(rsinfo);
	check_assignments(rsinfo);
	check_snapshots(rsinfo);
	tm_doctor_check_hooks(rsinfo, tenants);
	check_roles(rsinfo);
	check_persistent_schemas(rsinfo);
	tm_doctor_check_installation(rsinfo);
	tm_doctor_check_settings(rsinfo);
	check_tokens(rsinfo);
	check_keys(rsinfo);
	check_files(rsinfo);

	return (Datum) 0;
}

/* Hosts that lead nowhere. */
static void
check_domains(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_domain_orphans())
		tm_doctor_report(rsinfo, DOCTOR_WARNING,
						 psprintf(_("host \"%s\""), (char *) lfirst(lc)),
						 _("the tenant that it belongs to does not exist"),
						 _("Use tenant.drop_domain() to remove it."));
}

/* Tenants that live nowhere, or nobody that lives somewhere. */
static void
check_assignments(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_assignment_orphans())
	{
		const AssignmentKey *key = lfirst(lc);
		TenantInfo *tenant = tm_registry_lookup_id(&key->tenant_id);
		ConnectionInfo *connection =
			tm_connection_lookup_id(&key->connection_id);
		char	   *object = _("assignment");

		if (tenant != NULL)
			object = psprintf(_("assignment of tenant \"%s\""), tenant->name);
		else if (connection != NULL)
			object = psprintf(_("assignment of connection \"%s\""),
							  connection->name);
		tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
						 connection == NULL ? _("its connection does not exist") :
						 _("its tenant does not exist"),
						 psprintf(_("Delete the row of tenant_id %s and connection_id %s from tenant.assignment."),
								  uuid_text(&key->tenant_id),
								  uuid_text(&key->connection_id)));
	}
}

static char *
uuid_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

/* Snapshots of nobody and of nothing. */
static void
check_snapshots(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_snapshot_list(NULL))
	{
		const SnapshotInfo *snapshot = lfirst(lc);
		const TenantInfo *tenant = tm_registry_lookup_id(&snapshot->tenant_id);
		char	   *label = tm_tenant_name_printable(snapshot->label);
		char	   *object;

		/* It may just have been dropped, with or without its tenant. */
		CHECK_FOR_INTERRUPTS();
		AcceptInvalidationMessages();
		snapshot = tm_snapshot_lookup_schema(snapshot->schema_name);
		if (snapshot == NULL)
			continue;
		if (tenant != NULL)
			object = psprintf(_("snapshot \"%s\" of tenant \"%s\""), label,
							  tenant->name);
		else
			object = psprintf(_("snapshot \"%s\""), label);

		if (tenant == NULL)
			tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
							 _("the tenant that it belongs to does not exist"),
							 _("Use CALL tenant.purge() to drop it."));
		else if (!OidIsValid(snapshot->nspid))
			tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
							 psprintf(_("schema \"%s\" does not exist"),
									  snapshot->schema_name),
							 _("Use tenant.drop_snapshot() to remove the record of it."));
		else if (snapshot->purging)
			tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
							 _("it is to be dropped, or partly dropped already"),
							 _("Use CALL tenant.purge() to complete that."));
	}
}

/* Tenants that nobody has purged. */
static void
check_trash(ReturnSetInfo *rsinfo)
{
	TimestampTz yesterday = GetCurrentTimestamp() - USECS_PER_DAY;
	int			ndue = list_length(tm_registry_due(yesterday));

	if (ndue > 0)
		tm_doctor_report(rsinfo, DOCTOR_WARNING, _("trash"),
						 psprintf(ngettext("%d tenant should have been purged a day ago or earlier",
										   "%d tenants should have been purged a day ago or earlier",
										   ndue), ndue),
						 _("Use CALL tenant.purge(), and have it called every day."));
}

/* Roles that were assigned to a tenant, and what has become of them. */
static void
check_roles(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_assigned_role_list())
	{
		const AssignedRole *assigned = lfirst(lc);
		char	   *object = psprintf(_("role \"%s\""), assigned->role);
		Oid			roleid = get_role_oid(assigned->role, true);
		TenantInfo *tenant = tm_registry_lookup_id(&assigned->tenant_id);

		if (!OidIsValid(roleid))
			tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
							 _("it is assigned to a tenant and does not exist"),
							 _("Use tenant.unassign_role(), and tenant.assign_role() if it was renamed."));
		else if (tenant == NULL)
			tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
							 _("the tenant that it is assigned to does not exist"),
							 _("Use tenant.unassign_role()."));
		else if (superuser_arg(roleid))
			tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
							 _("it is assigned to a tenant, and has become a superuser"),
							 _("A superuser can leave the tenant."));
		else
		{
			check_usage(rsinfo, object, roleid, tenant);
			check_default_of_role(rsinfo, object, roleid, tenant);
		}
	}
}

/* Without it nothing in the tenant can be named, nor the session be bound to it. */
static void
check_usage(ReturnSetInfo *rsinfo, const char *object, Oid roleid,
			const TenantInfo *tenant)
{
	if (!OidIsValid(tenant->nspid) || tenant->state == TENANT_TRASHED ||
		tm_schema_aclcheck(tenant->nspid, roleid, ACL_USAGE) == ACLCHECK_OK)
		return;
	tm_doctor_report(rsinfo, DOCTOR_ERROR, object,
					 psprintf(_("it is assigned to tenant \"%s\", and does not have USAGE on its schema"),
							  tenant->name),
					 psprintf(_("Use GRANT USAGE ON SCHEMA %s TO %s."),
							  quote_identifier(tenant->schema_name),
							  quote_identifier(GetUserNameFromId(roleid, false))));
}

/*
 * The setting that binds the role's sessions from their start can be reset,
 * and is not in the dump of a database alone.
 */
static void
check_default_of_role(ReturnSetInfo *rsinfo, const char *object, Oid roleid,
					  const TenantInfo *tenant)
{
	char	   *value = tm_assigned_role_default(roleid);

	if (value != NULL && strcmp(value, tenant->name) == 0)
		return;
	tm_doctor_report(rsinfo, DOCTOR_WARNING, object,
					 psprintf(_("it is assigned to tenant \"%s\", and %s is not set to that for it in this database"),
							  tenant->name, TM_TENANT_SETTING),
					 _("Use tenant.assign_role() again; until then its sessions are bound by their first statement, after the names in it have been looked up."));
}

/* Schemas that every tenant's search path names in vain. */
static void
check_persistent_schemas(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_setting_split_names(tm_persistent_schemas))
	{
		TenantInfo *tenant = tm_registry_lookup_schema(lfirst(lc));

		if (tenant != NULL)
			tm_doctor_report(rsinfo, DOCTOR_ERROR,
							 psprintf(_("schema \"%s\""), (char *) lfirst(lc)),
							 psprintf(_("it is a persistent schema, and that of tenant \"%s\""),
									  tenant->name),
							 _("Every tenant's sessions find it on their search path.  Change tenant_mgr.persistent_schemas."));
		else if (!OidIsValid(get_namespace_oid(lfirst(lc), true)))
			tm_doctor_report(rsinfo, DOCTOR_WARNING,
							 psprintf(_("schema \"%s\""), (char *) lfirst(lc)),
							 _("it is a persistent schema and does not exist"),
							 _("Create it, or change tenant_mgr.persistent_schemas."));
	}
}

/* Settings for tokens that do not go together. */
static void
check_tokens(ReturnSetInfo *rsinfo)
{
	if (tm_token_cannot_switch())
		tm_doctor_report(rsinfo, DOCTOR_ERROR,
						 _("setting \"tenant_mgr.switch_requires\""),
						 _("it requires a token, and there is no key to verify any"),
						 _("Set tenant_mgr.token_public_key."));
	if (tm_token_cannot_remember())
		tm_doctor_report(rsinfo, DOCTOR_WARNING,
						 _("setting \"tenant_mgr.token_public_key\""),
						 _("tokens for a single use are refused"),
						 _("Put tenant_mgr into shared_preload_libraries."));
}

/* Secrets that cannot be opened, or soon. */
static void
check_keys(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_key_check())
	{
		const KeyProblem *problem = lfirst(lc);

		tm_doctor_report(rsinfo, problem->is_error ? DOCTOR_ERROR : DOCTOR_WARNING,
						 problem->object, problem->problem, problem->hint);
	}
}

/* Space that nobody uses. */
static void
check_files(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, tm_orphan_files())
	{
		const OrphanFile *orphan = lfirst(lc);
		StringInfoData problem;

		initStringInfo(&problem);
		appendStringInfo(&problem,
						 ngettext("%d file of %llu bytes belongs to no relation",
								  "%d files of %llu bytes belong to no relation",
								  orphan->nfiles),
						 orphan->nfiles, (unsigned long long) orphan->nbytes);
		tm_doctor_report(rsinfo,
						 DOCTOR_WARNING,
						 psprintf(_("file \"%s\""), orphan->path), problem.data,
						 _("A crash leaves such files behind.  They can be removed while the server is stopped."));
	}
}
