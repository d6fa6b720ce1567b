/*
 * recording.c
 *		What a session does to a tenant, kept as a migration for all others.
 *
 * A session that has a version in tenant_mgr.record, from its client's options or
 * by tenant.record(), writes down every statement that changes something
 * (recorded_statement.c decides which) in the transaction that executes it.  So
 * what is rolled back, as a whole or to a savepoint, is not kept, and there is
 * nothing to undo after a crash.
 *
 * The migration is incomplete meanwhile, and the tenant has it in part: a clone
 * that is made half-way has just as many of its statements, and gets the rest.
 * It is completed by tenant.record_stop(), or when the client says goodbye.  If
 * the connection breaks instead, or the last thing that the client tried has
 * failed, what was committed stays and remains incomplete: it can be continued
 * under the same version, or discarded by tenant.drop_migration().
 *
 * Frameworks open more than one connection with the same options.  The first
 * statement that is to be kept takes a lock on the version, which the session
 * holds until the recording ends; a session that keeps nothing is in nobody's
 * way.
 *
 * A migration is applied in one transaction though it was recorded in several.
 * What is deferred to the end of a transaction must happen where that was: where
 * a transaction follows on one that may have left such events, a statement that
 * has them happen is kept in between.
 *
 * Locks: the version (for the session), the tenant's entries in the ledger (for
 * the transaction).
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/argument.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/binding.h"
#include "binding/binding_in_force.h"
#include "binding/ownership.h"
#include "compare/fingerprint.h"
#include "fleet/migration.h"
#include "fleet/migration_admin.h"
#include "fleet/migration_ledger.h"
#include "fleet/recording.h"
#include "fleet/statement_settings.h"
#include "tenants/event.h"
#include "tenants/persistent_schemas.h"
#include "tenants/registry.h"
#include "tenants/tenant_lock.h"

/* The longest version, and its null byte */
#define VERSION_SIZE	256

/* What this session records; written by tm_recording_open() and its like */
typedef struct Recording
{
	char		version[VERSION_SIZE];	/* '' if nothing has been kept */
	LOCKTAG		tag;			/* its lock, held by the session */
	pg_uuid_t	tenant_id;		/* the tenant */
	LocalTransactionId lxid;	/* transaction that the next two are about */
	int			ordinal;		/* of the last statement, -1 if unknown */
	bool		kept;			/* has it kept something? */
	bool		begun;			/* has anything been committed? */
	bool		deferrable;		/* the last one may have left events, */
	bool		deferred;		/* that were deferred at first */
	bool		stopped;		/* is it the end, if this is committed? */
	bool		rolling_back;	/* the client wants it so */
	bool		failed;			/* the last that was tried */
	bool		warned;			/* of the role */
} Recording;

char	   *tm_record = NULL;
static Recording recording = {.ordinal = -1};
static bool callbacks_registered = false;

static void register_callbacks(void);
static void end_of_transaction(XactEvent event, void *arg);
static void end_of_subtransaction(SubXactEvent event, SubTransactionId mySubid,
								  SubTransactionId parentSubid, void *arg);
static void end_of_session(int code, Datum arg);
static TenantInfo *tenant_to_record(void);
static void check_path(const TenantInfo *tenant);
static bool is_persistent(Oid nspid);
static void hold_version(const char *version);
static void find_or_make(const TenantInfo *tenant, const char *description);
static void refuse_other(const Migration *migration,
						 const TenantInfo *tenant);
static void begin_transaction(void);
static void settle_events(void);
static void write_statement(MigrationStatement *statement);
static void note_progress(LedgerState state, int statements,
						  const char *fingerprint);
static void complete(void);
static const char *role_of_statement(void);

PG_FUNCTION_INFO_V1(tenant_record);
PG_FUNCTION_INFO_V1(tenant_record_stop);

