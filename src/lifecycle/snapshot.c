/*
 * snapshot.c
 *		States of a tenant that one can go back to.
 *
 * A snapshot is a clone of the tenant's schema, rows and all, that is not a
 * tenant: no lookup of tenants finds it, nobody can be bound to it, and like a
 * schema in the trash it has no privileges but its owner's.  Nothing is left
 * out of it, whatever tenant_mgr.clone_exclude says.
 *
 * Going back to a snapshot clones it once more, so that one can go back as
 * often as one likes.  The tenant keeps its id, its name, its hosts and its
 * snapshots; the clone takes the name and the privileges of the schema, and
 * sessions that are bound to the tenant find themselves there with their next
 * statement.  The state that was given up goes to the trash as a tenant of
 * its own, from where it can be restored under another name.
 *
 * Locks: the tenant's name, its schema (ShareLock to be copied,
 * AccessExclusiveLock to be replaced), the snapshot's schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/progress.h"
#include "binding/binding.h"
#include "binding/ownership.h"
#include "binding/session_wakeup.h"
#include "clone/clone.h"
#include "clone/clone_lock.h"
#include "clone/closure.h"
#include "clone/outside_link.h"
#include "clone/replication.h"
#include "lifecycle/purge.h"
#include "lifecycle/schema_acl.h"
#include "lifecycle/schema_drop.h"
#include "lifecycle/tenant_hook.h"
#include "lifecycle/trash.h"
#include "lifecycle/union_view.h"
#include "tenants/event.h"
#include "tenants/registry.h"
#include "tenants/tenant_follower.h"
#include "tenants/tenant_lock.h"
#include "tenants/tenant_name.h"

static char *label_argument(FunctionCallInfo fcinfo, int argno);
static char *new_schema_name(void);
static SnapshotInfo *find_snapshot(const TenantInfo *tenant,
								   const char *label, LOCKMODE lockmode);
static void put_state_aside(const TenantInfo *tenant);
static void keep_out(const Closure *closure);
static Oid	copy_schema(Oid source, const char *target, Oid owner,
						bool aside);
static void keep_links(Oid source, const char *schema, Oid nspid);

PG_FUNCTION_INFO_V1(tenant_snapshot);
PG_FUNCTION_INFO_V1(tenant_rollback_to);
PG_FUNCTION_INFO_V1(tenant_drop_snapshot);

/* snapshot(name, label): remember the tenant as it is. */
Datum
tenant_snapshot(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *label = label_argument(fcinfo, 1);
	char	   *schema = new_schema_name();
	TenantInfo *tenant;
	Oid			nspid;

	tm_tenant_lock_begin("tenant.snapshot()");
	tm_clone_refuse_old_snapshot();
	tm_tenant_lock_check_create();
	tm_tenant_hook_before("before_snapshot", name,
						  tm_event_detail("label", label, NULL));
	tm_progress_begin(PROGRESS_SNAPSHOT, name);
	tenant = tm_ownership_lock_tenant(name, ShareLock, false);
	if (tm_snapshot_lookup(&tenant->id, label) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("snapshot \"%s\" of tenant \"%s\" already exists",
						tm_tenant_name_printable(label), tenant->name)));

	tm_tenant_follower->hold(&tenant->id);
	nspid = copy_schema(tenant->nspid, schema, InvalidOid, true);
	tm_schema_acl_update(nspid, schema, NULL);
	keep_links(tenant->nspid, schema, nspid);
	tm_snapshot_insert(&tenant->id, label, schema);
	tm_tenant_follower->keep(&tenant->id, label);
	tm_event_record("snapshot", tenant, label,
					tm_event_detail("schema", schema, NULL));
	tm_progress_end();
	tm_tenant_hook_run("after_snapshot", tenant,
					   tm_event_detail("label", label, NULL));

	PG_RETURN_TEXT_P(cstring_to_text(schema));
}

/* rollback_to(name, label): the tenant becomes what it was. */
Datum
tenant_rollback_to(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *label = label_argument(fcinfo, 1);
	TenantInfo *tenant;
	SnapshotInfo *snapshot;
	Oid			owner;
	Oid			nspid;
	Acl		   *acl;

	tm_tenant_lock_begin("tenant.rollback_to()");
	tm_clone_refuse_old_snapshot();
	tm_tenant_lock_check_create();
	tm_tenant_hook_before("before_rollback", name,
						  tm_event_detail("label", label, NULL));
	tm_progress_begin(PROGRESS_ROLLBACK, name);
	tenant = tm_ownership_lock_tenant(name, AccessExclusiveLock, false);
	snapshot = find_snapshot(tenant, label, ShareLock);
	if (snapshot->purging)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("snapshot \"%s\" of tenant \"%s\" is being purged",
						tm_tenant_name_printable(label), tenant->name),
				 errhint("Use CALL tenant.purge() to complete it.")));

	/* What comes back is the present owner's, who might be another role. */
	owner = tm_tenant_lock_schema_owner(tenant->nspid);
	if (owner != tm_tenant_lock_schema_owner(snapshot->nspid))
		tm_check_can_set_role(GetUserId(), owner);
	acl = tm_schema_acl(tenant->nspid);
	tm_union_views_follow(&tenant->id);
	put_state_aside(tenant);
	nspid = copy_schema(snapshot->nspid, tenant->schema_name, owner, false);
	tm_schema_acl_update(nspid, tenant->schema_name, acl);
	tm_outside_links_restore(snapshot->schema_name, nspid);
	tm_tenant_follower->copy_snapshot(&tenant->id, label, &tenant->id);
	tm_event_record("rollback", tenant, label, NULL);
	tm_progress_end();
	tm_session_wakeup_at_commit();
	tm_union_views_follow(NULL);
	tm_tenant_hook_run("after_rollback", tm_registry_lookup_id(&tenant->id),
					   tm_event_detail("label", label, NULL));

	PG_RETURN_VOID();
}

