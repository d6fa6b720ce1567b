/*
 * computing_function.h
 *		SQL functions that do nothing but compute.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_COMPUTING_FUNCTION_H
#define TENANT_MGR_COMPUTING_FUNCTION_H

/*
 * Is it an SQL function that neither reads a table nor calls anything that
 * might?  Remembered; needs a transaction.
 */
extern bool tm_only_computes(Oid funcid);

#endif							/* TENANT_MGR_COMPUTING_FUNCTION_H */
