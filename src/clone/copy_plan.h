/*
 * copy_plan.h
 *		How the contents of each relation get into the clone.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_COPY_PLAN_H
#define TENANT_MGR_COPY_PLAN_H

#include "clone/oidmap.h"
#include "utils/rel.h"

typedef enum CopyMethod
{
	COPY_EMPTY,					/* nothing to copy */
	COPY_POSITION,				/* a sequence: its position */
	COPY_BLOCKS,				/* block by block */
	COPY_PATCHED,				/* block by block, OIDs in rows replaced */
	COPY_ROWS,					/* row by row */
	COPY_BUILD					/* an index: built from the clone's rows */
} CopyMethod;

typedef struct CopyChoice
{
	CopyMethod	method;
	const char *reason;			/* a phrase for the user, palloc'd or static */
} CopyChoice;

/* The fastest way that is legal for this table, and why no faster one is. */
extern CopyChoice tm_copy_plan_table(Relation table, const OidMap *map);

/* The same for an index, whose table is copied in the given way. */
extern CopyChoice tm_copy_plan_index(Relation index, CopyMethod table_method,
									 const OidMap *map);

/* The name of a method, as users see it. */
extern const char *tm_copy_plan_method_name(CopyMethod method);

#endif							/* TENANT_MGR_COPY_PLAN_H */
