/*
 * object_name.c
 *		Names in the place of OIDs.
 *
 * An OID is another one in each schema, a name is the same in all that are
 * alike.  A row is named by the columns of the catalog's unique index that is
 * not about OIDs, in which OIDs are replaced by names in turn: a constraint by
 * its table and its own name, a function by its schema, its name and its
 * arguments.  So no kind of object needs a rule of its own, but for these:
 *
 * - the schema itself has no name, and its owner is the owner, whatever they are
 *   called;
 * - an array type is that of its elements, for the server chooses its name;
 * - what the server brings along has the same OID in every cluster of one major
 *   version, as long as that is below a limit, and then the number will do.
 *   Roles, schemas and tablespaces can be renamed there, too.
 *
 * A name is kept as a digest of it.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "clone/catalog_rules.h"
#include "compare/object_name.h"

/* Entry of SchemaView.names */
typedef struct NameEntry
{
	Oid			classid;		/* the object */
	Oid			objid;
	ObjectName	name;			/* and its name */
} NameEntry;

/* Entry of SchemaView.columns */
typedef struct ColumnsEntry
{
	Oid			relid;			/* the relation */
	int			natts;			/* its columns, dropped ones too */
	char	  **names;			/* their names */
	List	   *rows;			/* rows of those that have not been dropped */
} ColumnsEntry;

static bool is_fixed(Oid classid, Oid objid);
static ObjectName number_as_name(Oid objid);
static ObjectName *find_name(SchemaView *view, Oid classid, Oid objid);
static ObjectName keep_name(SchemaView *view, Oid classid, Oid objid,
							ObjectName name);
static ObjectName name_of_row(SchemaView *view, ViewCatalog *catalog,
							  const Datum *values, const bool *nulls);
static ObjectName read_name(SchemaView *view, Oid classid, Oid objid);
static void append_key(SchemaView *view, ViewCatalog *catalog,
					   AttrNumber attno, const Datum *values,
					   const bool *nulls, StringInfo buf);
static void start_names(SchemaView *view);
static ColumnsEntry *columns_of(SchemaView *view, Oid relid);

ObjectName
tm_object_name(SchemaView *view, Oid classid, Oid objid)
{
	ObjectName *known;

	if (is_fixed(classid, objid))
		return number_as_name(objid);
	known = find_name(view, classid, objid);
	if (known != NULL)
		return *known;

	check_stack_depth();
	return keep_name(view, classid, objid, read_name(view, classid, objid));
}

ObjectName
tm_row_name(SchemaView *view, ViewCatalog *catalog)
{
	return name_of_row(view, catalog, catalog->values, catalog->nulls);
}

ObjectName
tm_object_row_name(SchemaView *view, ViewCatalog *catalog, Oid objid)
{
	ObjectName *known = find_name(view, catalog->catalog, objid);

	return known != NULL ? *known :
		keep_name(view, catalog->catalog, objid, tm_row_name(view, catalog));
}

static ObjectName *
find_name(SchemaView *view, Oid classid, Oid objid)
{
	NameEntry	key = {.classid = classid,.objid = objid};
	NameEntry  *entry;

	if (view->names == NULL)
		start_names(view);
	entry = hash_search(view->names, &key, HASH_FIND, NULL);
	return entry != NULL ? &entry->name : NULL;
}

static ObjectName
keep_name(SchemaView *view, Oid classid, Oid objid, ObjectName name)
{
	NameEntry	key = {.classid = classid,.objid = objid};
	NameEntry  *entry;

	entry = hash_search(view->names, &key, HASH_ENTER, NULL);
	entry->name = name;
	return name;
}

static ObjectName
name_of_row(SchemaView *view, ViewCatalog *catalog, const Datum *values,
			const bool *nulls)
{
	StringInfoData buf;

	initStringInfo(&buf);
	tm_canonical_number(&buf, catalog->catalog);
	for (int i = 0; i < catalog->nkeys; i++)
		append_key(view, catalog, catalog->keys[i], values, nulls, &buf);
	return tm_name_of_bytes(&buf);
}

