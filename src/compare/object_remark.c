/*
 * object_remark.c
 *		Comments and security labels of an object, as bytes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_description.h"
#include "catalog/pg_seclabel.h"

#include "compare/canonical_row.h"
#include "compare/object_remark.h"

/* A comment, or a security label */
typedef struct Remark
{
	int32		objsubid;		/* the column that it is about, or 0 */
	StringInfoData bytes;		/* what it says */
} Remark;

static List *read_catalog(SchemaView *view, Oid catalogid, Oid index,
						  Oid classid, Oid objid, List *remarks);

List *
tm_object_remarks(SchemaView *view, bool labels, Oid classid, Oid objid)
{
	List	   *remarks = read_catalog(view, DescriptionRelationId,
									   DescriptionObjIndexId, classid, objid,
									   NIL);

	if (labels)
		remarks = read_catalog(view, SecLabelRelationId, SecLabelObjectIndexId,
							   classid, objid, remarks);
	return remarks;
}

/* Both catalogs begin with the same columns. */
static List *
read_catalog(SchemaView *view, Oid catalogid, Oid index, Oid classid,
			 Oid objid, List *remarks)
{
	ViewCatalog *catalog = tm_view_catalog(view, catalogid);
	CatalogReader *reader = tm_view_seek(view, catalog, index, 1, &objid);
	HeapTuple	row;

	while (HeapTupleIsValid(row = tm_catalog_reader_next(reader)))
	{
		Form_pg_description form = (Form_pg_description) GETSTRUCT(row);
		Remark	   *remark;

		/* OIDs are unique within a catalog only */
		if (form->classoid != classid)
			continue;
		remark = palloc(sizeof(Remark));
		remark->objsubid = form->objsubid;
		initStringInfo(&remark->bytes);
		tm_canonical_deform(view, catalog, row);
		catalog->nulls[Anum_pg_description_objoid - 1] = true;
		catalog->nulls[Anum_pg_description_objsubid - 1] = true;
		tm_canonical_append(view, catalog, &remark->bytes);
		remarks = lappend(remarks, remark);
	}
	return remarks;
}

void
tm_append_remarks(StringInfo buf, List *remarks, int32 objsubid)
{
	ListCell   *lc;

	foreach(lc, remarks)
	{
		Remark	   *remark = lfirst(lc);

		if (remark->objsubid == objsubid)
			appendBinaryStringInfo(buf, remark->bytes.data,
								   remark->bytes.len);
	}
}
