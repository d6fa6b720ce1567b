/*
 * expression_text.h
 *		Stored expressions, as the server prints them.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_EXPRESSION_TEXT_H
#define TENANT_MGR_EXPRESSION_TEXT_H

#include "compare/schema_view.h"

/*
 * Settings under which the server prints an expression in one way only, and with
 * names in the schema unqualified; until the present nesting level of settings
 * ends.
 */
extern void tm_expression_settings(const char *nspname);

/*
 * The expression in a column of the row that has been taken apart.  It is there
 * as long as the row, or the view.
 */
extern const char *tm_expression_text(SchemaView *view, ViewCatalog *catalog,
									  AttrNumber attno);

/* The query of a view, with the present names of its columns; palloc'd. */
extern char *tm_view_query(Oid viewid);

/*
 * A rule's actions, each with a semicolon, and the condition under which they are
 * taken, or NULL; palloc'd.
 */
extern char *tm_rule_actions(Node *actions);
extern char *tm_rule_condition(Node *condition, Node *actions);

#endif							/* TENANT_MGR_EXPRESSION_TEXT_H */
