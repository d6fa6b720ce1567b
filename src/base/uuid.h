/*
 * uuid.h
 *		Ids of tenants and of other things.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_UUID_H
#define TENANT_MGR_UUID_H

#include "common/hashfn.h"
#include "utils/uuid.h"

static inline bool
tm_uuid_equals(const pg_uuid_t *a, const pg_uuid_t *b)
{
	uint64		x[2];
	uint64		y[2];

	/* A call of memcmp() would take longer, and the answer is mostly yes. */
	memcpy(x, a, sizeof(pg_uuid_t));
	memcpy(y, b, sizeof(pg_uuid_t));
	return x[0] == y[0] && x[1] == y[1];
}

/* All zeros stand for nobody, or for everybody. */
static inline bool
tm_uuid_is_zero(const pg_uuid_t *id)
{
	static const pg_uuid_t zero = {{0}};

	return tm_uuid_equals(id, &zero);
}

/*
 * The number under which what has this id is locked, as an object of a table
 * of ours.  Two ids with the same number wait for each other, which does no
 * harm.
 */
static inline uint32
tm_uuid_lock_number(const pg_uuid_t *id)
{
	return hash_bytes(id->data, UUID_LEN);
}

#endif							/* TENANT_MGR_UUID_H */
