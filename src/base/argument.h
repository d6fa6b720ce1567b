/*
 * argument.h
 *		Arguments of functions that are not strict.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_ARGUMENT_H
#define TENANT_MGR_ARGUMENT_H

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/array.h"

/*
 * A text argument as a palloc'd C string.  If it is null, the first raises 22004
 * and calls it "what"; the second returns NULL.
 */
extern char *tm_argument_text(FunctionCallInfo fcinfo, int argno,
							  const char *what);
extern char *tm_argument_optional_text(FunctionCallInfo fcinfo, int argno);

/* The elements of an array of texts likewise, a palloc'd list of C strings. */
extern List *tm_argument_texts(ArrayType *array, const char *what);

#endif							/* TENANT_MGR_ARGUMENT_H */
