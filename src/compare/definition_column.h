/*
 * definition_column.h
 *		Columns in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DEFINITION_COLUMN_H
#define TENANT_MGR_DEFINITION_COLUMN_H

#include "access/attnum.h"
#include "nodes/parsenodes.h"

#include "compare/definition.h"

/* The column with this number of the relation that the definition is of. */
extern void tm_define_column(Definition *definition,
							 const DefinitionSource *source, AttrNumber attno);

/* The columns of a relation as CREATE has them, palloc'd. */
extern char *tm_define_columns(Oid relid);

/* One option of a foreign table or of its column, a part of the definition. */
extern DefinitionPart *tm_define_foreign_option(Definition *definition,
												const char *alter,
												DefElem *option);

#endif							/* TENANT_MGR_DEFINITION_COLUMN_H */
