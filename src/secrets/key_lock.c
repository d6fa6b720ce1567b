/*
 * key_lock.c
 *		Locks on the data keys of a scope.
 *
 * A scope is locked as an object of tenant.data_key, numbered by a hash of the
 * scope: AccessShareLock by transactions that seal, ExclusiveLock to wrap its
 * keys again, AccessExclusiveLock to shred them.  Sub-object 1 is locked in
 * ExclusiveLock mode to make a key, after the first.
 *
 * A prepared transaction keeps its locks for as long as somebody likes, and
 * everybody can prepare one.  So it keeps only what it cannot do without.  What
 * has been sealed by then has been sealed before anybody shreds the key; and who
 * needs a key that the transaction has made, and cannot see it, makes another
 * one.  But nobody can shred what nobody can see, so the lock on a scope that
 * the transaction has made a key for stays, and who shreds gets an error.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/uuid.h"
#include "binding/prepared_lock.h"
#include "secrets/key_lock.h"

#define LOCK_SCOPE		0
#define LOCK_NEW_KEY	1

/* table and numbers of the scopes for which this transaction has made keys */
static Oid	key_relid = InvalidOid;
static List *made = NIL;

/* has this transaction sealed anything? */
static bool has_sealed = false;

static void watch_transaction(Oid relid);
static void at_xact(XactEvent event, void *arg);
static void give_back(void);
static void release(const LOCKTAG *tag, LOCKMODE lockmode);

void
tm_key_lock_to_seal(Oid relid, const pg_uuid_t *scope)
{
	watch_transaction(relid);
	has_sealed = true;
	LockDatabaseObject(relid, tm_uuid_lock_number(scope), LOCK_SCOPE,
					   AccessShareLock);
}

void
tm_key_lock_to_make(Oid relid, const pg_uuid_t *scope)
{
	watch_transaction(relid);
	LockDatabaseObject(relid, tm_uuid_lock_number(scope), LOCK_NEW_KEY,
					   ExclusiveLock);
}

void
tm_key_lock_note_made(const pg_uuid_t *scope)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopTransactionContext);

	made = list_append_unique_oid(made, tm_uuid_lock_number(scope));
	MemoryContextSwitchTo(old_context);
}

void
tm_key_lock_to_rewrap(Oid relid, const pg_uuid_t *scope)
{
	LockDatabaseObject(relid, tm_uuid_lock_number(scope), LOCK_SCOPE,
					   ExclusiveLock);
}

void
tm_key_lock_to_remove(Oid relid, const pg_uuid_t *scope)
{
	uint32		number = tm_uuid_lock_number(scope);
	LOCKTAG		tag;
	char	   *gid;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, relid, number, LOCK_SCOPE);
	if (LockAcquire(&tag, AccessExclusiveLock, false, true) !=
		LOCKACQUIRE_NOT_AVAIL)
	{
		AcceptInvalidationMessages();
		return;
	}
	gid = tm_prepared_lock_holder(relid, number, LOCK_SCOPE);
	if (gid != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot remove data keys while a prepared transaction makes one of them"),
				 errdetail("The transaction is called \"%s\".", gid),
				 errhint("Use COMMIT PREPARED or ROLLBACK PREPARED first.")));
	LockDatabaseObject(relid, number, LOCK_SCOPE, AccessExclusiveLock);
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

/* The server's list of all locks is the only one that can be read. */
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
			tag->locktag_field2 != key_relid)
			continue;
		if (tag->locktag_field4 == LOCK_NEW_KEY)
			release(tag, ExclusiveLock);
		else if (instance->holdMask == LOCKBIT_ON(AccessShareLock) &&
				 !list_member_oid(made, tag->locktag_field3))
			release(tag, AccessShareLock);
	}
}

/* As often as we have it. */
static void
release(const LOCKTAG *tag, LOCKMODE lockmode)
{
	while (tm_lock_held_by_me(tag, lockmode) &&
		   LockRelease(tag, lockmode, false))
		;
}
