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
#include "catalog/pg_rewrite.h"
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

/* A member among those that are put in the order of their addresses */
typedef struct MemberPlace
{
	uint64		address;		/* its catalog and its OID */
	int			position;		/* where it stands in Closure.members */
} MemberPlace;

#define ST_SORT sort_places
#define ST_ELEMENT_TYPE MemberPlace
#define ST_COMPARE(a, b) ((a)->address < (b)->address ? -1 : \
						  (a)->address > (b)->address)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* What depends on a schema */
typedef struct SchemaDependent
{
	FormData_pg_depend row;		/* what pg_depend says of it */
	bool		is_seed;		/* does it live in the schema? */
	bool		is_gone;		/* has it been dropped meanwhile? */
} SchemaDependent;

static List *seeds_of_catalog(Oid nspid, Oid classid);
static void add_seeds(Closure *closure, Relation depRel);
static List *dependents_of_schema(Relation depRel, Snapshot snapshot, Oid nspid,
								  Oid only);
static int	compare_dependents(const ListCell *a, const ListCell *b);
static void look_at_dependent(SchemaDependent *dependent, Oid nspid);
static void look_at_relations(List *dependents, Oid nspid);
static void note_schema(SchemaDependent *dependent, Oid lives_in, Oid nspid);
static Closure *collect(Oid nspid, const List *objects, Snapshot snapshot);
static Closure *start_closure(Oid nspid, Snapshot snapshot);
static int	add_levels(Closure *closure, CatalogReader *reader, int done);
static void add_naming_users(Closure *closure);
static void add_level(Closure *closure, CatalogReader *reader, int first,
					  int count);
static MemberPlace *sorted_places(Closure *closure, int first, int count);
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

Closure *
tm_closure_of_schema(Oid nspid, Snapshot snapshot)
{
	return collect(nspid, NIL, snapshot);
}

Closure *
tm_closure_of_objects(Oid nspid, const List *objects, Snapshot snapshot)
{
	return collect(nspid, objects, snapshot);
}

/* Of some objects, or of all if there is none. */
static Closure *
collect(Oid nspid, const List *objects, Snapshot snapshot)
{
	Closure    *closure = start_closure(nspid, snapshot);
	Relation	depRel = table_open(DependRelationId, AccessShareLock);
	Snapshot	registered = RegisterSnapshot(snapshot != NULL ? snapshot :
											  GetCatalogSnapshot(DependRelationId));
	CatalogReader *reader = tm_catalog_reader_open(depRel,
												   DependReferenceIndexId, 2,
												   registered);
	int			done = 0;
	ListCell   *lc;

	foreach(lc, objects)
	{
		const ObjectAddress *object = lfirst(lc);

		add_member(closure, object->classId, object->objectId, NULL);
	}
	if (objects == NIL)
		add_seeds(closure, depRel);
	done = add_levels(closure, reader, done);
	if (objects != NIL)
	{
		add_naming_users(closure);
		(void) add_levels(closure, reader, done);
	}
	tm_catalog_reader_close(reader);
	table_close(depRel, AccessShareLock);
	note_relations(closure, registered);
	UnregisterSnapshot(registered);

	return closure;
}

static Closure *
start_closure(Oid nspid, Snapshot snapshot)
{
	Closure    *closure = palloc0(sizeof(Closure));
	HASHCTL		ctl;

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
	MemberPlace *places = sorted_places(closure, 0, closure->nmembers);
	ClosureMember *members = MemoryContextAllocHuge(closure->context,
													sizeof(ClosureMember) *
													closure->maxmembers);

	for (int i = 0; i < closure->nmembers; i++)
	{
		MemberKey	key;
		MemberEntry *entry;

		members[i] = closure->members[places[i].position];
		key.classid = members[i].classid;
		key.objid = members[i].objid;
		entry = hash_search(closure->index, &key, HASH_FIND, NULL);
		entry->position = i;
	}
	pfree(closure->members);
	closure->members = members;
	pfree(places);
}

List *
tm_closure_outside_dependents(const Closure *closure)
{
	Relation	depRel = table_open(DependRelationId, AccessShareLock);
	OidMap	   *listed = tm_oidmap_create();
	List	   *outsiders = NIL;

	collect_outsiders(closure, depRel, NamespaceRelationId, closure->nspid,
					  listed, &outsiders);

	/*
	 * What an extension takes along may also use something else of the
	 * schema.
	 */
	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		if (member->classid == ExtensionRelationId)
			collect_outsiders(closure, depRel, member->classid, member->objid,
							  listed, &outsiders);
	}
	for (int i = 0; i < closure->nmembers; i++)
	{
		const ClosureMember *member = &closure->members[i];

		CHECK_FOR_INTERRUPTS();
		if (is_table_elsewhere(closure, member))
			add_outsider(&outsiders, member->classid, member->objid, 0);
		if (member->classid != ExtensionRelationId)
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
	ListCell   *lc;

	foreach(lc, dependents_of_schema(depRel, NULL, nspid, classid))
	{
		SchemaDependent *dependent = lfirst(lc);

		if (dependent->is_seed)
			oids = lappend_oid(oids, dependent->row.objid);
	}
	table_close(depRel, AccessShareLock);

	list_deduplicate_oid(oids);
	return oids;
}

/* The objects that hang directly off the schema. */
static void
add_seeds(Closure *closure, Relation depRel)
{
	ListCell   *lc;

	foreach(lc, dependents_of_schema(depRel, closure->snapshot, closure->nspid,
									 InvalidOid))
	{
		SchemaDependent *dependent = lfirst(lc);
		Form_pg_depend dep = &dependent->row;

		if (dependent->is_gone)
			ObjectAddressSet(closure->gone, dep->classid, dep->objid);
		if (dependent->is_seed)
			add_member(closure, dep->classid, dep->objid, NULL);
		else if (tm_closure_classify_dependent(dep) != DEPENDENT_NONE)
			add_user(closure, dep);
	}
}

