/*
 * unclonable.c
 *		What stands in the way of a clone.
 *
 * A clone has what is in the schema once more, and shares what is outside of
 * it with the source.  This is right as long as the two have nothing to do
 * with each other but that the schema uses what is outside.  Three things are
 * refused, each by the name of the object:
 *
 * What the database cannot have twice: extensions, default operator classes of
 * types outside, triggers on tables outside.
 *
 * What belongs together and is torn apart by the border: partitions, tables
 * that inherit from a table of the schema.
 *
 * What comes back to the schema by way of an object outside of it: a column of
 * a view whose type a table outside has as well, a call of a function outside
 * that takes such a type, a view on a view outside on a table of the schema.
 * The object outside goes on to mean the source's, so the clone's would be of
 * two minds.  pg_depend tells all of these: what is outside and depends on a
 * member is followed to those that depend on it in turn, and none of them may
 * be a member.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/dependency.h"
#include "base/tenant_mgr.h"
#include "binding/object_schema.h"
#include "clone/unclonable.h"
#include "clone/valuemap.h"

/* An object outside of the schema that depends on a member of it */
typedef struct Outsider
{
	ObjectAddress address;		/* hash key */
	ObjectAddress member;		/* the member */
} Outsider;

/* All of them, those that were found first before those found by them */
typedef struct Outsiders
{
	const Closure *closure;		/* the schema */
	Relation	depRel;			/* pg_depend, open */
	HTAB	   *found;			/* Outsider */
	List	   *queue;			/* pointers to its entries */
} Outsiders;

static void refuse(const Closure *closure, const ClosureMember *member,
				   const char *reason, const char *hint);
static void refuse_foreign_namespace(const Closure *closure,
									 const ClosureMember *member);
static void refuse_torn_partition(const Closure *closure,
								  const ClosureMember *member);
static void refuse_ranges_of_oids(const Closure *closure,
								  const ClosureMember *member);
static void refuse_rival_opclass(const Closure *closure,
								 const ClosureMember *member);
static void refuse_rival_entry(const Closure *closure,
							   const ClosureMember *member);
static void refuse_child(const Closure *closure, const ClosureUser *user);
static void refuse_ways_back(const Closure *closure);
static void add_outsider(Outsiders *outsiders, const ObjectAddress *address,
						 const ObjectAddress *member);
static void follow_users(Outsiders *outsiders, const Outsider *outsider);
static void follow_wholes(Outsiders *outsiders, const Outsider *outsider);
static void refuse_way_back(const Outsiders *outsiders,
							const Outsider *outsider,
							const ClosureMember *member);

void
tm_refuse_unclonable(const Closure *closure)
{
	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		if (member->classid == ExtensionRelationId)
			refuse(closure, member,
				   "An extension belongs to the database and cannot be there twice.",
				   tm_unclonable_extension_hint(closure));
		if (member->relpersistence == RELPERSISTENCE_TEMP)
			refuse(closure, member, "Temporary objects cannot be cloned.", NULL);
		refuse_foreign_namespace(closure, member);
		refuse_torn_partition(closure, member);
		refuse_ranges_of_oids(closure, member);
		refuse_rival_opclass(closure, member);
		refuse_rival_entry(closure, member);
	}
	refuse_ways_back(closure);
}

const char *
tm_unclonable_extension_hint(const Closure *closure)
{
	if (strcmp(closure->nspname, "public") == 0)
		return _("Keep what is to be cloned in a schema of its own, apart from extensions.");
	return _("Move the extension with ALTER EXTENSION ... SET SCHEMA, for example to \"public\".");
}

/* Say which object stands in the way of a clone. */
static void
refuse(const Closure *closure, const ClosureMember *member,
	   const char *reason, const char *hint)
{
	ObjectAddress address;

	ObjectAddressSet(address, member->classid, member->objid);
	ereport(ERROR,
			(errcode(ERRCODE_TENANT_NOT_CLONABLE),
			 errmsg("schema \"%s\" cannot be cloned because of %s",
					closure->nspname, getObjectDescription(&address, false)),
			 errdetail_internal("%s", reason),
			 hint ? errhint("%s", hint) : 0));
}

/*
 * Members that were reached from another one, like an extended statistics
 * object, may live in another schema, where the clone's would be in the way.
 */
static void
refuse_foreign_namespace(const Closure *closure, const ClosureMember *member)
{
	Oid			nspid;

	if (member->owner_seed == member->objid ||
		member->classid == ConstraintRelationId ||
		!is_objectclass_supported(member->classid) ||
		get_object_catcache_oid(member->classid) < 0 ||
		get_object_attnum_namespace(member->classid) == InvalidAttrNumber)
		return;

	nspid = member->classid == RelationRelationId ? member->relnamespace :
		tm_object_schema_in_row(member->classid, member->objid);
	if (!OidIsValid(nspid) || nspid == closure->nspid ||
		IsToastNamespace(nspid))
		return;
	refuse(closure, member,
		   psprintf("It belongs to the schema but lives in schema \"%s\".",
					get_namespace_name(nspid)),
		   "Move it into the schema, or detach it.");
}

