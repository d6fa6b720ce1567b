/*
 * clone_state.h
 *		What one clone is made of, handed from step to step.
 *
 * What is noted of each member stands in the member itself (closure.h): beside
 * it, it would have to be sorted with it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CLONE_STATE_H
#define TENANT_MGR_CLONE_STATE_H

#include "base/compat.h"
#include "clone/clone.h"
#include "clone/closure.h"
#include "clone/copy_plan.h"
#include "clone/oidmap.h"

/* A relation of the clone that needs files of its own */
typedef struct CloneRelation
{
	Oid			source;			/* relation that is copied */
	Oid			clone;			/* its copy */
	Oid			heap;			/* for an index: its table in the source */
	char		relkind;		/* of both */
	char		relpersistence; /* of both */
	Oid			relam;			/* access method of both */
	RelFileLocator source_file; /* a sequence's file, which its lock keeps */
	RelFileLocator clone_file;	/* where the clone's rows go */
	bool		with_rows;		/* rows (or position, for a sequence) travel */
	CopyMethod	method;			/* how its contents are copied */
	bool		keep_pointers;	/* a table: index entries are copied as well */
	bool		suspect;		/* a table: rows may violate checks */
} CloneRelation;

/* What one clone is made of, handed from step to step */
typedef struct CloneState
{
	const CloneRequest *request;	/* what was asked for */
	Closure    *closure;		/* the members of the source */
	Snapshot	snapshot;		/* what catalogs and rows are read with */
	OidMap	   *map;			/* old OIDs to new ones */
	Oid			namespace;		/* the clone's schema */
	Oid			old_owner;		/* owner to be replaced, or InvalidOid */
	bool		verbatim;		/* are pages of tables taken as they are, with
								 * dead rows and transaction IDs? */
	CloneRelation *relations;	/* array of nrelations */
	int			nrelations;
	int			maxrelations;
	ObjectAddress at_hand;		/* the member whose rows are being copied */
	List	   *mentions;		/* ObjectAddress of members of the source
								 * whose text names the source */
	List	   *outside;		/* tables outside that have to be locked, see
								 * clone_lock.c */
	OidMap	   *held;			/* what else is locked outside, and roles and
								 * tablespaces; NULL if nothing is */
	List	   *references;		/* OutsideReference to be checked at last */
	List	   *domains;		/* OIDs of domains of the clone whose default
								 * must be spelled out anew */
} CloneState;

#endif							/* TENANT_MGR_CLONE_STATE_H */