/* record(version, description): from now on, until record_stop(). */
Datum
tenant_record(PG_FUNCTION_ARGS)
{
	char	   *version;

	version = tm_argument_text(fcinfo, 0, "version");
	tm_tenant_lock_begin("tenant.record()");
	tm_migration_check_version(version);
	(void) set_config_option(TM_RECORD_SETTING, version, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
	(void) tm_recording_open(PG_ARGISNULL(1) ? NULL :
							 text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}

/* record_stop(): what has been kept is a migration now. */
Datum
tenant_record_stop(PG_FUNCTION_ARGS)
{
	tm_tenant_lock_begin("tenant.record_stop()");
	if (recording.version[0] == '\0' || recording.stopped)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the session has recorded nothing"),
				 errhint("Use tenant.record(), or the setting \"%s\", in a session that is bound to a tenant.",
						 TM_RECORD_SETTING)));
	tm_migration_check_permission("record");
	complete();
	recording.stopped = true;
	(void) set_config_option(TM_RECORD_SETTING, "", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
	PG_RETURN_VOID();
}

/* No more than to look at it: catalogs may not be there yet. */
bool
tm_recording_check(char **newval, void **extra, GucSource source)
{
	if (*newval != NULL && strlen(*newval) >= VERSION_SIZE)
	{
		GUC_check_errdetail("A version has at most %d bytes.",
							VERSION_SIZE - 1);
		return false;
	}
	return true;
}

Oid
tm_recording_open(const char *description)
{
	TenantInfo *tenant;

	tm_migration_check_version(tm_record);
	tenant = tenant_to_record();
	if (recording.stopped || (recording.version[0] != '\0' &&
							  strcmp(recording.version, tm_record) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the session records migration \"%s\" already",
						recording.version),
				 errhint("Use tenant.record_stop() to complete it, and commit.")));
	register_callbacks();
	hold_version(tm_record);
	begin_transaction();
	recording.tenant_id = tenant->id;
	tm_ledger_lock(&tenant->id);
	find_or_make(tenant, description);
	return tenant->nspid;
}

void
tm_recording_keep(MigrationStatement *statement, const RecordedEffect *effect)
{
	begin_transaction();
	if (!recording.kept)
		settle_events();
	write_statement(statement);
	if (effect->alone)
		tm_migration_set_transactional(recording.version, false);
	recording.kept = true;
	recording.deferrable |= effect->deferrable;
	recording.deferred |= effect->deferred;
}

void
tm_recording_note_rollback(void)
{
	recording.rolling_back = true;
}

static void
register_callbacks(void)
{
	if (callbacks_registered)
		return;
	RegisterXactCallback(end_of_transaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
	before_shmem_exit(end_of_session, (Datum) 0);
	callbacks_registered = true;
}

/*
 * The lock goes with the end of the recording, whatever the session does next, and
 * with a beginning that is rolled back.
 */
static void
end_of_transaction(XactEvent event, void *arg)
{
	bool		committed = event == XACT_EVENT_COMMIT ||
		event == XACT_EVENT_PREPARE;

	if (recording.version[0] == '\0' ||
		(!committed && event != XACT_EVENT_ABORT))
		return;
	recording.begun |= committed;
	if (!recording.begun || (committed && recording.stopped))
	{
		if (tm_lock_held_by_me(&recording.tag, ExclusiveLock))
			LockRelease(&recording.tag, ExclusiveLock, true);
		memset(&recording, 0, sizeof(recording));
		recording.ordinal = -1;
		return;
	}
	if (committed && recording.kept)
		recording.failed = false;
	else if (!committed && !recording.rolling_back)
		recording.failed = true;
	recording.stopped = false;
	recording.rolling_back = false;
	recording.ordinal = -1;
	if (!committed && recording.kept)
		recording.deferrable = recording.deferred = false;
	recording.kept = false;
}

/* What has been counted may be gone. */
static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mySubid,
					  SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		recording.ordinal = -1;
		recording.stopped = false;
	}
}

