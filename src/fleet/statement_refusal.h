/*
 * statement_refusal.h
 *		Statements that a migration cannot have.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_STATEMENT_REFUSAL_H
#define TENANT_MGR_STATEMENT_REFUSAL_H

#include "nodes/nodes.h"

/*
 * Raise an error, by name and with a way out, if a statement is one that could
 * not be repeated for another tenant: the tree as the grammar made it.
 */
extern void tm_statement_refuse_unrepeatable(Node *tree);

/* The same if the text has something that is for a client, and not SQL. */
extern void tm_statement_refuse_client(const char *text);

/* What it is called, as in a message. */
extern const char *tm_statement_tag_of(Node *tree);

/* Can it not run inside of a transaction block? */
extern bool tm_statement_is_alone(Node *tree);

/*
 * Raise an error if the text names the schema of any tenant, or of the one that
 * is given.
 */
extern void tm_statement_refuse_schema(const char *text, Oid nspid);

#endif							/* TENANT_MGR_STATEMENT_REFUSAL_H */
