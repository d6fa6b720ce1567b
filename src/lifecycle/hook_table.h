/*
 * hook_table.h
 *		Functions to be called when something becomes of a tenant: rows of
 *		tenant.hook.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_HOOK_TABLE_H
#define TENANT_MGR_HOOK_TABLE_H

#include "nodes/pg_list.h"

/* One hook, as the table knows it */
typedef struct TenantHook
{
	char		event[NAMEDATALEN]; /* such as "after_create" */
	char		schema[NAMEDATALEN];	/* of the function */
	char		name[NAMEDATALEN];	/* of the function, which takes jsonb */
	int32		priority;		/* low ones come first */
	char		owner[NAMEDATALEN]; /* of the function when it was added */
} TenantHook;

/*
 * Has the event hooks?  Answered from memory as long as no table of the
 * library changes; needs a transaction.
 */
extern bool tm_hook_is_there(const char *event);

/* The hooks of an event in their order, or all; a palloc'd list. */
extern List *tm_hook_list(const char *event);

/* The function of a hook, or InvalidOid. */
extern Oid	tm_hook_function(const TenantHook *hook);

/*
 * Raise an error unless the function may be called as this hook: it is as it
 * has to be, and nobody else's than when it was added, or of somebody who may
 * add hooks.
 */
extern void tm_hook_check_function(const TenantHook *hook, Oid funcid);

/* Forget the hooks whose function is not there any more, and say so. */
extern void tm_hook_forget_dropped(void);

#endif							/* TENANT_MGR_HOOK_TABLE_H */
