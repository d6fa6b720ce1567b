/*
 * alone_code.h
 *		Code that runs by a statement that cannot be part of a transaction.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ALONE_CODE_H
#define TENANT_MGR_ALONE_CODE_H

/*
 * Such a statement is executed from here on, or not any more.  The caller sees
 * to it that it ends, after an error as well.
 */
extern void tm_alone_code_begin(void);
extern void tm_alone_code_end(void);

/* Is one being executed?  Written by alone_code.c only. */
extern bool tm_in_alone_statement;

/* Does it have to be known when this function is called? */
extern bool tm_alone_code_watches(Oid funcid);

/* It is called, or has come to an end; asked at each call of a function. */
extern void tm_alone_code_restrict(Oid funcid);
extern void tm_alone_code_release(Oid funcid);

static inline void
tm_alone_code_call_begins(Oid funcid)
{
	if (tm_in_alone_statement)
		tm_alone_code_restrict(funcid);
}

static inline void
tm_alone_code_call_ends(Oid funcid)
{
	if (tm_in_alone_statement)
		tm_alone_code_release(funcid);
}

#endif							/* TENANT_MGR_ALONE_CODE_H */
