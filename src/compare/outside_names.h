/*
 * outside_names.h
 *		What a fingerprint says of what is outside of its schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OUTSIDE_NAMES_H
#define TENANT_MGR_OUTSIDE_NAMES_H

#include "compare/schema_view.h"

/* Under which circumstances a fingerprint remains true */
typedef struct OutsideNames
{
	List	   *roles;			/* OIDs of roles that it names, but the owner */
	bool		unsettled;		/* it can change without anything that tells */
} OutsideNames;

/*
 * Look at a schema that has just been read; the list is palloc'd in the current
 * memory context.
 */
extern void tm_outside_names(SchemaView *view, OutsideNames *names);

#endif							/* TENANT_MGR_OUTSIDE_NAMES_H */