/*
 * The client has said goodbye, so what it has committed is all there is to it.
 * Before the server forgets us, there is time for a transaction.
 */
static void
end_of_session(int code, Datum arg)
{
	if (recording.version[0] == '\0')
		return;
	if (code != 0 || pgStatSessionEndCause != DISCONNECT_NORMAL ||
		recording.failed)
	{
		ereport(LOG,
				(errmsg("the recording of migration \"%s\" has not been completed",
						recording.version),
				 errhint("Continue it under the same version, or discard it by tenant.drop_migration().")));
		return;
	}
	AbortOutOfAnyTransaction();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	complete();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* The tenant that the session is bound to, whose owner records. */
static TenantInfo *
tenant_to_record(void)
{
	Binding    *binding = tm_binding_in_force();
	TenantInfo *tenant = NULL;

	if (binding != NULL)
		tenant = tm_registry_lookup_id(&binding->id);
	if (tenant == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_TENANT_NOT_BOUND),
				 errmsg("cannot record migration \"%s\" because the session is not bound to a tenant",
						tm_record),
				 errhint("Use tenant.switch(), or give the client the option \"-c %s=...\" as well.",
						 TM_TENANT_SETTING)));
	tm_migration_check_permission("record");
	tm_ownership_check(tenant);
	check_path(tenant);
	return tenant;
}

/*
 * Names must mean what they will mean for others: the tenant's schema comes first,
 * and after it nothing that others do not have there.
 */
static void
check_path(const TenantInfo *tenant)
{
	List	   *path = fetch_search_path(false);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, path)
	{
		Oid			nspid = lfirst_oid(lc);

		if (nspid == tenant->nspid)
			found = true;
		else if (!found && !isTempNamespace(nspid))
			break;
		else if (!isTempNamespace(nspid) && !is_persistent(nspid))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot record migration \"%s\" because schema \"%s\" is on the search path",
							tm_record, get_namespace_name(nspid)),
					 errdetail("Other tenants get the migration on their own search path."),
					 errhint("Leave search_path as the binding has set it.")));
	}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot record migration \"%s\" because the search path does not begin with schema \"%s\"",
						tm_record, tenant->schema_name),
				 errdetail("Other tenants get the migration on their own search path."),
				 errhint("Leave search_path as the binding has set it.")));
	list_free(path);
}

/* Is it one of the schemas that are on every tenant's path? */
static bool
is_persistent(Oid nspid)
{
	ListCell   *lc;

	foreach(lc, tm_setting_split_names(tm_persistent_schemas))
	{
		if (get_namespace_oid(lfirst(lc), true) == nspid)
			return true;
	}
	return false;
}

/*
 * Until the recording ends, nobody else records this version.  Who releases all
 * advisory locks has it taken again.
 */
static void
hold_version(const char *version)
{
	LOCKTAG		tag = tm_migration_recording_tag(version);

	if (recording.version[0] != '\0' &&
		tm_lock_held_by_me(&tag, ExclusiveLock))
		return;
	tm_migration_hold_recording(version, true);
	recording.tag = tag;
	strlcpy(recording.version, version, VERSION_SIZE);
}

/* The migration, which may be there from an earlier session. */
static void
find_or_make(const TenantInfo *tenant, const char *description)
{
	Migration  *present = tm_migration_lookup(recording.version, true);
	Migration	migration = {
		.version = recording.version,
		.transactional = true,
		.recorded = true,
		.has_tenant = true
	};

	if (present != NULL)
	{
		refuse_other(present, tenant);
		return;
	}
	tm_migration_lock();
	migration.description = unconstify(char *, description);
	migration.tenant_id = tenant->id;
	tm_migration_insert(&migration);
	recording.ordinal = 0;
}

static void
refuse_other(const Migration *migration, const TenantInfo *tenant)
{
	if (migration->complete)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("migration \"%s\" already exists", migration->version),
				 errhint("Record under another version.")));
	if (!migration->has_tenant ||
		!tm_uuid_equals(&migration->tenant_id, &tenant->id))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("migration \"%s\" is being recorded with another tenant than \"%s\"",
						migration->version, tenant->name),
				 errhint("Use tenant.drop_migration() to discard what has been recorded.")));
}

