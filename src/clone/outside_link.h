/*
 * outside_link.h
 *		What ties a schema to tables outside of it, while it is not live.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OUTSIDE_LINK_H
#define TENANT_MGR_OUTSIDE_LINK_H

#include "clone/closure.h"

/* Can ties be kept?  The extension's objects may be older than the library. */
extern bool tm_outside_links_known(void);

/*
 * Foreign keys to tables outside and inheritance from them, as they can be
 * made again; a palloc'd list.  NIL where they cannot be kept, and then nothing is to be cut.
 */
extern List *tm_outside_links(const Closure *closure);

/* Cut them.  The schema is locked, and nobody uses its relations. */
extern void tm_outside_links_cut(const Closure *closure, List *links);

/* Note that a schema of this name had them. */
extern void tm_outside_links_keep(const char *schema, List *links);

/* The schema is called otherwise now. */
extern void tm_outside_links_rename(const char *schema,
									const char *new_schema);

/*
 * Make those that a schema of this name had between another schema and the
 * same tables.  Rows are checked.
 */
extern void tm_outside_links_restore(const char *schema, Oid nspid);

/* What is kept under a schema's name is kept under another one. */
extern void tm_outside_links_move(const char *schema, const char *new_schema);

/* A schema of this name is not needed any more, or is live again. */
extern void tm_outside_links_forget(const char *schema);

/* Does this constraint tie a member to a table outside? */
extern bool tm_is_outside_reference(const Closure *closure, Oid constraint);

#endif							/* TENANT_MGR_OUTSIDE_LINK_H */
