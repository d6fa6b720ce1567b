/*
 * migrate_choice.c
 *		Which tenants a run is about, and in which order.
 *
 * What tenants lack is found out in one scan of the ledger, for all of them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"

#include "base/compat.h"
#include "binding/ownership.h"
#include "fleet/migrate_choice.h"
#include "fleet/migration_ledger.h"
#include "tenants/registry.h"

static List *all_of_mine(List *pending);
static bool may_migrate(const PendingTenant *tenant);
static List *those_named(List *pending, List *names);
static HTAB *by_id(List *pending);
static List *templates_first(List *tenants);

/* A tenant that lacks something, by its id */
typedef struct PendingEntry
{
	pg_uuid_t	id;				/* hash key */
	PendingTenant *tenant;		/* the tenant */
} PendingEntry;

HTAB *
tm_migrate_chosen_init(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(pg_uuid_t);
	ctl.entrysize = sizeof(pg_uuid_t);
	ctl.hcxt = CurrentMemoryContext;
	return hash_create("tenant_mgr migrate tenants", 256, &ctl,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

List *
tm_migrate_choose(const MigrateOptions *options, HTAB *chosen)
{
	List	   *pending = tm_ledger_pending(options->to_version);
	List	   *tenants = NIL;
	ListCell   *lc;

	if (options->named)
		pending = those_named(pending, options->tenants);
	else
		pending = all_of_mine(pending);
	foreach(lc, pending)
	{
		PendingTenant *tenant = lfirst(lc);
		bool		found;

		(void) hash_search(chosen, &tenant->id, HASH_ENTER, &found);
		if (!found)
			tenants = lappend(tenants, tenant);
	}
	return templates_first(tenants);
}

/* A tenant that has lost its schema has nothing that could be changed. */
static List *
all_of_mine(List *pending)
{
	List	   *tenants = NIL;
	ListCell   *lc;

	foreach(lc, pending)
	{
		CHECK_FOR_INTERRUPTS();
		if (may_migrate(lfirst(lc)))
			tenants = lappend(tenants, lfirst(lc));
	}
	return tenants;
}

static bool
may_migrate(const PendingTenant *tenant)
{
	Oid			nspid = get_namespace_oid(tenant->schema_name, true);

	return OidIsValid(nspid) && tm_schema_ownercheck(nspid, GetUserId());
}

/* Whoever asks for one by its name wants to know if that cannot be. */
static List *
those_named(List *pending, List *names)
{
	HTAB	   *lookup = by_id(pending);
	List	   *tenants = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		TenantInfo *tenant = tm_registry_lookup(lfirst(lc), false);
		PendingEntry *entry;

		CHECK_FOR_INTERRUPTS();
		tm_ownership_check(tenant);
		entry = hash_search(lookup, &tenant->id, HASH_FIND, NULL);
		if (entry != NULL)
			tenants = lappend(tenants, entry->tenant);
	}
	hash_destroy(lookup);
	return tenants;
}

static HTAB *
by_id(List *pending)
{
	HASHCTL		ctl = {0};
	HTAB	   *table;
	ListCell   *lc;

	ctl.keysize = sizeof(pg_uuid_t);
	ctl.entrysize = sizeof(PendingEntry);
	ctl.hcxt = CurrentMemoryContext;
	table = hash_create("tenant_mgr migrate names", 256, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, pending)
	{
		PendingTenant *tenant = lfirst(lc);
		PendingEntry *entry = hash_search(table, &tenant->id, HASH_ENTER,
										  NULL);

		entry->tenant = tenant;
	}
	return table;
}

/* Otherwise as they are */
static List *
templates_first(List *tenants)
{
	List	   *templates = NIL;
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, tenants)
	{
		const PendingTenant *tenant = lfirst(lc);

		if (tenant->is_template)
			templates = lappend(templates, lfirst(lc));
		else
			others = lappend(others, lfirst(lc));
	}
	return list_concat(templates, others);
}
