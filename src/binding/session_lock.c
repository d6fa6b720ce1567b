/*
 * session_lock.c
 *		A session that stays where it is bound until a key is shown.
 *
 * A locked session keeps its tenant, its role and, but for the time of a
 * function, its search path.  There are many ways to spell a change of these,
 * and all but a few of them come by the check hooks of four settings:
 * tenant_mgr.tenant, search_path, role and session_authorization.  So the
 * hooks of the last three are wrapped.  What does not come by there is a
 * setting's return to its default: RESET and its like are refused as commands,
 * set_config() with a null value by the assign hooks.
 *
 * A function may carry a search path of its own as long as that leads into no
 * other tenant; extensions do so.  The check hook cannot tell a function's SET
 * clause from a plain SET, but the assign hook can, from the entry that has
 * been put on the stack of the setting meanwhile.  It finds the values that
 * were let through for the sake of functions by their "extra".
 *
 * An assign hook must not fail while a transaction or savepoint is undone.
 * Ours raise an error only while the transaction is in progress, and only
 * about new values: what is restored is recognized by its address.
 *
 * The settings that protect the database from its users (protective.c) stay as
 * they are, too.
 *
 * The lock is a fact about the session and not part of a transaction: whoever
 * is to be held by it could otherwise get rid of it by ROLLBACK.  If a rollback
 * or the end of a transaction takes the binding or the role away under which
 * the session was locked, the session can do nothing until it has them back or is
 * unlocked.
 *
 * Of the key only a hash is kept, in this process.  The functions that lock and
 * unlock are in lock.c: they also have to look after what the session remembers.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/crypto.h"
#include "base/setting.h"
#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/binding.h"
#include "binding/change.h"
#include "binding/protective.h"
#include "binding/session_lock.h"
#include "tenants/registry.h"
#include "tenants/snapshot_registry.h"

/* So often somebody may be mistaken; then the lock stays. */
#define MAX_WRONG_KEYS	10

#define LOCKED_SETTING	"tenant_mgr.locked"

/* A setting of the server whose hooks are wrapped */
typedef struct WrappedSetting
{
	const char *name;			/* of the setting */
	GucStringCheckHook check_hook;	/* what wraps it */
	GucStringAssignHook assign_hook;
	GucStringCheckHook prev_check_hook; /* the server's */
	GucStringAssignHook prev_assign_hook;
	struct config_string *record;	/* of the setting */
} WrappedSetting;

static bool check_path(char **newval, void **extra, GucSource source);
static void assign_path(const char *newval, void *extra);
static bool check_role_name(char **newval, void **extra, GucSource source);
static void assign_role_name(const char *newval, void *extra);
static bool check_session_user(char **newval, void **extra, GucSource source);
static void assign_session_user(const char *newval, void *extra);

/* written by tm_session_lock_init */
static WrappedSetting path_setting = {
	.name = "search_path",
	.check_hook = check_path,
	.assign_hook = assign_path
};
static WrappedSetting role_setting = {
	.name = "role",
	.check_hook = check_role_name,
	.assign_hook = assign_role_name
};
static WrappedSetting session_user_setting = {
	.name = "session_authorization",
	.check_hook = check_session_user,
	.assign_hook = assign_session_user
};

/* written by the GUC machinery on behalf of lock() and unlock() */
bool		tm_session_locked = false;

/* the lock; written by close, check_key and open */
static struct
{
	pg_uuid_t	tenant_id;		/* the tenant the session is locked to */
	char		tenant[NAMEDATALEN];	/* its name then */
	Oid			session_user;	/* and the roles */
	Oid			outer_user;
	int			wrong_keys;		/* how often somebody was mistaken */
	unsigned char salt[TM_CRYPTO_KEY_BYTES];
	unsigned char hash[TM_CRYPTO_HASH_BYTES];
}			lock;

