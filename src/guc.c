/*
 * guc.c
 *		The settings of tenant_mgr.
 *
 * Everything that a session can be told about tenants is defined here, in one
 * place.  A value that a setting was given before the library was loaded is
 * applied as the setting is defined.  Much of the library is not there yet
 * then, so no check hook may do more with such a value than to look at it.
 *
 * Lists are checked when they are set, so whoever reads one may split it
 * without looking for mistakes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <limits.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "postmaster/bgworker_internals.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/crypto.h"
#include "base/setting.h"
#include "binding/binding.h"
#include "binding/session_lock.h"
#include "binding/statement_tag.h"
#include "binding/token_setting.h"
#include "binding/wall.h"
#include "connections/health.h"
#include "guard/guard.h"
#include "guard/shared_ddl.h"
#include "guc.h"
#include "secrets/shared_ring.h"

#define DEFAULT_TRASH_RETENTION	(7 * 24 * 60 * 60)
#define DEFAULT_EVENT_RETENTION	(90 * 24 * 60 * 60)

/* How the server takes a list of some kind apart */
typedef bool (*SplitFunction) (char *rawstring, char separator,
							   List **elements);

/* the settings; written by the GUC machinery, those that are walls by wall.c */
char	   *tm_persistent_schemas = NULL;
char	   *tm_default_template = NULL;
char	   *tm_schema_prefix = NULL;
char	   *tm_clone_exclude = NULL;
int			tm_clone_lock = CLONE_LOCK_SHARE;
bool		tm_clone_scrub = true;
int			tm_clone_workers = 2;
int			tm_trash_retention = DEFAULT_TRASH_RETENTION;
int			tm_snapshot_retention = 0;
int			tm_event_retention = DEFAULT_EVENT_RETENTION;
char	   *tm_base_domains = NULL;
char	   *tm_excluded_subdomains = NULL;
char	   *tm_key_file = NULL;
char	   *tm_key_command = NULL;
int			tm_secret_algorithm = CRYPTO_XCHACHA20_POLY1305;
int			tm_session_switch = SESSION_SWITCH_ALLOW;
int			tm_nested_switch = NESTED_SWITCH_ALLOW;
int			tm_verify_tag = VERIFY_TAG_OFF;
int			tm_guard = GUARD_OFF;
int			tm_unbound = UNBOUND_ALLOW;
int			tm_shared_ddl = SHARED_DDL_ALLOW;
int			tm_unbound_superuser = UNBOUND_ALLOW;
static char *tm_guard_tenant = NULL;
char	   *tm_tenant = NULL;

/* counted up by assign_persistent_schemas */
uint64		tm_guc_path_generation = 0;

static const struct config_enum_entry clone_lock_options[] = {
	{"none", CLONE_LOCK_NONE, false},
	{"share", CLONE_LOCK_SHARE, false},
	{NULL, 0, false}
};

static const struct config_enum_entry secret_algorithm_options[] = {
	{"xchacha20-poly1305", CRYPTO_XCHACHA20_POLY1305, false},
	{"aes-256-gcm", CRYPTO_AES_256_GCM, false},
	{NULL, 0, false}
};

static const struct config_enum_entry verify_tag_options[] = {
	{"off", VERIFY_TAG_OFF, false},
	{"log", VERIFY_TAG_LOG, false},
	{"enforce", VERIFY_TAG_ENFORCE, false},
	{NULL, 0, false}
};

static const struct config_enum_entry session_switch_options[] = {
	{"allow", SESSION_SWITCH_ALLOW, false},
	{"deny", SESSION_SWITCH_DENY, false},
	{NULL, 0, false}
};

static const struct config_enum_entry nested_switch_options[] = {
	{"allow", NESTED_SWITCH_ALLOW, false},
	{"error", NESTED_SWITCH_ERROR, false},
	{NULL, 0, false}
};

static const struct config_enum_entry guard_options[] = {
	{"off", GUARD_OFF, false},
	{"log", GUARD_LOG, false},
	{"enforce", GUARD_ENFORCE, false},
	{NULL, 0, false}
};

static const struct config_enum_entry unbound_options[] = {
	{"allow", UNBOUND_ALLOW, false},
	{"deny", UNBOUND_DENY, false},
	{NULL, 0, false}
};

static const struct config_enum_entry shared_ddl_options[] = {
	{"allow", SHARED_DDL_ALLOW, false},
	{"deny", SHARED_DDL_DENY, false},
	{NULL, 0, false}
};

static void define_tenant_settings(void);
static void define_clone_settings(void);
static void define_host_settings(void);
static void define_secret_settings(void);
static void define_session_settings(void);
static void report_search_path(void);
static void define_guard_settings(void);
static bool check_name_list(char **newval, void **extra, GucSource source);
static bool check_persistent_schemas(char **newval, void **extra,
									 GucSource source);
