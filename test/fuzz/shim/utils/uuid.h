/* utils/uuid.h: see postgres.h above. */
#ifndef TENANT_MGR_FUZZ_UUID_H
#define TENANT_MGR_FUZZ_UUID_H

#define UUID_LEN	16

typedef struct pg_uuid_t
{
	unsigned char data[UUID_LEN];
} pg_uuid_t;

#endif							/* TENANT_MGR_FUZZ_UUID_H */
