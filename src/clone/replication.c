/*
 * replication.c
 *		What publications and subscriptions have to do with a schema.
 *
 * Subscribers do not hear of the rows that a clone begins with: what is copied
 * by blocks is not decoded, and what is copied by rows is kept out (rowcopy.c).
 * A publication of all tables includes the clone's nevertheless, so its owner
 * has to be told.
 *
 * A publication that lists tables or schemas goes on to mean those that it has
 * listed.  When a tenant goes back to a snapshot, these are in the trash.
 *
 * A subscription finds its tables by name and keeps track of them by OID.  If
 * they are put aside, it stops at the next change, for all of its tables, or
 * passes over what comes for others of the same name that it does not know.
 * So they have to be taken out of the subscription first.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_subscription_rel.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "clone/replication.h"

static bool is_table(const ClosureMember *member);
static Oid	subscription_of(Relation rel, Oid relid);

void
tm_replication_tell_clone(const char *schema)
{
	ListCell   *lc;

	if (!XLogLogicalInfoActive())
		return;
	foreach(lc, GetAllTablesPublications())
		ereport(WARNING,
				(errmsg("publication \"%s\" does not replicate the rows that schema \"%s\" begins with",
						get_publication_name(lfirst_oid(lc), false), schema),
				 errhint("Create the tables on the subscriber, anew if they are there, and use ALTER SUBSCRIPTION ... REFRESH PUBLICATION, which copies their rows.")));
}

void
tm_replication_tell_loss(const Closure *closure, const char *tenant)
{
	List	   *publications = GetSchemaPublications(closure->nspid);
	ListCell   *lc;

	for (int i = 0; i < closure->nmembers; i++)
	{
		if (is_table(&closure->members[i]))
			publications = list_concat_unique_oid(publications,
												  GetRelationPublications(closure->members[i].objid));
	}
	foreach(lc, publications)
		ereport(WARNING,
				(errmsg("publication \"%s\" lists tables of tenant \"%s\" that go to the trash",
						get_publication_name(lfirst_oid(lc), false), tenant),
				 errhint("Use ALTER PUBLICATION ... ADD for those that take their places, and ALTER SUBSCRIPTION ... REFRESH PUBLICATION on the subscriber.")));
}

void
tm_replication_refuse_targets(const Closure *closure, const char *message)
{
	Relation	rel = table_open(SubscriptionRelRelationId, AccessShareLock);

	for (int i = 0; i < closure->nmembers; i++)
	{
		Oid			subscription;

		CHECK_FOR_INTERRUPTS();
		if (!is_table(&closure->members[i]))
			continue;
		subscription = subscription_of(rel, closure->members[i].objid);
		if (OidIsValid(subscription))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg_internal("%s", message),
					 errdetail("Subscription \"%s\" writes to table \"%s\".",
							   get_subscription_name(subscription, false),
							   get_rel_name(closure->members[i].objid)),
					 errhint("Take its tables out of the publication and use ALTER SUBSCRIPTION ... REFRESH PUBLICATION, or drop the subscription.")));
	}
	table_close(rel, AccessShareLock);
}

static bool
is_table(const ClosureMember *member)
{
	return member->relkind == RELKIND_RELATION ||
		member->relkind == RELKIND_PARTITIONED_TABLE;
}

/* A subscription that has the table, or InvalidOid. */
static Oid
subscription_of(Relation rel, Oid relid)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	Oid			result = InvalidOid;

	ScanKeyInit(&key, Anum_pg_subscription_rel_srrelid,
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, SubscriptionRelSrrelidSrsubidIndexId, true,
							  NULL, 1, &key);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
		result = ((Form_pg_subscription_rel) GETSTRUCT(tup))->srsubid;
	systable_endscan(scan);
	return result;
}
