/*
 * running_code.c
 *		For which tenant's object the server works just now.
 *
 * Code that is reached through an object of a tenant is that tenant's, whoever
 * runs it: a session that is not bound, a superuser's maintenance, autovacuum,
 * a clone.  Here is what is known of it.  How it comes to be known, when plans,
 * functions and utility statements begin, is in tenant_code.c; that maintenance
 * works on a table of a tenant is looked up when somebody asks, for there is no
 * hook that tells (maintained.c).
 *
 * The outermost counts.  But where a statement is about several tenants, a
 * function of one of the others is that one's code (tenant_code.c).
 *
 * The server's own queries for foreign keys are nobody's code.  What they do to
 * a table of another tenant, to which only a session that is not bound can have
 * made a foreign key, is reached through that table.  They can be told by a
 * flag of the security context that nothing else sets.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/tenant_mgr.h"
#include "base/uuid.h"
#include "binding/guard_mode.h"
#include "binding/object_schema.h"
#include "binding/running_code.h"
#include "tenants/schema_owner.h"

RunningCode tm_running_code;

Oid
tm_running_code_look_maintained(void)
{
	Oid			relid = tm_maintained_relation();
	Oid			nspid;

	if (!OidIsValid(relid) || tm_guard == GUARD_OFF || !IsTransactionState())
		return InvalidOid;
	nspid = tm_object_relation_schema(relid);
	return tm_schema_is_owned(nspid) ? nspid : InvalidOid;
}

/* What is planned or started within the planning of a query takes its offer. */
void
tm_running_code_begin(RunningCode *before)
{
	*before = tm_running_code;
	before->nestlevel = 0;
	tm_running_code.plan = NULL;
	if (InNoForceRLSOperation() && !tm_running_code.referential)
	{
		tm_running_code.schema = tm_running_code.offered = InvalidOid;
		tm_running_code.referential = true;
	}
	if (!OidIsValid(tm_running_code.schema))
		tm_running_code.schema = tm_running_code.offered;
	tm_running_code.offered = InvalidOid;
}

void
tm_running_code_refuse_other(const pg_uuid_t *tenant_id)
{
	Oid			nspid = tm_running_code_schema();
	SchemaOwner owner;
	bool		is_owned;

	if (!OidIsValid(nspid) || tm_guard != GUARD_ENFORCE)
		return;
	is_owned = tm_schema_owner(nspid, &owner);
	if (is_owned && tenant_id != NULL &&
		tm_uuid_equals(&owner.id, tenant_id))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_FOREIGN_OBJECT),
			 errmsg("cannot administer other tenants from code of tenant \"%s\"",
					is_owned ? owner.name : ""),
			 errhint("Keep functions that do so in a persistent schema.")));
}
