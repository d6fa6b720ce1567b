/*
 * stored_call.h
 *		Expressions of relations and domains that work on a sequence.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_STORED_CALL_H
#define TENANT_MGR_STORED_CALL_H

#include "nodes/pg_list.h"

/*
 * Those of CHECK constraints and conditions of triggers of a relation, of its
 * partitions, and of the domains of its columns; nearly always NIL, which is
 * remembered.  Trees, palloc'd.
 */
extern List *tm_stored_calls_of_relation(Oid relid);

/* The same of a domain, and of those that it is made of */
extern List *tm_stored_calls_of_domain(Oid typid);

#endif							/* TENANT_MGR_STORED_CALL_H */