static void wrap(WrappedSetting *setting);
static void refuse_default(const WrappedSetting *setting, const char *newval);
static bool check_protective_bool(bool *newval, void **extra,
								  GucSource source);
static bool check_protective_number(int *newval, void **extra,
									GucSource source);
static bool check_protective_string(char **newval, void **extra,
									GucSource source);
static void hash_key(text *key, unsigned char *hash);
static void set_locked(const char *value);
static bool concerns_us(GucSource source);
static bool reject_change(void);
static const char *locked_tenant(void);
static bool locked_tenant_id(pg_uuid_t *id);
static bool path_is_harmless(const char *path);
static bool schema_is_harmless(const char *schema, const pg_uuid_t *own);
static bool lasts_for_others(Node *stmt);
static bool is_for_all(ObjectType objtype);
static bool guarded_setting(const char *name);

/*
 * The setting tells the session's parallel workers, for which it is there, and
 * everybody else who asks; nobody sets it but ourselves.
 */
bool
tm_session_lock_check_locked(bool *newval, void **extra, GucSource source)
{
	if (tm_change.turning_key || InitializingParallelWorker ||
		*newval == tm_session_locked)
		return true;
	GUC_check_errcode(ERRCODE_CANT_CHANGE_RUNTIME_PARAM);
	GUC_check_errmsg("parameter \"%s\" cannot be changed", LOCKED_SETTING);
	GUC_check_errhint("Use tenant.lock() and tenant.unlock().");
	return false;
}

void
tm_session_lock_init(void)
{
	wrap(&path_setting);
	wrap(&role_setting);
	wrap(&session_user_setting);
	tm_protective_start(check_protective_bool, check_protective_number,
						check_protective_string);
}

void
tm_session_lock_close(const Binding *binding, text *key)
{
	memset(&lock, 0, sizeof(lock));
	lock.tenant_id = binding->id;
	strlcpy(lock.tenant, tm_tenant, NAMEDATALEN);
	lock.session_user = GetSessionUserId();
	lock.outer_user = GetOuterUserId();
	tm_protective_freeze();
	tm_crypto_random(lock.salt, sizeof(lock.salt));
	hash_key(key, lock.hash);
	set_locked("on");
}

/* What comes after the last attempt looks like another wrong key. */
void
tm_session_lock_check_key(text *key)
{
	unsigned char hash[TM_CRYPTO_HASH_BYTES];

	hash_key(key, hash);
	if (tm_crypto_same(hash, lock.hash, sizeof(hash)) &&
		lock.wrong_keys < MAX_WRONG_KEYS)
		return;
	if (lock.wrong_keys < MAX_WRONG_KEYS)
		lock.wrong_keys++;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_LOCKED),
			 errmsg("session is locked to tenant \"%s\"", locked_tenant()),
			 errdetail("The key is not the one it was locked with.")));
}

void
tm_session_lock_open(void)
{
	set_locked("off");
	tm_crypto_wipe(&lock, sizeof(lock));
}

void
tm_session_lock_refuse(void)
{
	if (!tm_session_locked)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_LOCKED),
			 errmsg("session is locked to tenant \"%s\"", locked_tenant()),
			 errhint("Use tenant.unlock() first.")));
}

void
tm_session_lock_refuse_other(const pg_uuid_t *tenant_id)
{
	if (tm_session_locked &&
		(tenant_id == NULL ||
		 !tm_uuid_equals(tenant_id, &lock.tenant_id)))
		tm_session_lock_refuse();
}

bool
tm_session_lock_permits_tenant(const char *name, GucSource source)
{
	TenantInfo *tenant = NULL;
	pg_uuid_t	own;

	if (!concerns_us(source))
		return true;
	if (IsTransactionState() && name[0] != '\0' && tm_registry_installed())
		tenant = tm_registry_lookup(name, true);
	if (tenant != NULL && locked_tenant_id(&own) &&
		memcmp(&tenant->id, &own, sizeof(own)) == 0)
		return true;
	return reject_change();
}

