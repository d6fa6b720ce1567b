/*
 * temp_object.c
 *		Temporary objects, and for whom they were made.
 *
 * All that a session makes in its temporary schema is in one place, whatever
 * it is bound to, and with some search paths comes first.  An object belongs
 * to the tenant that the session was bound to, or whose code was run, when it
 * was made, as if it had been made in that tenant's schema; so the guard judges
 * it, and what it does.  What was made while there was no tenant is anybody's,
 * until a tenant changes it or gives it a part, such as a trigger, a rule or
 * another body of a function: then it is that tenant's.
 *
 * Whoever has the session may drop any temporary object: that tells nothing,
 * and many make a table anew for each request.
 *
 * What was made while the session was locked is dropped when it is unlocked,
 * for it might be found instead of something else by whoever is next.  Should
 * that be rolled back, it is made up for at the end of the transaction, or by
 * an empty transaction before the next command is read.
 *
 * There is an entry for each object from the end of the statement that made
 * it.  Entries are taken back with the transaction; those of objects that have
 * been dropped are forgotten when there are many.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/proc.h"
#include "storage/sinval.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/tenant_mgr.h"
#include "binding/session_lock.h"
#include "binding/temp_object.h"
#include "tenants/registry.h"

/* With fewer entries it is not worth looking which objects there are. */
#define FEW_ENTRIES		128

/* A temporary object */
typedef struct TempObject
{
	ObjectAddress address;		/* hash key */
	pg_uuid_t	tenant_id;		/* whose it is */
	bool		locked;			/* was it made while the session was locked? */
	SubTransactionId subid;		/* in which it was noted, if still running */
} TempObject;

bool		tm_temp_object_any = false;

/* written by make_table, tm_temp_object_note and forget */
static HTAB *objects = NULL;

/* how many of them are of a lock; written likewise */
static int	nlocked = 0;

/* When there are so many, look which are gone; written by forget_dropped. */
static long limit = FEW_ENTRIES;

/* Are there entries of the running transaction? */
static bool noted_now = false;

static void make_table(void);
static bool exists(const ObjectAddress *address);
static void forget_dropped(void);
static void forget(TempObject *object);

Oid
tm_temp_object_home(Oid classid, Oid objid, Oid nspid)
{
	ObjectAddress address;
	TempObject *object;
	TenantInfo *tenant;

	if (objects == NULL)
		return nspid;
	ObjectAddressSet(address, classid, objid);
	object = hash_search(objects, &address, HASH_FIND, NULL);
	if (object == NULL || !tm_registry_installed())
		return nspid;
	tenant = tm_registry_lookup_id(&object->tenant_id);
	if (tenant == NULL || !OidIsValid(tenant->nspid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("tenant that a temporary object was made for does not exist"),
				 errhint("Use DISCARD TEMP.")));
	return tenant->nspid;
}

void
tm_temp_object_note(const ObjectAddress *address, Oid nspid,
					const pg_uuid_t *tenant_id, bool made)
{
	TempObject *object;
	bool		found;

	/* The schema itself is made with the first object, and shared by all. */
	if (!isTempNamespace(nspid) || address->classId == NamespaceRelationId)
		return;
	if (objects == NULL)
		make_table();
	object = hash_search(objects, address, HASH_ENTER, &found);
	if (found)
		return;
	object->tenant_id = *tenant_id;
	object->locked = made && tm_session_locked;
	object->subid = GetCurrentSubTransactionId();
	noted_now = true;
	nlocked += object->locked;
	tm_temp_object_any = true;
}

bool
tm_temp_object_is_named(List *name)
{
	Oid			relid;

	if (!tm_temp_object_any)
		return false;
	relid = RangeVarGetRelid(makeRangeVarFromNameList(name), NoLock, true);
	return OidIsValid(relid) && isTempNamespace(get_rel_namespace(relid));
}

/* The entries stay, since this may be rolled back. */
void
tm_temp_object_drop_locked(void)
{
	HASH_SEQ_STATUS status;
	TempObject *object;
	ObjectAddresses *addresses;

	if (nlocked == 0)
		return;
	addresses = new_object_addresses();
	hash_seq_init(&status, objects);
	while ((object = hash_seq_search(&status)) != NULL)
	{
		if (object->locked && exists(&object->address))
			add_exact_object_address(&object->address, addresses);
	}
	performMultipleDeletions(addresses, DROP_CASCADE,
							 PERFORM_DELETION_INTERNAL |
							 PERFORM_DELETION_QUIETLY);
	free_object_addresses(addresses);
}

/* Has somebody been unlocked, be it that it was then rolled back? */
void
tm_temp_object_before_commit(void)
{
	if (objects == NULL)
		return;
	if (nlocked > 0 && !tm_session_locked)
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		tm_temp_object_drop_locked();
		PopActiveSnapshot();
		forget_dropped();
	}
	else if (hash_get_num_entries(objects) >= limit)
		forget_dropped();
}

void
tm_temp_object_end_of_transaction(bool committed)
{
	HASH_SEQ_STATUS status;
	TempObject *object;

	if (noted_now)
	{
		noted_now = false;
		hash_seq_init(&status, objects);
		while ((object = hash_seq_search(&status)) != NULL)
		{
			if (object->subid == InvalidSubTransactionId)
				continue;
			object->subid = InvalidSubTransactionId;
			if (!committed)
				forget(object);
		}
	}
	if (nlocked > 0 && !tm_session_locked && !committed && MyProc != NULL)
		HandleCatchupInterrupt();
}

void
tm_temp_object_end_of_subtransaction(bool committed, SubTransactionId subid,
									 SubTransactionId parent)
{
	HASH_SEQ_STATUS status;
	TempObject *object;

	if (!noted_now)
		return;
	hash_seq_init(&status, objects);
	while ((object = hash_seq_search(&status)) != NULL)
	{
		if (object->subid != subid)
			continue;
		if (committed)
			object->subid = parent;
		else
			forget(object);
	}
}

static void
make_table(void)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(ObjectAddress);
	ctl.entrysize = sizeof(TempObject);
	ctl.hcxt = TopMemoryContext;
	objects = hash_create("tenant_mgr temporary objects", 32, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* All kinds that are in a schema of their own accord can be looked up. */
static bool
exists(const ObjectAddress *address)
{
	int			cacheid = get_object_catcache_oid(address->classId);

	return cacheid >= 0 &&
		SearchSysCacheExists1(cacheid, ObjectIdGetDatum(address->objectId));
}

static void
forget_dropped(void)
{
	HASH_SEQ_STATUS status;
	TempObject *object;

	hash_seq_init(&status, objects);
	while ((object = hash_seq_search(&status)) != NULL)
	{
		if (!exists(&object->address))
			forget(object);
	}
	limit = Max(FEW_ENTRIES, 2 * hash_get_num_entries(objects));
}

static void
forget(TempObject *object)
{
	nlocked -= object->locked;
	(void) hash_search(objects, &object->address, HASH_REMOVE, NULL);
}
