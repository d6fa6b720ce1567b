/*
 * object_schema.h
 *		The schema that a database object stands or falls with.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OBJECT_SCHEMA_H
#define TENANT_MGR_OBJECT_SCHEMA_H

#include "catalog/objectaddress.h"

/*
 * That schema, or InvalidOid for what has none or does not exist.  A temporary
 * object counts as one of the tenant that it was made for.
 */
extern Oid	tm_object_schema(Oid classid, Oid objid);

/* The same if it is a tenant's, or InvalidOid; also outside of transactions. */
extern Oid	tm_object_tenant_schema(Oid classid, Oid objid);

/*
 * The schema that it is really in.  The object is replaced by the relation that
 * it is a part of, if it is one.
 */
extern Oid	tm_object_place(ObjectAddress *object);

/*
 * The schema that the object's own row names, or InvalidOid.  Its kind has to be
 * one that lives in schemas.
 */
extern Oid	tm_object_schema_in_row(Oid classid, Oid objid);

/* An object as messages name it, its kind first; palloc'd */
extern char *tm_object_describe(Oid classid, Oid objid);

#endif							/* TENANT_MGR_OBJECT_SCHEMA_H */