/* What was known in an earlier one may not be so any more. */
static void
begin_transaction(void)
{
	if (recording.lxid != tm_local_transaction_id())
	{
		recording.lxid = tm_local_transaction_id();
		recording.ordinal = -1;
		recording.kept = false;
	}
}

/* What an earlier transaction left to its end is to happen there. */
static void
settle_events(void)
{
	MigrationStatement immediate = {.text = "SET CONSTRAINTS ALL IMMEDIATE"};
	MigrationStatement deferred = {.text = "SET CONSTRAINTS ALL DEFERRED"};

	if (recording.deferrable)
		write_statement(&immediate);
	if (recording.deferrable && recording.deferred)
		write_statement(&deferred);
	recording.deferrable = recording.deferred = false;
}

static void
write_statement(MigrationStatement *statement)
{
	if (recording.ordinal < 0)
		recording.ordinal = tm_migration_last_ordinal(recording.version);
	statement->ordinal = ++recording.ordinal;
	statement->role = unconstify(char *, role_of_statement());
	statement->settings = tm_statement_settings();
	tm_migration_add_statement(recording.version, statement);
	note_progress(LEDGER_PARTIAL, recording.ordinal, NULL);
}

/* The tenant has it in part, or all of it. */
static void
note_progress(LedgerState state, int statements, const char *fingerprint)
{
	LedgerAttempt attempt = {
		.tenant_id = recording.tenant_id,
		.version = recording.version,
		.state = state,
		.statements_done = statements,
		.started_at = GetCurrentTimestamp(),
		.fingerprint = fingerprint
	};

	tm_ledger_record(&attempt);
}

/*
 * It is a migration like any other now, or never was one.  What the template is
 * like with it is kept for those who will be compared with it.
 */
static void
complete(void)
{
	const Migration *migration = tm_migration_lookup(recording.version, true);
	List	   *statements = tm_migration_statements(recording.version);
	const TenantInfo *tenant;

	if (migration == NULL || migration->complete)
		return;
	tm_migration_lock();
	if (statements == NIL)
	{
		tm_migration_delete(recording.version);
		ereport(NOTICE,
				(errmsg("nothing has been recorded for migration \"%s\"",
						recording.version)));
		return;
	}
	tm_migration_set_complete(recording.version,
							  tm_migration_checksum(statements,
													migration->transactional));
	tenant = tm_registry_lookup_id(&recording.tenant_id);
	note_progress(LEDGER_APPLIED, 0,
				  tenant != NULL && OidIsValid(tenant->nspid) ?
				  tm_fingerprint_of_schema(tenant->nspid) : NULL);
	tm_event_record("record", tenant, recording.version, NULL);
}

/*
 * The role, if it is not the owner of the schema.  What it makes here is its own,
 * and for other tenants their owner's.
 */
static const char *
role_of_statement(void)
{
	TenantInfo *tenant = tm_registry_lookup_id(&recording.tenant_id);
	Oid			owner;

	if (tenant == NULL || !OidIsValid(tenant->nspid))
		return NULL;
	owner = tm_tenant_lock_schema_owner(tenant->nspid);
	if (owner == GetUserId())
		return NULL;
	if (!recording.warned)
		ereport(WARNING,
				(errmsg("migration \"%s\" is being recorded by role \"%s\", which does not own schema \"%s\"",
						recording.version,
						GetUserNameFromId(GetUserId(), false),
						tenant->schema_name),
				 errdetail("What it creates here belongs to it; for other tenants it will belong to the owners of their schemas."),
				 errhint("Record as role \"%s\".",
						 GetUserNameFromId(owner, false))));
	recording.warned = true;
	return GetUserNameFromId(GetUserId(), false);
}
