/*
 * object_part.c
 *		What else is a part of an object, as bytes.
 *
 * Some of what makes up an object is in rows of other catalogs, which have no
 * address of their own.  Columns of tables are objects themselves (fingerprint.c);
 * those of indexes have no names that a dump would show, so they are parts.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"

#include "clone/catalog_rules.h"
#include "compare/canonical_row.h"
#include "compare/object_name.h"
#include "compare/object_part.h"

/* Entry of SchemaView.toast_options */
typedef struct ToastEntry
{
	Oid			toastid;		/* the TOAST table */
	Size		size;			/* its options */
	char	   *bytes;
} ToastEntry;

static bool is_part(const PartCatalog *part, const ViewCatalog *owner,
					char kind);
static bool is_broken_index(const ViewCatalog *catalog, HeapTuple row,
							char kind);
static bool may_have_parent(const ViewCatalog *catalog, char relkind);
static void append_index_columns(SchemaView *view, StringInfo buf,
								 Oid indexid);
static bool index_columns_count(const ViewCatalog *owner,
								const ViewCatalog *catalog);
static List *read_columns(SchemaView *view, ViewCatalog *catalog, Oid relid);
static void append_toast_options(SchemaView *view, StringInfo buf,
								 Oid toastid);

void
tm_note_toast_options(SchemaView *view, const ViewCatalog *catalog,
					  Oid toastid)
{
	StringInfoData buf;
	ToastEntry *entry;

	if (catalog->nulls[Anum_pg_class_reloptions - 1])
		return;
	if (view->toast_options == NULL)
	{
		HASHCTL		ctl;

		ctl.hcxt = view->context;
		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(ToastEntry);
		view->toast_options = hash_create("tenant_mgr toast options", 16, &ctl,
										  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	initStringInfo(&buf);
	tm_canonical_texts(&buf, catalog->values[Anum_pg_class_reloptions - 1]);
	entry = hash_search(view->toast_options, &toastid, HASH_ENTER, NULL);
	entry->size = buf.len;
	entry->bytes = MemoryContextAlloc(view->context, buf.len);
	memcpy(entry->bytes, buf.data, buf.len);
}

bool
tm_append_parts(SchemaView *view, StringInfo buf, const ViewCatalog *owner,
				Oid objid, char kind)
{
	bool		with_columns = false;

	for (int i = 0; i < tm_part_catalogs_count; i++)
	{
		const PartCatalog *part = &tm_part_catalogs[i];
		ViewCatalog *catalog;
		CatalogReader *reader;
		HeapTuple	row;

		if (!is_part(part, owner, kind))
			continue;
		catalog = tm_view_catalog(view, part->catalog);
		reader = tm_view_seek(view, catalog, part->index, 1, &objid);
		while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
		{
			if (is_broken_index(catalog, row, kind))
				return false;
			tm_canonical_deform(view, catalog, row);
			if (part->catalog == IndexRelationId)
				with_columns = index_columns_count(owner, catalog);
			tm_canonical_append(view, catalog, buf);
		}
	}
	if (owner->catalog != RelationRelationId)
		return true;
	if (with_columns)
		append_index_columns(view, buf, objid);
	append_toast_options(view, buf,
						 DatumGetObjectId(owner->values[Anum_pg_class_reltoastrelid - 1]));
	return true;
}

void
tm_append_ties(SchemaView *view, StringInfo buf, const ClosureMember *member,
			   char kind)
{
	Oid			keys[] = {member->classid, member->objid};
	CatalogReader *reader;
	HeapTuple	row;

	if (member->classid != ProcedureRelationId &&
		member->classid != RelationRelationId &&
		member->classid != TriggerRelationId)
		return;
	reader = tm_view_seek(view, tm_view_catalog(view, DependRelationId),
						  DependDependerIndexId, lengthof(keys), keys);
	while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
	{
		Form_pg_depend dep = (Form_pg_depend) GETSTRUCT(row);
		ObjectName	name;

		if (dep->deptype == DEPENDENCY_AUTO_EXTENSION)
			name = tm_object_name(view, dep->refclassid, dep->refobjid);
		else if (member->classid == RelationRelationId &&
				 kind == RELKIND_SEQUENCE &&
				 dep->refclassid == RelationRelationId &&
				 dep->refobjsubid > 0 &&
				 (dep->deptype == DEPENDENCY_AUTO ||
				  dep->deptype == DEPENDENCY_INTERNAL))
			name = tm_column_object_name(view, dep->refobjid, dep->refobjsubid);
		else
			continue;
		appendStringInfoChar(buf, dep->deptype);
		tm_canonical_name(buf, &name);
	}
}

/* Can rows of this catalog be parts of the object at hand? */
static bool
is_part(const PartCatalog *part, const ViewCatalog *owner, char kind)
{
	return part->owner_catalog == owner->catalog && !part->about_rows &&
		(part->kind == 0 || part->kind == kind) &&
		part->catalog != AttributeRelationId &&
		(part->catalog != InheritsRelationId || may_have_parent(owner, kind));
}

/* One that could not be built is in no dump. */
static bool
is_broken_index(const ViewCatalog *catalog, HeapTuple row, char kind)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(row);

	return catalog->catalog == IndexRelationId && kind == RELKIND_INDEX &&
		!(form->indisvalid && form->indisready);
}

static bool
may_have_parent(const ViewCatalog *catalog, char relkind)
{
	return relkind == RELKIND_RELATION ||
		relkind == RELKIND_PARTITIONED_TABLE ||
		relkind == RELKIND_FOREIGN_TABLE ||
		DatumGetBool(catalog->values[Anum_pg_class_relispartition - 1]);
}

static void
append_index_columns(SchemaView *view, StringInfo buf, Oid indexid)
{
	ViewCatalog *catalog = tm_view_catalog(view, AttributeRelationId);
	ListCell   *lc;

	foreach(lc, read_columns(view, catalog, indexid))
	{
		tm_canonical_deform(view, catalog, lfirst(lc));
		tm_canonical_append(view, catalog, buf);
	}
}

/*
 * What can be said of a column of an index is the statistics target of an
 * expression, and options that its operator class takes.  Those that the server
 * brings along for btrees and hashes take none, and most indexes are made of
 * nothing else, so their rows need not be read.  The rows of pg_class and of
 * pg_index have been taken apart.
 */
static bool
index_columns_count(const ViewCatalog *owner, const ViewCatalog *catalog)
{
	Oid			method = DatumGetObjectId(owner->values[Anum_pg_class_relam - 1]);
	oidvector  *classes;

	if ((method != BTREE_AM_OID && method != HASH_AM_OID) ||
		!catalog->nulls[Anum_pg_index_indexprs - 1])
		return true;
	classes = (oidvector *) DatumGetPointer(catalog->values[Anum_pg_index_indclass - 1]);
	for (int i = 0; i < classes->dim1; i++)
	{
		if (classes->values[i] >= FirstUnpinnedObjectId)
			return true;
	}
	return false;
}

/* The rows of a relation's columns, copied: the reader is used for others. */
static List *
read_columns(SchemaView *view, ViewCatalog *catalog, Oid relid)
{
	CatalogReader *reader = tm_view_seek(view, catalog,
										 AttributeRelidNumIndexId, 1, &relid);
	List	   *rows = NIL;
	HeapTuple	row;

	while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
	{
		Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(row);

		if (att->attnum > 0 && !att->attisdropped)
			rows = lappend(rows, heap_copytuple(row));
	}
	return rows;
}

static void
append_toast_options(SchemaView *view, StringInfo buf, Oid toastid)
{
	ToastEntry *entry;

	if (!OidIsValid(toastid) || view->toast_options == NULL)
		return;
	entry = hash_search(view->toast_options, &toastid, HASH_FIND, NULL);
	if (entry != NULL)
		appendBinaryStringInfo(buf, entry->bytes, entry->size);
}
