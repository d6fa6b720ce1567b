/*
 * guc.c
 *		The settings of tenant_mgr.
 *
 * This is the table of them.  What a setting means, its variable and its hooks
 * are in the module that it rules.
 *
 * A value that a setting was given before the library was loaded is applied as
 * the setting is defined.  Much of the library is not there yet then, so no
 * check hook may do more with such a value than to look at it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/namespace.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "postmaster/bgworker_internals.h"
#include "tcop/tcopprot.h"

#include "base/compat.h"
#include "base/crypto.h"
#include "base/setting.h"
#include "binding/authorization.h"
#include "binding/binding.h"
#include "binding/binding_refusals.h"
#include "binding/binding_setting.h"
#include "binding/domain.h"
#include "binding/guard_mode.h"
#include "binding/session_lock.h"
#include "binding/statement_tag.h"
#include "binding/token.h"
#include "binding/token_key.h"
#include "binding/used_token.h"
#include "binding/wall.h"
#include "clone/clone.h"
#include "clone/clone_lock.h"
#include "clone/copy_task.h"
#include "connections/connection_host.h"
#include "connections/health_memory.h"
#include "connections/health_policy.h"
#include "connections/health_worker.h"
#include "fleet/migrate.h"
#include "fleet/recording.h"
#include "guard/guard.h"
#include "guard/guard_hooks.h"
#include "guard/shared_ddl.h"
#include "guc.h"
#include "lifecycle/lifecycle.h"
#include "lifecycle/trash.h"
#include "secrets/keyring.h"
#include "secrets/secret.h"
#include "tenants/event.h"
#include "tenants/persistent_schemas.h"
#include "tenants/snapshot_registry.h"
#include "tenants/tenant_name.h"

static const struct config_enum_entry clone_lock_options[] = {
	{"none", CLONE_LOCK_NONE, false},
	{"share", CLONE_LOCK_SHARE, false},
	{NULL, 0, false}
};

static const struct config_enum_entry clone_retarget_options[] = {
	{"off", CLONE_RETARGET_OFF, false},
	{"report", CLONE_RETARGET_REPORT, false},
	{"on", CLONE_RETARGET_ON, false},
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

static const struct config_enum_entry switch_requires_options[] = {
	{"usage", SWITCH_REQUIRES_USAGE, false},
	{"token", SWITCH_REQUIRES_TOKEN, false},
	{NULL, 0, false}
};

static const struct config_enum_entry single_use_options[] = {
	{"marked", TOKEN_SINGLE_USE_MARKED, false},
	{"all", TOKEN_SINGLE_USE_ALL, false},
	{NULL, 0, false}
};

/* what the server takes for a truth value, too */
static const struct config_enum_entry expiry_options[] = {
	{"off", false, false},
	{"on", true, false},
	{"false", false, true},
	{"true", true, true},
	{"no", false, true},
	{"yes", true, true},
	{"0", false, true},
	{"1", true, true},
	{"f", false, true},
	{"t", true, true},
	{"n", false, true},
	{"y", true, true},
	{NULL, 0, false}
};

static const WallSetting wall_settings[] = {
	{
		WALL_SESSION_SWITCH, "tenant_mgr.session_switch",
		"Sets whether a session can be bound for longer than a transaction.",
		"Behind a pool that hands out connections for transactions, "
		"use \"deny\" for the pool's roles.",
		&tm_session_switch, SESSION_SWITCH_ALLOW, session_switch_options, NULL
	},

	{
		WALL_VERIFY_TAG, "tenant_mgr.verify_tag",
		"Sets what happens to statements with a comment that names another tenant.",
		"Comments are those that libraries add, such as tenant='acme'.",
		&tm_verify_tag, VERIFY_TAG_OFF, verify_tag_options, NULL
	},

	{
		WALL_GUARD, "tenant_mgr.guard",
		"Sets what happens when a bound session uses an object of another tenant.",
		"It can be written to the log, or refused with an error.",
		&tm_guard, GUARD_ENFORCE, guard_options, tm_guard_mode_changed
	},

	{
		WALL_UNBOUND, "tenant_mgr.unbound",
		"Sets whether sessions that are not bound can use objects of tenants.",
		NULL,
		&tm_unbound, UNBOUND_ALLOW, unbound_options, tm_guard_mode_changed
	},

	{
		WALL_SHARED_DDL, "tenant_mgr.shared_ddl",
		"Sets whether bound sessions can drop, alter and truncate what is outside of their tenant.",
		NULL,
		&tm_shared_ddl, SHARED_DDL_ALLOW, shared_ddl_options, NULL
	},

	{
		WALL_UNBOUND_SUPERUSER, "tenant_mgr.unbound_superuser",
		"Sets whether superusers that are not bound can use objects of tenants.",
		"With \"deny\", tenant_mgr.unbound holds for superusers as well.",
		&tm_unbound_superuser, UNBOUND_ALLOW, unbound_options, tm_guard_mode_changed
	},

	{
		WALL_SWITCH_REQUIRES, "tenant_mgr.switch_requires",
		"Sets what a role needs to switch to a tenant.",
		"With \"token\", USAGE on the tenant's schema is not enough.",
		&tm_switch_requires, SWITCH_REQUIRES_USAGE, switch_requires_options, NULL
	},

	{
		WALL_TOKEN_SINGLE_USE, "tenant_mgr.token_single_use",
		"Sets which tokens can be used only once.",
		NULL,
		&tm_token_single_use, TOKEN_SINGLE_USE_MARKED, single_use_options, NULL
	},

	{
		WALL_TOKEN_EXPIRY, "tenant_mgr.token_enforce_expiry",
		"Ends what a token allows when the token expires.",
		"Off, it has to be valid only at the switch.",
		&tm_token_enforce_expiry, true, expiry_options, NULL
	}
};

