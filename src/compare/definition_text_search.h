/*
 * definition_text_search.h
 *		What text search is made of in statements of SQL.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_DEFINITION_TEXT_SEARCH_H
#define TENANT_MGR_DEFINITION_TEXT_SEARCH_H

#include "access/htup.h"

#include "compare/definition.h"

/* The object of this row of the catalogs called pg_ts_... */
extern void tm_define_ts_parser(Definition *definition, HeapTuple tup);
extern void tm_define_ts_template(Definition *definition, HeapTuple tup);
extern void tm_define_ts_dictionary(Definition *definition,
									const DefinitionSource *source,
									HeapTuple tup);
extern void tm_define_ts_configuration(Definition *definition,
									   const DefinitionSource *source,
									   HeapTuple tup);

#endif							/* TENANT_MGR_DEFINITION_TEXT_SEARCH_H */
