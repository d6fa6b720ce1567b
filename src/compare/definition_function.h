/*
 * definition_function.h
 *		Functions, and what is made of them, in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DEFINITION_FUNCTION_H
#define TENANT_MGR_DEFINITION_FUNCTION_H

#include "access/htup.h"

#include "compare/definition.h"

/* The object of this row of pg_proc, pg_cast, or pg_conversion. */
extern void tm_define_function(Definition *definition,
							   const DefinitionSource *source, HeapTuple tup);
extern void tm_define_cast(Definition *definition,
						   const DefinitionSource *source, HeapTuple tup);
extern void tm_define_conversion(Definition *definition,
								 const DefinitionSource *source,
								 HeapTuple tup);

#endif							/* TENANT_MGR_DEFINITION_FUNCTION_H */
