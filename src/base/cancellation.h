/*
 * cancellation.h
 *		Has this session been cancelled?
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_CANCELLATION_H
#define TENANT_MGR_CANCELLATION_H

/*
 * By somebody, or by a timeout: others can raise an error that looks the same,
 * be it code by RAISE or another server.
 */
static inline bool
tm_is_cancellation(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		error->funcname != NULL &&
		strcmp(error->funcname, "ProcessInterrupts") == 0;
}

#endif							/* TENANT_MGR_CANCELLATION_H */
