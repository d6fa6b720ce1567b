/*
 * temp_object.h
 *		Temporary objects, and for whom they were made.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TEMP_OBJECT_H
#define TENANT_MGR_TEMP_OBJECT_H

#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "utils/uuid.h"

/* Has any been noted in this session?  Written by temp_object.c only. */
extern bool tm_temp_object_any;

/*
 * The schema that stands for an object in the session's temporary schema: the
 * one of the tenant for which it was made, or the temporary one.  An error if
 * there is no such tenant any more.
 */
extern Oid	tm_temp_object_home(Oid classid, Oid objid, Oid nspid);

/* The same for an object in any schema; costs next to nothing. */
static inline Oid
tm_temp_object_schema(Oid classid, Oid objid, Oid nspid)
{
	return tm_temp_object_any && isTempNamespace(nspid) ?
		tm_temp_object_home(classid, objid, nspid) : nspid;
}

/*
 * The code of a tenant, or a session that is bound to it, has made or changed
 * an object, which is looked at only if it is a temporary one.
 */
extern void tm_temp_object_note(const ObjectAddress *object, Oid nspid,
								const pg_uuid_t *tenant_id, bool made);

/* Is there a temporary object of the session's by that name? */
extern bool tm_temp_object_is_named(List *name);

/* Drop what was made while the session was locked. */
extern void tm_temp_object_drop_locked(void);

/* A transaction is about to commit, or has ended, as a subtransaction may. */
extern void tm_temp_object_before_commit(void);
extern void tm_temp_object_end_of_transaction(bool committed);
extern void tm_temp_object_end_of_subtransaction(bool committed,
												 SubTransactionId subid,
												 SubTransactionId parent);

#endif							/* TENANT_MGR_TEMP_OBJECT_H */
