/*
 * fingerprint.c
 *		What is equal for schemas that are alike.
 *
 * Two schemas have the same fingerprint if, and only if, pg_dump -s prints the
 * same of them, but for the name of the schema and of its owner, and for the
 * order of what has none: privileges, options, roles of a policy.  So neither OIDs
 * count, nor where rows are stored, nor what a dump does not carry.
 *
 * The rows of the schema's objects are turned into bytes (canonical_row.c), a
 * digest is made of those of each object, and one of the sorted list of names and
 * digests.  What says something of the same object goes into the same entry of the
 * list: the default of a column, the index of a constraint, the query of a view.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/htup_details.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "clone/catalog_rules.h"
#include "compare/canonical_row.h"
#include "compare/fingerprint.h"
#include "compare/object_name.h"
#include "compare/object_part.h"
#include "compare/object_remark.h"
#include "compare/schema_reading.h"

/* The list while it grows */
typedef struct Collector
{
	SchemaView *view;			/* what is read */
	const List *objects;		/* these only, NIL for all of them */
	MemoryContext context;		/* where the result lives */
	FingerprintItem *items;		/* array of nitems */
	int			nitems;
	int			maxitems;
	HTAB	   *constraints;	/* index -> IndexEntry */
	HTAB	   *left_out;		/* members that are no matter of the schema's */
	bool		labels;			/* are there security labels at all? */
	StringInfoData buf;			/* bytes of the object at hand */
	OutsideNames *names;		/* circumstances to keep, or NULL */
	Fingerprint *result;		/* what comes of it */
} Collector;

/* An index that belongs to a constraint */
typedef struct IndexEntry
{
	Oid			indexid;		/* the index */
	ObjectName	constraint;		/* name of the constraint */
	Oid			conoid;			/* and its OID */
} IndexEntry;

/* An entry to be put in order: by name, and then by what is said */
typedef FingerprintItem *SortedItem;

#define ST_SORT sort_items
#define ST_ELEMENT_TYPE SortedItem
#define ST_COMPARE(a, b) memcmp(*(a), *(b), offsetof(FingerprintItem, object))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static void read_objects(Oid nspid, void *arg);
static void collect(Collector *collector);
static void note_relations(Collector *collector);
static void note_left_out(Collector *collector);
static void note_constraint_indexes(Collector *collector);
static HeapTuple read_row(Collector *collector, ViewCatalog *catalog, Oid objid);
static void collect_member(Collector *collector, const ClosureMember *member);
static char kind_of_row(const ViewCatalog *catalog);
static bool is_shown(const SchemaView *view, const ClosureMember *member,
					 const ViewCatalog *catalog);
static bool cast_is_shown(const Datum *values);
static bool relation_is_shown(Oid nspid);
static bool type_is_shown(const SchemaView *view, const Datum *values);
static bool has_columns(Oid classid, char kind);
static void collect_columns(Collector *collector, Oid relid, List *remarks);
static void name_member(Collector *collector, const ClosureMember *member, ViewCatalog *catalog, ObjectName *name, ObjectAddress *object);
static void add_item(Collector *collector, const ObjectName *name, const ObjectAddress *object);
static void merge_items(Collector *collector);
static Fingerprint *conclude(Collector *collector);

char *
tm_fingerprint_of_schema(Oid nspid)
{
	return tm_fingerprint_read(nspid)->text;
}

Fingerprint *
tm_fingerprint_read(Oid nspid)
{
	return tm_fingerprint_read_to_keep(nspid, NULL);
}

Fingerprint *
tm_fingerprint_read_to_keep(Oid nspid, OutsideNames *names)
{
	Collector	collector = {.context = CurrentMemoryContext,.names = names};

	tm_read_schema(nspid, NIL, read_objects, &collector);
	return collector.result;
}

void
tm_fingerprint_of_objects(Oid nspid, const List *objects,
						  char text[TM_FINGERPRINT_SIZE])
{
	Collector	collector = {.context = CurrentMemoryContext,
	.objects = objects};

	tm_read_schema(nspid, objects, read_objects, &collector);
	strlcpy(text, collector.result->text, TM_FINGERPRINT_SIZE);
}

