/*
 * fuzz.h
 *		What the targets have in common.
 *
 * A target has one function that is given some bytes and comes back, whatever
 * they are.  Each buffer is exactly as large as it may be, so that a step
 * beyond it is seen.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_FUZZ_H
#define TENANT_MGR_FUZZ_H

#include "postgres.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has to be true. */
#define MUST(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* A copy that ends where the memory ends. */
static inline char *
exact_copy(const void *data, size_t size)
{
	char	   *copy = palloc(size);

	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

#endif							/* TENANT_MGR_FUZZ_H */
