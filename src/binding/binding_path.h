/*
 * binding_path.h
 *		The search path that a binding brings and takes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_BINDING_PATH_H
#define TENANT_MGR_BINDING_PATH_H

#include "utils/guc_tables.h"

/* To be called once the settings are there. */
extern void tm_binding_path_start(void);

/* The search path of a schema's tenant, NULL for none; palloc'd. */
extern char *tm_binding_path_of_schema(const char *schema);

/* The search path that the session has chosen, or NULL for the default. */
extern const char *tm_binding_path_own(void);

/*
 * Give search_path a value, or its default if that is NULL, to be undone
 * together with the change of a setting that is under way.
 */
extern void tm_binding_path_follow(const char *path,
								   const struct config_generic *setting);

/* Give it a value until the present nesting level of settings ends. */
extern void tm_binding_path_borrow(const char *path);

/*
 * A binding has gone without our doing.  Its path, and the one to put in its
 * place, are remembered in case the path has stayed; or forgotten again.
 */
extern void tm_binding_path_orphan(const char *path, const char *prior);
extern void tm_binding_path_forget(void);

/* Is there such a path?  Written by binding_path.c only. */
extern char *tm_binding_orphan_path;
static inline bool
tm_binding_path_is_orphan(void)
{
	return tm_binding_orphan_path != NULL;
}

/* If it is still in force and has become nobody's, replace it. */
extern void tm_binding_path_settle(bool unbound, GucAction action);

#endif							/* TENANT_MGR_BINDING_PATH_H */