static const BoolSetting bool_settings[] = {
	{
		"tenant_mgr.clone_scrub", PGC_USERSET, 0,
		"Leaves dead rows of the source out of its clones.",
		"Off, pages are copied as they are, with what deleted and "
		"updated rows left in them.",
		&tm_clone_scrub, true,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.migrate_synchronous_commit", PGC_USERSET, 0,
		"Lets tenant.migrate() wait for the disk with each migration of a tenant.",
		"Off, it waits once, at its end; what a crash takes away before that "
		"it takes as a whole, and the next run gives it again.",
		&tm_migrate_synchronous_commit, false,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.locked", PGC_USERSET,
		GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
		"Shows whether the session is locked to its tenant.",
		"tenant.lock() and tenant.unlock() change it.",
		&tm_session_locked, false,
		tm_session_lock_check_locked, NULL, NULL
	},

	{
		/* a setting so that parallel workers get it */
		TM_VERIFIED_SETTING, PGC_USERSET,
		GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE |
		GUC_DISALLOW_IN_FILE,
		"Tells parallel workers whether the tenant has been verified.",
		NULL,
		&tm_tenant_verified, false,
		tm_binding_check_verified, tm_binding_assign_verified, NULL
	}
};

static const IntSetting int_settings[] = {
	{
		"tenant_mgr.trash_retention", PGC_SUSET, GUC_UNIT_S,
		"Sets how long a dropped tenant is kept in the trash.",
		"Zero means that it is due for removal at once.",
		&tm_trash_retention, 7 * 24 * 60 * 60, 0, INT_MAX,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.snapshot_retention", PGC_SUSET, GUC_UNIT_S,
		"Sets the age at which CALL tenant.purge() drops a snapshot.",
		"Zero means that snapshots are kept until they are dropped.",
		&tm_snapshot_retention, 0, 0, INT_MAX,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.event_retention", PGC_SUSET, GUC_UNIT_S,
		"Sets the age at which CALL tenant.purge() removes a record in tenant.event.",
		"Zero means that they are kept.",
		&tm_event_retention, 90 * 24 * 60 * 60, 0, INT_MAX,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.clone_workers", PGC_USERSET, 0,
		"Sets the maximum number of parallel workers that help to clone a schema.",
		"They copy large relations and build indexes; zero means none.",
		&tm_clone_workers, 2, 0, MAX_PARALLEL_WORKER_LIMIT,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.migrate_jobs", PGC_USERSET, 0,
		"Sets how many background workers tenant.migrate() uses.",
		"With one, or where the library has not been preloaded, the session does the work.",
		&tm_migrate_jobs, 2, 1, MIGRATE_MAX_JOBS,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.migrate_lock_timeout", PGC_USERSET, GUC_UNIT_MS,
		"Sets how long a migration waits for a lock.",
		"Then it is rolled back and tried again later.  Zero means for as long as it takes.",
		&tm_migrate_lock_timeout, 2000, 0, INT_MAX,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.migrate_retries", PGC_USERSET, 0,
		"Sets how often a migration is tried again that did not get a lock.",
		"The pauses between the tries grow.",
		&tm_migrate_retries, 10, 0, 1000,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.token_leeway", PGC_SUSET, GUC_UNIT_S,
		"Sets how much the clock of who issues tokens may differ from ours.",
		NULL,
		&tm_token_leeway, 0, 0, TM_MAX_TOKEN_LEEWAY,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.token_max_lifetime", PGC_SUSET, GUC_UNIT_S,
		"Sets the longest time from the issue of a token to its expiry.",
		"Zero means that there is no limit.",
		&tm_token_max_lifetime, 24 * 60 * 60, 0, INT_MAX,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.max_used_tokens", PGC_POSTMASTER, 0,
		"Sets the maximum number of tokens for a single use that are remembered.",
		"Until they have expired, and five minutes more.",
		&tm_max_used_tokens, 16384, 16, 10000000,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.health_slots", PGC_POSTMASTER, 0,
		"Sets the number of connections whose health is kept in shared memory.",
		"Zero means that no connection is looked at in the background.",
		&tm_health_slots, 256, 0, 100000,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.health_workers", PGC_SIGHUP, 0,
		"Sets the number of databases whose connections are looked at at the same time.",
		"Each takes one of max_worker_processes while it lasts.",
		&tm_health_workers, 2, 1, MAX_PARALLEL_WORKER_LIMIT,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.health_interval", PGC_SUSET, GUC_UNIT_MS,
		"Sets the time from one look at a connection to the next.",
		"Zero means that connections are not looked at in the background.",
		&tm_health_interval, 10 * 1000, 0, 24 * 60 * 60 * 1000,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.health_timeout", PGC_SUSET, GUC_UNIT_MS,
		"Sets the time in which a server has to answer when its health is checked.",
		NULL,
		&tm_health_timeout, 5 * 1000, 1, 10 * 60 * 1000,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.health_failure_threshold", PGC_SUSET, 0,
		"Sets the number of failures in a row that make a connection unhealthy.",
		NULL,
		&tm_health_failure_threshold, 3, 1, 1000,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.health_recovery_threshold", PGC_SUSET, 0,
		"Sets the number of successes in a row that make it healthy again.",
		NULL,
		&tm_health_recovery_threshold, 2, 1, 1000,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.health_max_backoff", PGC_SUSET, GUC_UNIT_MS,
		"Sets the longest time between two looks at an unhealthy connection.",
		"It is looked at after tenant_mgr.health_interval, and then after twice as long each time.",
		&tm_health_max_backoff, 60 * 1000, 0, 24 * 60 * 60 * 1000,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.health_degraded_latency", PGC_SUSET, GUC_UNIT_MS,
		"Sets the time that a server may take to answer without being degraded.",
		"Zero means any time.",
		&tm_health_degraded_latency, 1000, 0, 10 * 60 * 1000,
		NULL, NULL, NULL
	}
};

