/*
 * attempt.h
 *		Something that may fail without the rest failing.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ATTEMPT_H
#define TENANT_MGR_ATTEMPT_H

/* What is tried */
typedef void (*Attempt) (void *arg);

/*
 * Do something in a subtransaction, in the current memory context.  If it fails,
 * what it did is undone, and the result is the error's message, palloc'd; NULL if
 * it succeeds.  Errors that are not about what was tried, as a cancelled statement
 * or a lack of memory, are raised.
 */
extern char *tm_attempt(Attempt attempt, void *arg);

#endif							/* TENANT_MGR_ATTEMPT_H */
