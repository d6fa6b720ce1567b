/*
 * object_schema.h
 *		The schema that a database object stands or falls with.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OBJECT_SCHEMA_H
#define TENANT_MGR_OBJECT_SCHEMA_H

#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"

#include "binding/temp_object.h"

/*
 * That schema, or InvalidOid for what has none or does not exist.  A temporary
 * object counts as one of the tenant that it was made for.
 */
extern Oid	tm_object_schema(Oid classid, Oid objid);

/*
 * Relations and functions that have been asked about lately, each in the place
 * that its OID leads to; every statement and every call asks about its own.
 * Written by object_schema.c only.
 */
#define TM_RECENT_OBJECTS	256

typedef struct RecentObject
{
	Oid			objid;			/* InvalidOid if there is none */
	Oid			nspid;			/* its schema */
} RecentObject;

extern RecentObject tm_recent_relations[TM_RECENT_OBJECTS];
extern RecentObject tm_recent_functions[TM_RECENT_OBJECTS];

/* The same of a relation and of a function, mostly from there */
static inline Oid
tm_object_relation_schema(Oid relid)
{
	const RecentObject *recent;

	recent = &tm_recent_relations[relid % TM_RECENT_OBJECTS];
	return recent->objid == relid && !tm_temp_object_any &&
		recent->nspid != PG_TOAST_NAMESPACE ?
		recent->nspid : tm_object_schema(RelationRelationId, relid);
}

/* What is known of them, temporary or not; InvalidOid if nothing is */
static inline Oid
tm_object_recent_relation(Oid relid)
{
	const RecentObject *recent;

	recent = &tm_recent_relations[relid % TM_RECENT_OBJECTS];
	return recent->objid == relid ? recent->nspid : InvalidOid;
}

static inline Oid
tm_object_recent_function(Oid funcid)
{
	const RecentObject *recent;

	recent = &tm_recent_functions[funcid % TM_RECENT_OBJECTS];
	return recent->objid == funcid ? recent->nspid : InvalidOid;
}

static inline Oid
tm_object_function_schema(Oid funcid)
{
	const RecentObject *recent;

	recent = &tm_recent_functions[funcid % TM_RECENT_OBJECTS];
	return recent->objid == funcid && !tm_temp_object_any ?
		recent->nspid : tm_object_schema(ProcedureRelationId, funcid);
}

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
