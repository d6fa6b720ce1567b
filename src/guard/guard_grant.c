/*
 * guard_grant.c
 *		What a bound session's statements about privileges can reach.
 *
 * The server tells no hook what GRANT and REVOKE do, so everything that they
 * name is judged as if it were altered.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"

#include "guard/guard.h"
#include "guard/guard_access.h"
#include "guard/guard_closure.h"
#include "guard/guard_grant.h"
#include "guard/guard_name.h"
#include "guard/shared_ddl.h"

static void reach_granted_object(Oid classid, Oid objid);

void
tm_guard_reach_granted(GrantStmt *stmt)
{
	ListCell   *lc;

	if (stmt->targtype == ACL_TARGET_ALL_IN_SCHEMA ||
		stmt->objtype == OBJECT_SCHEMA)
	{
		foreach(lc, stmt->objects)
			reach_granted_object(NamespaceRelationId,
								 tm_guard_name_schema(strVal(lfirst(lc))));
		return;
	}
	switch (stmt->objtype)
	{
		case OBJECT_TABLE:
		case OBJECT_SEQUENCE:
			foreach(lc, stmt->objects)
				(void) tm_guard_name_changed(lfirst_node(RangeVar, lc));
			break;
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
			foreach(lc, stmt->objects)
				reach_granted_object(ProcedureRelationId,
									 LookupFuncWithArgs(stmt->objtype,
														lfirst(lc), true));
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			foreach(lc, stmt->objects)
			{
				Oid			typid;

				typid = LookupTypeNameOid(NULL,
										  makeTypeNameFromNameList(lfirst(lc)),
										  true);
				reach_granted_object(TypeRelationId, typid);
			}
			break;
		default:
			break;
	}
}

static void
reach_granted_object(Oid classid, Oid objid)
{
	if (!OidIsValid(objid))
		return;
	tm_guard_check_object(classid, objid);
	if (!tm_guard_access_created(classid, objid))
		tm_shared_ddl_check(classid, objid);
}

/* Without a list of schemas they are for objects in all of them. */
void
tm_guard_reach_default_privileges(AlterDefaultPrivilegesStmt *stmt)
{
	ListCell   *lc;
	bool		limited = false;

	foreach(lc, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "schemas") == 0)
		{
			tm_guard_name_schemas((List *) option->arg);
			limited = true;
		}
	}
	if (!limited)
		tm_guard_check_all_tenants();
}
