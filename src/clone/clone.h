/*
 * clone.h
 *		A copy of a schema under another name.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CLONE_H
#define TENANT_MGR_CLONE_H

#include "nodes/pg_list.h"

extern char *tm_clone_exclude;	/* tables whose rows no clone copies */
extern bool tm_clone_scrub;		/* leave dead rows behind? */

/* Texts that name the source */
typedef enum CloneRetarget
{
	CLONE_RETARGET_OFF,			/* are left */
	CLONE_RETARGET_REPORT,		/* are left and reported */
	CLONE_RETARGET_ON			/* name the clone where that is certain; what
								 * is left is reported */
} CloneRetarget;

extern int	tm_clone_retarget;	/* what is asked for, one of these */

typedef struct CloneRequest
{
	Oid			source;			/* schema to copy, locked by the caller */
	const char *target;			/* name of the schema to create */
	Oid			owner;			/* replaces the owner of the source's schema
								 * everywhere; InvalidOid keeps the owners */
	bool		with_data;		/* copy rows and sequence positions too? */
	List	   *exclude;		/* LIKE patterns (C strings) of tables whose
								 * rows are left out */
	bool		is_template;	/* source may be cloned by roles that do not
								 * own it; then owner must be set */
	int			retarget;		/* what becomes of texts that name it, see
								 * above */
	bool		aside;			/* not to be live: no foreign keys to tables
								 * outside */
} CloneRequest;

/*
 * Create the schema and everything in it; returns the new schema's OID.  The
 * caller has validated the target's name, holds ShareLock on the source
 * schema (LockDatabaseObject) and has checked CREATE on the database.
 * Ownership of the source's objects is checked here.  A command counter
 * increment has been done on return; all is undone by transaction abort.
 */
extern Oid	tm_clone_schema(const CloneRequest *request);

#endif							/* TENANT_MGR_CLONE_H */