static bool check_word_list(char **newval, void **extra, GucSource source);
static bool check_list(const char *value, SplitFunction split);
static bool check_schema_prefix(char **newval, void **extra,
								GucSource source);
static void assign_key_command(const char *newval, void *extra);
static void assign_persistent_schemas(const char *newval, void *extra);

void
tm_guc_init(void)
{
	static bool reserved = false;

	define_tenant_settings();
	define_clone_settings();
	define_host_settings();
	define_secret_settings();
	define_session_settings();
	define_guard_settings();
	tm_token_setting_define();
	tm_health_settings_define();
	tm_setting_define_string("tenant_mgr.tenant",
							 "Sets the tenant that the session is bound to.",
							 "An empty string means that it is not bound.  "
							 "The search path follows.",
							 &tm_tenant,
							 "",
							 PGC_USERSET,
							 GUC_REPORT,
							 tm_binding_check_tenant,
							 tm_binding_assign_tenant,
							 NULL);
	tm_wall_start();
	report_search_path();
	if (!reserved)
		MarkGUCPrefixReserved("tenant_mgr");
	reserved = true;
}

static void
define_tenant_settings(void)
{
	tm_setting_define_string("tenant_mgr.persistent_schemas",
							 "Sets the schemas that stay on the search path of every tenant.",
							 "They come after the tenant's own schema, in this order.",
							 &tm_persistent_schemas,
							 "public",
							 PGC_SUSET,
							 GUC_LIST_INPUT,
							 check_persistent_schemas,
							 assign_persistent_schemas,
							 NULL);

	tm_setting_define_string("tenant_mgr.default_template",
							 "Sets the template that a new tenant is cloned from.",
							 "An empty string means that a new tenant starts with an empty schema.",
							 &tm_default_template,
							 "",
							 PGC_SUSET,
							 0,
							 NULL,
							 NULL,
							 NULL);

	tm_setting_define_string("tenant_mgr.schema_prefix",
							 "Sets what goes before a tenant's name in the name of its schema.",
							 "It applies to tenants that are created or renamed from now on.",
							 &tm_schema_prefix,
							 "",
							 PGC_SUSET,
							 0,
							 check_schema_prefix,
							 NULL,
							 NULL);

	tm_setting_define_int("tenant_mgr.trash_retention",
						  "Sets how long a dropped tenant is kept in the trash.",
						  "Zero means that it is due for removal at once.",
						  &tm_trash_retention,
						  DEFAULT_TRASH_RETENTION,
						  0, INT_MAX,
						  PGC_SUSET,
						  GUC_UNIT_S,
						  NULL,
						  NULL,
						  NULL);

	tm_setting_define_int("tenant_mgr.snapshot_retention",
						  "Sets the age at which CALL tenant.purge() drops a snapshot.",
						  "Zero means that snapshots are kept until they are dropped.",
						  &tm_snapshot_retention,
						  0,
						  0, INT_MAX,
						  PGC_SUSET,
						  GUC_UNIT_S,
						  NULL,
						  NULL,
						  NULL);

	tm_setting_define_int("tenant_mgr.event_retention",
						  "Sets the age at which CALL tenant.purge() removes a record in tenant.event.",
						  "Zero means that they are kept.",
						  &tm_event_retention,
						  DEFAULT_EVENT_RETENTION,
						  0, INT_MAX,
						  PGC_SUSET,
						  GUC_UNIT_S,
						  NULL,
						  NULL,
						  NULL);
}

static void
define_clone_settings(void)
{
	tm_setting_define_string("tenant_mgr.clone_exclude",
							 "Sets the tables whose rows are left out of every clone.",
							 "A list of LIKE patterns, compared with the names of tables; "
							 "a pattern with upper-case letters needs double quotes.",
							 &tm_clone_exclude,
							 "",
							 PGC_USERSET,
							 GUC_LIST_INPUT,
							 check_name_list,
							 NULL,
							 NULL);

	tm_setting_define_enum("tenant_mgr.clone_lock",
						   "Sets what may happen to a schema while it is cloned with its rows.",
						   "With \"share\" it can be read; with \"none\" it can be written to "
						   "as well, and the clone's indexes are built instead of copied.",
						   &tm_clone_lock,
						   CLONE_LOCK_SHARE,
						   clone_lock_options,
						   PGC_USERSET,
						   0,
						   NULL,
						   NULL,
						   NULL);

	tm_setting_define_bool("tenant_mgr.clone_scrub",
						   "Leaves dead rows of the source out of its clones.",
						   "Off, pages are copied as they are, with what deleted and "
						   "updated rows left in them.",
						   &tm_clone_scrub,
						   true,
						   PGC_USERSET,
						   0,
						   NULL,
						   NULL,
						   NULL);

	tm_setting_define_int("tenant_mgr.clone_workers",
						  "Sets the maximum number of parallel workers that help to clone a schema.",
						  "They copy large relations and build indexes; zero means none.",
						  &tm_clone_workers,
						  2,
						  0,
						  MAX_PARALLEL_WORKER_LIMIT,
						  PGC_USERSET,
						  0,
						  NULL,
						  NULL,
						  NULL);
}