static void
read_objects(Oid nspid, void *arg)
{
	Collector  *collector = arg;

	collector->view = tm_view_open(nspid, collector->objects,
								   RegisterSnapshot(GetLatestSnapshot()));
	collect(collector);
	merge_items(collector);
	collector->result = conclude(collector);
	if (collector->names != NULL)
		tm_outside_names(collector->view, collector->names);
	UnregisterSnapshot(collector->view->snapshot);
	tm_view_close(collector->view);
}

void
tm_fingerprint_digits(const uint8 *digest, char digits[TM_FINGERPRINT_SIZE])
{
	for (int i = 0; i < TM_DIGEST_SIZE; i++)
		snprintf(digits + 2 * i, 3, "%02x", digest[i]);
}

/* An entry for each object and for each column. */
static void
collect(Collector *collector)
{
	SchemaView *view = collector->view;
	Closure    *closure = view->closure;
	ClosureMember schema = {.classid = NamespaceRelationId,
	.objid = view->nspid,.owner_seed = view->nspid};
	MemoryContext old_context;
	HASHCTL		ctl;

	collector->maxitems = 1024;
	collector->items = MemoryContextAllocHuge(collector->context,
											  sizeof(FingerprintItem) *
											  collector->maxitems);
	initStringInfo(&collector->buf);

	ctl.hcxt = view->context;
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(IndexEntry);
	collector->constraints = hash_create("tenant_mgr constraint indexes", 256,
										 &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.keysize = sizeof(Oid) * 2;
	ctl.entrysize = sizeof(Oid) * 2;
	collector->left_out = hash_create("tenant_mgr members left out", 16, &ctl,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	collector->labels =
		RelationGetNumberOfBlocks(tm_view_catalog(view, SecLabelRelationId)->rel) > 0;

	old_context = MemoryContextSwitchTo(view->scratch);
	note_relations(collector);
	note_left_out(collector);
	note_constraint_indexes(collector);
	collect_member(collector, &schema);
	for (int i = 0; i < closure->nmembers; i++)
	{
		CHECK_FOR_INTERRUPTS();
		collect_member(collector, &closure->members[i]);
		MemoryContextReset(view->scratch);
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * Names of tables and their columns are what most other rows are about.  Options
 * of TOAST tables are said of their tables.
 */
static void
note_relations(Collector *collector)
{
	SchemaView *view = collector->view;
	ViewCatalog *catalog = tm_view_catalog(view, RelationRelationId);

	for (int i = 0; i < view->closure->nmembers; i++)
	{
		const ClosureMember *member = &view->closure->members[i];
		HeapTuple	row;

		if (!has_columns(member->classid, member->relkind) &&
			member->relkind != RELKIND_TOASTVALUE)
			continue;
		row = read_row(collector, catalog, member->objid);
		if (!HeapTupleIsValid(row))
			continue;
		tm_canonical_deform(view, catalog, row);
		if (member->relkind == RELKIND_TOASTVALUE)
			tm_note_toast_options(view, catalog, member->objid);
		else
		{
			(void) tm_object_row_name(view, catalog, member->objid);
			(void) tm_column_name(view, member->objid, 1);
		}
		MemoryContextReset(view->scratch);
	}
}

/*
 * Objects in the schema that are an extension's, and functions that come with a
 * range type; a dump leaves them out.
 */
static void
note_left_out(Collector *collector)
{
	SchemaView *view = collector->view;
	ViewCatalog *catalog = tm_view_catalog(view, DependRelationId);

	for (int i = 0; i < view->closure->nmembers; i++)
	{
		const ClosureMember *member = &view->closure->members[i];
		Oid			keys[] = {member->classid, member->objid};
		CatalogReader *reader;
		HeapTuple	row;

		if (member->owner_class != member->classid ||
			member->owner_seed != member->objid)
			continue;
		reader = tm_view_seek(view, catalog, DependDependerIndexId,
							  lengthof(keys), keys);
		while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
		{
			char		deptype = ((Form_pg_depend) GETSTRUCT(row))->deptype;

			if (deptype == DEPENDENCY_EXTENSION ||
				(member->classid == ProcedureRelationId &&
				 deptype == DEPENDENCY_INTERNAL))
				(void) hash_search(collector->left_out, keys, HASH_ENTER, NULL);
		}
	}
}

/* The index of a constraint is a part of it. */
static void
note_constraint_indexes(Collector *collector)
{
	SchemaView *view = collector->view;
	ViewCatalog *catalog = tm_view_catalog(view, ConstraintRelationId);

	for (int i = 0; i < view->closure->nmembers; i++)
	{
		const ClosureMember *member = &view->closure->members[i];
		Form_pg_constraint form;
		HeapTuple	row;
		IndexEntry *entry;

		if (member->classid != ConstraintRelationId)
			continue;
		row = read_row(collector, catalog, member->objid);
		if (!HeapTupleIsValid(row))
			continue;
		form = (Form_pg_constraint) GETSTRUCT(row);
		if (form->contype != CONSTRAINT_PRIMARY &&
			form->contype != CONSTRAINT_UNIQUE &&
			form->contype != CONSTRAINT_EXCLUSION)
			continue;
		entry = hash_search(collector->constraints, &form->conindid,
							HASH_ENTER, NULL);
		entry->conoid = form->oid;
		tm_canonical_deform(view, catalog, row);
		entry->constraint = tm_object_row_name(view, catalog, form->oid);
		MemoryContextReset(view->scratch);
	}
}

/* The row of an object, or NULL. */
static HeapTuple
read_row(Collector *collector, ViewCatalog *catalog, Oid objid)
{
	Oid			index;
	AttrNumber	attno;
	CatalogReader *reader;

	if (!tm_catalog_identity(catalog->catalog, &index, &attno))
		elog(ERROR, "catalog %u has no objects", catalog->catalog);
	reader = tm_view_seek(collector->view, catalog, index, 1, &objid);
	return tm_catalog_reader_next(reader);
}

/* One object: its row, its parts, and what is said of it elsewhere. */
static void
collect_member(Collector *collector, const ClosureMember *member)
{
	SchemaView *view = collector->view;
	ViewCatalog *catalog = tm_view_catalog(view, member->classid);
	Oid			seed[] = {member->owner_class, member->owner_seed};
	HeapTuple	row;
	List	   *remarks;
	ObjectName	name;
	ObjectAddress object;
	char		kind;

	if (hash_search(collector->left_out, seed, HASH_FIND, NULL) != NULL)
		return;
	if (member->classid == RelationRelationId &&
		!relation_is_shown(member->relnamespace))
		return;
	row = read_row(collector, catalog, member->objid);
	if (!HeapTupleIsValid(row))
		return;
	tm_canonical_deform(view, catalog, row);
	if (!is_shown(view, member, catalog))
		return;
	kind = kind_of_row(catalog);
	remarks = tm_object_remarks(collector->view, collector->labels,
								member->classid, member->objid);
	if (has_columns(member->classid, kind))
		collect_columns(collector, member->objid, remarks);
	name_member(collector, member, catalog, &name, &object);

	resetStringInfo(&collector->buf);
	if (member->classid == ExtensionRelationId)
		tm_canonical_name(&collector->buf, &name);
	else if (member->classid != RelationRelationId ||
			 kind != RELKIND_COMPOSITE_TYPE)
		tm_canonical_append(view, catalog, &collector->buf);
	if (!tm_append_parts(view, &collector->buf, catalog, member->objid,
						 kind))
		return;
	tm_append_remarks(&collector->buf, remarks, 0);
	tm_append_ties(view, &collector->buf, member, kind);
	add_item(collector, &name, &object);
}

/* What decides which parts a row has. */
static char
kind_of_row(const ViewCatalog *catalog)
{
	switch (catalog->catalog)
	{
		case ProcedureRelationId:
			return DatumGetChar(catalog->values[Anum_pg_proc_prokind - 1]);
		case RelationRelationId:
			return DatumGetChar(catalog->values[Anum_pg_class_relkind - 1]);
		case TypeRelationId:
			return DatumGetChar(catalog->values[Anum_pg_type_typtype - 1]);
		default:
			return '\0';
	}
}

/* Is the object one that a dump shows, or a part of one? */
static bool
is_shown(const SchemaView *view, const ClosureMember *member,
		 const ViewCatalog *catalog)
{
	const Datum *values = catalog->values;

	switch (member->classid)
	{
		case CastRelationId:
			return cast_is_shown(values);
		case ConstraintRelationId:
			switch (DatumGetChar(values[Anum_pg_constraint_contype - 1]))
			{
				case CONSTRAINT_TRIGGER:
					/* the trigger says it all */
					return false;
				case CONSTRAINT_FOREIGN:
					/* partitions have theirs from the parent */
					return !OidIsValid(DatumGetObjectId(values[Anum_pg_constraint_conparentid - 1]));
				default:
					return true;
			}
		case TriggerRelationId:
			return !DatumGetBool(values[Anum_pg_trigger_tgisinternal - 1]);
		case TypeRelationId:
			return type_is_shown(view, values);
		default:
			return true;
	}
}

/*
 * The cast of a range to its multirange comes with the type.  Its function keeps
 * the name that the multirange had then, so it would tell of former names.
 */
static bool
cast_is_shown(const Datum *values)
{
	Oid			source = DatumGetObjectId(values[Anum_pg_cast_castsource - 1]);
	Oid			target = DatumGetObjectId(values[Anum_pg_cast_casttarget - 1]);

	return get_range_multirange(source) != target;
}

/* TOAST tables go with their tables. */
static bool
relation_is_shown(Oid nspid)
{
	return !isTempOrTempToastNamespace(nspid) && !IsToastNamespace(nspid);
}

/* Row types of tables, arrays and multiranges come with something else. */
static bool
type_is_shown(const SchemaView *view, const Datum *values)
{
	const ClosureMember *relation;

	switch (DatumGetChar(values[Anum_pg_type_typtype - 1]))
	{
		case TYPTYPE_COMPOSITE:
			relation = tm_closure_find(view->closure, RelationRelationId,
									   DatumGetObjectId(values[Anum_pg_type_typrelid - 1]));
			return relation != NULL &&
				relation->relkind == RELKIND_COMPOSITE_TYPE;
		case TYPTYPE_DOMAIN:
			return true;
		case TYPTYPE_MULTIRANGE:
			return false;
		default:
			/* what a user makes cannot have this function of arrays */
			return DatumGetObjectId(values[Anum_pg_type_typsubscript - 1]) !=
				F_ARRAY_SUBSCRIPT_HANDLER;
	}
}

/* Does the object have columns that a dump shows? */
static bool
has_columns(Oid classid, char kind)
{
	if (classid != RelationRelationId)
		return false;
	switch (kind)
	{
		case RELKIND_COMPOSITE_TYPE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_RELATION:
		case RELKIND_VIEW:
			return true;
		default:
			return false;
	}
}

/* An entry for each column, and one for their order. */
static void
collect_columns(Collector *collector, Oid relid, List *remarks)
{
	SchemaView *view = collector->view;
	ViewCatalog *catalog = tm_view_catalog(view, AttributeRelationId);
	ObjectName	relation = tm_object_name(view, RelationRelationId, relid);
	StringInfoData order;
	ObjectName	name;
	ObjectAddress object;
	ListCell   *lc;

	initStringInfo(&order);
	foreach(lc, tm_column_rows(view, relid))
	{
		HeapTuple	row = lfirst(lc);
		Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(row);

		tm_canonical_deform(view, catalog, row);
		name = tm_row_name(view, catalog);
		resetStringInfo(&collector->buf);
		tm_canonical_append(view, catalog, &collector->buf);
		tm_append_remarks(&collector->buf, remarks, att->attnum);
		ObjectAddressSubSet(object, RelationRelationId, relid, att->attnum);
		add_item(collector, &name, &object);
		tm_canonical_name(&order, &name);
	}

	resetStringInfo(&collector->buf);
	appendStringInfoString(&collector->buf, "columns");
	tm_canonical_name(&collector->buf, &relation);
	name = tm_name_of_bytes(&collector->buf);
	resetStringInfo(&collector->buf);
	appendBinaryStringInfo(&collector->buf, order.data, order.len);
	ObjectAddressSubSet(object, RelationRelationId, relid, TM_COLUMN_ORDER);
	add_item(collector, &name, &object);
}

/* Under which name an object is listed, and where it is found. */
static void
name_member(Collector *collector, const ClosureMember *member,
			ViewCatalog *catalog, ObjectName *name, ObjectAddress *object)
{
	SchemaView *view = collector->view;
	const Datum *values = catalog->values;
	IndexEntry *entry;
	Oid			relid;

	ObjectAddressSet(*object, member->classid, member->objid);
	switch (member->classid)
	{
		case NamespaceRelationId:
			*name = tm_object_name(view, NamespaceRelationId, member->objid);
			return;
		case AttrDefaultRelationId:
			relid = DatumGetObjectId(values[Anum_pg_attrdef_adrelid - 1]);
			ObjectAddressSubSet(*object, RelationRelationId, relid,
								DatumGetInt16(values[Anum_pg_attrdef_adnum - 1]));
			*name = tm_column_object_name(view, relid, object->objectSubId);
			return;
		case RelationRelationId:
			entry = hash_search(collector->constraints, &member->objid,
								HASH_FIND, NULL);
			if (entry != NULL)
			{
				ObjectAddressSet(*object, ConstraintRelationId, entry->conoid);
				*name = entry->constraint;
				return;
			}
			if (DatumGetChar(values[Anum_pg_class_relkind - 1]) ==
				RELKIND_COMPOSITE_TYPE)
			{
				relid = DatumGetObjectId(values[Anum_pg_class_reltype - 1]);
				ObjectAddressSet(*object, TypeRelationId, relid);
				*name = tm_object_name(view, TypeRelationId, relid);
				return;
			}
			break;
		case RewriteRelationId:
			if (DatumGetChar(values[Anum_pg_rewrite_ev_type - 1]) == '1')
			{
				relid = DatumGetObjectId(values[Anum_pg_rewrite_ev_class - 1]);
				ObjectAddressSet(*object, RelationRelationId, relid);
				*name = tm_object_name(view, RelationRelationId, relid);
				return;
			}
			break;
		default:
			break;
	}
	*name = tm_object_row_name(view, catalog, member->objid);
}

/* An entry made of the bytes in the buffer. */
static void
add_item(Collector *collector, const ObjectName *name,
		 const ObjectAddress *object)
{
	FingerprintItem *item;

	if (collector->nitems == collector->maxitems)
	{
		collector->maxitems *= 2;
		collector->items = repalloc_huge(collector->items,
										 sizeof(FingerprintItem) *
										 collector->maxitems);
	}
	item = &collector->items[collector->nitems++];
	memcpy(item->name, name->bytes, TM_NAME_SIZE);
	tm_canonical_digest(&collector->buf, item->digest);
	item->object = *object;
}

/* Put the entries in order, and those of one object together. */
static void
merge_items(Collector *collector)
{
	int			nitems = collector->nitems;
	SortedItem *sorted = MemoryContextAllocHuge(collector->view->context,
												sizeof(SortedItem) * nitems);
	FingerprintItem *merged = MemoryContextAllocHuge(collector->context,
													 sizeof(FingerprintItem) *
													 nitems);
	int			nmerged = 0;
	int			next;

	for (int i = 0; i < nitems; i++)
		sorted[i] = &collector->items[i];
	sort_items(sorted, nitems);
	for (int i = 0; i < nitems; i = next)
	{
		resetStringInfo(&collector->buf);
		for (next = i; next < nitems &&
			 memcmp(sorted[next]->name, sorted[i]->name, TM_NAME_SIZE) == 0; next++)
			appendBinaryStringInfo(&collector->buf,
								   (char *) sorted[next]->digest,
								   TM_DIGEST_SIZE);
		merged[nmerged] = *sorted[i];
		if (next > i + 1)
			tm_canonical_digest(&collector->buf, merged[nmerged].digest);
		nmerged++;
	}
	pfree(collector->items);
	collector->items = merged;
	collector->nitems = nmerged;
}

/* The digest of all.  Catalogs of another major version have other columns. */
static Fingerprint *
conclude(Collector *collector)
{
	Fingerprint *result = MemoryContextAlloc(collector->context,
											 sizeof(Fingerprint));
	uint8		digest[TM_DIGEST_SIZE];

	resetStringInfo(&collector->buf);
	tm_canonical_number(&collector->buf, TM_SERVER_MAJOR);
	for (int i = 0; i < collector->nitems; i++)
	{
		appendBinaryStringInfo(&collector->buf,
							   (char *) collector->items[i].name, TM_NAME_SIZE);
		appendBinaryStringInfo(&collector->buf,
							   (char *) collector->items[i].digest,
							   TM_DIGEST_SIZE);
	}
	tm_canonical_digest(&collector->buf, digest);
	tm_fingerprint_digits(digest, result->text);
	result->nitems = collector->nitems;
	result->items = collector->items;
	return result;
}
