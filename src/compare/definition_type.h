/*
 * definition_type.h
 *		Types and collations in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DEFINITION_TYPE_H
#define TENANT_MGR_DEFINITION_TYPE_H

#include "access/htup.h"

#include "compare/definition.h"

/* The object of this row of pg_type, or of pg_collation. */
extern void tm_define_type(Definition *definition,
						   const DefinitionSource *source, HeapTuple tup);
extern void tm_define_collation(Definition *definition,
								const DefinitionSource *source, HeapTuple tup);

#endif							/* TENANT_MGR_DEFINITION_TYPE_H */
