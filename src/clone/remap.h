/*
 * remap.h
 *		The catalog rows of a schema again, under new OIDs.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REMAP_H
#define TENANT_MGR_REMAP_H

#include "clone/clone_state.h"

/* Give every member, and the schema itself, the OID it will have. */
extern void tm_remap_assign_oids(CloneState *state);

/*
 * Insert the rows of all members.  Fills state->relations.  The caller does
 * the command counter increment that makes the rows visible.
 */
extern void tm_remap_copy_rows(CloneState *state);

/* The files of a member, by its OID in the source. */
extern CloneRelation *tm_remap_relation(CloneState *state, Oid source);

/*
 * Remember a domain of the clone if its default differs from the source's;
 * the rows are of pg_type.
 */
extern void tm_remap_note_domain(CloneState *state, Relation rel,
								 HeapTuple source, HeapTuple copy);

/*
 * Bring texts up to date that the server derives from expressions, once the
 * new rows are visible.
 */
extern void tm_remap_refresh_texts(CloneState *state);

#endif							/* TENANT_MGR_REMAP_H */
