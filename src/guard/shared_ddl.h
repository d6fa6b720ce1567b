/*
 * shared_ddl.h
 *		Whether bound sessions may change what tenants share.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SHARED_DDL_H
#define TENANT_MGR_SHARED_DDL_H

/* What a bound session may do with what is outside of its tenant */
typedef enum SharedDdlMode
{
	SHARED_DDL_ALLOW,
	SHARED_DDL_DENY
} SharedDdlMode;

extern int	tm_shared_ddl;		/* a SharedDdlMode */

/*
 * An object is about to be dropped or emptied, or something about it changed:
 * raise an error if it is outside of the session's tenant and that is denied.
 */
extern void tm_shared_ddl_check(Oid classid, Oid objid);

/*
 * Something has been made or changed: the same if it is code that sessions of
 * all tenants may come to run without naming it.
 */
extern void tm_shared_ddl_check_code(Oid classid, Oid objid);

#endif							/* TENANT_MGR_SHARED_DDL_H */
