/*
 * guc.h
 *		The settings of tenant_mgr.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUC_H
#define TENANT_MGR_GUC_H

#include "clone/copy_plan.h"
#include "nodes/pg_list.h"
#include "utils/guc_tables.h"

/* May a session be bound for longer than a transaction? */
typedef enum SessionSwitch
{
	SESSION_SWITCH_ALLOW,
	SESSION_SWITCH_DENY
} SessionSwitch;

/* What happens at a switch within a transaction that is bound already? */
typedef enum NestedSwitch
{
	NESTED_SWITCH_ALLOW,
	NESTED_SWITCH_ERROR
} NestedSwitch;

extern char *tm_persistent_schemas; /* on every tenant's search path */
extern char *tm_default_template;	/* what tenant.create() clones, or '' */
extern char *tm_schema_prefix;	/* goes before a tenant's name */
extern char *tm_clone_exclude;	/* tables whose rows no clone copies */
extern int	tm_clone_lock;		/* a CloneLock */
extern bool tm_clone_scrub;		/* leave dead rows behind? */
extern int	tm_clone_workers;	/* parallel workers of a clone, at most */
extern int	tm_trash_retention; /* seconds that a dropped tenant is kept */
extern int	tm_snapshot_retention;	/* seconds that snapshots are kept, or 0 */
extern int	tm_event_retention; /* seconds that events are kept, or 0 */
extern char *tm_base_domains;	/* hosts under these name a tenant */
extern char *tm_excluded_subdomains;	/* first labels that never do */
extern char *tm_key_file;		/* where the root keys are, or '' */
extern char *tm_key_command;	/* what prints them, or '' */
extern int	tm_secret_algorithm;	/* a CryptoAlgorithm, for new secrets */
extern int	tm_session_switch;	/* a SessionSwitch */
extern int	tm_nested_switch;	/* a NestedSwitch */
extern int	tm_verify_tag;		/* a VerifyTag */
extern int	tm_guard;			/* a GuardMode */
extern int	tm_unbound;			/* an UnboundMode */
extern int	tm_shared_ddl;		/* a SharedDdlMode */
extern int	tm_unbound_superuser;	/* an UnboundMode, for superusers */
extern char *tm_tenant;			/* the binding, '' when unbound */

/* Number of changes of tm_persistent_schemas; for comparison only. */
extern uint64 tm_guc_path_generation;

/* Define every setting and reserve the prefix. */
extern void tm_guc_init(void);

#endif							/* TENANT_MGR_GUC_H */
