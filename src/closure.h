/*
 * closure.h
 *		Which catalog rows make up a schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CLOSURE_H
#define TENANT_MGR_CLOSURE_H

#include "catalog/objectaddress.h"
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
	Oid			owner_seed;		/* OID of the member that hangs directly off
								 * the schema and that this one belongs to */
	Oid			owner_class;	/* and its catalog */
	bool		left_out;		/* clone: this one is not reproduced */
	bool		with_rows;		/* clone: its rows (position) travel */
	int			file;			/* clone: place in CloneState.relations of a
								 * relation with files */
} ClosureMember;

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
	bool		stale;			/* something has been dropped while we looked */
} Closure;

/*
 * Collect the members of a schema.  The caller holds a lock on the schema.
 * With a NULL snapshot each catalog is read as of now.  The result lives in
 * the current memory context.
 */
extern Closure *tm_closure_of_schema(Oid nspid, Snapshot snapshot);

/*
 * OIDs of the relations, or of the types, that hang directly off the schema, in
 * ascending order: what has to be locked to keep the schema as it is.
 */
extern List *tm_closure_relations(Oid nspid);
extern List *tm_closure_types(Oid nspid);

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
 * ... CASCADE would take along; a palloc'd list of ObjectAddress pointers,
 * NIL when there is none.  Memberships in publications do not count.
 */
extern List *tm_closure_outside_dependents(const Closure *closure);

/*
 * Raise TM009 for the first member that a clone cannot reproduce: objects of
 * an extension, partitions across schemas, temporary objects.
 */
extern void tm_closure_refuse_unclonable(const Closure *closure);

#endif							/* TENANT_MGR_CLOSURE_H */
