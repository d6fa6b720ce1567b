/*
 * shared_ring.c
 *		The key ring that counts, for all processes of the server.
 *
 * The one that counts is the one that was last read well, by whichever process
 * it was; that none is configured counts as well.  Otherwise a new session
 * would go on with what the server has read at its start, and a root key that
 * has been taken away since would come back with it.
 *
 * What is in shared memory is sealed.  The keys for that are drawn when the
 * server starts, are in guarded memory, and come to other processes by fork().
 *
 * After a crash of a process shared memory is made anew.  Then nothing is
 * known, unless what the server has read is still there as it was.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "base/crypto.h"
#include "secrets/shared_ring.h"

#define SHARING_ALGORITHM	CRYPTO_XCHACHA20_POLY1305

typedef struct SharedRing
{
	pg_atomic_uint64 nreloads;	/* of the server's settings */
	LWLock		lock;			/* guards the rest */
	SharedRingView view;		/* what is told of it */
	unsigned char box[sizeof(KeyRing) + TM_CRYPTO_OVERHEAD];	/* the ring, if present */
} SharedRing;

/* In shared memory, or NULL, and the keys; written when the server starts */
static SharedRing *shared = NULL;
static CryptoKeys *sharing_keys = NULL;

/* the last one given out before shared memory was made anew */
static uint64 last_generation = 0;

static void change(SharedRingState state, const KeyRing *ring,
				   const RingStamp *stamp);

void
tm_shared_ring_shmem_request(void)
{
	RequestAddinShmemSpace(MAXALIGN(sizeof(SharedRing)));
}

uint64
tm_shared_ring_shmem_startup(SharedRingState state, const KeyRing *ring,
							 const RingStamp *stamp)
{
	bool		found;

	if (sharing_keys == NULL)
	{
		sharing_keys = tm_crypto_alloc_guarded(sizeof(CryptoKeys));
		tm_crypto_random(sharing_keys, sizeof(CryptoKeys));
	}
	shared = ShmemInitStruct("tenant_mgr key ring", sizeof(SharedRing),
							 &found);
	if (!found)
	{
		memset(shared, 0, sizeof(SharedRing));
		pg_atomic_init_u64(&shared->nreloads, 0);
		LWLockInitialize(&shared->lock, LWLockNewTrancheId());

		/* No process that was there before takes it for what it knows. */
		shared->view.generation = last_generation;
		change(state, ring, stamp);
		last_generation = shared->view.generation + PG_UINT32_MAX;
	}
	LWLockRegisterTranche(shared->lock.tranche, "tenant_mgr key ring");
	return shared->view.generation;
}

bool
tm_shared_ring_is_available(void)
{
	return shared != NULL;
}

void
tm_shared_ring_view(SharedRingView *view)
{
	LWLockAcquire(&shared->lock, LW_SHARED);
	*view = shared->view;
	LWLockRelease(&shared->lock);
}

/* Called by an assign hook. */
void
tm_shared_ring_count_reload(void)
{
	if (shared != NULL && !IsUnderPostmaster)
		pg_atomic_fetch_add_u64(&shared->nreloads, 1);
}

uint64
tm_shared_ring_reloads(void)
{
	return shared != NULL ? pg_atomic_read_u64(&shared->nreloads) : 0;
}

bool
tm_shared_ring_publish(const SharedRingView *view, SharedRingState state,
					   const KeyRing *ring, const RingStamp *stamp)
{
	bool		current;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	current = shared->view.generation == view->generation;
	if (current)
		change(state, ring, stamp);
	LWLockRelease(&shared->lock);
	return current;
}

bool
tm_shared_ring_copy(const SharedRingView *view, KeyRing *ring)
{
	bool		copied = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	if (shared->view.generation == view->generation &&
		shared->view.state == SHARED_RING_PRESENT)
		copied = tm_crypto_open(SHARING_ALGORITHM, sharing_keys, NULL, 0,
								shared->box, sizeof(shared->box), ring);
	LWLockRelease(&shared->lock);
	return copied;
}

/* The caller has the lock. */
static void
change(SharedRingState state, const KeyRing *ring, const RingStamp *stamp)
{
	memset(shared->box, 0, sizeof(shared->box));
	if (state == SHARED_RING_PRESENT)
		tm_crypto_seal(SHARING_ALGORITHM, sharing_keys, NULL, 0, ring,
					   sizeof(KeyRing), shared->box);
	shared->view.state = state;
	shared->view.stamp = *stamp;
	shared->view.generation++;
}
