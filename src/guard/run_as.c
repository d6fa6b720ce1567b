/*
 * run_as.c
 *		Under whose rights a tenant's code runs inside our functions.
 *
 * Expressions of indexes, checks, generated columns and partition keys are
 * code, and so are the functions in them.  To build an index, to write a row
 * or merely to have such an expression simplified runs it.  Whoever calls our
 * functions has not written that code and must not lend it rights: it runs as
 * the owner of the object that it belongs to, in a security-restricted
 * operation, as it does in the server's own maintenance commands.
 *
 * The search path is the one that the tenant's sessions have, because that is
 * what the code was written for.  From PostgreSQL 17 on the server sets its own
 * safe path when it builds an index, which comes on top of this one.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "binding/binding_path.h"
#include "guard/guard.h"
#include "guard/run_as.h"

void
tm_run_as_begin(RunAs *before, Oid roleid, Oid nspid)
{
	char	   *schema = get_namespace_name(nspid);

	if (schema == NULL)
		elog(ERROR, "cache lookup failed for schema %u", nspid);
	GetUserIdAndSecContext(&before->userid, &before->sec_context);
	before->nestlevel = NewGUCNestLevel();
	tm_guard_set_own(nspid);
	tm_binding_path_borrow(tm_binding_path_of_schema(schema));
	SetUserIdAndSecContext(roleid, before->sec_context |
						   SECURITY_RESTRICTED_OPERATION);
}

void
tm_run_as_end(const RunAs *before)
{
	SetUserIdAndSecContext(before->userid, before->sec_context);
	AtEOXact_GUC(false, before->nestlevel);
}

void
tm_run_as_owner(RunAs *before, Relation rel)
{
	tm_run_as_begin(before, rel->rd_rel->relowner,
					RelationGetNamespace(rel));
}