ObjectName
tm_column_object_name(SchemaView *view, Oid relid, AttrNumber attno)
{
	ObjectName	relation = tm_object_name(view, RelationRelationId, relid);
	const char *column = tm_column_name(view, relid, attno);
	StringInfoData buf;

	initStringInfo(&buf);
	tm_canonical_number(&buf, AttributeRelationId);
	tm_canonical_name(&buf, &relation);
	tm_canonical_bytes(&buf, column, strlen(column));
	return tm_name_of_bytes(&buf);
}

const char *
tm_column_name(SchemaView *view, Oid relid, AttrNumber attno)
{
	ColumnsEntry *entry;

	/* an expression in the place of a column, the whole row, a system column */
	if (attno <= 0)
		return psprintf("%d", attno);
	entry = columns_of(view, relid);
	return attno <= entry->natts ? entry->names[attno - 1] : "";
}

List *
tm_column_rows(SchemaView *view, Oid relid)
{
	return columns_of(view, relid)->rows;
}

List *
tm_object_names_of(SchemaView *view, Oid classid)
{
	List	   *objects = NIL;
	HASH_SEQ_STATUS status;
	NameEntry  *entry;

	if (view->names == NULL)
		return NIL;
	hash_seq_init(&status, view->names);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->classid == classid)
			objects = lappend_oid(objects, entry->objid);
	}
	return objects;
}

/* Is the number of this object as good as its name? */
static bool
is_fixed(Oid classid, Oid objid)
{
	if (!OidIsValid(objid))
		return true;
	switch (classid)
	{
		case AuthIdRelationId:
		case DatabaseRelationId:
		case NamespaceRelationId:
		case TableSpaceRelationId:
			return false;
		default:
			return objid < FirstUnpinnedObjectId;
	}
}

static ObjectName
number_as_name(Oid objid)
{
	ObjectName	name = {{0}};

	name.bytes[TM_NAME_SIZE - 4] = objid >> 24;
	name.bytes[TM_NAME_SIZE - 3] = objid >> 16;
	name.bytes[TM_NAME_SIZE - 2] = objid >> 8;
	name.bytes[TM_NAME_SIZE - 1] = objid;
	return name;
}

/* The name of an object that we have not met yet. */
static ObjectName
read_name(SchemaView *view, Oid classid, Oid objid)
{
	MemoryContext old_context = MemoryContextSwitchTo(view->scratch);
	StringInfoData buf;
	Oid			element = InvalidOid;
	ObjectName	name;

	initStringInfo(&buf);
	if (classid == NamespaceRelationId && objid == view->nspid)
		appendStringInfoString(&buf, "schema");
	else if (classid == AuthIdRelationId && objid == view->owner)
		appendStringInfoString(&buf, "owner");
	else if (classid == TypeRelationId)
		element = get_element_type(objid);

	if (OidIsValid(element) && get_array_type(element) == objid)
	{
		name = tm_object_name(view, TypeRelationId, element);
		appendStringInfoString(&buf, "array");
		tm_canonical_name(&buf, &name);
	}
	if (buf.len > 0)
		name = tm_name_of_bytes(&buf);
	else
	{
		ViewCatalog *catalog = tm_view_catalog(view, classid);
		Datum	   *values = palloc(sizeof(Datum) * catalog->natts);
		bool	   *nulls = palloc(sizeof(bool) * catalog->natts);
		Oid			index;
		AttrNumber	attno;
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tup;

		if (!tm_catalog_identity(classid, &index, &attno))
			elog(ERROR, "catalog %u has no objects", classid);
		ScanKeyInit(&key, attno, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(objid));
		scan = systable_beginscan(catalog->rel, index, true, view->snapshot,
								  1, &key);
		tup = systable_getnext(scan);
		if (!HeapTupleIsValid(tup))
		{
			/* a role, say, that was dropped from under its privileges */
			appendStringInfo(&buf, "%u", objid);
			name = tm_name_of_bytes(&buf);
		}
		else
		{
			heap_deform_tuple(tup, RelationGetDescr(catalog->rel), values,
							  nulls);
			name = name_of_row(view, catalog, values, nulls);
		}
		systable_endscan(scan);
	}
	MemoryContextSwitchTo(old_context);
	return name;
}