/*
 * A partition without its parent would be attached to the source's parent.
 * Indexes go with their tables.
 */
static void
refuse_torn_partition(const Closure *closure, const ClosureMember *member)
{
	Oid			parent;

	if (!member->relispartition ||
		member->relkind == RELKIND_INDEX ||
		member->relkind == RELKIND_PARTITIONED_INDEX)
		return;
	parent = get_partition_parent(member->objid, true);
	if (OidIsValid(parent) &&
		tm_closure_find(closure, RelationRelationId, parent) == NULL)
		refuse(closure, member,
			   psprintf("It is a partition of \"%s\" in schema \"%s\".",
						get_rel_name(parent),
						get_namespace_name(get_rel_namespace(parent))),
			   "Detach the partition, or move the partitioned table into the schema.");
}

/* Bounds that are OIDs may be in another order in the clone. */
static void
refuse_ranges_of_oids(const Closure *closure, const ClosureMember *member)
{
	HeapTuple	tup;
	Form_pg_partitioned_table form;
	bool		found = false;

	if (member->relkind != RELKIND_PARTITIONED_TABLE)
		return;
	tup = SearchSysCache1(PARTRELID, ObjectIdGetDatum(member->objid));
	if (!HeapTupleIsValid(tup))
		return;
	form = (Form_pg_partitioned_table) GETSTRUCT(tup);
	for (int i = 0; i < form->partnatts && !found &&
		 form->partstrat == PARTITION_STRATEGY_RANGE; i++)
	{
		AttrNumber	attnum = form->partattrs.values[i];

		found = attnum > 0 &&
			tm_valuemap_sorts_by_oid(get_atttype(member->objid, attnum));
	}
	ReleaseSysCache(tup);
	if (found)
		refuse(closure, member,
			   "Its partitions are ranges of OIDs, and those of the schema are others in the clone.",
			   "Partition the table by other values, or by list.");
}

/*
 * A type has one default operator class for an access method, in whatever
 * schema.  With two of them, the server can use neither.
 */
static void
refuse_rival_opclass(const Closure *closure, const ClosureMember *member)
{
	HeapTuple	tup;
	Form_pg_opclass form;

	if (member->classid != OperatorClassRelationId)
		return;

	/* what has been dropped since the snapshot is nobody's rival */
	tup = SearchSysCache1(CLAOID, ObjectIdGetDatum(member->objid));
	if (!HeapTupleIsValid(tup))
		return;
	form = (Form_pg_opclass) GETSTRUCT(tup);
	if (form->opcdefault &&
		tm_closure_find(closure, TypeRelationId, form->opcintype) == NULL)
		refuse(closure, member,
			   psprintf("It is the default for type %s, which does not belong to the schema and cannot have two.",
						format_type_be(form->opcintype)),
			   "Move it into another schema.");
	ReleaseSysCache(tup);
}

/*
 * Likewise, an operator family outside of the schema has room for one operator
 * of a strategy, and one function of a number, between the same types.
 */
static void
refuse_rival_entry(const Closure *closure, const ClosureMember *member)
{
	Relation	rel;
	HeapTuple	tup;
	Oid			family;
	Oid			lefttype;
	Oid			righttype;

	if (member->classid != AccessMethodOperatorRelationId &&
		member->classid != AccessMethodProcedureRelationId)
		return;

	rel = table_open(member->classid, AccessShareLock);
	tup = get_catalog_object_by_oid(rel, get_object_attnum_oid(member->classid),
									member->objid);
	if (!HeapTupleIsValid(tup))
	{
		table_close(rel, AccessShareLock);
		return;
	}
	if (member->classid == AccessMethodOperatorRelationId)
	{
		Form_pg_amop form = (Form_pg_amop) GETSTRUCT(tup);

		family = form->amopfamily;
		lefttype = form->amoplefttype;
		righttype = form->amoprighttype;
	}
	else
	{
		Form_pg_amproc form = (Form_pg_amproc) GETSTRUCT(tup);

		family = form->amprocfamily;
		lefttype = form->amproclefttype;
		righttype = form->amprocrighttype;
	}
	table_close(rel, AccessShareLock);

	if (tm_closure_find(closure, OperatorFamilyRelationId, family) == NULL &&
		tm_closure_find(closure, TypeRelationId, lefttype) == NULL &&
		tm_closure_find(closure, TypeRelationId, righttype) == NULL)
		refuse(closure, member,
			   "Neither the operator family nor the types belong to the schema, and the family cannot have two of it.",
			   "Drop it from the operator family, or move its operator or function into another schema.");
}

