/*
 * definition_operator.h
 *		Operators and their classes in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DEFINITION_OPERATOR_H
#define TENANT_MGR_DEFINITION_OPERATOR_H

#include "access/htup.h"

#include "compare/definition.h"

/* The object of this row of pg_operator, pg_opclass, or pg_opfamily. */
extern void tm_define_operator(Definition *definition,
							   const DefinitionSource *source, HeapTuple tup);
extern void tm_define_operator_class(Definition *definition,
									 const DefinitionSource *source,
									 HeapTuple tup);
extern void tm_define_operator_family(Definition *definition,
									  const DefinitionSource *source,
									  HeapTuple tup);

#endif							/* TENANT_MGR_DEFINITION_OPERATOR_H */
