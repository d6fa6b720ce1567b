/*
 * object_name.h
 *		Names in the place of OIDs.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OBJECT_NAME_H
#define TENANT_MGR_OBJECT_NAME_H

#include "compare/canonical_bytes.h"
#include "compare/schema_view.h"

/* The name of an object; the schema's own name is no part of it. */
extern ObjectName tm_object_name(SchemaView *view, Oid classid, Oid objid);

/* That of the row that has been taken apart. */
extern ObjectName tm_row_name(SchemaView *view, ViewCatalog *catalog);

/* Likewise, of an object: its row need not be read again for its name. */
extern ObjectName tm_object_row_name(SchemaView *view, ViewCatalog *catalog,
									 Oid objid);

/* OIDs of the objects of a catalog that have been named so far, palloc'd. */
extern List *tm_object_names_of(SchemaView *view, Oid classid);

/* One that is made of these bytes. */
extern ObjectName tm_name_of_bytes(const StringInfoData *buf);

/* That of a column of a relation. */
extern ObjectName tm_column_object_name(SchemaView *view, Oid relid,
										AttrNumber attno);

/* The rows of a relation's columns but for dropped ones, kept with the view. */
extern List *tm_column_rows(SchemaView *view, Oid relid);

/* Names of a relation's columns; ''  stands for one that has been dropped. */
extern const char *tm_column_name(SchemaView *view, Oid relid,
								  AttrNumber attno);

#endif							/* TENANT_MGR_OBJECT_NAME_H */
