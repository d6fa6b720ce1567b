/*
 * closure.c
 *		Which catalog rows make up a schema.
 *
 * The catalogs answer the question themselves, because DROP SCHEMA has to
 * ask it too: pg_depend records for every object that lives directly in a
 * schema that it depends on the schema (the "seeds"), and for every object
 * that belongs to another one that it depends on that one automatically or
 * internally.  Following those edges from the seeds gives the members; only
 * casts and transforms, which live in no schema and merely depend on their
 * types, are picked up by their kind.
 *
 * Each step is a part of an index whose size depends on the members at hand,
 * so the whole costs what the schema is worth, whatever else the database
 * holds.  The parts of all seeds come first, then the parts of these, and so
 * on; of each such level the members are asked for in the order of their
 * addresses, in which the index lists them (catalog_reader.c).  Rows that have
 * no address of their own (columns, enum labels, inheritance links, ...) are
 * found from their member when they are needed.
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
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication_namespace.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_transform.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/dependency.h"
#include "base/tenant_mgr.h"
#include "binding/object_schema.h"
#include "clone/catalog_reader.h"
#include "clone/closure.h"
#include "clone/oidmap.h"

/* Key of the hash table that finds members */
typedef struct MemberKey
{
	Oid			classid;
	Oid			objid;
} MemberKey;

typedef struct MemberEntry
{
	MemberKey	key;			/* address of the member */
	int			position;		/* where it stands in Closure.members */
} MemberEntry;

static List *seeds_of_catalog(Oid nspid, Oid classid);
static void add_seeds(Closure *closure, Relation depRel);
static int	compare_members(const void *a, const void *b);
static void add_level(Closure *closure, CatalogReader *reader, int first,
					  int count);
static int *sorted_positions(Closure *closure, int first, int count);
static int	compare_positions(const void *a, const void *b, void *arg);
static void add_parts(Closure *closure, CatalogReader *reader, int position);
static void add_member(Closure *closure, Oid classid, Oid objid,
					   const ClosureMember *owner);
static void note_relations(Closure *closure, Snapshot snapshot);
static void add_user(Closure *closure, Form_pg_depend dep);
static bool lives_in_schema(Oid classid);
static bool is_table_elsewhere(const Closure *closure,
							   const ClosureMember *member);
static void add_outsider(List **outsiders, Oid classid, Oid objid,
						 int32 objsubid);
static void collect_outsiders(const Closure *closure, Relation depRel,
							  Oid classid, Oid objid, OidMap *listed,
							  List **outsiders);
static bool is_seed(Oid classid, Oid objid, Oid nspid, ObjectAddress *gone);

