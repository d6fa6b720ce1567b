/*
 * remap_roles.h
 *		Roles: what they may do to a clone, and what depends on them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REMAP_ROLES_H
#define TENANT_MGR_REMAP_ROLES_H

#include "access/htup.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "clone/clone_state.h"

/* The column with the owner of a catalog's objects, or InvalidAttrNumber. */
extern AttrNumber tm_remap_owner_column(Oid catalog);

/*
 * Raise TM009 unless the current user may clone the object of this catalog
 * row; owner is its owner, objid its OID.
 */
extern void tm_remap_check_owner(const CloneState *state, Oid catalog,
								 Oid objid, Oid owner);

/*
 * Raise 42501 unless the clone may be a child of a table outside, or refer to
 * one, as the source is or does.
 */
extern void tm_remap_check_parent(Form_pg_inherits inherits);
extern void tm_remap_check_reference(const CloneState *state,
									 Form_pg_trigger trigger);

/* Is a role replaced in the clone, or does it replace another one? */
extern bool tm_remap_role_moves(const CloneState *state, Oid roleid);

/*
 * Rows for pg_shdepend that tie an object of the clone to its new owner: a
 * palloc'd list of HeapTuple.  The object is given by the source's address
 * and by its row in the clone, of which only the privileges count if it is
 * that of a column.
 */
extern List *tm_remap_new_owner_rows(const CloneState *state,
									 Relation shdepend,
									 const ObjectAddress *source,
									 HeapTuple copy, TupleDesc tupdesc);

/*
 * Are these default privileges of the replaced owner in the way of those that
 * the new owner has in the source already?  row is a row of pg_default_acl.
 */
extern bool tm_remap_default_acl_yields(const CloneState *state,
										HeapTuple row);

/*
 * Raise an error if the owner of a member's copy may not use something outside
 * of the schema that the member depends on, or the tablespace that a relation
 * is in.  Kind and owner are the member's.
 */
extern void tm_remap_check_use(const CloneState *state, Oid classid,
							   char kind, Oid owner,
							   Form_pg_depend dependency);
extern void tm_remap_check_tablespace(const CloneState *state, Oid classid,
									  HeapTuple row);

/* The owner of a relation; an error if there is none */
extern Oid	tm_remap_owner_of_relation(Oid relid);

#endif							/* TENANT_MGR_REMAP_ROLES_H */