static const StringSetting string_settings[] = {
	{
		"tenant_mgr.persistent_schemas", PGC_SUSET, GUC_LIST_INPUT,
		"Sets the schemas that stay on the search path of every tenant.",
		"They come after the tenant's own schema, in this order.",
		&tm_persistent_schemas, "public",
		tm_session_lock_check_names, tm_persistent_schemas_assign, NULL
	},

	{
		"tenant_mgr.default_template", PGC_SUSET, 0,
		"Sets the template that a new tenant is cloned from.",
		"An empty string means that a new tenant starts with an empty schema.",
		&tm_default_template, "",
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.schema_prefix", PGC_SUSET, 0,
		"Sets what goes before a tenant's name in the name of its schema.",
		"It applies to tenants that are created or renamed from now on.",
		&tm_schema_prefix, "",
		tm_tenant_name_check_prefix, NULL, NULL
	},

	{
		"tenant_mgr.clone_exclude", PGC_USERSET, GUC_LIST_INPUT,
		"Sets the tables whose rows are left out of every clone.",
		"A list of LIKE patterns, compared with the names of tables; "
		"a pattern with upper-case letters needs double quotes.",
		&tm_clone_exclude, "",
		tm_setting_check_names, NULL, NULL
	},

	{
		TM_RECORD_SETTING, PGC_USERSET, GUC_NOT_WHILE_SEC_REST,
		"Sets the version under which the session's changes to its tenant are recorded.",
		"What is recorded becomes a migration for all other tenants; an empty string records nothing.",
		&tm_record, "",
		tm_recording_check, NULL, NULL
	},

	{
		"tenant_mgr.base_domains", PGC_SUSET, GUC_LIST_INPUT,
		"Sets the domains under which the first label of a host name is a tenant.",
		"Hosts given to tenants one by one need no base domain.",
		&tm_base_domains, "",
		tm_setting_check_words, NULL, NULL
	},

	{
		"tenant_mgr.excluded_subdomains", PGC_SUSET, GUC_LIST_INPUT,
		"Sets the first labels of host names that never are a tenant.",
		NULL,
		&tm_excluded_subdomains, "www",
		tm_setting_check_words, NULL, NULL
	},

	{
		"tenant_mgr.key_file", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
		"Sets the file that holds the root keys of secrets.",
		"Only the server's user may have access to it.",
		&tm_key_file, "",
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.key_command", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
		"Sets the shell command that prints the root keys of secrets.",
		"The server runs it when it starts, and sessions after a reload.",
		&tm_key_command, "",
		NULL, tm_keyring_assign_command, NULL
	},

	{
		/* likewise */
		TM_GUARD_TENANT_SETTING, PGC_SUSET,
		GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
		"Tells the guard whose schema an operation of tenant_mgr works on.",
		NULL,
		&tm_guard_tenant, "",
		tm_guard_check_tenant, tm_guard_assign_tenant, NULL
	},

	{
		"tenant_mgr.token_public_key", PGC_SUSET, GUC_LIST_INPUT,
		"Sets the public keys that tokens are verified with.",
		"A list of \"id=key\", or a single key, in base64url.",
		&tm_token_public_key, "",
		tm_token_key_check, tm_token_key_assign, NULL
	},

	{
		"tenant_mgr.token_audience", PGC_SUSET, 0,
		"Sets the audience that tokens have to be for.",
		"If it is empty, tokens that are for an audience are refused.",
		&tm_token_audience, "",
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.connection_hosts", PGC_SUSET, 0,
		"Sets the hosts of connections that others than superusers can write.",
		"Names with \"*\", networks, and directories of sockets.  If it is empty, all but sockets.",
		&tm_connection_hosts, "",
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.certificate_directory", PGC_SIGHUP, 0,
		"Sets the directory with the certificates that connections name.",
		"If it is empty, connections have none but those of the system.",
		&tm_certificate_directory, "",
		NULL, NULL, NULL
	}
};

