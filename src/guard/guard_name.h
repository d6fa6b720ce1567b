/*
 * guard_name.h
 *		What a name in a bound session's utility statement leads to.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_NAME_H
#define TENANT_MGR_GUARD_NAME_H

#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

/*
 * Judge a relation by its name, as the server will look it up; InvalidOid if
 * there is none.  What is not there yet, or not any more, is judged by its
 * schema.
 */
extern Oid	tm_guard_name_relation(const RangeVar *relation);

/* The same of one that is changed, which may be a shared one. */
extern Oid	tm_guard_name_changed(const RangeVar *relation);

/*
 * Judge schemas by their names; InvalidOid if there is none, or none that may
 * be used.
 */
extern Oid	tm_guard_name_schema(const char *name);
extern void tm_guard_name_schemas(List *names);

#endif							/* TENANT_MGR_GUARD_NAME_H */