bool
tm_session_lock_permits_change(GucSource source)
{
	return !concerns_us(source) || reject_change();
}

/* They are on the search path, which a locked session keeps. */
bool
tm_session_lock_check_names(char **newval, void **extra, GucSource source)
{
	return tm_session_lock_permits_change(source) &&
		tm_setting_check_names(newval, extra, source);
}

void
tm_session_lock_check_utility(Node *stmt)
{
	VariableSetStmt *set;

	if (!tm_session_locked)
		return;
	if (lasts_for_others(stmt))
		tm_session_lock_refuse();
	if (IsA(stmt, DiscardStmt) &&
		((DiscardStmt *) stmt)->target == DISCARD_ALL)
		tm_session_lock_refuse();
	if (!IsA(stmt, VariableSetStmt))
		return;

	/* A new value for this session is left to the hooks of the setting. */
	set = (VariableSetStmt *) stmt;
	if (set->kind == VAR_RESET_ALL)
		tm_session_lock_refuse();
	else if ((set->kind == VAR_RESET || set->kind == VAR_SET_DEFAULT) &&
			 guarded_setting(set->name))
		tm_session_lock_refuse();
}

bool
tm_session_lock_has_held(void)
{
	Binding    *binding;

	if (IsParallelWorker())
		return true;
	binding = tm_binding_current();
	return binding != NULL && binding->verified &&
		tm_uuid_equals(&binding->id, &lock.tenant_id) &&
		lock.session_user == GetSessionUserId() &&
		lock.outer_user == GetOuterUserId() && tm_protective_is_intact();
}

void
tm_session_lock_validate(void)
{
	if (tm_session_lock_is_intact())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_LOCKED),
			 errmsg("session is locked to tenant \"%s\"", locked_tenant()),
			 tm_protective_is_intact() ?
			 errdetail("The tenant or the role that it was locked to was lost with the end of a transaction or savepoint.") :
			 errdetail("A setting that protects the database has lost the value that it was locked with."),
			 errhint("Switch to the tenant again, or use tenant.unlock().")));
}

void
tm_session_lock_check_frozen(void)
{
	if (tm_session_locked && !IsParallelWorker() && !tm_protective_is_intact())
		tm_session_lock_refuse();
}

/*
 * Settings of the server are found by name, and every process that loads the
 * library wraps its own.  Does nothing the second time.
 */
static void
wrap(WrappedSetting *setting)
{
	struct config_generic *record = tm_setting_record(setting->name);

	Assert(record->vartype == PGC_STRING);
	setting->record = (struct config_string *) record;
	if (setting->record->check_hook == setting->check_hook)
		return;
	setting->prev_check_hook = setting->record->check_hook;
	setting->prev_assign_hook = setting->record->assign_hook;
	setting->record->check_hook = setting->check_hook;
	setting->record->assign_hook = setting->assign_hook;
}

/* The default of a setting is not to take the place of its value. */
static void
refuse_default(const WrappedSetting *setting, const char *newval)
{
	if (tm_session_locked &&
		tm_setting_returns_to_default(&setting->record->gen, newval))
		tm_session_lock_refuse();
}

/*
 * A new search path.  A locked session keeps its own; what names no other
 * tenant passes for the time being, because it may be a function's.
 */
static bool
check_path(char **newval, void **extra, GucSource source)
{
	bool		admitted = (*newval != NULL && tm_change.path != NULL &&
							strcmp(*newval, tm_change.path) == 0);

	tm_change.path_extra = NULL;
	tm_change.path = NULL;
	if (path_setting.prev_check_hook &&
		!path_setting.prev_check_hook(newval, extra, source))
		return false;
	if (!concerns_us(source) || admitted ||
		strcmp(*newval, namespace_search_path) == 0)
		return true;
	if (!path_is_harmless(*newval))
		return reject_change();
	if (source == PGC_S_TEST)
		return true;

	/* The server has no use for it in this setting. */
	if (*extra == NULL)
		*extra = tm_guc_alloc(1);
	tm_change.path_extra = *extra;
	return *extra != NULL;
}

