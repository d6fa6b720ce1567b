/*
 * key_lock.c
 *		Locks on the data keys of a scope.
 *
 * A scope is locked as an object of tenant.data_key, numbered by a hash of the
 * scope: AccessShareLock by transactions that seal, ExclusiveLock to wrap its
 * keys again, AccessExclusiveLock to shred them.  Sub-objects from 1 on are
 * locked in ExclusiveLock mode to make a key, after the first.
 *
 * A prepared transaction keeps its locks for as long as somebody likes, and
 * everybody can prepare one.  So it keeps as few as can be, and nobody waits for
 * it.  What has been sealed by then has been sealed before anybody shreds the
 * key, so the lock is given back, unless the transaction has made a key itself:
 * who shreds cannot see that one, and gets an error.  Who needs a key that a
 * prepared transaction is making makes another one, under the next sub-object.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "compat.h"
#include "key_lock.h"
#include "prepared_xact.h"

#define LOCK_SCOPE		0
#define LOCK_NEW_KEY	1
#define MAX_PARTS		1000

/* table and numbers of the scopes for which this transaction has made keys */
static Oid	key_relid = InvalidOid;
static List *made = NIL;

/* has this transaction sealed anything? */
static bool has_sealed = false;

static uint32 number_of(const pg_uuid_t *scope);
static void watch_transaction(Oid relid);
static void at_xact(XactEvent event, void *arg);
static void give_back(void);

void
tm_key_lock_to_seal(Oid relid, const pg_uuid_t *scope)
{
	watch_transaction(relid);
	has_sealed = true;
	LockDatabaseObject(relid, number_of(scope), LOCK_SCOPE, AccessShareLock);
}

bool
tm_key_lock_to_make(Oid relid, const pg_uuid_t *scope)
{
	uint32		number = number_of(scope);
	uint16		part = LOCK_NEW_KEY;
	MemoryContext old_context;

	watch_transaction(relid);
	for (;; part++)
	{
		LOCKTAG		tag;

		SET_LOCKTAG_OBJECT(tag, MyDatabaseId, relid, number, part);
		if (LockAcquire(&tag, ExclusiveLock, false, true) !=
			LOCKACQUIRE_NOT_AVAIL)
			break;
		if (part < MAX_PARTS &&
			tm_prepared_xact_that_holds(relid, number, part) != NULL)
			continue;
		(void) LockAcquire(&tag, ExclusiveLock, false, false);
		break;
	}
	AcceptInvalidationMessages();

	old_context = MemoryContextSwitchTo(TopTransactionContext);
	made = list_append_unique_oid(made, number);
	MemoryContextSwitchTo(old_context);
	return part > LOCK_NEW_KEY;
}

void
tm_key_lock_to_rewrap(Oid relid, const pg_uuid_t *scope)
{
	LockDatabaseObject(relid, number_of(scope), LOCK_SCOPE, ExclusiveLock);
}

void
tm_key_lock_to_remove(Oid relid, const pg_uuid_t *scope)
{
	uint32		number = number_of(scope);
	LOCKTAG		tag;
	char	   *gid;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, relid, number, LOCK_SCOPE);
	if (LockAcquire(&tag, AccessExclusiveLock, false, true) !=
		LOCKACQUIRE_NOT_AVAIL)
	{
		AcceptInvalidationMessages();
		return;
	}
	gid = tm_prepared_xact_that_holds(relid, number, LOCK_SCOPE);
	if (gid != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot remove data keys while a prepared transaction makes one of them"),
				 errdetail("The transaction is called \"%s\".", gid),
				 errhint("Use COMMIT PREPARED or ROLLBACK PREPARED first.")));
	LockDatabaseObject(relid, number, LOCK_SCOPE, AccessExclusiveLock);
}

static uint32
number_of(const pg_uuid_t *scope)
{
	return DatumGetUInt32(hash_any(scope->data, UUID_LEN));
}

static void
watch_transaction(Oid relid)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(at_xact, NULL);
	registered = true;
	key_relid = relid;
}

static void
at_xact(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (has_sealed)
				give_back();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			made = NIL;
			has_sealed = false;
			break;
		default:
			break;
	}
}

/*
 * The locks under which this transaction has sealed, as often as it has them.
 * The server's list of all locks is the only one that can be read.
 */
static void
give_back(void)
{
	LockData   *data = GetLockStatusData();
	int			i;

	for (i = 0; i < data->nelements; i++)
	{
		LockInstanceData *instance = &data->locks[i];
		LOCKTAG    *tag = &instance->locktag;

		if (instance->pid != MyProcPid ||
			tag->locktag_type != LOCKTAG_OBJECT ||
			tag->locktag_field1 != MyDatabaseId ||
			tag->locktag_field2 != key_relid ||
			tag->locktag_field4 != LOCK_SCOPE ||
			instance->holdMask != LOCKBIT_ON(AccessShareLock) ||
			list_member_oid(made, tag->locktag_field3))
			continue;
		while (tm_lock_held_by_me(tag, AccessShareLock) &&
			   LockRelease(tag, AccessShareLock, false))
			;
	}
}
