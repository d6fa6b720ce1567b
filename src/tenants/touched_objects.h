/*
 * touched_objects.h
 *		Which objects of a schema the transaction changes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_TOUCHED_OBJECTS_H
#define TENANT_MGR_TOUCHED_OBJECTS_H

#include "catalog/objectaddress.h"
#include "nodes/pg_list.h"

/*
 * Note what is changed in this schema, from here to the end of the transaction, or
 * until somebody else begins.
 */
extern void tm_touched_begin(Oid nspid);

/*
 * A command changes this object of the schema, and nothing else in it, but for
 * relations, of which the server tells; the object may be the schema itself.  Or it
 * may change anything there, or in all schemas (InvalidOid).  Nothing happens unless
 * somebody has begun with the schema.
 */
extern void tm_touched_object(Oid nspid, const ObjectAddress *object);
extern void tm_touched_anything(Oid nspid);

/*
 * What has been changed, palloc'd addresses each once, tables for their indexes; and
 * noting ends.  False if nobody has begun, or it may be anything.
 */
extern bool tm_touched_end(Oid nspid, List **objects);

#endif							/* TENANT_MGR_TOUCHED_OBJECTS_H */
