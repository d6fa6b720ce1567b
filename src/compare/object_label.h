/*
 * object_label.h
 *		How people call an object of a schema.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_OBJECT_LABEL_H
#define TENANT_MGR_OBJECT_LABEL_H

#include "catalog/objectaddress.h"

/* An object in words; the strings are palloc'd */
typedef struct ObjectLabel
{
	char	   *type;			/* "table", "column", "function", ... */
	char	   *name;			/* without the schema, quoted where needed */
} ObjectLabel;

/* What an object of this schema is called within it; false if it is gone. */
extern bool tm_object_label(Oid nspid, const ObjectAddress *object,
							ObjectLabel *label);

#endif							/* TENANT_MGR_OBJECT_LABEL_H */
