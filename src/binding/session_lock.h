/*
 * session_lock.h
 *		A session that stays where it is bound until a key is shown.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SESSION_LOCK_H
#define TENANT_MGR_SESSION_LOCK_H

#include "nodes/nodes.h"
#include "utils/guc_tables.h"
#include "utils/uuid.h"

#include "binding/binding.h"

/* Is the session locked?  Also known to its parallel workers. */
extern bool tm_session_locked;

/* Hook of the setting that tells. */
extern bool tm_session_lock_check_locked(bool *newval, void **extra,
										 GucSource source);

/*
 * Put our hooks before those of the server's settings that say where a
 * session is, and of those that protect the database.  To be called once the
 * settings are defined.
 */
extern void tm_session_lock_init(void);

/*
 * Lock the session to the tenant of its binding, which has been verified; raise
 * TM004 unless it is locked by this key; unlock it.
 */
extern void tm_session_lock_close(const Binding *binding, text *key);
extern void tm_session_lock_check_key(text *key);
extern void tm_session_lock_open(void);

/* Raise TM004 if the session is locked. */
extern void tm_session_lock_refuse(void);

/* The same, unless to this tenant. */
extern void tm_session_lock_refuse_other(const pg_uuid_t *tenant_id);

/*
 * For the check hook of tenant_mgr.tenant: may the setting have this value?
 * If not, the objection has been handed to the GUC machinery.
 */
extern bool tm_session_lock_permits_tenant(const char *name,
										   GucSource source);

/*
 * For check hooks of settings that a locked session keeps: may the setting be
 * changed?  Likewise.
 */
extern bool tm_session_lock_permits_change(GucSource source);

/* The check hook of tenant_mgr.persistent_schemas. */
extern bool tm_session_lock_check_names(char **newval, void **extra,
										GucSource source);

/* Raise TM004 if the session is locked and the command would unlock it. */
extern void tm_session_lock_check_utility(Node *stmt);

/*
 * Is the session where it was locked?  A rollback may have taken it away.
 * The first is for sessions that are locked, the last raises TM004 if not.
 */
extern bool tm_session_lock_has_held(void);
static inline bool
tm_session_lock_is_intact(void)
{
	return !tm_session_locked || tm_session_lock_has_held();
}
extern void tm_session_lock_validate(void);

/*
 * Raise TM004 if a locked session has lost a setting by something that no
 * check hook is asked about.  Cheap.
 */
extern void tm_session_lock_check_frozen(void);

#endif							/* TENANT_MGR_SESSION_LOCK_H */
