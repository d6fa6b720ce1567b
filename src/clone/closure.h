/*
 * closure.h
 *		Which catalog rows make up a schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CLOSURE_H
#define TENANT_MGR_CLOSURE_H

#include "access/genam.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_depend.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/snapshot.h"

/* One member of a schema: an object with an address, and how it was found */
typedef struct ClosureMember
{
	Oid			classid;		/* catalog that holds its row */
	Oid			objid;			/* its OID in that catalog */
	char		relkind;		/* for members of pg_class, else '\0' */
	char		relpersistence; /* likewise */
	bool		relispartition; /* likewise */
	Oid			relnamespace;	/* likewise */
	Oid			reltablespace;	/* likewise */
	Oid			owner_seed;		/* OID of the member that hangs directly off
								 * the schema and that this one belongs to */
	Oid			owner_class;	/* and its catalog */
	bool		left_out;		/* clone: this one is not reproduced */
	bool		with_rows;		/* clone: its rows (position) travel */
	bool		shows_left_out; /* clone: it has, or is made of, rows of
								 * tables that are left out */
	Oid			table;			/* clone: of an index, what it is an index of */
	int			file;			/* clone: place in CloneState.relations of a
								 * relation with files */
} ClosureMember;

/* What a dependency row is to the object that it refers to */
typedef enum DependentRole
{
	DEPENDENT_NONE,				/* does not count, e.g. a publication */
	DEPENDENT_PART,				/* belongs to the referenced object */
	DEPENDENT_USER				/* merely uses the referenced object */
} DependentRole;

/* Something that uses a member, or the schema itself */
typedef struct ClosureUser
{
	Oid			classid;		/* catalog of the user */
	Oid			objid;			/* its OID, often that of another member */
	int32		objsubid;		/* its column, or 0 */
	ObjectAddress used;			/* what it uses */
} ClosureUser;

/*
 * The members of one schema, in the order in which they were found, unless
 * sorted: every member comes after the one that led to it.
 */
typedef struct Closure
{
	Oid			nspid;			/* the schema */
	char	   *nspname;		/* its name */
	MemoryContext context;		/* holds all of this */
	Snapshot	snapshot;		/* what the catalogs were read with, or NULL */
	ClosureMember *members;		/* array of nmembers */
	int			nmembers;
	int			maxmembers;
	HTAB	   *index;			/* (classid, objid) -> position in members */
	ClosureUser *users;			/* array of nusers, in no order */
	int			nusers;
	int			maxusers;
	ObjectAddress gone;			/* something that the snapshot sees in the
								 * schema and that does not exist; its classId
								 * is InvalidOid if there is none */
} Closure;

/*
 * Collect the members of a schema.  The caller holds a lock on the schema.
 * With a NULL snapshot each catalog is read as of now.  The result lives in
 * the current memory context.
 */
extern Closure *tm_closure_of_schema(Oid nspid, Snapshot snapshot);

/*
 * The same of some objects of the schema: these and what belongs to them, and the
 * queries of views and bodies of functions that name them.
 */
extern Closure *tm_closure_of_objects(Oid nspid, const List *objects,
									  Snapshot snapshot);

/*
 * OIDs of the relations, types or functions that hang directly off the schema,
 * in ascending order.  The first two have to be locked to keep the schema as
 * it is.
 */
extern List *tm_closure_relations(Oid nspid);
extern List *tm_closure_types(Oid nspid);
extern List *tm_closure_functions(Oid nspid);

/* The member at this address, or NULL. */
extern ClosureMember *tm_closure_find(const Closure *closure,
									  Oid classid, Oid objid);

/*
 * Put the members into the order of their addresses, in which the catalogs
 * are read fastest, and in which copies keep the order of their originals'
 * OIDs.
 */
extern void tm_closure_sort(Closure *closure);

/*
 * Objects outside the schema that depend on a member and that a DROP SCHEMA
 * ... CASCADE would take along, partitions in other schemas among them; a
 * palloc'd list of ObjectAddress pointers, NIL when there is none.  Memberships in
 * publications do not count.
 */
extern List *tm_closure_outside_dependents(const Closure *closure);

/* What such a row says. */
extern DependentRole tm_closure_classify_dependent(Form_pg_depend dep);

#endif							/* TENANT_MGR_CLOSURE_H */