Closure *
tm_closure_of_schema(Oid nspid, Snapshot snapshot)
{
	Closure    *closure = palloc0(sizeof(Closure));
	HASHCTL		ctl;
	Relation	depRel;
	Snapshot	registered;
	CatalogReader *reader;
	int			done = 0;

	closure->nspid = nspid;
	closure->nspname = get_namespace_name(nspid);
	if (closure->nspname == NULL)
		elog(ERROR, "cache lookup failed for schema %u", nspid);
	closure->context = CurrentMemoryContext;
	closure->snapshot = snapshot;
	closure->maxmembers = 1024;
	closure->members = palloc(sizeof(ClosureMember) * closure->maxmembers);
	closure->maxusers = 1024;
	closure->users = palloc(sizeof(ClosureUser) * closure->maxusers);

	ctl.keysize = sizeof(MemberKey);
	ctl.entrysize = sizeof(MemberEntry);
	ctl.hcxt = CurrentMemoryContext;
	closure->index = hash_create("tenant_mgr closure", 1024, &ctl,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	depRel = table_open(DependRelationId, AccessShareLock);
	registered = RegisterSnapshot(snapshot != NULL ? snapshot :
								  GetCatalogSnapshot(DependRelationId));
	add_seeds(closure, depRel);
	/* until nothing is new */
	reader = tm_catalog_reader_open(depRel, DependReferenceIndexId, 2,
									registered);
	while (done < closure->nmembers)
	{
		int			count = closure->nmembers - done;

		add_level(closure, reader, done, count);
		done += count;
	}
	tm_catalog_reader_close(reader);
	table_close(depRel, AccessShareLock);
	note_relations(closure, registered);
	UnregisterSnapshot(registered);

	return closure;
}

List *
tm_closure_relations(Oid nspid)
{
	return seeds_of_catalog(nspid, RelationRelationId);
}

List *
tm_closure_types(Oid nspid)
{
	return seeds_of_catalog(nspid, TypeRelationId);
}

List *
tm_closure_functions(Oid nspid)
{
	return seeds_of_catalog(nspid, ProcedureRelationId);
}

ClosureMember *
tm_closure_find(const Closure *closure, Oid classid, Oid objid)
{
	MemberKey	key = {classid, objid};
	MemberEntry *entry;

	entry = hash_search(closure->index, &key, HASH_FIND, NULL);
	return entry ? &closure->members[entry->position] : NULL;
}

void
tm_closure_sort(Closure *closure)
{
	qsort(closure->members, closure->nmembers, sizeof(ClosureMember),
		  compare_members);
	for (int i = 0; i < closure->nmembers; i++)
	{
		MemberKey	key = {closure->members[i].classid,
		closure->members[i].objid};
		MemberEntry *entry;

		entry = hash_search(closure->index, &key, HASH_FIND, NULL);
		entry->position = i;
	}
}

List *
tm_closure_outside_dependents(const Closure *closure)
{
	Relation	depRel = table_open(DependRelationId, AccessShareLock);
	OidMap	   *listed = tm_oidmap_create();
	List	   *outsiders = NIL;

	collect_outsiders(closure, depRel, NamespaceRelationId, closure->nspid,
					  listed, &outsiders);
	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		CHECK_FOR_INTERRUPTS();
		if (is_table_elsewhere(closure, member))
			add_outsider(&outsiders, member->classid, member->objid, 0);
		collect_outsiders(closure, depRel, member->classid, member->objid,
						  listed, &outsiders);
	}
	table_close(depRel, AccessShareLock);

	return outsiders;
}

DependentRole
tm_closure_classify_dependent(Form_pg_depend dep)
{
	/* what is published is not a property of the schema */
	if (dep->classid == PublicationRelRelationId ||
		dep->classid == PublicationNamespaceRelationId)
		return DEPENDENT_NONE;

	switch ((DependencyType) dep->deptype)
	{
		case DEPENDENCY_AUTO:
		case DEPENDENCY_INTERNAL:
		case DEPENDENCY_PARTITION_PRI:
		case DEPENDENCY_PARTITION_SEC:
			return DEPENDENT_PART;
		case DEPENDENCY_NORMAL:
			/* they live in no schema, and go where their type goes */
			if ((dep->classid == CastRelationId ||
				 dep->classid == TransformRelationId) &&
				dep->refclassid == TypeRelationId)
				return DEPENDENT_PART;
			return DEPENDENT_USER;
		default:
			return DEPENDENT_NONE;
	}
}

/* OIDs of those of one catalog that hang directly off the schema, sorted. */
static List *
seeds_of_catalog(Oid nspid, Oid classid)
{
	Relation	depRel = table_open(DependRelationId, AccessShareLock);
	List	   *oids = NIL;
	SysScanDesc scan;
	HeapTuple	tup;

	scan = tm_dependency_scan_dependents(depRel, NULL, NamespaceRelationId,
										 nspid);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);

		if (dep->classid == classid &&
			is_seed(dep->classid, dep->objid, nspid, NULL))
			oids = lappend_oid(oids, dep->objid);
	}
	systable_endscan(scan);
	table_close(depRel, AccessShareLock);

	list_sort(oids, list_oid_cmp);
	list_deduplicate_oid(oids);
	return oids;
}

/* The objects that hang directly off the schema. */
static void
add_seeds(Closure *closure, Relation depRel)
{
	SysScanDesc scan;
	HeapTuple	tup;

	scan = tm_dependency_scan_dependents(depRel, closure->snapshot,
										 NamespaceRelationId, closure->nspid);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);

		if (is_seed(dep->classid, dep->objid, closure->nspid,
					&closure->gone))
			add_member(closure, dep->classid, dep->objid, NULL);
		else if (tm_closure_classify_dependent(dep) != DEPENDENT_NONE)
			add_user(closure, dep);
	}
	systable_endscan(scan);
}

