/*
 * statement_settings.h
 *		Settings that decide what a statement means.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_STATEMENT_SETTINGS_H
#define TENANT_MGR_STATEMENT_SETTINGS_H

#include "nodes/pg_list.h"

/*
 * What these settings are now, where they are not the built-in values: a
 * palloc'd list of C strings, name=value.
 */
extern List *tm_statement_settings(void);

/*
 * Give all of them the values from such a list, or else the built-in ones, until
 * the present nesting level of settings ends (NewGUCNestLevel).  What the server
 * does not know, or the role must not set, is an error.
 */
extern void tm_statement_settings_apply(List *settings);

/* Are two such lists the same? */
extern bool tm_statement_settings_same(const List *a, const List *b);

#endif							/* TENANT_MGR_STATEMENT_SETTINGS_H */
