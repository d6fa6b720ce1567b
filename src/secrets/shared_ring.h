/*
 * shared_ring.h
 *		The key ring that counts, for all processes of the server.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_SHARED_RING_H
#define TENANT_MGR_SHARED_RING_H

#include <sys/stat.h>

#include "datatype/timestamp.h"

#include "secrets/keyring_text.h"

/* By what it is seen that a ring may be another one than that which was read */
typedef struct RingStamp
{
	uint64		source;			/* hash of the setting, 0 if there is none */
	bool		is_file;		/* rather than a program */
	uint64		nreloads;		/* by then, of the server's settings */
	TimestampTz reload_time;	/* when who looked has read the settings */
	TimestampTz looked_at;		/* when it was looked at */
	dev_t		device;			/* of the file, zeros for a program */
	ino_t		inode;
	off_t		size;
	struct timespec changed;	/* time of its last change */
} RingStamp;

/* What is known of the ring */
typedef enum SharedRingState
{
	SHARED_RING_UNREAD,			/* nothing, since a crash */
	SHARED_RING_NONE,			/* that none is configured */
	SHARED_RING_PRESENT			/* there is one */
} SharedRingState;

/* What is known now */
typedef struct SharedRingView
{
	uint64		generation;		/* never 0; moves with each change */
	SharedRingState state;		/* what is known */
	RingStamp	stamp;			/* of what was read last, and well */
} SharedRingView;

/*
 * Memory, if the library is in shared_preload_libraries.  The second one says
 * what the server has read by itself: NULL if that does not hold any more, or
 * if there is none.
 */
extern void tm_shared_ring_shmem_request(void);
extern uint64 tm_shared_ring_shmem_startup(SharedRingState state,
										   const KeyRing *ring,
										   const RingStamp *stamp);
extern bool tm_shared_ring_is_available(void);

extern void tm_shared_ring_view(SharedRingView *view);

/*
 * The server has read its settings again: to be called in the server's own
 * process.  And how often it has, elsewhere.
 */
extern void tm_shared_ring_count_reload(void);
extern uint64 tm_shared_ring_reloads(void);

/*
 * This is the ring from now on, or there is none.  False if there has been a
 * change since the view; then nothing is done.
 */
extern bool tm_shared_ring_publish(const SharedRingView *view,
								   SharedRingState state,
								   const KeyRing *ring,
								   const RingStamp *stamp);

/*
 * A copy of the ring into guarded memory.  False if there is none, or another
 * one than that of the view.
 */
extern bool tm_shared_ring_copy(const SharedRingView *view, KeyRing *ring);

#endif							/* TENANT_MGR_SHARED_RING_H */
