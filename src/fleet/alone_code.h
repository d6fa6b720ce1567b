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

/* Does it have to be known when this function is called? */
extern bool tm_alone_code_watches(Oid funcid);

/* It is called, or has come to an end. */
extern void tm_alone_code_call_begins(Oid funcid);
extern void tm_alone_code_call_ends(Oid funcid);

#endif							/* TENANT_MGR_ALONE_CODE_H */