/* Rows of a table outside are the rows of its parent, too, and would be missing. */
static void
refuse_child(const Closure *closure, const ClosureUser *user)
{
	ObjectAddress child;

	if (user->classid != RelationRelationId || user->objsubid != 0 ||
		user->used.classId != RelationRelationId ||
		user->used.objectSubId != 0)
		return;
	ObjectAddressSet(child, user->classid, user->objid);
	refuse(closure,
		   tm_closure_find(closure, user->used.classId, user->used.objectId),
		   psprintf("Rows of %s, which inherits from it, would be missing.",
					getObjectDescription(&child, false)),
		   "Move the table into the schema, or use ALTER TABLE ... NO INHERIT.");
}

/* No member may depend on something outside that depends on a member. */
static void
refuse_ways_back(const Closure *closure)
{
	Outsiders	outsiders = {0};
	HASHCTL		ctl;

	outsiders.closure = closure;
	for (int i = 0; i < closure->nusers; i++)
	{
		const ClosureUser *user = &closure->users[i];
		ObjectAddress address;

		if (tm_closure_find(closure, user->classid, user->objid) != NULL)
			continue;
		refuse_child(closure, user);
		if (outsiders.found == NULL)
		{
			ctl.keysize = sizeof(ObjectAddress);
			ctl.entrysize = sizeof(Outsider);
			ctl.hcxt = CurrentMemoryContext;
			outsiders.found = hash_create("tenant_mgr outsiders", 64, &ctl,
										  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		}
		ObjectAddressSubSet(address, user->classid, user->objid,
							user->objsubid);
		add_outsider(&outsiders, &address, &user->used);
	}
	if (outsiders.queue == NIL)
		return;

	outsiders.depRel = table_open(DependRelationId, AccessShareLock);
	/* the list grows while we walk it */
	for (int i = 0; i < list_length(outsiders.queue); i++)
	{
		const Outsider *outsider = list_nth(outsiders.queue, i);

		CHECK_FOR_INTERRUPTS();
		follow_users(&outsiders, outsider);
		follow_wholes(&outsiders, outsider);
	}
	table_close(outsiders.depRel, AccessShareLock);
}

static void
add_outsider(Outsiders *outsiders, const ObjectAddress *address,
			 const ObjectAddress *member)
{
	Outsider   *outsider;
	bool		found;

	outsider = hash_search(outsiders->found, address, HASH_ENTER, &found);
	if (found)
		return;
	outsider->member = *member;
	outsiders->queue = lappend(outsiders->queue, outsider);
}

/* Those that depend on it.  One column has nothing to do with another. */
static void
follow_users(Outsiders *outsiders, const Outsider *outsider)
{
	const ObjectAddress *address = &outsider->address;
	SysScanDesc scan;
	HeapTuple	tup;

	scan = tm_dependency_scan_dependents(outsiders->depRel,
										 outsiders->closure->snapshot,
										 address->classId, address->objectId);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);
		const ClosureMember *member;
		ObjectAddress user;

		if (tm_closure_classify_dependent(dep) == DEPENDENT_NONE ||
			(address->objectSubId != 0 && dep->refobjsubid != 0 &&
			 address->objectSubId != dep->refobjsubid))
			continue;
		member = tm_closure_find(outsiders->closure, dep->classid, dep->objid);
		if (member != NULL)
			refuse_way_back(outsiders, outsider, member);
		ObjectAddressSubSet(user, dep->classid, dep->objid, dep->objsubid);
		add_outsider(outsiders, &user, &outsider->member);
	}
	systable_endscan(scan);
}

/*
 * What it is the inside of, as the rule of a view is of the view, and the
 * columns of a composite type are of the type.  Types have no insides, but
 * the row type of a table depends on the table like one.
 */
static void
follow_wholes(Outsiders *outsiders, const Outsider *outsider)
{
	SysScanDesc scan;
	HeapTuple	tup;

	if (outsider->address.classId == TypeRelationId)
		return;
	scan = tm_dependency_scan(outsiders->depRel, outsiders->closure->snapshot,
							  outsider->address.classId,
							  outsider->address.objectId);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);
		ObjectAddress whole;

		if (dep->deptype != DEPENDENCY_INTERNAL ||
			tm_closure_find(outsiders->closure, dep->refclassid,
							dep->refobjid) != NULL)
			continue;
		ObjectAddressSubSet(whole, dep->refclassid, dep->refobjid,
							dep->refobjsubid);
		add_outsider(outsiders, &whole, &outsider->member);
	}
	systable_endscan(scan);
}

/* Users know views and tables, not their rules and row types. */
static void
refuse_way_back(const Outsiders *outsiders, const Outsider *outsider,
				const ClosureMember *member)
{
	const ClosureMember *named = member;

	if (member->classid == RewriteRelationId ||
		member->classid == TypeRelationId)
		named = tm_closure_find(outsiders->closure, member->owner_class,
								member->owner_seed);
	refuse(outsiders->closure, named ? named : member,
		   psprintf("It depends on %s, which is outside of the schema and depends on %s.",
					getObjectDescription(&outsider->address, false),
					getObjectDescription(&outsider->member, false)),
		   "What is outside would still mean the source.  Move it into the schema.");
}
