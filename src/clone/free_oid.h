/*
 * free_oid.h
 *		New OIDs, many of them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FREE_OID_H
#define TENANT_MGR_FREE_OID_H

#include "utils/relcache.h"

/* What is known of a catalog; begins with zeros */
typedef struct FreeOids
{
	Oid			from;			/* the first that is free */
	Oid			to;				/* the first after it that is not */
} FreeOids;

/* An OID that no row of the catalog has, by the index on that column. */
extern Oid	tm_free_oid(FreeOids *free, Relation catalog, Oid index,
						AttrNumber attno);

/* The same of pg_class, and no file of the tablespace has its number. */
extern Oid	tm_free_file_number(FreeOids *free, Relation pg_class, Oid index,
								AttrNumber attno, Oid reltablespace);

#endif							/* TENANT_MGR_FREE_OID_H */
