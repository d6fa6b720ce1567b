/*
 * run_as.h
 *		Under whose rights a tenant's code runs inside our functions.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_RUN_AS_H
#define TENANT_MGR_RUN_AS_H

#include "utils/relcache.h"

/* What has to be put back */
typedef struct RunAs
{
	Oid			userid;			/* the user, */
	int			sec_context;	/* the security context */
	int			nestlevel;		/* and the settings from before */
} RunAs;

/*
 * From here on code of a schema may run: as the role, in a security-restricted
 * operation, on the search path that the schema's tenant would have, judged as
 * that tenant's.  To be ended in the same (sub)transaction; abort ends it, too.
 */
extern void tm_run_as_begin(RunAs *before, Oid roleid, Oid nspid);
extern void tm_run_as_end(const RunAs *before);

/* The same as the owner of a relation, for its schema. */
extern void tm_run_as_owner(RunAs *before, Relation rel);

#endif							/* TENANT_MGR_RUN_AS_H */