static const EnumSetting enum_settings[] = {
	{
		"tenant_mgr.clone_lock", PGC_USERSET, 0,
		"Sets what may happen to a schema while it is cloned with its rows.",
		"With \"share\" it can be read; with \"none\" it can be written to "
		"as well, and the clone's indexes are built instead of copied.",
		&tm_clone_lock, CLONE_LOCK_SHARE, clone_lock_options,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.clone_retarget", PGC_USERSET, 0,
		"Sets what becomes of texts of functions that name the schema that is cloned.",
		"With \"report\" they are told, with \"on\" they name the clone "
		"where that is certain.",
		&tm_clone_retarget, CLONE_RETARGET_REPORT, clone_retarget_options,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.secret_algorithm", PGC_SUSET, 0,
		"Sets the algorithm that encrypts new secrets.",
		"Secrets that exist are opened by the one they were encrypted with.",
		&tm_secret_algorithm, CRYPTO_XCHACHA20_POLY1305, secret_algorithm_options,
		NULL, NULL, NULL
	},

	{
		"tenant_mgr.nested_switch", PGC_USERSET, 0,
		"Sets what happens at a switch within a transaction that is bound to another tenant.",
		"With \"error\", who nests switches or has forgotten a rollback gets to know it.",
		&tm_nested_switch, NESTED_SWITCH_ALLOW, nested_switch_options,
		NULL, NULL, NULL
	}
};

/* Its hooks look at the others, so it comes last. */
static const StringSetting tenant_setting = {
	"tenant_mgr.tenant", PGC_USERSET, GUC_REPORT,
	"Sets the tenant that the session is bound to.",
	"An empty string means that it is not bound.  "
	"The search path follows.",
	&tm_tenant, "",
	tm_binding_check_tenant, tm_binding_assign_tenant, NULL
};

static int	boot_level(const WallSetting *wall);
static void report_search_path(void);

void
tm_guc_init(void)
{
	static bool reserved = false;

	for (int i = 0; i < lengthof(wall_settings); i++)
		tm_wall_define(&wall_settings[i], boot_level(&wall_settings[i]));
	for (int i = 0; i < lengthof(bool_settings); i++)
		tm_setting_define_bool(&bool_settings[i]);
	for (int i = 0; i < lengthof(int_settings); i++)
		tm_setting_define_int(&int_settings[i]);
	for (int i = 0; i < lengthof(string_settings); i++)
		tm_setting_define_string(&string_settings[i]);
	for (int i = 0; i < lengthof(enum_settings); i++)
		tm_setting_define_enum(&enum_settings[i]);

	/* What parallel workers get does not come from nowhere. */
	SetConfigOption(TM_VERIFIED_SETTING, "off", PGC_USERSET, PGC_S_OVERRIDE);
	tm_setting_define_string(&tenant_setting);
	tm_wall_start();
	report_search_path();
	if (!reserved)
		MarkGUCPrefixReserved("tenant_mgr");
	reserved = true;
}

/*
 * The guard has to be there from the start to be worth its name, so it is on
 * by default only where the server loads it.
 */
static int
boot_level(const WallSetting *wall)
{
	if (wall->id == WALL_GUARD && !process_shared_preload_libraries_in_progress)
		return GUARD_OFF;
	return wall->boot_level;
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