/*
 * What depends on the schema, in the order of addresses, as SchemaDependent; all
 * of it or that of one catalog.
 */
static List *
dependents_of_schema(Relation depRel, Snapshot snapshot, Oid nspid, Oid only)
{
	List	   *dependents = NIL;
	SysScanDesc scan;
	HeapTuple	tup;

	scan = tm_dependency_scan_dependents(depRel, snapshot, NamespaceRelationId,
										 nspid);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(tup);
		SchemaDependent *dependent;

		if (OidIsValid(only) && dep->classid != only)
			continue;
		dependent = palloc0(sizeof(SchemaDependent));
		dependent->row = *dep;
		look_at_dependent(dependent, nspid);
		dependents = lappend(dependents, dependent);
	}
	systable_endscan(scan);

	list_sort(dependents, compare_dependents);
	look_at_relations(dependents, nspid);
	return dependents;
}

/* list_sort comparator: by address. */
static int
compare_dependents(const ListCell *a, const ListCell *b)
{
	const SchemaDependent *left = lfirst(a);
	const SchemaDependent *right = lfirst(b);

	if (left->row.classid != right->row.classid)
		return left->row.classid < right->row.classid ? -1 : 1;
	if (left->row.objid != right->row.objid)
		return left->row.objid < right->row.objid ? -1 : 1;
	return 0;
}

/*
 * Does the object live in the schema, as opposed to mentioning it?  A default
 * that holds a regnamespace constant depends on the schema, too.
 */
static void
look_at_dependent(SchemaDependent *dependent, Oid nspid)
{
	Oid			classid = dependent->row.classid;

	switch (classid)
	{
		case DefaultAclRelationId:
		case ExtensionRelationId:
			dependent->is_seed = true;
			break;
		case CollationRelationId:
		case ConversionRelationId:
		case OperatorClassRelationId:
		case OperatorFamilyRelationId:
		case OperatorRelationId:
		case ProcedureRelationId:
		case StatisticExtRelationId:
		case TSConfigRelationId:
		case TSDictionaryRelationId:
		case TSParserRelationId:
		case TSTemplateRelationId:
		case TypeRelationId:
			note_schema(dependent,
						tm_object_schema_in_row(classid, dependent->row.objid),
						nspid);
			break;
		default:
			break;
	}
}

/* Most are relations, which are not looked up one by one, but in their order. */
static void
look_at_relations(List *dependents, Oid nspid)
{
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationRelationId));
	CatalogReader *reader = tm_catalog_reader_open(rel, ClassOidIndexId, 1,
												   snapshot);
	ListCell   *lc;

	foreach(lc, dependents)
	{
		SchemaDependent *dependent = lfirst(lc);
		HeapTuple	tup;

		if (dependent->row.classid != RelationRelationId)
			continue;
		CHECK_FOR_INTERRUPTS();
		tm_catalog_reader_seek(reader, &dependent->row.objid);
		tup = tm_catalog_reader_next(reader);
		note_schema(dependent, HeapTupleIsValid(tup) ?
					((Form_pg_class) GETSTRUCT(tup))->relnamespace : InvalidOid,
					nspid);
	}
	tm_catalog_reader_close(reader);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
}

/* What is in no schema has been dropped meanwhile. */
static void
note_schema(SchemaDependent *dependent, Oid lives_in, Oid nspid)
{
	dependent->is_gone = !OidIsValid(lives_in);
	dependent->is_seed = lives_in == nspid;
}

/*
 * What belongs to the members from this one on, until nothing is new.  The result is
 * how many members there are then.
 */
static int
add_levels(Closure *closure, CatalogReader *reader, int done)
{
	while (done < closure->nmembers)
	{
		int			count = closure->nmembers - done;

		add_level(closure, reader, done, count);
		done += count;
	}
	return done;
}

/* Rules and functions of the schema, in whose texts members are mentioned. */
static void
add_naming_users(Closure *closure)
{
	int			nusers = closure->nusers;

	for (int i = 0; i < nusers; i++)
	{
		const ClosureUser *user = &closure->users[i];

		if ((user->classid == RewriteRelationId ||
			 user->classid == ProcedureRelationId) &&
			tm_object_schema(user->classid, user->objid) == closure->nspid)
			add_member(closure, user->classid, user->objid, NULL);
	}
}

/* What belongs to the members that were found last. */
static void
add_level(Closure *closure, CatalogReader *reader, int first, int count)
{
	MemberPlace *places = sorted_places(closure, first, count);

	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_parts(closure, reader, places[i].position);
	}
	pfree(places);
}

/* Some members in the order of their addresses, palloc'd. */
static MemberPlace *
sorted_places(Closure *closure, int first, int count)
{
	MemberPlace *places = MemoryContextAllocHuge(CurrentMemoryContext,
												 sizeof(MemberPlace) *
												 Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		const ClosureMember *member = &closure->members[first + i];

		places[i].address = (uint64) member->classid << 32 | member->objid;
		places[i].position = first + i;
	}
	sort_places(places, count);
	return places;
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
	MemberPlace *places = sorted_places(closure, 0, closure->nmembers);
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	CatalogReader *reader = tm_catalog_reader_open(rel, ClassOidIndexId, 1,
												   snapshot);

	for (int i = 0; i < closure->nmembers; i++)
	{
		ClosureMember *member = &closure->members[places[i].position];
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
	pfree(places);
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
