/*
 * maintained.h
 *		The relation that the server works on just now.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_MAINTAINED_H
#define TENANT_MGR_MAINTAINED_H

#include "utils/backend_progress.h"

/* What the backend said about its progress */
typedef struct Maintained
{
	ProgressCommandType command;	/* or PROGRESS_COMMAND_INVALID */
	Oid			relid;			/* the relation it works on */
	int64		params[PGSTAT_NUM_PROGRESS_PARAM];	/* how far it is */
} Maintained;

/* The relation, or InvalidOid if there is none. */
extern Oid	tm_maintained_relation(void);

/* Before something that may take the entry away, and after it */
extern void tm_maintained_note(Maintained *entry);
extern void tm_maintained_restore(const Maintained *entry);

/* The same for subtransactions, to be called by their callback */
extern void tm_maintained_begin_subtransaction(SubTransactionId subid);
extern void tm_maintained_end_subtransaction(SubTransactionId subid,
											 bool aborted);
extern void tm_maintained_end_of_transaction(void);

#endif							/* TENANT_MGR_MAINTAINED_H */
