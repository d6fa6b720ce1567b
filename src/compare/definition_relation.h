/*
 * definition_relation.h
 *		Relations in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DEFINITION_RELATION_H
#define TENANT_MGR_DEFINITION_RELATION_H

#include "access/htup.h"

#include "compare/definition.h"

/* The relation, the column or the order of columns that the definition is of. */
extern void tm_define_relation(Definition *definition,
							   const DefinitionSource *source);

/* What can be said of an index besides what it is. */
extern void tm_define_index_state(Definition *definition, Oid indexid);

/* CREATE RULE of a row of pg_rewrite, palloc'd. */
extern char *tm_rule_definition(HeapTuple tup);

#endif							/* TENANT_MGR_DEFINITION_RELATION_H */
