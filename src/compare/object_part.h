/*
 * object_part.h
 *		What else is a part of an object, as bytes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OBJECT_PART_H
#define TENANT_MGR_OBJECT_PART_H

#include "lib/stringinfo.h"

#include "compare/schema_view.h"

/*
 * The row of a TOAST table has been taken apart.  Its options go with its table,
 * so this has to be told of all of them before parts of tables are asked for.
 */
extern void tm_note_toast_options(SchemaView *view, const ViewCatalog *catalog,
								  Oid toastid);

/*
 * Append the rows of other catalogs that have no address of their own; the row of
 * the object, of this kind, has been taken apart in "owner".  False if they show
 * that the object is in no dump.
 */
extern bool tm_append_parts(SchemaView *view, StringInfo buf,
							const ViewCatalog *owner, Oid objid, char kind);

/*
 * Append dependencies that have been declared: which column a sequence belongs
 * to, and with which extension an object shall go.
 */
extern void tm_append_ties(SchemaView *view, StringInfo buf,
						   const ClosureMember *member, char kind);

#endif							/* TENANT_MGR_OBJECT_PART_H */
