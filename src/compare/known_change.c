/*
 * known_change.c
 *		What the same change has made of a schema that was the same.
 *
 * A migration does the same to thousands of tenants that are alike.  To read each of
 * them as a whole afterwards costs more than the migration itself, and finds the same
 * each time.
 *
 * A fingerprint is a digest of a list: the name of each object, and what it is.  If
 * two schemas had the same fingerprint, they had the same list.  If those objects of
 * either that have changed, or may have, have the same names and are the same
 * afterwards, then so is the rest of the list, for it is what it was; and objects that
 * have gone were parts of those.  So the fingerprint that was read of one is that of
 * the other as well.  What may have changed, touched_objects.c knows, or says that it
 * may be anything.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "compare/known_change.h"

/* More are not needed at a time: they are the steps of a migration. */
#define MAX_KNOWN_CHANGES	64

/* KnownChange by key; written here only, as long as the process is there */
static HTAB *known = NULL;
static MemoryContext known_context = NULL;

static void start(void);

const KnownChange *
tm_known_change(const ChangeKey *key)
{
	return known == NULL ? NULL : hash_search(known, key, HASH_FIND, NULL);
}

void
tm_known_change_remember(const ChangeKey *key, const char *after,
						 const OutsideNames *names)
{
	MemoryContext old_context;
	List	   *roles;
	KnownChange *change;

	if (known == NULL || hash_get_num_entries(known) >= MAX_KNOWN_CHANGES)
		start();
	old_context = MemoryContextSwitchTo(known_context);
	roles = list_copy(names->roles);
	MemoryContextSwitchTo(old_context);

	change = hash_search(known, key, HASH_ENTER, NULL);
	strlcpy(change->after, after, sizeof(change->after));
	change->roles = roles;
}

/* Forget what there is, and begin anew. */
static void
start(void)
{
	HASHCTL		ctl = {.keysize = sizeof(ChangeKey),
	.entrysize = sizeof(KnownChange)};

	known = NULL;
	if (known_context == NULL)
		known_context = AllocSetContextCreate(TopMemoryContext,
											  "tenant_mgr known changes",
											  ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(known_context);
	ctl.hcxt = known_context;
	known = hash_create("tenant_mgr known changes", MAX_KNOWN_CHANGES, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}