static void
assign_path(const char *newval, void *extra)
{
	bool		pending = (extra != NULL && extra == tm_change.path_extra);
	GucStack   *stack = path_setting.record->gen.stack;

	tm_change.path_extra = NULL;
	if (!pending)
		refuse_default(&path_setting, newval);
	else if (stack == NULL || stack->state != GUC_SAVE)
	{
		tm_setting_discard(newval, extra);
		tm_session_lock_refuse();
	}
	if (path_setting.prev_assign_hook)
		path_setting.prev_assign_hook(newval, extra);
}

/* Back to the role that the session was locked with is the only way. */
static bool
check_role_name(char **newval, void **extra, GucSource source)
{
	Oid			roleid;

	if (concerns_us(source))
	{
		if (*newval == NULL || !IsTransactionState())
			return reject_change();
		roleid = strcmp(*newval, "none") == 0 ? GetSessionUserId() :
			get_role_oid(*newval, true);
		if (IsParallelWorker() || roleid != lock.outer_user)
			return reject_change();
	}
	return role_setting.prev_check_hook == NULL ||
		role_setting.prev_check_hook(newval, extra, source);
}

static void
assign_role_name(const char *newval, void *extra)
{
	refuse_default(&role_setting, newval);
	if (role_setting.prev_assign_hook)
		role_setting.prev_assign_hook(newval, extra);
}

static bool
check_session_user(char **newval, void **extra, GucSource source)
{
	if (concerns_us(source) &&
		(*newval == NULL || !IsTransactionState() || IsParallelWorker() ||
		 get_role_oid(*newval, true) != lock.session_user))
		return reject_change();
	return session_user_setting.prev_check_hook == NULL ||
		session_user_setting.prev_check_hook(newval, extra, source);
}

static void
assign_session_user(const char *newval, void *extra)
{
	refuse_default(&session_user_setting, newval);
	if (session_user_setting.prev_assign_hook)
		session_user_setting.prev_assign_hook(newval, extra);
}

static bool
check_protective_bool(bool *newval, void **extra, GucSource source)
{
	return tm_session_lock_permits_change(source);
}

static bool
check_protective_number(int *newval, void **extra, GucSource source)
{
	return tm_session_lock_permits_change(source);
}

static bool
check_protective_string(char **newval, void **extra, GucSource source)
{
	return tm_session_lock_permits_change(source);
}

static void
hash_key(text *key, unsigned char *hash)
{
	tm_crypto_keyed_hash(lock.salt, VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key),
						 hash);
}

/*
 * The source makes the value one that is neither undone nor reset, and that
 * workers are told about.
 */
static void
set_locked(const char *value)
{
	tm_change.turning_key = true;
	(void) set_config_option(LOCKED_SETTING, value, PGC_SUSET, PGC_S_OVERRIDE,
							 GUC_ACTION_SET, true, ERROR, false);
	tm_change.turning_key = false;
}

/*
 * Is the session locked, and is this a value that somebody wants, for now or
 * for later, and not one from a file or a worker's leader?
 */
static bool
concerns_us(GucSource source)
{
	return tm_session_locked && source >= PGC_S_INTERACTIVE &&
		!InitializingParallelWorker;
}

/* Tell the GUC machinery why not. */
static bool
reject_change(void)
{
	GUC_check_errcode(ERRCODE_TENANT_LOCKED);
	GUC_check_errmsg("session is locked to tenant \"%s\"", locked_tenant());
	GUC_check_errhint("Use tenant.unlock() first.");
	return false;
}

