/*
 * compared_schema.h
 *		Which schema is to be compared, and who may ask for it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_COMPARED_SCHEMA_H
#define TENANT_MGR_COMPARED_SCHEMA_H

/*
 * The schema of the tenant or template called so, or else the schema called so, a
 * snapshot's for example.  3F000 when there is neither, 42939 for the server's own,
 * 42501 unless the current user owns it; TM003 or TM004 if the session is bound or locked to another
 * tenant.  If it may be missing, InvalidOid instead of 3F000.
 *
 * The schema is locked, so that it is neither dropped nor renamed, until it is
 * released or the transaction ends.
 */
extern Oid	tm_compared_schema(const char *name, bool missing_ok);
extern void tm_compared_schema_release(Oid nspid);

#endif							/* TENANT_MGR_COMPARED_SCHEMA_H */