ObjectName
tm_name_of_bytes(const StringInfoData *buf)
{
	uint8		digest[TM_DIGEST_SIZE];
	ObjectName	name;

	tm_canonical_digest(buf, digest);
	memcpy(name.bytes, digest, TM_NAME_SIZE);
	return name;
}

/* One of the columns that a row is named by. */
static void
append_key(SchemaView *view, ViewCatalog *catalog, AttrNumber attno,
		   const Datum *values, const bool *nulls, StringInfo buf)
{
	const ViewColumn *column = &catalog->columns[attno - 1];
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(catalog->rel),
										  attno - 1);
	Datum		value = values[attno - 1];
	ObjectName	name;

	if (nulls[attno - 1])
		return;
	if (column->form == FORM_OID)
	{
		name = tm_object_name(view, column->refclass, DatumGetObjectId(value));
		tm_canonical_name(buf, &name);
	}
	else if (column->form == FORM_COLUMN)
	{
		const char *text;

		text = tm_column_name(view,
							  DatumGetObjectId(values[column->relation - 1]),
							  DatumGetInt16(value));

		tm_canonical_bytes(buf, text, strlen(text));
	}
	else if (column->form == FORM_OID_ARRAY)
	{
		oidvector  *vector = (oidvector *) DatumGetPointer(value);

		for (int i = 0; i < vector->dim1; i++)
		{
			name = tm_object_name(view, column->refclass, vector->values[i]);
			tm_canonical_name(buf, &name);
		}
	}
	else if (att->atttypid == NAMEOID)
		tm_canonical_bytes(buf, NameStr(*DatumGetName(value)),
						   strlen(NameStr(*DatumGetName(value))));
	else if (att->attbyval && column->form != FORM_IGNORED)
		tm_canonical_number(buf, (uint64) DatumGetInt32(value));
}

/* A relation's columns, read when they are first asked for. */
static ColumnsEntry *
columns_of(SchemaView *view, Oid relid)
{
	bool		found;
	ColumnsEntry *entry;
	MemoryContext old_context;
	ViewCatalog *catalog;
	CatalogReader *reader;
	HeapTuple	row;
	int			room = 8;

	if (view->columns == NULL)
		start_names(view);
	entry = hash_search(view->columns, &relid, HASH_ENTER, &found);
	if (found)
		return entry;

	entry->natts = 0;
	entry->rows = NIL;
	old_context = MemoryContextSwitchTo(view->context);
	entry->names = palloc(sizeof(char *) * room);
	catalog = tm_view_catalog(view, AttributeRelationId);
	reader = tm_view_seek(view, catalog, AttributeRelidNumIndexId, 1, &relid);
	while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
	{
		Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(row);

		if (att->attnum <= 0)
			continue;
		while (entry->natts + 1 > room || att->attnum > room)
		{
			room *= 2;
			entry->names = repalloc(entry->names, sizeof(char *) * room);
		}
		while (entry->natts < att->attnum - 1)
			entry->names[entry->natts++] = "";
		if (att->attisdropped)
		{
			entry->names[entry->natts++] = "";
			continue;
		}
		row = heap_copytuple(row);
		entry->rows = lappend(entry->rows, row);
		att = (Form_pg_attribute) GETSTRUCT(row);
		entry->names[entry->natts++] = NameStr(att->attname);
	}
	MemoryContextSwitchTo(old_context);
	return entry;
}

/* What has been found out is kept as long as the view. */
static void
start_names(SchemaView *view)
{
	HASHCTL		ctl;

	ctl.hcxt = view->context;
	ctl.keysize = sizeof(Oid) * 2;
	ctl.entrysize = sizeof(NameEntry);
	view->names = hash_create("tenant_mgr object names", 1024, &ctl,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(ColumnsEntry);
	view->columns = hash_create("tenant_mgr column names", 256, &ctl,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}