/* What the tenant is called, as far as it is known. */
static const char *
locked_tenant(void)
{
	Binding    *binding = tm_binding_current();

	if (IsParallelWorker() ||
		(binding != NULL &&
		 tm_uuid_equals(&binding->id, &lock.tenant_id)))
		return tm_tenant;
	return lock.tenant;
}

/* A parallel worker knows the name only. */
static bool
locked_tenant_id(pg_uuid_t *id)
{
	TenantInfo *tenant;

	if (!IsParallelWorker())
	{
		*id = lock.tenant_id;
		return true;
	}
	tenant = tm_registry_lookup(tm_tenant, true);
	if (tenant != NULL)
		*id = tenant->id;
	return tenant != NULL;
}

/* Does a search path lead into no tenant but our own? */
static bool
path_is_harmless(const char *path)
{
	List	   *schemas;
	ListCell   *lc;
	pg_uuid_t	own;

	if (!IsTransactionState())
		return false;
	schemas = tm_setting_split_names(path);
	foreach(lc, schemas)
	{
		const char *schema = lfirst(lc);

		if (strcmp(schema, "pg_catalog") == 0 ||
			strcmp(schema, "pg_temp") == 0)
			continue;
		if (!tm_registry_installed() || !locked_tenant_id(&own))
			return false;
		if (strcmp(schema, "$user") == 0)
			schema = GetUserNameFromId(GetUserId(), false);
		if (!schema_is_harmless(schema, &own))
			return false;
	}
	return true;
}

static bool
schema_is_harmless(const char *schema, const pg_uuid_t *own)
{
	TenantInfo *tenant = tm_registry_lookup_schema(schema);
	SnapshotInfo *snapshot;

	if (tenant != NULL)
		return tm_uuid_equals(&tenant->id, own);
	snapshot = tm_snapshot_lookup_schema(schema);
	return snapshot == NULL ||
		tm_uuid_equals(&snapshot->tenant_id, own);
}

/*
 * Does the statement change what a role or a database is like, which the next
 * sessions of all tenants find?
 */
static bool
lasts_for_others(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_CreateRoleStmt:
		case T_AlterRoleStmt:
		case T_AlterRoleSetStmt:
		case T_DropRoleStmt:
		case T_GrantRoleStmt:
		case T_AlterDatabaseRefreshCollStmt:
		case T_AlterDatabaseSetStmt:
		case T_AlterDatabaseStmt:
		case T_AlterEventTrigStmt:
		case T_AlterSystemStmt:
		case T_AlterTableSpaceOptionsStmt:
		case T_CreateEventTrigStmt:
		case T_CreateTableSpaceStmt:
		case T_CreatedbStmt:
		case T_DropTableSpaceStmt:
		case T_DropdbStmt:
			return true;
		case T_RenameStmt:
			return is_for_all(((RenameStmt *) stmt)->renameType);
		case T_AlterOwnerStmt:
			return is_for_all(((AlterOwnerStmt *) stmt)->objectType);
		case T_DropStmt:
			return is_for_all(((DropStmt *) stmt)->removeType);
		case T_GrantStmt:
			return is_for_all(((GrantStmt *) stmt)->objtype);
		default:
			return false;
	}
}

/* Kinds of objects that belong to no schema and decide about sessions */
static bool
is_for_all(ObjectType objtype)
{
	switch (objtype)
	{
		case OBJECT_DATABASE:
		case OBJECT_EVENT_TRIGGER:
		case OBJECT_PARAMETER_ACL:
		case OBJECT_ROLE:
		case OBJECT_TABLESPACE:
			return true;
		default:
			return false;
	}
}

/* Must a locked session not give the setting its default back? */
static bool
guarded_setting(const char *name)
{
	return pg_strncasecmp(name, "tenant_mgr.", strlen("tenant_mgr.")) == 0 ||
		tm_guc_same_name(name, path_setting.name) ||
		tm_guc_same_name(name, role_setting.name) ||
		tm_guc_same_name(name, session_user_setting.name);
}