/* drop_snapshot(name, label): there is no going back to it any more. */
Datum
tenant_drop_snapshot(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *label = label_argument(fcinfo, 1);
	TenantInfo *tenant;
	SnapshotInfo *snapshot;

	tm_tenant_lock_begin("tenant.drop_snapshot()");
	tenant = tm_ownership_lock_tenant(name, NoLock, false);
	snapshot = find_snapshot(tenant, label, AccessExclusiveLock);

	if (!OidIsValid(snapshot->nspid))
		tm_purge_forget_snapshot(snapshot);
	else if (!tm_purge_snapshot_at_once(snapshot))
	{
		tm_snapshot_begin_purge(snapshot);
		ereport(NOTICE,
				(errmsg("snapshot \"%s\" of tenant \"%s\" is too large to be dropped in one transaction",
						tm_tenant_name_printable(label), tenant->name),
				 errhint("Use CALL tenant.purge() to drop it.")));
	}
	tm_event_record("drop_snapshot", tenant, label, NULL);

	PG_RETURN_VOID();
}

static char *
label_argument(FunctionCallInfo fcinfo, int argno)
{
	char	   *label = text_to_cstring(PG_GETARG_TEXT_PP(argno));

	if (label[0] == '\0' || strlen(label) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid snapshot label: \"%s\"",
						tm_tenant_name_printable(label)),
				 errdetail("A label has at least 1 and at most %d bytes.",
						   NAMEDATALEN - 1)));
	return label;
}

static char *
new_schema_name(void)
{
	pg_uuid_t  *id = DatumGetUUIDP(OidFunctionCall0(F_GEN_RANDOM_UUID));
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, TM_SNAPSHOT_PREFIX);
	for (int i = 0; i < UUID_LEN; i++)
		appendStringInfo(&buf, "%02x", id->data[i]);
	return buf.data;
}

/*
 * The snapshot of that label, its schema locked and found to be the current
 * user's.  With AccessExclusiveLock one that has lost its schema will do: it
 * can still be dropped.
 */
static SnapshotInfo *
find_snapshot(const TenantInfo *tenant, const char *label, LOCKMODE lockmode)
{
	SnapshotInfo *snapshot = tm_snapshot_lookup(&tenant->id, label);

	if (snapshot != NULL && OidIsValid(snapshot->nspid))
	{
		tm_snapshot_check_owner(snapshot);
		snapshot = tm_snapshot_lock(snapshot, lockmode);
		if (snapshot != NULL)
			tm_snapshot_check_owner(snapshot);
	}
	if (snapshot == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("snapshot \"%s\" of tenant \"%s\" does not exist",
						tm_tenant_name_printable(label), tenant->name)));
	if (!OidIsValid(snapshot->nspid) && lockmode != AccessExclusiveLock)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" of snapshot \"%s\" does not exist",
						snapshot->schema_name,
						tm_tenant_name_printable(label))));
	return snapshot;
}

/*
 * The present state goes to the trash, once nobody uses it any more.  What
 * depends on it from outside would go along, without anybody having asked for
 * that, and is refused as it is when a tenant is dropped.
 */
static void
put_state_aside(const TenantInfo *tenant)
{
	Closure    *closure = tm_closure_of_schema(tenant->nspid, NULL);
	char	   *message;

	tm_schema_drop_wait_for_users(closure);
	keep_out(closure);

	/* Those who were waited for may have added some. */
	closure = tm_closure_of_schema(tenant->nspid, NULL);
	message = psprintf(_("cannot roll back tenant \"%s\" because objects outside its schema depend on it"),
					   tenant->name);
	tm_schema_drop_report(message, closure, ERROR);
	message = psprintf(_("cannot roll back tenant \"%s\" because it is replicated to"),
					   tenant->name);
	tm_replication_refuse_targets(closure, message);
	tm_replication_tell_loss(closure, tenant->name);
	tm_trash_move(tenant, true);
}

/*
 * Whoever is not bound to the tenant comes without a lock on the schema.  What
 * such sessions write before all is done would be lost; they are made to wait,
 * and then look at the names again.
 */
static void
keep_out(const Closure *closure)
{
	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		CHECK_FOR_INTERRUPTS();
		if (member->classid == RelationRelationId &&
			member->owner_seed == member->objid)
			LockRelationOid(member->objid, AccessExclusiveLock);
	}
}

/*
 * All of it; the owner takes the place of the source's, if it is another.  Texts that
 * name the tenant's schema stay as they are: they are right again when they come back.
 */
static Oid
copy_schema(Oid source, const char *target, Oid owner, bool aside)
{
	CloneRequest request = {0};

	request.source = source;
	request.target = target;
	request.owner = owner;
	request.with_data = true;
	request.retarget = CLONE_RETARGET_OFF;
	request.aside = aside && tm_outside_links_known();
	return tm_clone_schema(&request);
}

/* A snapshot has no part in life, but remembers what ties the tenant to it. */
static void
keep_links(Oid source, const char *schema, Oid nspid)
{
	Closure    *closure = tm_closure_of_schema(nspid, NULL);

	tm_outside_links_keep(schema,
						  tm_outside_links(tm_closure_of_schema(source, NULL)));
	tm_outside_links_cut(closure, tm_outside_links(closure));
}
