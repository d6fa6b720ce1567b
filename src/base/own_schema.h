/*
 * own_schema.h
 *		The schema of the extension.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OWN_SCHEMA_H
#define TENANT_MGR_OWN_SCHEMA_H

/* The OID of it, InvalidOid if there is none.  Needs a transaction. */
extern Oid	tm_own_schema(void);

#endif							/* TENANT_MGR_OWN_SCHEMA_H */