static void
define_host_settings(void)
{
	tm_setting_define_string("tenant_mgr.base_domains",
							 "Sets the domains under which the first label of a host name is a tenant.",
							 "Hosts given to tenants one by one need no base domain.",
							 &tm_base_domains,
							 "",
							 PGC_SUSET,
							 GUC_LIST_INPUT,
							 check_word_list,
							 NULL,
							 NULL);

	tm_setting_define_string("tenant_mgr.excluded_subdomains",
							 "Sets the first labels of host names that never are a tenant.",
							 NULL,
							 &tm_excluded_subdomains,
							 "www",
							 PGC_SUSET,
							 GUC_LIST_INPUT,
							 check_word_list,
							 NULL,
							 NULL);
}

static void
define_secret_settings(void)
{
	tm_setting_define_string("tenant_mgr.key_file",
							 "Sets the file that holds the root keys of secrets.",
							 "Only the server's user may have access to it.",
							 &tm_key_file,
							 "",
							 PGC_SIGHUP,
							 GUC_SUPERUSER_ONLY,
							 NULL,
							 NULL,
							 NULL);

	tm_setting_define_string("tenant_mgr.key_command",
							 "Sets the shell command that prints the root keys of secrets.",
							 "The server runs it when it starts, and sessions after a reload.",
							 &tm_key_command,
							 "",
							 PGC_SIGHUP,
							 GUC_SUPERUSER_ONLY,
							 NULL,
							 assign_key_command,
							 NULL);

	tm_setting_define_enum("tenant_mgr.secret_algorithm",
						   "Sets the algorithm that encrypts new secrets.",
						   "Secrets that exist are opened by the one they were encrypted with.",
						   &tm_secret_algorithm,
						   CRYPTO_XCHACHA20_POLY1305,
						   secret_algorithm_options,
						   PGC_SUSET,
						   0,
						   NULL,
						   NULL,
						   NULL);
}

/*
 * Have the server tell clients about changes of the search path, as servers
 * since PostgreSQL 18 do anyway: a pool can keep track of it then.  A session
 * that has begun already has told what it tells about at the beginning, so the
 * value in force is told now.  To set it once more would do that, too, but
 * also outlive a value that is only passing.
 */
static void
report_search_path(void)
{
	struct config_generic *record = tm_setting_record("search_path");
	StringInfoData message;

	if ((record->flags & GUC_REPORT) != 0)
		return;
	if (MyProcPort != NULL && whereToSendOutput == DestRemote)
	{
		pq_beginmessage(&message, 'S');
		pq_sendstring(&message, record->name);
		pq_sendstring(&message, namespace_search_path);
		pq_endmessage(&message);
	}
	record->flags |= GUC_REPORT;
}

static void
define_session_settings(void)
{
	tm_wall_define(WALL_SESSION_SWITCH, "tenant_mgr.session_switch",
				   "Sets whether a session can be bound for longer than a transaction.",
				   "Behind a pool that hands out connections for transactions, "
				   "use \"deny\" for the pool's roles.",
				   &tm_session_switch, SESSION_SWITCH_ALLOW, session_switch_options,
				   NULL);

	tm_setting_define_enum("tenant_mgr.nested_switch",
						   "Sets what happens at a switch within a transaction that is bound to another tenant.",
						   "With \"error\", who nests switches or has forgotten a rollback gets to know it.",
						   &tm_nested_switch,
						   NESTED_SWITCH_ALLOW,
						   nested_switch_options,
						   PGC_USERSET,
						   0,
						   NULL,
						   NULL,
						   NULL);

	tm_wall_define(WALL_VERIFY_TAG, "tenant_mgr.verify_tag",
				   "Sets what happens to statements with a comment that names another tenant.",
				   "Comments are those that libraries add, such as tenant='acme'.",
				   &tm_verify_tag, VERIFY_TAG_OFF, verify_tag_options,
				   NULL);

	tm_setting_define_bool("tenant_mgr.locked",
						   "Shows whether the session is locked to its tenant.",
						   "tenant.lock() and tenant.unlock() change it.",
						   &tm_session_locked,
						   false,
						   PGC_USERSET,
						   GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE |
						   GUC_DISALLOW_IN_FILE,
						   tm_session_lock_check_locked,
						   NULL,
						   NULL);

	/*
	 * A setting so that parallel workers get it, which they do if its value
	 * does not come from nowhere.  The variable is written by binding.c.
	 */
	tm_setting_define_bool(TM_VERIFIED_SETTING,
						   "Tells parallel workers whether the tenant has been verified.",
						   NULL,
						   &tm_tenant_verified,
						   false,
						   PGC_USERSET,
						   GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL |
						   GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
						   tm_binding_check_verified,
						   tm_binding_assign_verified,
						   NULL);
	SetConfigOption(TM_VERIFIED_SETTING, "off", PGC_USERSET, PGC_S_OVERRIDE);
}