/* qsort comparator: by address. */
static int
compare_members(const void *a, const void *b)
{
	const ClosureMember *left = a;
	const ClosureMember *right = b;

	if (left->classid != right->classid)
		return left->classid < right->classid ? -1 : 1;
	if (left->objid != right->objid)
		return left->objid < right->objid ? -1 : 1;
	return 0;
}

/* What belongs to the members that were found last. */
static void
add_level(Closure *closure, CatalogReader *reader, int first, int count)
{
	int		   *positions = sorted_positions(closure, first, count);

	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_parts(closure, reader, positions[i]);
	}
	pfree(positions);
}

/* Where some members are, in the order of their addresses; palloc'd. */
static int *
sorted_positions(Closure *closure, int first, int count)
{
	int		   *positions = palloc(sizeof(int) * count);

	for (int i = 0; i < count; i++)
		positions[i] = first + i;
	qsort_arg(positions, count, sizeof(int), compare_positions, closure);
	return positions;
}

/* qsort_arg comparator: by address of the members at these positions. */
static int
compare_positions(const void *a, const void *b, void *arg)
{
	const Closure *closure = arg;

	return compare_members(&closure->members[*(const int *) a],
						   &closure->members[*(const int *) b]);
}

/* The objects that belong to one that we have already. */
static void
add_parts(Closure *closure, CatalogReader *reader, int position)
{
	/* by value: the array moves when it grows */
	ClosureMember owner = closure->members[position];
	Oid			keys[] = {owner.classid, owner.objid};
	HeapTuple	tup;

	tm_catalog_reader_seek(reader, keys);
	while (HeapTupleIsValid(tup = tm_catalog_reader_next(reader)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);

		switch (tm_closure_classify_dependent(dep))
		{
			case DEPENDENT_PART:
				add_member(closure, dep->classid, dep->objid, &owner);
				break;
			case DEPENDENT_USER:
				add_user(closure, dep);
				break;
			case DEPENDENT_NONE:
				break;
		}
	}
}

/* Add an object unless it is a member already. */
static void
add_member(Closure *closure, Oid classid, Oid objid, const ClosureMember *owner)
{
	MemberKey	key = {classid, objid};
	MemberEntry *entry;
	ClosureMember *member;
	bool		found;

	entry = hash_search(closure->index, &key, HASH_ENTER, &found);
	if (found)
		return;

	if (closure->nmembers == closure->maxmembers)
	{
		closure->maxmembers *= 2;
		closure->members = repalloc_huge(closure->members,
										 sizeof(ClosureMember) *
										 closure->maxmembers);
	}
	entry->position = closure->nmembers++;
	member = &closure->members[entry->position];
	memset(member, 0, sizeof(ClosureMember));
	member->classid = classid;
	member->objid = objid;
	member->owner_seed = owner ? owner->owner_seed : objid;
	member->owner_class = owner ? owner->owner_class : classid;
}

/* What kinds of relations there are among the members. */
static void
note_relations(Closure *closure, Snapshot snapshot)
{
	int		   *positions = sorted_positions(closure, 0, closure->nmembers);
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	CatalogReader *reader = tm_catalog_reader_open(rel, ClassOidIndexId, 1,
												   snapshot);

	for (int i = 0; i < closure->nmembers; i++)
	{
		ClosureMember *member = &closure->members[positions[i]];
		HeapTuple	tup;

		if (member->classid != RelationRelationId)
			continue;
		CHECK_FOR_INTERRUPTS();
		tm_catalog_reader_seek(reader, &member->objid);
		tup = tm_catalog_reader_next(reader);
		/* it may be dropped while nobody holds a lock on it yet */
		if (HeapTupleIsValid(tup))
		{
			Form_pg_class form = (Form_pg_class) GETSTRUCT(tup);

			member->relkind = form->relkind;
			member->relpersistence = form->relpersistence;
			member->relispartition = form->relispartition;
			member->relnamespace = form->relnamespace;
			member->reltablespace = form->reltablespace;
		}
	}
	tm_catalog_reader_close(reader);
	table_close(rel, AccessShareLock);
	pfree(positions);
}

