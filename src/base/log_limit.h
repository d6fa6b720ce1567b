/*
 * log_limit.h
 *		How many lines a role can have written into the server's log.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_LOG_LIMIT_H
#define TENANT_MGR_LOG_LIMIT_H

/* What the lines are about; one kind does not use up what another has */
typedef enum LogLimitKind
{
	LOG_LIMIT_TOKEN,			/* tokens that are refused */
	LOG_LIMIT_TAG,				/* statements that are tagged wrongly */
	LOG_LIMIT_GUARD				/* access to other tenants that is let pass */
} LogLimitKind;

extern void tm_log_limit_shmem_request(void);
extern void tm_log_limit_shmem_startup(void);

/*
 * May there be one more line of this kind?  If so, left_out is the number of
 * those that there could not be since the last one.
 */
extern bool tm_log_limit_admits(LogLimitKind kind, uint64 *left_out);

/* For errdetail_internal(): the same in words, palloc'd; or NULL if none. */
extern char *tm_log_limit_detail(uint64 left_out);

#endif							/* TENANT_MGR_LOG_LIMIT_H */