/*
 * The guard has to be there from the start to be worth its name, so it is on
 * by default only where the server loads it.
 */
static void
define_guard_settings(void)
{
	tm_wall_define(WALL_GUARD, "tenant_mgr.guard",
				   "Sets what happens when a bound session uses an object of another tenant.",
				   "It can be written to the log, or refused with an error.",
				   &tm_guard, process_shared_preload_libraries_in_progress ?
				   GUARD_ENFORCE : GUARD_OFF, guard_options,
				   tm_guard_mode_changed);

	tm_wall_define(WALL_UNBOUND, "tenant_mgr.unbound",
				   "Sets whether sessions that are not bound can use objects of tenants.",
				   NULL,
				   &tm_unbound, UNBOUND_ALLOW, unbound_options,
				   tm_guard_mode_changed);

	tm_wall_define(WALL_SHARED_DDL, "tenant_mgr.shared_ddl",
				   "Sets whether bound sessions can drop, alter and truncate what is outside of their tenant.",
				   NULL,
				   &tm_shared_ddl, SHARED_DDL_ALLOW, shared_ddl_options,
				   NULL);

	tm_wall_define(WALL_UNBOUND_SUPERUSER, "tenant_mgr.unbound_superuser",
				   "Sets whether superusers that are not bound can use objects of tenants.",
				   "With \"deny\", tenant_mgr.unbound holds for superusers as well.",
				   &tm_unbound_superuser, UNBOUND_ALLOW, unbound_options,
				   tm_guard_mode_changed);

	/* a setting so that parallel workers get it */
	tm_setting_define_string(TM_GUARD_TENANT_SETTING,
							 "Tells the guard whose schema an operation of tenant_mgr works on.",
							 NULL,
							 &tm_guard_tenant,
							 "",
							 PGC_SUSET,
							 GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE |
							 GUC_DISALLOW_IN_FILE,
							 tm_guard_check_tenant,
							 tm_guard_assign_tenant,
							 NULL);
}

static bool
check_name_list(char **newval, void **extra, GucSource source)
{
	return check_list(*newval, SplitIdentifierString);
}

/* They are on the search path, which a locked session keeps. */
static bool
check_persistent_schemas(char **newval, void **extra, GucSource source)
{
	return tm_session_lock_permits_change(source) &&
		check_list(*newval, SplitIdentifierString);
}

static bool
check_word_list(char **newval, void **extra, GucSource source)
{
	return check_list(*newval, SplitGUCList);
}

static bool
check_list(const char *value, SplitFunction split)
{
	char	   *copy = pstrdup(value);
	List	   *elements;
	bool		valid = split(copy, ',', &elements);

	if (!valid)
		GUC_check_errdetail("List syntax is invalid.");
	else
		list_free(elements);
	pfree(copy);
	return valid;
}

/*
 * Names that begin with the prefix have to be names of schemas that a user
 * can create.  Letters beyond ASCII are left to the check of the whole name,
 * which knows the encoding.
 */
static bool
check_schema_prefix(char **newval, void **extra, GucSource source)
{
	const char *prefix = *newval;

	if (strlen(prefix) >= NAMEDATALEN - 1)
	{
		GUC_check_errdetail("The prefix leaves no room for a name.");
		return false;
	}
	if (pg_strncasecmp(prefix, "pg_", 3) == 0)
	{
		GUC_check_errdetail("The prefix \"pg_\" is reserved for system schemas.");
		return false;
	}
	for (; *prefix != '\0'; prefix++)
	{
		if (IS_HIGHBIT_SET(*prefix) || isalnum((unsigned char) *prefix) ||
			strchr("_-.", *prefix) != NULL)
			continue;
		GUC_check_errdetail("Only letters, digits, \"_\", \"-\" and \".\" are allowed.");
		return false;
	}
	return true;
}

/*
 * Whenever the server reads its files again, also if they have the same as
 * before.
 */
static void
assign_key_command(const char *newval, void *extra)
{
	tm_shared_ring_count_reload();
}

/* Bound sessions compare the number with the one their path was made for. */
static void
assign_persistent_schemas(const char *newval, void *extra)
{
	tm_guc_path_generation++;
}
