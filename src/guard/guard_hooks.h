/*
 * guard_hooks.h
 *		What the guard asks of everything that is executed.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_HOOKS_H
#define TENANT_MGR_GUARD_HOOKS_H

#include "nodes/pg_list.h"

/*
 * Judge the relations of a plan.  Returns false, if no error is to be raised,
 * for a relation that is out of reach.
 */
extern bool tm_guard_check_range_table(List *range_table, bool raise);

/* Judge a relation that is being planned for. */
extern void tm_guard_check_planned(Oid relid);

/* Judge a function that is about to be called; must it not be inlined? */
extern bool tm_guard_check_called(Oid funcid);

/* The settings of the guard get other values. */
extern void tm_guard_mode_changed(void);

/*
 * The session has got another tenant, or none: forget what was prepared for
 * the one before.  May be called whenever settings can change.
 */
extern void tm_guard_tenant_changed(void);

#endif							/* TENANT_MGR_GUARD_HOOKS_H */