/* Note that something uses a member; it may turn out to be one itself. */
static void
add_user(Closure *closure, Form_pg_depend dep)
{
	ClosureUser *user;

	if (closure->nusers == closure->maxusers)
	{
		closure->maxusers *= 2;
		closure->users = repalloc_huge(closure->users,
									   sizeof(ClosureUser) *
									   closure->maxusers);
	}
	user = &closure->users[closure->nusers++];
	user->classid = dep->classid;
	user->objid = dep->objid;
	user->objsubid = dep->objsubid;
	ObjectAddressSubSet(user->used, dep->refclassid, dep->refobjid,
						dep->refobjsubid);
}

/*
 * Does the object live in the schema, as opposed to mentioning it?  A default
 * that holds a regnamespace constant depends on the schema, too.  One that has
 * been dropped meanwhile lives nowhere; "gone" is set for it if wanted.
 */
static bool
is_seed(Oid classid, Oid objid, Oid nspid, ObjectAddress *gone)
{
	Oid			lives_in;

	switch (classid)
	{
		case DefaultAclRelationId:
		case ExtensionRelationId:
			return true;
		case CollationRelationId:
		case ConversionRelationId:
		case OperatorClassRelationId:
		case OperatorFamilyRelationId:
		case OperatorRelationId:
		case ProcedureRelationId:
		case RelationRelationId:
		case StatisticExtRelationId:
		case TSConfigRelationId:
		case TSDictionaryRelationId:
		case TSParserRelationId:
		case TSTemplateRelationId:
		case TypeRelationId:
			lives_in = tm_object_schema_in_row(classid, objid);
			if (!OidIsValid(lives_in) && gone != NULL)
				ObjectAddressSet(*gone, classid, objid);
			return lives_in == nspid;
		default:
			return false;
	}
}

/*
 * A partition depends on its parent as a part does, and is a table with rows of
 * its own nevertheless.
 */
static bool
is_table_elsewhere(const Closure *closure, const ClosureMember *member)
{
	return member->classid == RelationRelationId &&
		member->owner_seed != member->objid &&
		(member->relkind == RELKIND_RELATION ||
		 member->relkind == RELKIND_PARTITIONED_TABLE ||
		 member->relkind == RELKIND_FOREIGN_TABLE) &&
		get_rel_namespace(member->objid) != closure->nspid;
}

/*
 * Objects that depend on the given one without being members, each once.  An
 * extension takes along all that belongs to it.  What of that is in no schema
 * is as much a part of this one as the extension is.
 */
static void
collect_outsiders(const Closure *closure, Relation depRel, Oid classid,
				  Oid objid, OidMap *listed, List **outsiders)
{
	SysScanDesc scan;
	HeapTuple	tup;

	check_stack_depth();
	scan = tm_dependency_scan_dependents(depRel, closure->snapshot, classid,
										 objid);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);

		if ((tm_closure_classify_dependent(dep) == DEPENDENT_NONE &&
			 dep->refclassid != ExtensionRelationId) ||
			tm_closure_find(closure, dep->classid, dep->objid) != NULL ||
			tm_oidmap_contains(listed, dep->classid, dep->objid))
			continue;
		tm_oidmap_add(listed, dep->classid, dep->objid, dep->objid);
		if (dep->deptype == DEPENDENCY_EXTENSION &&
			!lives_in_schema(dep->classid))
		{
			collect_outsiders(closure, depRel, dep->classid, dep->objid,
							  listed, outsiders);
			continue;
		}
		add_outsider(outsiders, dep->classid, dep->objid, dep->objsubid);
	}
	systable_endscan(scan);
}

static void
add_outsider(List **outsiders, Oid classid, Oid objid, int32 objsubid)
{
	ObjectAddress *address = palloc(sizeof(ObjectAddress));

	ObjectAddressSubSet(*address, classid, objid, objsubid);
	*outsiders = lappend(*outsiders, address);
}

static bool
lives_in_schema(Oid classid)
{
	return is_objectclass_supported(classid) &&
		get_object_attnum_namespace(classid) != InvalidAttrNumber;
}
