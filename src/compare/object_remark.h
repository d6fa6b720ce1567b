/*
 * object_remark.h
 *		Comments and security labels of an object, as bytes.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OBJECT_REMARK_H
#define TENANT_MGR_OBJECT_REMARK_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "compare/schema_view.h"

/*
 * Those of an object and its columns, in an opaque list.  Security labels are
 * looked for only if there are any.
 */
extern List *tm_object_remarks(SchemaView *view, bool labels, Oid classid,
							   Oid objid);

/* Append those of the object itself, or of the column with this number. */
extern void tm_append_remarks(StringInfo buf, List *remarks, int32 objsubid);

#endif							/* TENANT_MGR_OBJECT_REMARK_H */
