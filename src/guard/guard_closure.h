/*
 * guard_closure.h
 *		What hangs together with an object that a statement names.
 *
 * What is called a check judges objects as tm_guard_check_object does, and not
 * the object that it is given.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_GUARD_CLOSURE_H
#define TENANT_MGR_GUARD_CLOSURE_H

#include "nodes/pg_list.h"

/* Children and partitions of a relation, of all generations */
extern void tm_guard_check_children(Oid relid);

/* The relations and their children of all generations; changes the list */
extern List *tm_guard_with_children(List *relids);

/* The default partition of a table, if it has one, and what is below it */
extern void tm_guard_check_default_partition(Oid parent);

/* Tables that have been made OF the composite type, and their children */
extern void tm_guard_check_typed_tables(Oid relid);

/* Those tables, without their children; allocated in the current context */
extern List *tm_guard_typed_tables(Oid relid);

/* What a view reads from, through further views and with children */
extern void tm_guard_check_view(Oid relid);

/* Relations with a column of the type, or of a type that is made of it */
extern void tm_guard_check_users_of_type(Oid typid);

/* The members of an extension */
extern void tm_guard_check_extension(const char *name);

/* Everything in this database that roles own or have privileges on */
extern void tm_guard_check_owned(List *roles);

/* The schemas of all tenants */
extern void tm_guard_check_all_tenants(void);

/* Is the relation kept away from this session, or one of its children? */
extern bool tm_guard_family_out_of_reach(Oid relid);

#endif							/* TENANT_MGR_GUARD_CLOSURE_H */
