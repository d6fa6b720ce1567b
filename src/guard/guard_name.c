/*
 * guard_name.c
 *		What a name in a bound session's utility statement leads to.
 *
 * What is named is looked up as the server will look it up.  A name is judged
 * only if its schema may be used, so that a refusal does not tell what the
 * server would not tell.  Nothing is locked; see guard_reach.c.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "guard/guard.h"
#include "guard/guard_access.h"
#include "guard/guard_name.h"
#include "guard/shared_ddl.h"

Oid
tm_guard_name_relation(const RangeVar *relation)
{
	Oid			relid;

	if (relation == NULL)
		return InvalidOid;
	if (relation->schemaname != NULL)
	{
		Oid			nspid = get_namespace_oid(relation->schemaname, true);

		if (!OidIsValid(nspid) ||
			tm_schema_aclcheck(nspid, GetUserId(), ACL_USAGE) != ACLCHECK_OK)
			return InvalidOid;
		relid = get_relname_relid(relation->relname, nspid);
		if (!OidIsValid(relid))
			tm_guard_check_object(NamespaceRelationId, nspid);
	}
	else
		relid = RangeVarGetRelid(relation, NoLock, true);
	if (OidIsValid(relid))
		tm_guard_check_object(RelationRelationId, relid);
	return relid;
}

Oid
tm_guard_name_changed(const RangeVar *relation)
{
	Oid			relid = tm_guard_name_relation(relation);

	if (OidIsValid(relid) &&
		!tm_guard_access_created(RelationRelationId, relid))
		tm_shared_ddl_check(RelationRelationId, relid);
	return relid;
}

Oid
tm_guard_name_schema(const char *name)
{
	Oid			nspid = get_namespace_oid(name, true);

	if (!OidIsValid(nspid) ||
		tm_schema_aclcheck(nspid, GetUserId(), ACL_USAGE) != ACLCHECK_OK)
		return InvalidOid;
	tm_guard_check_object(NamespaceRelationId, nspid);
	return nspid;
}

void
tm_guard_name_schemas(List *names)
{
	ListCell   *lc;

	foreach(lc, names)
		(void) tm_guard_name_schema(strVal(lfirst(lc)));
}
